//! Refused calls count against the limit of requests in a minute, and against no longer limit.

use serde_json::json;

use super::{NOON, limits};
use crate::account::amount::{Amount, Measure};
use crate::account::balance::{Balance, HoldRequest};
use crate::account::limits::{Bound, Limits};
use crate::account::period::Period;

const MINUTE: u64 = 60_000;

fn of_minute(minute: Option<u64>) -> Limits {
    limits(json!({"requests": {"minute": minute, "day": 100}, "usd": {"day": 0.000_000_000_01}}))
}

fn request(usd: u64) -> HoldRequest {
    HoldRequest { amount: Amount { requests: 1, tokens: 0, usd }, duration: 1_000, row: None }
}

#[test]
fn refusals_use_up_the_minute_and_not_the_day() {
    let (mut balance, limits) = (Balance::default(), of_minute(Some(3)));
    balance.refuse(&limits, NOON).expect("the first");
    assert!(balance.hold("a", request(11), &limits, None, NOON).is_err(), "more money than there is");
    balance.hold("b", request(1), &limits, None, NOON).expect("the third request of the minute");
    let exceeded = balance.hold("c", request(1), &limits, None, NOON).expect_err("the minute is used up");
    assert_eq!(exceeded.bound, Bound::Of(Measure::Requests, Period::Minute));
    assert!(balance.refuse(&limits, NOON).is_err());
    assert_eq!((balance.used(Measure::Requests, Period::Minute), balance.used(Measure::Requests, Period::Day)), (2, 0));
    balance.hold("c", request(1), &limits, None, NOON + MINUTE).expect("the next minute");
    assert_eq!(balance.used(Measure::Requests, Period::Minute), 0);
}

#[test]
fn without_a_limit_for_the_minute_nothing_is_counted() {
    let (mut balance, limits) = (Balance::default(), of_minute(None));
    for _ in 0..1_000 {
        balance.refuse(&limits, NOON).expect("no limit");
    }
    assert_eq!(balance.used(Measure::Requests, Period::Minute), 0);
}
