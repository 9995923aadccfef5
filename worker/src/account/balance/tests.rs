use failsoft::Millis;
use serde_json::{Value, json};

use super::{Amount, Asked, Books, Ended, Found, Question};
use crate::account::attempt_log::Trace;
use crate::account::calendar::Span;
use crate::account::lease::used;
use crate::account::limit::{Bound, Limits, Measure, Refused};
use crate::config::Budget;
use crate::ledger::Row;
use failsoft::Json;
use failsoft::invalid::Section;

const USD: u64 = 1_000_000_000_000;
/// 2024-02-29T12:00:00Z.
const NOON: Millis = 1_709_208_000_000;

fn limits(budget: Value) -> Limits {
    let text = budget.to_string();
    let section = Section::object("budget", Json::parse(&text).expect("JSON")).expect("an object");
    Limits::from(&Budget::read(&section).expect("a budget"))
}

fn asked(usd: u64) -> Asked {
    let row = Row { id: "h".into(), call: "c".into(), account: "key:a".into(), ..Row::default() };
    Asked { amount: Amount { requests: 1, tokens: 10, usd }, lease: 30_000, row: Some(row) }
}

fn told(cost: u64) -> (Row, Trace) {
    let row =
        Row { cost, settled: "told".into(), prompt_tokens: Some(1), completion_tokens: Some(2), ..Row::default() };
    (row, Trace { status: Some(200), ..Trace::default() })
}

fn unknown(status: Option<u16>, generation: Option<&str>) -> (Row, Trace) {
    let generation = generation.map(String::from);
    (Row::default(), Trace { url: "https://u".into(), status, generation, ..Trace::default() })
}

fn ended(attempts: impl IntoIterator<Item = (Row, Trace)>) -> Ended {
    let (rows, traces) = attempts.into_iter().unzip();
    Ended { rows, traces }
}

fn found(cost: u64) -> Option<Found> {
    Some(Found { cost, prompt_tokens: Some(1), completion_tokens: Some(2), ..Found::default() })
}

fn usd(books: &Books) -> (u64, u64) {
    (books.used(Measure::Usd, Span::Day), books.held(Measure::Usd, Span::Day))
}

fn costs(rows: &[Row]) -> Vec<(u64, &str, u32)> {
    rows.iter().map(|row| (row.cost, row.settled.as_str(), row.revision)).collect()
}

#[test]
fn what_is_counted_held_and_asked_for_is_together_no_more_than_the_bound() {
    let limits = limits(json!({"usd": {"day": 1}}));
    let mut books = Books::default();
    for id in ["a", "b", "c"] {
        books.hold(id, asked(USD / 4), &limits, NOON).expect("held");
    }
    books.settle("a", ended([told(USD / 10)]), NOON);
    assert_eq!(usd(&books), (USD / 10, USD / 2));
    assert_eq!(books.hold("d", asked(USD / 2), &limits, NOON).map_err(|refused| refused.wait), Err(Some(2_000)));
    books.hold("d", asked(USD * 4 / 10), &limits, NOON).expect("to the last of it");
    let refused = books.hold("e", asked(1), &limits, NOON).expect_err("refused");
    assert_eq!((refused.used, refused.held, refused.limit), (USD / 10, USD * 9 / 10, USD));
    // Twice the same is still one.
    books.hold("d", asked(USD * 4 / 10), &limits, NOON).expect("held before");
    assert_eq!(usd(&books), (USD / 10, USD * 9 / 10));
}

