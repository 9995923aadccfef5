//! Calls that disappear with their isolate.

use super::{NOON, USD, costs, found, known, limits, request, unknown, usage, usd};
use crate::account::attempt_log::AttemptRecord;
use crate::account::balance::Balance;
use crate::ledger::Row;
use serde_json::json;

#[test]
fn a_vanished_call_is_settled_by_its_last_note() {
    let limits = limits(json!({"usd": {"day": 9}}));
    let mut balance = Balance::default();
    for id in ["silent", "told", "second"] {
        balance.hold(id, request(USD), &limits, None, NOON).expect("held");
    }
    let record = |attempt: (Row, AttemptRecord)| attempt.1;
    balance.note("told", 1, vec![record(unknown(Some(200), Some("gen-1")))]);
    balance.note("second", 2, vec![record(unknown(Some(429), None)), record(unknown(Some(200), Some("gen-2")))]);
    balance.note("second", 1, vec![record(unknown(Some(429), None)), AttemptRecord::default()]);
    assert!(balance.expire(NOON + 29_999).is_empty());
    let rows = balance.expire(NOON + 30_000);
    let ids: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.cost, row.settled.as_str())).collect();
    assert_eq!(
        ids,
        [
            ("second/0", 0, "told"),
            ("second/1", USD / 2, "unsettled"),
            ("second/2", USD / 2, "unsettled"),
            ("silent/0", USD, "unsettled"),
            ("told/0", USD / 2, "unsettled"),
            ("told/1", USD / 2, "unsettled")
        ]
    );
    assert!(rows.iter().all(|row| row.call == "c" && row.account == "key:a" && row.outcome == "vanished"));
    assert_eq!(usd(&balance), (USD, 2 * USD));
    for lookup in balance.due_lookups(NOON + 31_000) {
        let rows = balance.record_lookup(&lookup, found(5), NOON + 31_000);
        assert_eq!(costs(&rows), [(5, "generation", 1), (USD - 5, "unsettled", 1)]);
    }
    assert_eq!((usd(&balance), balance.running(), balance.holds.len()), ((3 * USD, 0), 0, 0));
}

#[test]
fn a_vanished_call_is_charged_for_a_request_that_it_may_have_sent_without_a_note() {
    let limits = limits(json!({"usd": {"day": 9}}));
    for first in [unknown(Some(429), Some("gen-1")), unknown(Some(200), Some("gen-1"))] {
        let mut balance = Balance::default();
        balance.hold("a", request(USD), &limits, None, NOON).expect("held");
        balance.note("a", 1, vec![first.1.clone()]);
        let rows = balance.expire(NOON + 30_000);
        assert_eq!((rows.len(), rows.iter().map(|row| row.cost).sum()), (2, USD));
        for lookup in balance.due_lookups(NOON + 31_000) {
            balance.record_lookup(&lookup, found(5), NOON + 31_000);
        }
        assert_eq!(usd(&balance), (USD, 0), "{first:?}");
    }
    // A late settlement says that there was no other request.
    let mut balance = Balance::default();
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    balance.note("a", 1, vec![unknown(Some(200), Some("gen-1")).1]);
    balance.expire(NOON + 30_000);
    assert_eq!(costs(&balance.settle("a", usage([known(3)]), NOON + 30_001)), [(3, "told", 1), (0, "told", 1)]);
    assert_eq!(usd(&balance), (3, 0));
}
