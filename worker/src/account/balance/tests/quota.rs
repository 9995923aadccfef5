//! The quotas of an account in the budgets of a route and of the edge, corrections of shared budgets, and the pause.

use super::{NOON, USD, known, limits, request, unknown, usage, usd};
use crate::account::amount::{Amount, Measure};
use crate::account::balance::{Balance, HoldRequest, Quota};
use crate::account::limits::{Bound, Limits};
use crate::account::period::Period;
use crate::ledger::Row;
use serde_json::json;

fn of_route(usd: u64) -> HoldRequest {
    let request = request(usd);
    HoldRequest { row: request.row.map(|row| Row { route: Some("r".into()), ..row }), ..request }
}

fn quota(budget: serde_json::Value) -> Quota {
    Quota { route: Some("r".into()), limits: limits(budget).part(50) }
}

#[test]
fn an_account_uses_at_most_its_share_of_a_route_and_other_routes_do_not_count() {
    let (none, quota) = (Limits::default(), quota(json!({"usd": {"day": 2}})));
    let mut balance = Balance::default();
    balance.hold("other", request(9 * USD), &none, None, NOON).expect("held");
    balance.hold("a", of_route(USD / 2), &none, Some(&quota), NOON).expect("held");
    balance.settle("a", usage([known(USD / 4)]), NOON);
    balance.hold("b", of_route(USD * 3 / 4), &none, Some(&quota), NOON).expect("held up to the quota");
    let exceeded = balance.hold("c", of_route(1), &none, Some(&quota), NOON).expect_err("refused");
    assert_eq!((exceeded.quota, exceeded.limit, exceeded.used, exceeded.held), (true, USD, USD / 4, USD * 3 / 4));
    assert_eq!(exceeded.bound, Bound::Of(Measure::Usd, Period::Day));
    assert!(exceeded.message("account's share of the route").contains("1 USD a day"));
    // The next day has a new quota.
    balance.hold("d", of_route(USD), &none, Some(&quota), NOON + 24 * 3_600_000).expect("held");
}

#[test]
fn a_share_that_is_smaller_than_a_call_still_lets_one_call_through() {
    let (none, quota) =
        (Limits::default(), quota(json!({"usd": {"hour": 1}, "requests": {"hour": 1}, "concurrent": 1})));
    let mut balance = Balance::default();
    balance.hold("a", of_route(USD), &none, Some(&quota), NOON).expect("the first call");
    let exceeded = balance.hold("b", of_route(USD), &none, Some(&quota), NOON).expect_err("refused");
    assert_eq!((exceeded.quota, exceeded.bound), (true, Bound::Concurrent));
    balance.settle("a", usage([known(1)]), NOON);
    let exceeded = balance.hold("b", of_route(1), &none, Some(&quota), NOON).expect_err("refused");
    assert_eq!((exceeded.quota, exceeded.bound), (true, Bound::Of(Measure::Requests, Period::Hour)));
}

#[test]
fn a_correction_counts_once_whether_it_comes_before_or_after_the_lease() {
    let limits = limits(json!({"usd": {"hour": 1}}));
    let need = HoldRequest { amount: Amount { requests: 1, tokens: 0, usd: USD / 10 }, duration: 20_000, row: None };
    let used = Amount { requests: 1, tokens: 0, usd: USD / 10 };
    let less = Amount { usd: USD / 20, ..Amount::default() };
    for is_early in [true, false] {
        let mut balance = Balance::default();
        balance.lease("a", need.clone(), &limits, NOON).expect("a lease");
        if is_early {
            balance.correct(NOON, less, NOON + 1);
        }
        balance.return_lease("a", used, Amount::default(), 0, NOON + 2);
        if !is_early {
            balance.correct(NOON, less, NOON + 3);
        }
        assert_eq!(usd(&balance), (USD / 20, 0), "{is_early}");
        // A correction for an hour that has ended changes nothing in this hour, and still counts in this day.
        balance.lease("b", need.clone(), &limits, NOON + 3_600_000).expect("a lease");
        balance.return_lease("b", used, Amount::default(), 0, NOON + 3_600_001);
        balance.correct(NOON, less, NOON + 3_600_002);
        assert_eq!(balance.used(Measure::Usd, Period::Hour), USD / 10);
        assert_eq!(balance.used(Measure::Usd, Period::Day), USD / 10);
    }
}

#[test]
fn a_share_counts_what_a_lookup_finds() {
    let (none, quota) = (Limits::default(), quota(json!({"usd": {"day": 2}})));
    let mut balance = Balance::default();
    balance.hold("a", of_route(USD), &none, Some(&quota), NOON).expect("held");
    let (row, record) = unknown(Some(200), Some("gen-1"));
    balance.settle("a", usage([(Row { route: Some("r".into()), ..row }, record)]), NOON);
    assert!(balance.hold("b", of_route(1), &none, Some(&quota), NOON).is_err(), "the most is held");
    let lookup = &balance.due_lookups(NOON + 1_000)[0];
    balance.record_lookup(lookup, super::found(7), NOON + 1_000);
    balance.hold("b", of_route(USD - 7), &none, Some(&quota), NOON).expect("held");
    assert_eq!(balance.corrections.len(), 1);
}
