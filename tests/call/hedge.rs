//! A hedge: a second model is asked while the first is silent.

use failsoft::Kind;
use serde_json::json;

use crate::reply::{Reply, delta, finish, streamed};
use crate::script::Script;
use crate::two;

#[test]
fn a_silent_model_is_overtaken_by_a_second_one() {
    let hedge = json!({"hedge": {"after": 500}});
    let run = two().streaming().policy(hedge.clone()).run(&[Reply::silent(), streamed("b/two", &["fine"])]);
    assert_eq!((run.text.as_str(), run.sent_at[1] - run.sent_at[0]), ("fine", 500));
    assert_eq!(run.cancelled, [0]);
    let report = run.report();
    assert_eq!(report["attempts"][0]["failure"]["kind"], "superseded");
    assert_eq!((&report["model"], &report["fallback"]), (&json!("b/two"), &json!(true)));
    // The first model did not fail, so its breaker records nothing.
    assert!(run.outcome.model_outcomes.iter().all(|lesson| lesson.name.ends_with("b/two")));

    let slow = streamed("a/one", &["first"]).head_after(700);
    let run = two().streaming().policy(hedge.clone()).run(&[slow, streamed("b/two", &["late"]).head_after(900)]);
    assert_eq!((run.text.as_str(), run.cancelled.as_slice()), ("first", &[1][..]));

    let prompt = two().streaming().policy(hedge).run(&[streamed("a/one", &["first"])]);
    assert_eq!(prompt.sent.len(), 1);
}

#[test]
fn when_both_of_a_hedge_fail_the_chain_goes_on() {
    let mut script = Script::new(&["a/one", "b/two", "c/three"]).policy(json!({"hedge": {"after": 500}}));
    let run = script.run(&[
        Reply::status(503).head_after(900),
        Reply::status(503).head_after(900),
        Reply::says("c/three", "x"),
    ]);
    assert_eq!((run.content().as_str(), run.sent.len()), ("x", 3));
}

#[test]
fn with_a_hedge_each_request_names_one_model() {
    let mut script = Script::openrouter(&["a/one", "b/two"]).policy(json!({"hedge": {"after": 500}}));
    assert_eq!(script.run(&[Reply::says("a/one", "x")]).asked(), [["a/one"]]);
}

#[test]
fn a_hedge_waits_for_the_wait_that_a_failure_named() {
    let busy = Reply::status(429).header("retry-after-ms", "1500").head_after(700);
    let run = two().policy(json!({"hedge": {"after": 500}})).run(&[busy, Reply::silent(), Reply::says("a/one", "x")]);
    assert!(run.sent_at[2] - run.sent_at[0] >= 700 + 1_500, "{:?}", run.sent_at);
}

#[test]
fn the_attempt_of_a_hedge_that_decides_the_call_closes_the_other() {
    let policy = json!({"hedge": {"after": 500}, "refusal": "fail"});
    let run = two().policy(policy).run(&[Reply::silent(), Reply::says("b/two", "I cannot help with that.")]);
    assert_eq!((run.kind(), run.cancelled.as_slice()), (Some(Kind::Refusal), &[0][..]));
    let policy = json!({"hedge": {"after": 500}, "onContentFilter": "fail"});
    let filtered = Reply::error(400, json!({"code": 400, "metadata": {"error_type": "content_policy_violation"}}));
    let run = two().policy(policy).run(&[Reply::silent(), filtered]);
    assert_eq!((run.kind(), run.cancelled.as_slice()), (Some(Kind::ContentFilter), &[0][..]));
}

#[test]
fn a_whole_answer_wins_against_a_final_failure_of_the_other_attempt_of_a_hedge() {
    let ended = [delta("b/two", json!({"content": "fine"})), finish("b/two", "stop").replace("[DONE]", "{}")];
    let late = Reply::status(400).head_after(900);
    let policy = json!({"hedge": {"after": 500}, "assemble": true});
    let run = two().policy(policy).run(&[late, Reply::stream(ended.concat()).then_hangs()]);
    assert_eq!(run.content(), "fine");
}
