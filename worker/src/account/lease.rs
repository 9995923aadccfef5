//! Shares of the budgets of routes, as an isolate spends them: without asking anybody, as long as they last.

use std::cell::RefCell;

use failsoft::Millis;

use super::attempt_log::Fate;
use super::balance::TOLD;
use super::balance::{Ended, Granted};
use super::limit::Amount;

/// The shares of this isolate.
#[derive(Debug, Default)]
pub(crate) struct Shares(Vec<Share>);

#[derive(Debug)]
struct Share {
    id: String,
    route: String,
    /// Until then it may be spent from, by this isolate's clock; nothing, once what no call holds went back.
    until: Option<Millis>,
    left: Amount,
    /// Calls that may be under way beside those that are.
    slots: u64,
    used: Amount,
    /// What calls under way can use, and how many there are.
    held: Amount,
    under_way: u64,
}

/// A share whose time is over: what was used of it, and what calls under way can still use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) id: String,
    pub(crate) route: String,
    pub(crate) used: Amount,
    pub(crate) held: Amount,
    pub(crate) calls: u64,
}

thread_local! {
    static SHARES: RefCell<Shares> = RefCell::default();
}

/// Calls `change` with the shares of this isolate.
pub(super) fn with_shares<T>(change: impl FnOnce(&mut Shares) -> T) -> T {
    SHARES.with_borrow_mut(change)
}

/// What a call has used at most, of which `most` was held. Of what nobody has told yet, a share learns nothing later.
pub(super) fn used(most: Amount, ended: &Ended) -> Amount {
    let mut used = Amount { requests: u64::from(!ended.rows.is_empty()), ..Amount::default() };
    let mut least = Amount::default();
    for (at, row) in ended.rows.iter().enumerate() {
        let trace = ended.traces.get(at).cloned().unwrap_or_default();
        if row.settled == TOLD {
            used = used.plus(Amount { requests: 0, tokens: row.tokens().unwrap_or(most.tokens), usd: row.cost });
        } else if trace.fate(None) != Fate::Free {
            // Some of it may have been told.
            used.usd = used.usd.saturating_add(row.cost);
            least = most;
        }
    }
    Amount::each(|measure| used.of(measure).max(least.of(measure)))
}

impl Shares {
    /// Takes `most` from a share of `route`; its id. Nothing, if none has so much left.
    pub(crate) fn take(&mut self, route: &str, most: Amount, now: Millis) -> Option<String> {
        let enough = |share: &&mut Share| {
            let lasts = share.until.is_some_and(|until| now < until);
            share.route == route && lasts && share.slots > 0 && share.left.covers(most)
        };
        let share = self.0.iter_mut().find(enough)?;
        share.left = share.left.minus(most);
        share.slots -= 1;
        share.held = share.held.plus(most);
        share.under_way += 1;
        Some(share.id.clone())
    }

    /// A share of `route` was granted.
    pub(crate) fn add(&mut self, id: &str, route: &str, granted: &Granted, now: Millis) {
        self.0.push(Share {
            id: id.into(),
            route: route.into(),
            until: Some(now + granted.term),
            left: granted.amount,
            slots: granted.slots,
            used: Amount::default(),
            held: Amount::default(),
            under_way: 0,
        });
    }

    /// A call that took `most` from share `id` is over, and used so much.
    pub(crate) fn give(&mut self, id: &str, most: Amount, used: Amount) {
        let Some(share) = self.0.iter_mut().find(|share| share.id == id) else { return };
        share.left = share.left.plus(most.minus(used));
        share.used = share.used.plus(used);
        share.slots = share.slots.saturating_add(1);
        share.held = share.held.minus(most);
        share.under_way -= 1;
    }

    /// What is to be told of the shares whose time is over: once, what calls under way still hold; and in the end, when
    /// there are none any more. Then the share is gone.
    pub(crate) fn over(&mut self, now: Millis) -> Vec<Spent> {
        let mut spent = Vec::new();
        self.0.retain_mut(|share| {
            let ends = share.until.take_if(|until| *until <= now).is_some();
            let gone = share.until.is_none() && share.under_way == 0;
            if ends || gone {
                spent.push(share.spent());
            }
            !gone
        });
        spent
    }
}

impl Share {
    fn spent(&self) -> Spent {
        let Self { id, route, used, held, under_way: calls, .. } = self;
        Spent { id: id.clone(), route: route.clone(), used: *used, held: *held, calls: *calls }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Granted, Shares, Spent};

    fn amount(usd: u64) -> Amount {
        Amount { requests: 1, tokens: 0, usd }
    }

    fn spent(used: Amount, held: Amount, calls: u64) -> Spent {
        Spent { id: "s".into(), route: "a".into(), used, held, calls }
    }

    #[test]
    fn a_share_is_spent_up_to_what_was_granted_and_until_its_time_is_over() {
        let mut shares = Shares::default();
        let granted = Granted { amount: Amount { requests: 9, tokens: u64::MAX, usd: 10 }, slots: 2, term: 1_000 };
        assert_eq!(shares.take("a", amount(1), 0), None);
        shares.add("s", "a", &granted, 0);
        assert_eq!(shares.take("b", amount(1), 0), None);
        assert_eq!(shares.take("a", amount(6), 0).as_deref(), Some("s"));
        assert_eq!(shares.take("a", amount(5), 0), None, "too much");
        shares.give("s", amount(6), amount(2));
        assert_eq!(shares.take("a", amount(8), 999).as_deref(), Some("s"));
        assert_eq!(shares.take("a", amount(0), 999).as_deref(), Some("s"));
        assert_eq!(shares.take("a", amount(0), 999), None, "two at once");
        shares.give("s", amount(0), Amount::default());
        assert_eq!(shares.take("a", amount(0), 1_000), None, "its time is over");
        shares.give("s", amount(8), amount(7));
        assert!(shares.over(999).is_empty());
        assert_eq!(shares.over(1_000), [spent(Amount { requests: 2, tokens: 0, usd: 9 }, Amount::default(), 0)]);
        assert!(shares.over(1_000).is_empty());
    }

    #[test]
    fn of_a_share_whose_time_is_over_only_what_calls_under_way_hold_is_kept() {
        let mut shares = Shares::default();
        let granted = Granted { amount: Amount { requests: 9, tokens: u64::MAX, usd: 10 }, slots: 9, term: 1_000 };
        shares.add("s", "a", &granted, 0);
        for usd in [2, 3, 1] {
            assert!(shares.take("a", amount(usd), 0).is_some());
        }
        shares.give("s", amount(3), amount(3));
        let used = amount(3);
        assert_eq!(shares.over(1_000), [spent(used, Amount { requests: 2, tokens: 0, usd: 3 }, 2)]);
        assert!(shares.over(2_000).is_empty(), "it is told once");
        assert_eq!(shares.take("a", amount(0), 0), None, "whatever the clock says");
        shares.give("s", amount(2), amount(1));
        assert!(shares.over(2_000).is_empty(), "a call is under way");
        shares.give("s", amount(1), amount(1));
        assert_eq!(shares.over(2_000), [spent(Amount { requests: 3, tokens: 0, usd: 5 }, Amount::default(), 0)]);
        assert!(shares.over(2_000).is_empty());
    }
}
