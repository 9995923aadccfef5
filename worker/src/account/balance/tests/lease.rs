//! Leases of a route's budget.

use super::{Dice, NOON, USD, limits, usd};
use crate::account::amount::Amount;
use crate::account::amount::Measure;
use crate::account::balance::Balance;
use crate::account::balance::HoldRequest;
use crate::account::period::Period;
use serde_json::json;

#[test]
fn leased_and_used_amounts_are_together_no_more_than_the_limit() {
    let limits = limits(json!({"usd": {"minute": 1}, "requests": {"day": 100}, "concurrent": 12}));
    let need = HoldRequest { amount: Amount { requests: 1, tokens: 10, usd: USD / 100 }, duration: 20_000, row: None };
    for seed in 1..200 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed));
        let (mut balance, mut now) = (Balance::default(), NOON);
        let mut leases = Vec::new();
        for nth in 0..200 {
            now += dice.below(3_000);
            let id = format!("{nth}");
            match dice.below(4) {
                0 | 1 => {
                    if let Ok(granted) = balance.lease(&id, need.clone(), &limits, now) {
                        assert!(granted.amount.covers(need.amount) && granted.slots > 0, "{granted:?}");
                        assert_eq!(granted.amount.tokens, u64::MAX, "tokens have no limit");
                        assert!(granted.term > 0 && now + granted.term <= Period::Minute.end(now));
                        leases.push((id, granted.amount));
                    }
                }
                2 if !leases.is_empty() => {
                    let (id, amount) = leases.swap_remove(dice.below(leases.len() as u64) as usize);
                    let used = Amount {
                        usd: dice.below(amount.usd + 1),
                        requests: dice.below(amount.requests + 1),
                        tokens: 5,
                    };
                    // Some leases are never returned.
                    if dice.below(4) > 0 {
                        // A running call may still use the rest.
                        let (part, calls) = if dice.below(2) == 0 { (used, 0) } else { (Amount::default(), 1) };
                        balance.return_lease(&id, part, used, calls, now);
                        balance.return_lease(&id, used, Amount::default(), 0, now);
                    }
                }
                _ => assert!(balance.expire(now).is_empty(), "a lease has no rows"),
            }
            balance.start_periods(now);
            let counted = |measure, period| balance.used(measure, period) + balance.held(measure, period);
            assert!(counted(Measure::Usd, Period::Minute) <= USD, "{seed} {nth}");
            assert!(counted(Measure::Requests, Period::Day) <= 100, "{seed} {nth}");
            assert!(balance.running() <= 12);
        }
    }
}

#[test]
fn a_lease_that_is_never_returned_counts_as_spent() {
    let limits = limits(json!({"usd": {"day": 1}}));
    let need = HoldRequest { amount: Amount { requests: 1, tokens: 10, usd: USD / 100 }, duration: 20_000, row: None };
    let mut balance = Balance::default();
    let granted = balance.lease("a", need, &limits, NOON).expect("a lease");
    assert_eq!((granted.amount.usd, granted.slots, granted.term), (USD / 4, u64::MAX, 10_000));
    assert!(balance.expire(NOON + 29_999).is_empty() && usd(&balance) == (0, USD / 4));
    assert!(balance.expire(NOON + 30_000).is_empty() && usd(&balance) == (USD / 4, 0));
}

#[test]
fn a_lease_that_is_requested_again_replaces_the_one_that_did_not_arrive() {
    let limits = limits(json!({"usd": {"day": 1}, "concurrent": 8}));
    let need = HoldRequest { amount: Amount { requests: 1, tokens: 10, usd: USD }, duration: 20_000, row: None };
    let mut balance = Balance::default();
    let mut lease = |id: &str| {
        let grant = balance.lease(id, need.clone(), &limits, NOON);
        (grant.ok().map(|grant| grant.amount.usd), usd(&balance), balance.running())
    };
    // The first lease takes the whole budget.
    let first = lease("a");
    assert_eq!((first.0, first.1), (Some(USD), (0, USD)));
    assert_eq!(lease("a"), first);
    assert_eq!(lease("b").0, None);
}

#[test]
fn after_its_end_a_lease_holds_only_what_running_calls_hold() {
    let limits = limits(json!({"usd": {"day": 1}, "concurrent": 40}));
    let need = HoldRequest { amount: Amount { requests: 1, tokens: 10, usd: USD / 100 }, duration: 20_000, row: None };
    let mut balance = Balance::default();
    for id in ["a", "b"] {
        balance.lease(id, need.clone(), &limits, NOON).expect("a lease");
    }
    assert_eq!((usd(&balance).0, balance.running()), (0, 17));
    let (used, held) = (Amount { requests: 2, tokens: 9, usd: USD / 50 }, need.amount);
    // A repeated message changes nothing.
    for id in ["a", "a", "b", "b"] {
        balance.return_lease(id, used, held, 1, NOON + 10_000);
    }
    assert_eq!((usd(&balance), balance.running()), ((USD / 25, USD / 50), 2));
    let more = Amount { usd: USD / 50 + 1, ..used };
    balance.return_lease("a", more, Amount::default(), 0, NOON + 20_000);
    balance.return_lease("a", used, held, 1, NOON + 20_000);
    assert_eq!((usd(&balance), balance.running()), ((USD / 25 + 1, USD / 100), 1));
    assert!(balance.expire(NOON + 30_000).is_empty() && usd(&balance) == (USD / 25 + 1 + USD / 100, 0));
    assert_eq!(balance.used(Measure::Tokens, Period::Day), 18);
}
