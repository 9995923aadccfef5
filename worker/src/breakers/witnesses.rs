//! Which accounts a model failed for. A breaker keeps a model from all accounts, so the failures of one account do not open a
//! breaker: what this account asks for may be the cause.

use failsoft::breaker::Breaker;
use failsoft::policy::BreakerPolicy;

/// The accounts of failures in a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Witnesses {
    first: Option<u32>,
    are_several: bool,
}

impl Witnesses {
    /// Adds the account of a failure, as a hash. `None`: only one account can call, so this account decides.
    pub(super) fn add(&mut self, account: Option<u32>) {
        match (account, self.first) {
            (None, _) => self.are_several = true,
            (Some(account), None) => self.first = Some(account),
            (Some(account), Some(first)) => self.are_several |= account != first,
        }
    }

    /// Whether one more failure may count in `breaker`. The failures of one account do not open a closed breaker.
    pub(super) fn may_count(&self, breaker: Option<Breaker>, policy: &BreakerPolicy) -> bool {
        let failures = match breaker {
            Some(Breaker::Closed { failures }) => failures,
            None => 0,
            Some(Breaker::Open { .. } | Breaker::HalfOpen { .. }) => return true,
        };
        self.are_several || failures + 1 < policy.failures
    }
}
