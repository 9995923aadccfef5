//! Settlements, known and unknown costs.

use super::{NOON, USD, costs, found, known, limits, request, unknown, usage, usd};
use crate::account::amount::{Amount, Measure};
use crate::account::attempt_log::{AttemptRecord, Most};
use crate::account::balance::GenerationCost;
use crate::account::balance::{Balance, Correction};
use crate::account::lease::highest_usage;
use crate::account::period::Period;
use crate::ledger::Row;
use serde_json::json;

#[test]
fn refused_attempts_are_free_and_attempts_of_unknown_cost_share_what_is_left() {
    let mut balance = Balance::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    let attempts = [unknown(Some(503), Some("gen-0")), unknown(None, None), known(USD / 4), unknown(None, None)];
    let rows = balance.settle("a", usage(attempts), NOON);
    let (left, half) = (USD * 3 / 4, USD * 3 / 8);
    assert_eq!(
        costs(&rows),
        [(0, "told", 0), (USD / 4, "told", 0), (half, "unsettled", 0), (left - half, "unsettled", 0)]
    );
    assert_eq!(usd(&balance), (USD, 0));
    assert!(balance.holds.is_empty());
}

#[test]
fn an_account_keeps_a_bounded_number_of_costs_to_look_up_and_is_charged_the_most_for_the_others() {
    let mut balance = Balance::default();
    let limits = limits(json!({"usd": {"day": 9_000}}));
    for at in 0..2_500 {
        let id = at.to_string();
        balance.hold(&id, request(USD), &limits, None, NOON).expect("held");
        let rows = balance.settle(&id, usage([unknown(Some(200), Some("gen-0"))]), NOON);
        assert_eq!(costs(&rows), [(USD, "unsettled", 0)]);
        assert_eq!(rows[0].generation.as_deref(), Some("gen-0"));
    }
    assert_eq!(balance.holds.len(), 2_000);
    // Nothing is lost: the rest counts at once.
    assert_eq!(usd(&balance), (500 * USD, 2_000 * USD));
    // A cost that was found makes room.
    let lookup = &balance.due_lookups(NOON + 1_000)[0];
    balance.record_lookup(lookup, found(9), NOON + 1_000);
    balance.hold("last", request(USD), &limits, None, NOON).expect("held");
    balance.settle("last", usage([unknown(Some(200), Some("gen-0"))]), NOON);
    assert_eq!((balance.holds.len(), usd(&balance)), (2_000, (500 * USD + 9, 2_000 * USD)));
}

#[test]
fn an_attempt_of_unknown_cost_is_charged_the_most_that_it_can_cost_and_the_rest_is_released() {
    let mut balance = Balance::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    let most = |attempt: (Row, AttemptRecord), usd, tokens| {
        let most = Most { usd: Some(usd), tokens: Some(tokens) };
        (attempt.0, AttemptRecord { most, ..attempt.1 })
    };
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    let failed = || most(unknown(Some(500), None), USD / 4, 4);
    let rows = balance.settle("a", usage([failed(), known(USD / 8)]), NOON);
    assert_eq!(costs(&rows), [(USD / 8, "told", 0), (USD / 4, "unsettled", 0)]);
    assert_eq!(usd(&balance), (USD * 3 / 8, 0));
    assert_eq!(balance.used(Measure::Tokens, Period::Day), 3 + 4);

    // While a cost is looked up, only this attempt's part is held.
    balance.hold("b", request(USD), &limits, None, NOON).expect("held");
    let named = most(unknown(Some(502), Some("gen-1")), USD / 2, 5);
    balance.settle("b", usage([failed(), named]), NOON);
    assert_eq!(usd(&balance), (USD * 3 / 8, USD * 3 / 4));
    let lookup = &balance.due_lookups(NOON + 1_000)[0];
    balance.record_lookup(lookup, found(9), NOON + 1_000);
    assert_eq!(usd(&balance), (USD * 5 / 8 + 9, 0));

    // An attempt about which nothing is known is charged what the others leave.
    balance.hold("c", request(USD), &limits, None, NOON).expect("held");
    let rows = balance.settle("c", usage([failed(), unknown(None, None)]), NOON);
    assert_eq!(costs(&rows), [(USD / 4, "unsettled", 0), (USD * 3 / 4, "unsettled", 0)]);

    let usd_of = |attempts| highest_usage(request(USD).amount, &usage(attempts)).usd;
    assert_eq!(usd_of(vec![failed(), known(3)]), USD / 4 + 3);
    assert_eq!(usd_of(vec![failed(), unknown(None, None)]), USD);
}

#[test]
fn a_cost_that_the_upstream_knows_stays_held_until_it_is_looked_up() {
    let mut balance = Balance::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    let rows = balance.settle("a", usage([unknown(Some(200), Some("gen-1")), known(7)]), NOON);
    assert_eq!(costs(&rows), [(7, "told", 0), (USD - 7, "unsettled", 0)]);
    assert_eq!(usd(&balance), (7, USD - 7));
    assert!(balance.due_lookups(NOON).is_empty());
    let due = balance.next_due().expect("a look-up");
    let [lookup] = &balance.due_lookups(due)[..] else { panic!("one look-up") };
    assert_eq!((lookup.url.as_str(), lookup.generation.as_str()), ("https://u", "gen-1"));
    assert!(balance.record_lookup(lookup, None, due).is_empty());
    let later = balance.next_due().expect("a look-up");
    assert!(later > due);
    // This answer came after the next look-up had started.
    assert!(balance.record_lookup(lookup, found(9), later).is_empty());
    let lookup = &balance.due_lookups(later)[0];
    let rows = balance.record_lookup(lookup, found(9), later);
    assert_eq!(costs(&rows), [(9, "generation", 1)]);
    let less = Amount { usd: USD - 7 - 9, ..Amount::default() };
    assert_eq!(std::mem::take(&mut balance.corrections), [Correction { route: None, began: NOON, less }]);
    assert_eq!((usd(&balance), balance.next_due()), ((16, 0), None));
    assert_eq!(balance.used(Measure::Tokens, Period::Day), 6);
}