#[test]
fn every_measure_is_bounded_in_every_span_and_the_longest_wait_is_told() {
    for (budget, bound, wait) in [
        (json!({"requests": {"minute": 1}}), Bound::Of(Measure::Requests, Span::Minute), 60_000),
        (json!({"tokens": {"day": 13}}), Bound::Of(Measure::Tokens, Span::Day), 12 * 3_600_000),
        (json!({"usd": {"month": 0.5}}), Bound::Of(Measure::Usd, Span::Month), 12 * 3_600_000),
        (
            json!({"usd": {"minute": 0.5}, "requests": {"day": 1, "minute": 1}}),
            Bound::Of(Measure::Requests, Span::Day),
            12 * 3_600_000,
        ),
    ] {
        let (limits, mut books) = (limits(budget), Books::default());
        books.hold("a", asked(USD / 2), &limits, NOON).expect("held");
        // Three of its ten tokens were used.
        let row = Row { completion_tokens: Some(3), ..told(USD / 2).0 };
        books.settle("a", ended([(row, Trace::default())]), NOON);
        let refused = books.hold("b", asked(USD / 2), &limits, NOON).expect_err("refused");
        assert_eq!((refused.bound, refused.wait), (bound, Some(wait)));
        assert_eq!(refused.resets, Some(NOON + wait));
        books.hold("b", asked(USD / 2), &limits, NOON + wait).expect("held once it is over");
    }
}

#[test]
fn calls_under_way_at_once_are_bounded_and_end_with_their_settlement() {
    let limits = limits(json!({"concurrent": 2}));
    let mut books = Books::default();
    books.hold("a", asked(1), &limits, NOON).expect("held");
    books.hold("b", asked(1), &limits, NOON).expect("held");
    let refused = books.hold("c", asked(1), &limits, NOON).expect_err("refused");
    assert_eq!((refused.bound, refused.held, refused.wait), (Bound::Concurrent, 2, Some(2_000)));
    // What it cost is not known yet, and it is over.
    books.settle("a", ended([unknown(Some(200), Some("gen-1"))]), NOON);
    books.hold("c", asked(1), &limits, NOON).expect("held");
}

#[test]
fn a_call_that_never_sent_anything_uses_nothing() {
    let limits = limits(json!({"requests": {"minute": 1}, "usd": {"day": 1}}));
    let mut books = Books::default();
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    assert!(books.settle("a", Ended::default(), NOON).is_empty());
    books.hold("b", asked(USD), &limits, NOON).expect("held");
    assert_eq!(usd(&books), (0, USD));
}

#[test]
fn a_call_counts_in_the_spans_in_which_it_was_held() {
    let limits = limits(json!({"usd": {"minute": 1}}));
    let mut books = Books::default();
    books.hold("a", asked(USD), &limits, NOON + 59_999).expect("held");
    books.hold("b", asked(USD), &limits, NOON + 60_000).expect("another minute");
    books.settle("a", ended([told(USD)]), NOON + 60_001);
    assert_eq!(books.used(Measure::Usd, Span::Minute), 0);
    assert_eq!(books.used(Measure::Usd, Span::Day), USD);
    assert_eq!(books.held(Measure::Usd, Span::Minute), USD);
    // A clock that is set back begins nothing anew.
    books.hold("c", asked(1), &limits, NOON + 59_999).expect_err("refused");
}

#[test]
fn what_was_refused_is_free_and_what_was_not_heard_of_costs_what_is_left() {
    let mut books = Books::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    let attempts = [unknown(Some(500), Some("gen-0")), unknown(None, None), told(USD / 4), unknown(None, None)];
    let rows = books.settle("a", ended(attempts), NOON);
    let (left, half) = (USD * 3 / 4, USD * 3 / 8);
    assert_eq!(
        costs(&rows),
        [(0, "told", 0), (USD / 4, "told", 0), (half, "unsettled", 0), (left - half, "unsettled", 0)]
    );
    assert_eq!(usd(&books), (USD, 0));
    assert!(books.holds.is_empty());
}

