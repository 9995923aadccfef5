//! Leases: the parts of a shared budget that this isolate may spend without asking the budget's object.

use std::cell::RefCell;

use failsoft::Millis;

use super::amount::Amount;
use super::attempt_log::CostSource;
use super::balance::{CallUsage, LeaseGrant};
use crate::ledger::settled;

/// The leases of this isolate.
#[derive(Debug, Default)]
pub(super) struct Leases(Vec<Lease>);

#[derive(Debug)]
struct Lease {
    id: String,
    object: String,
    /// When the lease ends, by this isolate's clock; nothing once the unused rest was returned.
    until: Option<Millis>,
    left: Amount,
    /// Calls that may start beside the running ones.
    slots: u64,
    used: Amount,
    /// What the running calls can use.
    held: Amount,
    running: u64,
}

/// What a budget's object learns of a lease that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeaseReturn {
    pub(super) id: String,
    pub(super) object: String,
    pub(super) used: Amount,
    /// What the running calls can still use.
    pub(super) held: Amount,
    pub(super) calls: u64,
}

thread_local! {
    static LEASES: RefCell<Leases> = RefCell::default();
}

/// Calls `act` with the leases of this isolate.
pub(super) fn with_leases<T>(act: impl FnOnce(&mut Leases) -> T) -> T {
    LEASES.with_borrow_mut(act)
}

/// The most that a call can have used, if `most` was held for it. A lease is not corrected when a cost is looked up
/// later, so an unknown cost counts as the most.
pub(super) fn highest_usage(most: Amount, usage: &CallUsage) -> Amount {
    let mut used = Amount { requests: u64::from(!usage.rows.is_empty()), ..Amount::default() };
    let mut least = Amount::default();
    for (at, row) in usage.rows.iter().enumerate() {
        let record = usage.records.get(at).cloned().unwrap_or_default();
        if row.settled == settled::BY_ANSWER || row.settled == settled::COMPUTED {
            used = used.plus(Amount { requests: 0, tokens: row.tokens().unwrap_or(most.tokens), usd: row.cost });
        } else if record.cost_source(None) != CostSource::Free {
            // The answer may have contained a part of the cost.
            used.usd = used.usd.saturating_add(record.most.usd.unwrap_or_default().max(row.cost));
            used.tokens = used.tokens.saturating_add(record.most.tokens.unwrap_or_default());
            least.usd = if record.most.usd.is_none() { most.usd } else { least.usd };
            least.tokens = if record.most.tokens.is_none() { most.tokens } else { least.tokens };
        }
    }
    used.max(least)
}

impl Leases {
    /// Takes `most` from a lease of `object` and returns the id of the lease. Returns nothing if no lease has enough left.
    pub(super) fn spend(&mut self, object: &str, most: Amount, now: Millis) -> Option<String> {
        let has_enough = |lease: &&mut Lease| {
            let lasts = lease.until.is_some_and(|until| now < until);
            lease.object == object && lasts && lease.slots > 0 && lease.left.covers(most)
        };
        let lease = self.0.iter_mut().find(has_enough)?;
        lease.left = lease.left.minus(most);
        lease.slots -= 1;
        lease.held = lease.held.plus(most);
        lease.running += 1;
        Some(lease.id.clone())
    }

    /// Adds a lease that `object` granted.
    pub(super) fn add(&mut self, id: &str, object: &str, grant: &LeaseGrant, now: Millis) {
        self.0.push(Lease {
            id: id.into(),
            object: object.into(),
            until: Some(now + grant.term),
            left: grant.amount,
            slots: grant.slots,
            used: Amount::default(),
            held: Amount::default(),
            running: 0,
        });
    }

    /// Records that a call which took `most` from the lease `id` has ended, and used `used`.
    pub(super) fn finish_call(&mut self, id: &str, most: Amount, used: Amount) {
        let Some(lease) = self.0.iter_mut().find(|lease| lease.id == id) else { return };
        lease.left = lease.left.plus(most.minus(used));
        lease.used = lease.used.plus(used);
        lease.slots = lease.slots.saturating_add(1);
        lease.held = lease.held.minus(most);
        lease.running -= 1;
    }

