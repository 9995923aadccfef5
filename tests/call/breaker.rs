//! Models that rest after failures.

use failsoft::Kind;
use serde_json::json;

use crate::reply::{Reply, streamed};
use crate::script::Script;
use crate::two;

#[test]
fn a_model_that_keeps_failing_rests_and_is_probed_by_one_call() {
    let mut script = two();
    let policy = failsoft::Policy::default();
    for call in 0..3 {
        script.start = 1_000_000 + call * 1_000;
        let run = script.run(&[Reply::status(503), Reply::says("b/two", "fine")]);
        run.outcome.record_in(&mut script.breakers, run.ended, &policy);
    }
    script.start = 1_010_000;
    let run = script.run(&[Reply::says("b/two", "fine")]);
    assert_eq!((run.asked(), run.outcome.report.dropped.len()), (vec![vec!["b/two".to_owned()]], 1));
    script.start = 1_030_000;
    let run = script.run(&[Reply::says("a/one", "back")]);
    run.outcome.record_in(&mut script.breakers, run.ended, &policy);
    assert_eq!(run.content(), "back");
}

#[test]
fn if_every_model_rests_the_call_fails_at_once_with_the_wait() {
    let mut script = Script::new(&["a/one"]);
    let run = script.run(&[Reply::status(429).header("retry-after", "30")]);
    run.outcome.record_in(&mut script.breakers, run.ended, &failsoft::Policy::default());
    script.start = run.ended + 10_000;
    let run = script.run(&[]);
    let failure = run.outcome.result.expect_err("resting");
    assert_eq!((failure.kind, failure.retry_after, failure.http_status()), (Kind::CircuitOpen, Some(20_000), 503));
}

#[test]
fn a_clock_of_the_caller_opens_no_breaker() {
    for (callers_clocks, model_outcomes) in [(false, 1), (true, 0)] {
        let mut script = Script { callers_clocks, ..two().streaming().policy(json!({"timeouts": {"headers": 1}})) };
        let run = script.run(&[Reply::silent(), streamed("b/two", &["fine"]).head_after(0)]);
        assert_eq!(run.text, "fine");
        let failures = run.outcome.model_outcomes.iter().filter(|lesson| lesson.failure.is_some());
        assert_eq!(failures.count(), model_outcomes, "{callers_clocks}");
    }
}
