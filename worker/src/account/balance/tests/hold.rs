//! Holds within the limits of an account.

use super::{NOON, USD, known, limits, request, unknown, usage, usd};
use crate::account::amount::Measure;
use crate::account::attempt_log::AttemptRecord;
use crate::account::balance::Balance;
use crate::account::balance::CallUsage;
use crate::account::limits::Bound;
use crate::account::period::Period;
use crate::ledger::Row;
use serde_json::json;

#[test]
fn counted_held_and_requested_amounts_are_together_no_more_than_the_limit() {
    let limits = limits(json!({"usd": {"day": 1}}));
    let mut balance = Balance::default();
    for id in ["a", "b", "c"] {
        balance.hold(id, request(USD / 4), &limits, None, NOON).expect("held");
    }
    balance.settle("a", usage([known(USD / 10)]), NOON);
    assert_eq!(usd(&balance), (USD / 10, USD / 2));
    assert_eq!(
        balance.hold("d", request(USD / 2), &limits, None, NOON).map_err(|exceeded| exceeded.wait),
        Err(Some(2_000))
    );
    balance.hold("d", request(USD * 4 / 10), &limits, None, NOON).expect("held up to the limit");
    let exceeded = balance.hold("e", request(1), &limits, None, NOON).expect_err("refused");
    assert_eq!((exceeded.used, exceeded.held, exceeded.limit), (USD / 10, USD * 9 / 10, USD));
    // A repeated message changes nothing.
    balance.hold("d", request(USD * 4 / 10), &limits, None, NOON).expect("held before");
    assert_eq!(usd(&balance), (USD / 10, USD * 9 / 10));
}

#[test]
fn every_measure_has_limits_in_every_period_and_the_longest_wait_is_returned() {
    for (budget, bound, wait) in [
        (json!({"requests": {"minute": 1}}), Bound::Of(Measure::Requests, Period::Minute), 60_000),
        (json!({"usd": {"hour": 0.5}}), Bound::Of(Measure::Usd, Period::Hour), 3_600_000),
        (json!({"tokens": {"day": 13}}), Bound::Of(Measure::Tokens, Period::Day), 12 * 3_600_000),
        (json!({"usd": {"month": 0.5}}), Bound::Of(Measure::Usd, Period::Month), 12 * 3_600_000),
        (
            json!({"usd": {"minute": 0.5}, "requests": {"day": 1, "minute": 1}}),
            Bound::Of(Measure::Requests, Period::Day),
            12 * 3_600_000,
        ),
    ] {
        let (limits, mut balance) = (limits(budget), Balance::default());
        balance.hold("a", request(USD / 2), &limits, None, NOON).expect("held");
        // Three of its ten tokens were used.
        let row = Row { completion_tokens: Some(3), ..known(USD / 2).0 };
        balance.settle("a", usage([(row, AttemptRecord::default())]), NOON);
        let exceeded = balance.hold("b", request(USD / 2), &limits, None, NOON).expect_err("refused");
        assert_eq!((exceeded.bound, exceeded.wait), (bound, Some(wait)));
        assert_eq!(exceeded.resets, Some(NOON + wait));
        balance.hold("b", request(USD / 2), &limits, None, NOON + wait).expect("held in the next period");
    }
}

#[test]
fn the_number_of_running_calls_is_limited_and_a_settled_call_has_ended() {
    let limits = limits(json!({"concurrent": 2}));
    let mut balance = Balance::default();
    balance.hold("a", request(1), &limits, None, NOON).expect("held");
    balance.hold("b", request(1), &limits, None, NOON).expect("held");
    let exceeded = balance.hold("c", request(1), &limits, None, NOON).expect_err("refused");
    assert_eq!((exceeded.bound, exceeded.held, exceeded.wait), (Bound::Concurrent, 2, Some(2_000)));
    // The call has ended, although its cost is unknown.
    balance.settle("a", usage([unknown(Some(200), Some("gen-1"))]), NOON);
    balance.hold("c", request(1), &limits, None, NOON).expect("held");
}

#[test]
fn a_call_that_never_sent_anything_uses_nothing() {
    let limits = limits(json!({"requests": {"minute": 1}, "usd": {"day": 1}}));
    let mut balance = Balance::default();
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    assert!(balance.settle("a", CallUsage::default(), NOON).is_empty());
    balance.hold("b", request(USD), &limits, None, NOON).expect("held");
    assert_eq!(usd(&balance), (0, USD));
}

#[test]
fn a_call_counts_in_the_periods_in_which_it_was_held() {
    let limits = limits(json!({"usd": {"minute": 1}}));
    let mut balance = Balance::default();
    balance.hold("a", request(USD), &limits, None, NOON + 59_999).expect("held");
    balance.hold("b", request(USD), &limits, None, NOON + 60_000).expect("another minute");
    balance.settle("a", usage([known(USD)]), NOON + 60_001);
    assert_eq!(balance.used(Measure::Usd, Period::Minute), 0);
    assert_eq!(balance.used(Measure::Usd, Period::Day), USD);
    assert_eq!(balance.held(Measure::Usd, Period::Minute), USD);
    // A clock that was set back starts no period again.
    balance.hold("c", request(1), &limits, None, NOON + 59_999).expect_err("refused");
}

#[test]
fn the_owner_is_warned_once_when_four_fifths_of_a_limit_are_used() {
    let limits = limits(json!({"usd": {"day": 1}}));
    let mut balance = Balance::default();
    let mut warnings = Vec::new();
    for nth in 0..10 {
        balance.hold("a", request(USD / 10), &limits, None, NOON).expect("held");
        balance.settle("a", usage([known(USD / 10)]), NOON);
        warnings.extend(balance.warnings.drain(..).map(|warnings| (nth, warnings.period, warnings.used)));
    }
    assert_eq!(warnings, [(7, Period::Day, USD * 8 / 10)]);
}

#[test]
fn an_exceeded_limit_says_how_much_is_used() {
    let limits = limits(json!({"usd": {"day": 0.5}}));
    let mut balance = Balance::default();
    balance.hold("a", request(USD / 4), &limits, None, NOON).expect("held");
    balance.settle("a", usage([known(USD / 4)]), NOON);
    let exceeded = balance.hold("b", request(USD / 2), &limits, None, NOON).expect_err("refused");
    assert_eq!(
        exceeded.message("account"),
        "the budget of this account, 0.5 USD a day, has 0.25 left (0.25 used, 0 held by running calls), and this call may need 0.5; \
         the budget resets at 2024-03-01T00:00:00Z"
    );
    assert_eq!(
        exceeded.to_json(),
        r#"{"bound":"usd","span":"day","limit":0.5,"used":0.25,"held":0,"left":0.25,"asked":0.5,"resets":"2024-03-01T00:00:00Z"}"#
    );
    let exceeded = balance.hold("b", request(USD), &limits, None, NOON).expect_err("refused");
    assert!(
        exceeded.wait.is_none()
            && exceeded.message("account").ends_with("a lower `max_tokens` makes the call need less")
    );
}