#[test]
fn what_the_upstream_knows_stays_held_until_it_tells() {
    let mut books = Books::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    let rows = books.settle("a", ended([unknown(Some(200), Some("gen-1")), told(7)]), NOON);
    assert_eq!(costs(&rows), [(7, "told", 0), (USD - 7, "unsettled", 0)]);
    assert_eq!(usd(&books), (7, USD - 7));
    assert!(books.questions(NOON).is_empty());
    let due = books.due().expect("something to do");
    let [question] = &books.questions(due)[..] else { panic!("one question") };
    assert_eq!((question.url.as_str(), question.generation.as_str()), ("https://u", "gen-1"));
    assert!(books.answered(question, None, due).is_empty());
    let later = books.due().expect("something to do");
    assert!(later > due);
    // An answer that took so long that the question was put again.
    assert!(books.answered(question, found(9), later).is_empty());
    let question = &books.questions(later)[0];
    let rows = books.answered(question, found(9), later);
    assert_eq!(costs(&rows), [(9, "generation", 1)]);
    assert_eq!((usd(&books), books.due()), ((16, 0), None));
    assert_eq!(books.used(Measure::Tokens, Span::Day), 6);
}

#[test]
fn an_upstream_that_never_tells_is_asked_for_ten_minutes() {
    let mut books = Books::default();
    let limits = limits(json!({"usd": {"day": 9}}));
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    books.settle("a", ended([unknown(Some(200), Some("gen-1"))]), NOON);
    let (mut times, mut last) = (0, NOON);
    while let Some(due) = books.due() {
        let question = &books.questions(due)[0];
        assert!(books.answered(question, None, due).is_empty());
        (times, last) = (times + 1, due);
    }
    assert!((10..25).contains(&times) && (500_000..=600_000).contains(&(last - NOON)), "{times}, {}", last - NOON);
    assert_eq!(usd(&books), (USD, 0));
}

#[test]
fn a_vanished_call_is_settled_by_what_it_told() {
    let limits = limits(json!({"usd": {"day": 9}}));
    let mut books = Books::default();
    for id in ["silent", "told", "second"] {
        books.hold(id, asked(USD), &limits, NOON).expect("held");
    }
    let trace = |attempt: (Row, Trace)| attempt.1;
    books.note("told", 1, vec![trace(unknown(Some(200), Some("gen-1")))]);
    books.note("second", 2, vec![trace(unknown(Some(500), None)), trace(unknown(Some(200), Some("gen-2")))]);
    books.note("second", 1, vec![trace(unknown(Some(500), None)), Trace::default()]);
    assert!(books.expire(NOON + 29_999).is_empty());
    let rows = books.expire(NOON + 30_000);
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
    assert_eq!(usd(&books), (USD, 2 * USD));
    for question in books.questions(NOON + 31_000) {
        let rows = books.answered(&question, found(5), NOON + 31_000);
        assert_eq!(costs(&rows), [(5, "generation", 1), (USD - 5, "unsettled", 1)]);
    }
    assert_eq!((usd(&books), books.under_way(), books.holds.len()), ((3 * USD, 0), 0, 0));
}

#[test]
fn a_vanished_call_is_charged_for_the_request_that_it_may_have_sent_unseen() {
    let limits = limits(json!({"usd": {"day": 9}}));
    for first in [unknown(Some(500), Some("gen-1")), unknown(Some(200), Some("gen-1"))] {
        let mut books = Books::default();
        books.hold("a", asked(USD), &limits, NOON).expect("held");
        books.note("a", 1, vec![first.1.clone()]);
        let rows = books.expire(NOON + 30_000);
        assert_eq!((rows.len(), rows.iter().map(|row| row.cost).sum()), (2, USD));
        for question in books.questions(NOON + 31_000) {
            books.answered(&question, found(5), NOON + 31_000);
        }
        assert_eq!(usd(&books), (USD, 0), "{first:?}");
    }
    // A word that comes after all says that there was none.
    let mut books = Books::default();
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    books.note("a", 1, vec![unknown(Some(200), Some("gen-1")).1]);
    books.expire(NOON + 30_000);
    assert_eq!(costs(&books.settle("a", ended([told(3)]), NOON + 30_001)), [(3, "told", 1), (0, "told", 1)]);
    assert_eq!(usd(&books), (3, 0));
}

