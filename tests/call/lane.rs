//! The lanes relay and lean: the bytes go to the reader, and the call sees all of them or only the end.

use failsoft::{Kind, Lane, Usd};
use serde_json::json;

use crate::reply::{Reply, finish, streamed, words};
use crate::two;

#[test]
fn a_relayed_stream_is_read_for_the_report() {
    let mut script = two().streaming();
    script.lane = Lane::Relay;
    let body = [words("a/one", &["Hel"]), words("a/one", &["lo"]), finish("a/one", "stop")];
    let reply = Reply::stream(body[0].clone()).then(body[1].clone()).then(body[2].clone());
    let run = script.run(&[reply]);
    assert_eq!(String::from_utf8_lossy(&run.relayed), body[0]);
    assert!(run.chunks.is_empty());
    assert_eq!((run.outcome.report.cost.map(Usd::as_f64), run.outcome.report.accepted), (Some(0.25), true));
}

#[test]
fn of_a_lean_stream_the_call_sees_only_the_end_and_its_cost_is_unknown() {
    let mut script = two().streaming();
    script.lane = Lane::Lean;
    let body = [words("a/one", &["Hel"]), words("a/one", &["lo"]), finish("a/one", "stop")];
    // The call does not see silence either.
    let reply = Reply::stream(body[0].clone()).then_silence(300_000).then(body[1].clone()).then(body[2].clone());
    let run = script.run(&[reply]);
    assert_eq!(String::from_utf8_lossy(&run.relayed), body.concat());
    assert!(run.chunks.is_empty() && run.kind().is_none() && run.cancelled.is_empty());
    let attempt = &run.outcome.report.attempts[0];
    assert_eq!((attempt.cost, attempt.cost_is_final, attempt.generation_id.as_deref()), (None, false, Some("gen-1")));
    assert!(run.outcome.model_outcomes[0].failure.is_none());
}

#[test]
fn a_lean_stream_that_came_whole_before_the_commit_point_reports_its_cost() {
    let mut script = two().streaming();
    script.lane = Lane::Lean;
    let run = script.run(&[streamed("a/one", &["Hello"])]);
    let attempt = &run.outcome.report.attempts[0];
    assert_eq!((attempt.cost.map(Usd::as_f64), attempt.cost_is_final), (Some(0.25), true));
}

#[test]
fn a_lean_stream_falls_back_before_its_commit_point_and_never_after() {
    let mut script = two().policy(json!({"retry": {"same": 0}})).streaming();
    script.lane = Lane::Lean;
    let run = script.run(&[Reply::status(503), streamed("b/two", &["Hello"])]);
    assert_eq!((run.sent.len(), run.kind()), (2, None));
    let broken = Reply::stream(words("a/one", &["Hel"])).then(words("a/one", &["lo"])).then_resets();
    let run = script.run(&[broken]);
    assert_eq!((run.sent.len(), run.kind()), (1, Some(Kind::Network)));
}
