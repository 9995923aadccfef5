//! A caller that aborts the call.

use failsoft::{Action, Headers, Input, Kind, Usd};
use serde_json::json;

use crate::judge::judged;
use crate::reply::{Reply, delta, event, words};
use crate::script::Script;
use crate::two;

#[test]
fn an_abort_ends_every_attempt_at_once() {
    let mut script = two().streaming();
    script.abort_at = Some(700);
    let run = script.run(&[Reply::stream(words("a/one", &["Hel"])).then_hangs()]);
    assert_eq!((run.kind(), run.ended, run.cancelled), (Some(Kind::Aborted), 1_000_700, vec![0]));
    assert_eq!(run.outcome.partial.as_deref(), Some("Hel"));
    assert_eq!(run.outcome.report.unsettled, ["gen-1"]);
}

#[test]
fn an_abort_ends_a_hedge_and_a_judge() {
    let mut hedged = Script { abort_at: Some(700), ..two().streaming().policy(json!({"hedge": {"after": 500}})) };
    let run = hedged.run(&[Reply::silent(), Reply::silent()]);
    assert_eq!((run.kind(), run.cancelled.as_slice()), (Some(Kind::Aborted), &[0, 1][..]));
    let mut judged = Script { abort_at: Some(700), ..judged(json!({"model": "j/judge"})) };
    let run = judged.run(&[Reply::says("a/one", "x"), Reply::silent()]);
    assert_eq!((run.kind(), run.cancelled.as_slice()), (Some(Kind::Aborted), &[1][..]));
    let begun = Reply::stream(delta("a/one", json!({"content": "x"}))).then_hangs();
    let run = Script { abort_at: Some(700), ..two().streaming() }.run(&[begun]);
    assert_eq!(run.kind(), Some(Kind::Aborted));
}

#[test]
fn an_abort_right_after_a_failure_still_closes_the_failed_attempt() {
    let mut call = two().streaming().call();
    let Action::Send { attempt, .. } = call.poll(1_000_000) else { panic!("nothing was sent") };
    let headers: Headers = [("content-type", "text/event-stream")].into_iter().collect();
    call.handle(1_000_010, Input::Head { attempt, status: 200, headers });
    let failed = event(&json!({"error": {"code": 503, "message": "x"}, "choices": []}));
    call.handle(1_000_020, Input::Bytes { attempt, bytes: failed.as_bytes() });
    call.handle(1_000_020, Input::Aborted);
    assert!(matches!(call.poll(1_000_020), Action::Cancel { attempt: 0 }));
    let Action::Done(outcome) = call.poll(1_000_020) else { panic!("the call goes on") };
    assert_eq!(outcome.result.err().map(|failure| failure.kind), Some(Kind::Aborted));
}

#[test]
fn after_an_abort_before_the_judge_is_asked_there_is_nothing_to_close() {
    let mut call = two().policy(json!({"judge": {"model": "j/judge"}})).call();
    let Action::Send { attempt, .. } = call.poll(1_000_000) else { panic!("nothing was sent") };
    let headers: Headers = [("content-type", "application/json")].into_iter().collect();
    call.handle(1_000_010, Input::Head { attempt, status: 200, headers });
    call.handle(1_000_020, Input::Bytes { attempt, bytes: br#"{"choices": [{"message": {"content": "x"}}]}"# });
    call.handle(1_000_020, Input::End { attempt });
    call.handle(1_000_020, Input::Aborted);
    let Action::Done(outcome) = call.poll(1_000_020) else { panic!("the call goes on") };
    assert_eq!(outcome.report.attempts.len(), 1);
}

#[test]
fn the_report_has_the_cost_so_far_of_an_aborted_answer() {
    let mut script = two().streaming();
    script.abort_at = Some(700);
    let usage = event(&json!({"id": "gen-1", "model": "a/one", "choices": [], "usage": {"cost": 0.25}}));
    let run = script.run(&[Reply::stream(usage).then_hangs()]);
    let row = &run.outcome.report.attempts[0];
    assert_eq!((run.kind(), row.model.as_deref()), (Some(Kind::Aborted), Some("a/one")));
    assert_eq!((row.generation_id.as_deref(), row.cost.map(Usd::as_f64)), (Some("gen-1"), Some(0.25)));
    assert_eq!(run.outcome.report.cost.map(Usd::as_f64), Some(0.25));
}
