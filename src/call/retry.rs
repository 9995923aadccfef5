//! Whether the same model is asked again after a failure, and how long to wait before: after a 429, the wait that the
//! upstream names (`failure/retry_after.rs`); after another passing failure, a random pause.

use super::Call;
use crate::Millis;
use crate::failure::{Failure, SameModel};
use crate::policy::Retry;
use crate::usd::Usd;

impl Call {
    /// How long to wait before the models of `tried` are asked again; `None` if they are not. The attempt may have cost
    /// `paid`.
    pub(super) fn wait_before_retry(&self, failure: &Failure, tried: &[usize], paid: Usd) -> Option<Millis> {
        // The upstream has fallen back inside a batch of several models already: the models behind the batch come first. What
        // is left of the limit on the cost pays another model rather than the one that was paid and failed.
        let comes_last = tried.len() > 1 || self.money_left().is_some_and(|left| paid > Usd(0) && left < paid.times(2));
        if !self.may_retry(tried[0]) || (comes_last && self.chain.has_other_than(tried)) {
            return None;
        }
        let named = failure.retry_after;
        let is_short = named.is_none_or(|wait| wait <= self.policy.retry.max_wait);
        match failure.kind.same_model() {
            SameModel::AfterNamedWait if is_short => named,
            SameModel::AfterPause if is_short => Some(named.unwrap_or(0).max(self.backoff(tried[0]))),
            SameModel::Never | SameModel::AfterNamedWait | SameModel::AfterPause => None,
        }
    }

    /// The policy allows another request to this candidate.
    pub(super) fn may_retry(&self, candidate: usize) -> bool {
        self.has_attempts() && self.chain.candidate(candidate).retries() < self.policy.retry.same
    }

    /// The policy allows another attempt.
    pub(super) fn has_attempts(&self) -> bool {
        self.report.attempts.len() < self.policy.attempts as usize
    }

    /// The random pause before the next request to this candidate.
    pub(super) fn backoff(&self, candidate: usize) -> Millis {
        let seed = self.seed.wrapping_add(self.report.attempts.len() as u64);
        backoff(&self.policy.retry, self.chain.candidate(candidate).retries(), seed)
    }

    /// Lets the candidate be asked again after `wait`.
    pub(super) fn retry(&mut self, candidate: usize, wait: Millis, now: Millis) {
        self.chain.count_retry(candidate);
        self.pause_until = self.pause_until.max(now + wait);
    }
}

/// The pause before retry number `retries` (from 0), with full jitter: a random pause between 0 and the bound. So callers
/// that failed together do not come back together.
fn backoff(retry: &Retry, retries: u32, seed: u64) -> Millis {
    let bound = (retry.base.min(retry.cap) << retries.min(16)).min(retry.cap);
    mix(seed.wrapping_add(u64::from(retries))) % (bound + 1)
}

/// SplitMix64's output function: makes a number that looks random from a seed.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::backoff;
    use crate::policy::Policy;

    #[test]
    fn a_pause_is_random_within_a_bound_that_doubles_up_to_the_cap() {
        let retry = Policy::default().retry;
        for (retries, bound) in [(0, 500), (1, 1_000), (2, 2_000), (9, 5_000)] {
            let pauses: Vec<u64> = (0..200).map(|seed| backoff(&retry, retries, seed * 7_919)).collect();
            assert!(pauses.iter().all(|pause| *pause <= bound));
            assert!(pauses.iter().any(|pause| *pause < bound / 4) && pauses.iter().any(|pause| *pause > bound * 3 / 4));
        }
    }
}