#[test]
fn what_was_told_before_the_end_is_looked_up_or_charged_at_the_hold_and_never_at_less() {
    let limits = limits(json!({"usd": {"day": 9}}));
    let mut books = Books::default();
    let partly = |cost, generation| {
        let (row, trace) = unknown(Some(200), generation);
        (Row { cost, ..row }, trace)
    };
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    books.settle("a", ended([partly(USD / 4, Some("gen-1"))]), NOON);
    assert_eq!(usd(&books), (0, USD));
    let question = &books.questions(NOON + 1_000)[0];
    assert_eq!(costs(&books.answered(question, found(USD / 2), NOON + 1_000)), [(USD / 2, "generation", 1)]);
    assert_eq!(usd(&books), (USD / 2, 0));

    books.hold("b", asked(USD), &limits, NOON).expect("held");
    let rows = books.settle("b", ended([partly(USD * 3 / 4, None), unknown(None, None)]), NOON);
    assert_eq!(costs(&rows), [(USD * 7 / 8, "unsettled", 0), (USD / 8, "unsettled", 0)]);
    books.hold("c", asked(USD), &limits, NOON).expect("held");
    assert_eq!(costs(&books.settle("c", ended([partly(2 * USD, None)]), NOON)), [(2 * USD, "unsettled", 0)]);
    assert_eq!(usd(&books), (USD / 2 + 3 * USD, 0));

    let most = asked(USD).amount;
    let usd_of = |attempts| used(most, &ended(attempts)).usd;
    assert_eq!(usd_of(vec![told(3), partly(5, Some("gen-1"))]), USD);
    assert_eq!(usd_of(vec![told(3), partly(2 * USD, None)]), 2 * USD + 3);
}

#[test]
fn a_word_that_comes_late_or_twice_counts_nothing_twice() {
    let limits = limits(json!({"usd": {"day": 9}}));
    let mut books = Books::default();
    books.hold("a", asked(USD), &limits, NOON).expect("held");
    books.note("a", 1, vec![unknown(Some(500), None).1, unknown(Some(200), Some("gen-1")).1]);
    assert_eq!(costs(&books.expire(NOON + 30_000)).len(), 3);
    let end = || ended([unknown(Some(500), None), told(3), told(4)]);
    // The first is settled, the second was being found out, and the third might have been sent.
    assert_eq!(costs(&books.settle("a", end(), NOON + 30_001)), [(3, "told", 1), (4, "told", 1)]);
    assert_eq!(usd(&books), (7, 0));
    assert!(books.settle("a", end(), NOON + 30_002).is_empty());

    books.hold("b", asked(USD), &limits, NOON).expect("held");
    let end = || ended([told(3), unknown(Some(200), Some("gen-1"))]);
    books.settle("b", end(), NOON);
    assert_eq!(costs(&books.settle("b", end(), NOON)), [(USD - 3, "unsettled", 1)]);
    assert_eq!(usd(&books), (10, USD - 3));
    assert_eq!(books.used(Measure::Requests, Span::Day), 2);
}

#[test]
fn four_fifths_of_a_bound_are_told_once() {
    let limits = limits(json!({"usd": {"day": 1}}));
    let mut books = Books::default();
    let mut crossed = Vec::new();
    for nth in 0..10 {
        books.hold("a", asked(USD / 10), &limits, NOON).expect("held");
        books.settle("a", ended([told(USD / 10)]), NOON);
        crossed.extend(books.crossed.drain(..).map(|crossed| (nth, crossed.span, crossed.used)));
    }
    assert_eq!(crossed, [(7, Span::Day, USD * 8 / 10)]);
}