#[test]
fn a_cost_is_looked_up_for_ten_minutes() {
    let mut balance = Balance::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    balance.settle("a", usage([unknown(Some(200), Some("gen-1"))]), NOON);
    let (mut times, mut last) = (0, NOON);
    while let Some(due) = balance.next_due() {
        let lookup = &balance.due_lookups(due)[0];
        assert!(balance.record_lookup(lookup, None, due).is_empty());
        (times, last) = (times + 1, due);
    }
    assert!((10..25).contains(&times) && (500_000..=600_000).contains(&(last - NOON)), "{times}, {}", last - NOON);
    assert_eq!(usd(&balance), (USD, 0));
}

#[test]
fn a_partly_known_cost_is_looked_up_or_charged_at_the_hold_and_never_less() {
    let limits = limits(json!({"usd": {"day": 9}}));
    let mut balance = Balance::default();
    let partly = |cost, generation| {
        let (row, record) = unknown(Some(200), generation);
        (Row { cost, ..row }, record)
    };
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    balance.settle("a", usage([partly(USD / 4, Some("gen-1"))]), NOON);
    assert_eq!(usd(&balance), (0, USD));
    let lookup = &balance.due_lookups(NOON + 1_000)[0];
    assert_eq!(costs(&balance.record_lookup(lookup, found(USD / 2), NOON + 1_000)), [(USD / 2, "generation", 1)]);
    assert_eq!(usd(&balance), (USD / 2, 0));

    balance.hold("b", request(USD), &limits, None, NOON).expect("held");
    let rows = balance.settle("b", usage([partly(USD * 3 / 4, None), unknown(None, None)]), NOON);
    assert_eq!(costs(&rows), [(USD * 7 / 8, "unsettled", 0), (USD / 8, "unsettled", 0)]);
    balance.hold("c", request(USD), &limits, None, NOON).expect("held");
    assert_eq!(costs(&balance.settle("c", usage([partly(2 * USD, None)]), NOON)), [(2 * USD, "unsettled", 0)]);
    assert_eq!(usd(&balance), (USD / 2 + 3 * USD, 0));

    let most = request(USD).amount;
    let usd_of = |attempts| highest_usage(most, &usage(attempts)).usd;
    assert_eq!(usd_of(vec![known(3), partly(5, Some("gen-1"))]), USD);
    assert_eq!(usd_of(vec![known(3), partly(2 * USD, None)]), 2 * USD + 3);
}

#[test]
fn a_settlement_that_arrives_late_or_twice_counts_once() {
    let limits = limits(json!({"usd": {"day": 9}}));
    let mut balance = Balance::default();
    balance.hold("a", request(USD), &limits, None, NOON).expect("held");
    balance.note("a", 1, vec![unknown(Some(429), None).1, unknown(Some(200), Some("gen-1")).1]);
    assert_eq!(costs(&balance.expire(NOON + 30_000)).len(), 3);
    let end = || usage([unknown(Some(429), None), known(3), known(4)]);
    // The first was settled, the second was to be looked up, and the third was assumed.
    assert_eq!(costs(&balance.settle("a", end(), NOON + 30_001)), [(3, "told", 1), (4, "told", 1)]);
    assert_eq!(usd(&balance), (7, 0));
    assert!(balance.settle("a", end(), NOON + 30_002).is_empty());

    balance.hold("b", request(USD), &limits, None, NOON).expect("held");
    let end = || usage([known(3), unknown(Some(200), Some("gen-1"))]);
    balance.settle("b", end(), NOON);
    assert_eq!(costs(&balance.settle("b", end(), NOON)), [(USD - 3, "unsettled", 1)]);
    assert_eq!(usd(&balance), (10, USD - 3));
    assert_eq!(balance.used(Measure::Requests, Period::Day), 2);
}

#[test]
fn the_cost_of_a_generation_is_read_exactly() {
    let answer = json!({"data": {"total_cost": 3.25e-5, "native_tokens_prompt": 7, "native_tokens_completion": 3,
        "model": "openai/gpt-4o", "provider_name": "OpenAI"}});
    let expected = GenerationCost {
        cost: 32_500_000,
        prompt_tokens: Some(7),
        completion_tokens: Some(3),
        model: Some("openai/gpt-4o".into()),
        provider: Some("OpenAI".into()),
    };
    assert_eq!(GenerationCost::read(&answer.to_string()), Some(expected));
    for answer in ["", "<html>", "{}", r#"{"error":{"code":404}}"#, r#"{"data":{"total_cost":null}}"#] {
        assert_eq!(GenerationCost::read(answer), None, "{answer}");
    }
}
