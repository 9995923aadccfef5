use std::sync::Arc;

use failsoft::report::AttemptReport;
use failsoft::{Failure, Kind, Outcome, Report, Role, Usd};

use super::{Context, LONGEST_NAME, first_token, rows};

fn outcome(attempts: Vec<AttemptReport>) -> Outcome {
    Outcome {
        result: Err(Failure::new(Kind::Aborted, "the caller aborted the call")),
        partial: None,
        report: Arc::new(Report { attempts, ..Report::default() }),
        edge_report: None,
        model_outcomes: Vec::new(),
        unused_probes: Vec::new(),
        turn: None,
    }
}

fn context() -> Context {
    Context {
        id: "own".into(),
        call: "theirs".into(),
        account: "key:a".into(),
        client: "a".into(),
        ..Context::default()
    }
}

#[test]
fn every_attempt_is_a_row_with_its_role() {
    let failed = AttemptReport { failure: Some(Failure::new(Kind::Cut, "cut")), ..AttemptReport::default() };
    let hedge = AttemptReport { role: Role::Hedge, started: 30, ..AttemptReport::default() };
    let restart = AttemptReport { role: Role::Restart, ..AttemptReport::default() };
    let judge = AttemptReport { role: Role::Score, ..AttemptReport::default() };
    let rows = rows(&context(), 1_000, 90, &outcome(vec![failed, hedge, restart, judge]), |_| true);
    let described: Vec<_> =
        rows.iter().map(|row| (&*row.id, &*row.role, &*row.outcome, row.ended.as_deref())).collect();
    let expected = [
        ("own/0", "answer", "cut", Some("aborted")),
        ("own/1", "hedge", "answered", None),
        ("own/2", "restart", "answered", None),
        ("own/3", "judge", "answered", None),
    ];
    assert_eq!(described, expected);
    assert!(rows.iter().all(|row| row.call == "theirs" && row.account == "key:a"));
    assert_eq!(rows[1].at, 1_030);
    assert_eq!((rows[0].call_duration, rows[1].call_duration, rows[0].call_first_token), (Some(90), None, None));
}

#[test]
fn the_first_token_of_a_call_is_the_one_that_its_reader_saw() {
    let attempt = |started, first_token, role, failed: bool| AttemptReport {
        started,
        first_token,
        role,
        failure: failed.then(|| Failure::new(Kind::Cut, "cut")),
        ..AttemptReport::default()
    };
    for (attempts, expected) in [
        (vec![attempt(0, Some(7), Role::Answer, false)], Some(7)),
        // Nobody saw the text of an attempt before another model answered.
        (vec![attempt(0, Some(7), Role::Answer, true), attempt(20, Some(5), Role::Answer, false)], Some(25)),
        // The reader saw the text that another model continued.
        (vec![attempt(0, Some(7), Role::Answer, true), attempt(20, Some(5), Role::Continue, false)], Some(7)),
        (vec![attempt(0, Some(9), Role::Answer, false), attempt(20, Some(5), Role::Score, false)], Some(9)),
        (vec![attempt(0, None, Role::Answer, false)], None),
        (vec![attempt(0, Some(7), Role::Answer, true)], None),
    ] {
        let report = Report { attempts, ..Report::default() };
        assert_eq!(first_token(&report), expected, "{report:?}");
    }
}

#[test]
fn a_cost_is_final_or_left_to_be_settled() {
    let known = AttemptReport { cost: Some(Usd(7)), cost_is_final: true, ..AttemptReport::default() };
    let partly = AttemptReport { cost: Some(Usd(5)), ..AttemptReport::default() };
    let rows = rows(&context(), 0, 0, &outcome(vec![known, partly, AttemptReport::default()]), |_| true);
    let described: Vec<_> = rows.iter().map(|row| (row.cost, &*row.settled)).collect();
    assert_eq!(described, [(7, "told"), (5, ""), (0, "")]);
}

#[test]
fn long_names_are_cut() {
    let long = "ü".repeat(LONGEST_NAME);
    let attempt = AttemptReport { models: vec![long.clone()], provider: Some(long), ..AttemptReport::default() };
    let rows = rows(&context(), 0, 0, &outcome(vec![attempt]), |_| true);
    assert_eq!(rows[0].asked[0].len(), LONGEST_NAME);
    assert_eq!(rows[0].provider.as_ref().map(String::len), Some(LONGEST_NAME));
}

#[test]
fn a_model_that_the_edge_does_not_know_has_no_label_of_its_own() {
    let of = |model: &str| AttemptReport { models: vec![model.into(), "known".into()], ..AttemptReport::default() };
    let is_known = |model: &str| model == "known";
    let rows = rows(&context(), 0, 0, &outcome(vec![of("known"), of("invented")]), is_known);
    assert_eq!([rows[0].invented, rows[1].invented], [false, true]);
    let held = context().row(0, &["invented".into()], is_known);
    assert_eq!((held.invented, held.asked), (true, vec!["invented".into()]));
}