#[test]
fn a_refusal_says_how_the_bound_stands() {
    let limits = limits(json!({"usd": {"day": 0.5}}));
    let mut books = Books::default();
    books.hold("a", asked(USD / 4), &limits, NOON).expect("held");
    books.settle("a", ended([told(USD / 4)]), NOON);
    let refused: Refused = books.hold("b", asked(USD / 2), &limits, NOON).expect_err("refused");
    assert_eq!(
        refused.message("account"),
        "the budget of this account, 0.5 USD a day, has 0.25 left (0.25 used, 0 held by calls under way), and this call may need 0.5; \
         it begins anew at 2024-03-01T00:00:00Z"
    );
    assert_eq!(
        refused.to_json(),
        r#"{"bound":"usd","span":"day","limit":0.5,"used":0.25,"held":0,"left":0.25,"asked":0.5,"resets":"2024-03-01T00:00:00Z"}"#
    );
    let refused = books.hold("b", asked(USD), &limits, NOON).expect_err("refused");
    assert!(refused.wait.is_none() && refused.message("account").ends_with("a lower `max_tokens` makes it need less"));
}

#[test]
fn an_answer_of_the_upstream_is_read_with_its_exact_cost() {
    let answer = json!({"data": {"total_cost": 3.25e-5, "native_tokens_prompt": 7, "native_tokens_completion": 3,
        "model": "openai/gpt-4o", "provider_name": "OpenAI"}});
    let expected = Found {
        cost: 32_500_000,
        prompt_tokens: Some(7),
        completion_tokens: Some(3),
        model: Some("openai/gpt-4o".into()),
        provider: Some("OpenAI".into()),
    };
    assert_eq!(Found::read(&answer.to_string()), Some(expected));
    for answer in ["", "<html>", "{}", r#"{"error":{"code":404}}"#, r#"{"data":{"total_cost":null}}"#] {
        assert_eq!(Found::read(answer), None, "{answer}");
    }
}

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// A call that is under way, and what it really costs.
struct Real {
    id: String,
    began: Millis,
    attempts: Vec<(Row, Trace, u64)>,
}

/// Up to three attempts, which together cost no more than what is held.
fn attempts(dice: &mut Dice, mut left: u64, nth: u64) -> Vec<(Row, Trace, u64)> {
    let one = |at: u64| {
        let cost = dice.below(left + 1);
        let (attempt, cost) = match dice.below(4) {
            0 => (told(cost), cost),
            1 => (unknown(Some(200), Some(&format!("gen-{nth}-{at}"))), cost),
            2 => (unknown(Some(429), Some("gen-no")), 0),
            _ => (unknown(None, None), cost),
        };
        left -= cost;
        (attempt.0, attempt.1, cost)
    };
    (0..1 + nth % 3).map(one).collect()
}