    /// Returns what the objects have to learn of leases that have ended: once when the time is over, with what running
    /// calls still hold, and once more when the last of these calls has ended. Then the lease is removed.
    pub(super) fn take_returns(&mut self, now: Millis) -> Vec<LeaseReturn> {
        let mut returns = Vec::new();
        self.0.retain_mut(|lease| {
            let ends_now = lease.until.take_if(|until| *until <= now).is_some();
            let is_finished = lease.until.is_none() && lease.running == 0;
            if ends_now || is_finished {
                returns.push(lease.to_return());
            }
            !is_finished
        });
        returns
    }
}

impl Lease {
    fn to_return(&self) -> LeaseReturn {
        let Self { id, object, used, held, running: calls, .. } = self;
        LeaseReturn { id: id.clone(), object: object.clone(), used: *used, held: *held, calls: *calls }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, LeaseGrant, LeaseReturn, Leases};

    fn amount(usd: u64) -> Amount {
        Amount { requests: 1, tokens: 0, usd }
    }

    fn returned(used: Amount, held: Amount, calls: u64) -> LeaseReturn {
        LeaseReturn { id: "s".into(), object: "a".into(), used, held, calls }
    }

    #[test]
    fn a_lease_is_spent_up_to_its_amount_and_until_its_end() {
        let mut leases = Leases::default();
        let grant = LeaseGrant { amount: Amount { requests: 9, tokens: u64::MAX, usd: 10 }, slots: 2, term: 1_000 };
        assert_eq!(leases.spend("a", amount(1), 0), None);
        leases.add("s", "a", &grant, 0);
        assert_eq!(leases.spend("b", amount(1), 0), None);
        assert_eq!(leases.spend("a", amount(6), 0).as_deref(), Some("s"));
        assert_eq!(leases.spend("a", amount(5), 0), None, "too much");
        leases.finish_call("s", amount(6), amount(2));
        assert_eq!(leases.spend("a", amount(8), 999).as_deref(), Some("s"));
        assert_eq!(leases.spend("a", amount(0), 999).as_deref(), Some("s"));
        assert_eq!(leases.spend("a", amount(0), 999), None, "two at once");
        leases.finish_call("s", amount(0), Amount::default());
        assert_eq!(leases.spend("a", amount(0), 1_000), None, "its time is over");
        leases.finish_call("s", amount(8), amount(7));
        assert!(leases.take_returns(999).is_empty());
        let used = Amount { requests: 2, tokens: 0, usd: 9 };
        assert_eq!(leases.take_returns(1_000), [returned(used, Amount::default(), 0)]);
        assert!(leases.take_returns(1_000).is_empty());
    }

    #[test]
    fn a_lease_keeps_after_its_end_only_what_running_calls_hold() {
        let mut leases = Leases::default();
        let grant = LeaseGrant { amount: Amount { requests: 9, tokens: u64::MAX, usd: 10 }, slots: 9, term: 1_000 };
        leases.add("s", "a", &grant, 0);
        for usd in [2, 3, 1] {
            assert!(leases.spend("a", amount(usd), 0).is_some());
        }
        leases.finish_call("s", amount(3), amount(3));
        let used = amount(3);
        assert_eq!(leases.take_returns(1_000), [returned(used, Amount { requests: 2, tokens: 0, usd: 3 }, 2)]);
        assert!(leases.take_returns(2_000).is_empty(), "the return is sent once");
        assert_eq!(leases.spend("a", amount(0), 0), None, "whatever the clock says");
        leases.finish_call("s", amount(2), amount(1));
        assert!(leases.take_returns(2_000).is_empty(), "a call is still running");
        leases.finish_call("s", amount(1), amount(1));
        let used = Amount { requests: 3, tokens: 0, usd: 5 };
        assert_eq!(leases.take_returns(2_000), [returned(used, Amount::default(), 0)]);
        assert!(leases.take_returns(2_000).is_empty());
    }
}