#[test]
fn whatever_happens_in_whatever_order_no_bound_is_exceeded_and_nothing_is_counted_too_low() {
    for seed in 1..200 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed));
        let limits =
            limits(json!({"usd": {"minute": 3, "day": 10, "month": 40}, "tokens": {"minute": 100}, "concurrent": 8}));
        let (mut books, mut now) = (Books::default(), NOON);
        let mut calls: Vec<Real> = Vec::new();
        let mut truth: Vec<(String, u64)> = Vec::new();
        let mut ledger = std::collections::BTreeMap::<String, Row>::new();
        let mut true_in_month = 0;
        for nth in 0..400 {
            now += dice.below(4_000);
            let mut rows = Vec::new();
            match dice.below(6) {
                0 | 1 => {
                    let most = dice.below(USD);
                    let id = format!("{nth}");
                    if books.hold(&id, asked(most), &limits, now).is_ok() {
                        let attempts = attempts(&mut dice, most, nth);
                        truth.extend(attempts.iter().enumerate().map(|(at, (.., cost))| (format!("{id}/{at}"), *cost)));
                        true_in_month += attempts.iter().map(|(.., cost)| cost).sum::<u64>();
                        calls.push(Real { id, began: now, attempts });
                    }
                }
                2 if !calls.is_empty() => {
                    let call = calls.swap_remove(dice.below(calls.len() as u64) as usize);
                    // Some are never heard of again.
                    if dice.below(4) > 0 {
                        let id = &call.id;
                        let named = call.attempts.into_iter().enumerate();
                        let end =
                            ended(named.map(|(at, (row, trace, _))| (Row { id: format!("{id}/{at}"), ..row }, trace)));
                        rows.extend(books.settle(id, end.clone(), now));
                        if dice.below(3) == 0 {
                            rows.extend(books.settle(id, end, now));
                        }
                    }
                }
                3 if !calls.is_empty() => {
                    let at = dice.below(calls.len() as u64) as usize;
                    let Real { id, began, attempts } = &calls[at];
                    // Of the last ones nothing may have been told yet.
                    let known = 1 + dice.below(attempts.len() as u64) as usize;
                    let traces = attempts.iter().take(known).map(|(_, trace, _)| trace.clone()).collect();
                    books.note(id, now - began + 1, traces);
                }
                4 => rows.extend(books.expire(now)),
                _ => {
                    for question in books.questions(now) {
                        let cost = cost_of(&question, &truth);
                        let answer = if dice.below(2) == 0 { found(cost) } else { None };
                        rows.extend(books.answered(&question, answer, now));
                    }
                }
            }
            keep(&mut ledger, rows);
            books.turn(now);
            for measure in Measure::ALL {
                for span in Span::ALL {
                    let counted = books.used(measure, span) + books.held(measure, span);
                    assert!(
                        limits.of(measure, span).is_none_or(|limit| counted <= limit),
                        "{seed} {nth} {measure:?} {span:?}"
                    );
                }
            }
            assert!(books.under_way() <= 8);
            let month = books.used(Measure::Usd, Span::Month) + books.held(Measure::Usd, Span::Month);
            assert!(month >= true_in_month, "{seed} {nth}: {month} counted, {true_in_month} true");
        }
        // Long after, nothing is held, and the ledger says what is counted.
        now += 3_600_000;
        keep(&mut ledger, books.expire(now));
        books.crossed.clear();
        while let Some(due) = books.due() {
            for question in books.questions(due) {
                let cost = cost_of(&question, &truth);
                keep(&mut ledger, books.answered(&question, found(cost), due));
            }
            books.crossed.clear();
        }
        assert!(books.holds.is_empty());
        let sum: u64 = ledger.values().map(|row| row.cost).sum();
        assert_eq!(sum, books.used(Measure::Usd, Span::Month), "{seed}");
        assert!(sum >= true_in_month);
        for (id, cost) in &truth {
            let Some(row) = ledger.get(id) else { continue };
            assert!(row.settled == "unsettled" || row.cost == *cost, "{seed} {id}: {row:?}, {cost}");
        }
    }
}

fn cost_of(question: &Question, truth: &[(String, u64)]) -> u64 {
    let id = format!("{}/{}", question.hold, question.attempt);
    truth.iter().find(|(known, _)| *known == id).map_or(0, |(_, cost)| *cost)
}

fn keep(ledger: &mut std::collections::BTreeMap<String, Row>, rows: Vec<Row>) {
    for row in rows {
        let newer = ledger.get(&row.id).is_none_or(|known| known.revision < row.revision);
        if newer {
            ledger.insert(row.id.clone(), row);
        }
    }
}

#[test]
fn what_isolates_were_leased_and_what_they_used_is_together_no_more_than_the_bound() {
    let limits = limits(json!({"usd": {"minute": 1}, "requests": {"day": 100}, "concurrent": 12}));
    let need = Asked { amount: Amount { requests: 1, tokens: 10, usd: USD / 100 }, lease: 20_000, row: None };
    for seed in 1..200 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed));
        let (mut books, mut now) = (Books::default(), NOON);
        let mut shares = Vec::new();
        for nth in 0..200 {
            now += dice.below(3_000);
            let id = format!("{nth}");
            match dice.below(4) {
                0 | 1 => {
                    if let Ok(granted) = books.share(&id, need.clone(), &limits, now) {
                        assert!(granted.amount.covers(need.amount) && granted.slots > 0, "{granted:?}");
                        assert_eq!(granted.amount.tokens, u64::MAX, "tokens are not bounded");
                        assert!(granted.term > 0 && now + granted.term <= Span::Minute.end(now));
                        shares.push((id, granted.amount));
                    }
                }
                2 if !shares.is_empty() => {
                    let (id, amount) = shares.swap_remove(dice.below(shares.len() as u64) as usize);
                    let used = Amount {
                        usd: dice.below(amount.usd + 1),
                        requests: dice.below(amount.requests + 1),
                        tokens: 5,
                    };
                    // Some never come back.
                    if dice.below(4) > 0 {
                        // A call under way may still use the rest.
                        let (part, calls) = if dice.below(2) == 0 { (used, 0) } else { (Amount::default(), 1) };
                        books.give_back(&id, part, used, calls, now);
                        books.give_back(&id, used, Amount::default(), 0, now);
                    }
                }
                _ => assert!(books.expire(now).is_empty(), "a share has no rows"),
            }
            books.turn(now);
            let counted = |measure, span| books.used(measure, span) + books.held(measure, span);
            assert!(counted(Measure::Usd, Span::Minute) <= USD, "{seed} {nth}");
            assert!(counted(Measure::Requests, Span::Day) <= 100, "{seed} {nth}");
            assert!(books.under_way() <= 12);
        }
    }
}

#[test]
fn a_share_that_never_comes_back_counts_as_spent() {
    let limits = limits(json!({"usd": {"day": 1}}));
    let need = Asked { amount: Amount { requests: 1, tokens: 10, usd: USD / 100 }, lease: 20_000, row: None };
    let mut books = Books::default();
    let granted = books.share("a", need, &limits, NOON).expect("a share");
    assert_eq!((granted.amount.usd, granted.slots, granted.term), (USD / 4, u64::MAX, 10_000));
    assert!(books.expire(NOON + 29_999).is_empty() && usd(&books) == (0, USD / 4));
    assert!(books.expire(NOON + 30_000).is_empty() && usd(&books) == (USD / 4, 0));
}

#[test]
fn of_a_share_whose_time_is_over_only_what_calls_under_way_hold_is_kept_and_may_be_lost() {
    let limits = limits(json!({"usd": {"day": 1}, "concurrent": 40}));
    let need = Asked { amount: Amount { requests: 1, tokens: 10, usd: USD / 100 }, lease: 20_000, row: None };
    let mut books = Books::default();
    for id in ["a", "b"] {
        books.share(id, need.clone(), &limits, NOON).expect("a share");
    }
    assert_eq!((usd(&books).0, books.under_way()), (0, 17));
    let (used, held) = (Amount { requests: 2, tokens: 9, usd: USD / 50 }, need.amount);
    // Twice the same is still one.
    for id in ["a", "a", "b", "b"] {
        books.give_back(id, used, held, 1, NOON + 10_000);
    }
    assert_eq!((usd(&books), books.under_way()), ((USD / 25, USD / 50), 2));
    let more = Amount { usd: USD / 50 + 1, ..used };
    books.give_back("a", more, Amount::default(), 0, NOON + 20_000);
    books.give_back("a", used, held, 1, NOON + 20_000);
    assert_eq!((usd(&books), books.under_way()), ((USD / 25 + 1, USD / 100), 1));
    assert!(books.expire(NOON + 30_000).is_empty() && usd(&books) == (USD / 25 + 1 + USD / 100, 0));
    assert_eq!(books.used(Measure::Tokens, Span::Day), 18);
}
