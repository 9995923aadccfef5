//! The clocks of a call: what ends an attempt or the call, and what is no silence of the model.

use failsoft::Kind;
use serde_json::json;

use crate::reply::{Reply, delta, finish, streamed, words};
use crate::two;

#[test]
fn without_headers_in_time_the_next_model_answers() {
    let run = two().streaming().run(&[Reply::silent(), streamed("b/two", &["fine"])]);
    assert_eq!(run.failure_of(0), Some(Kind::HeadersTimeout));
    // 12 s, and 1 ms for every 5 tokens of the prompt.
    assert_eq!(run.sent_at[1] - run.sent_at[0], 12_001);
}

#[test]
fn comments_do_not_keep_a_silent_model_alive() {
    let mut silent = Reply::stream(": OPENROUTER PROCESSING\n\n");
    for _ in 0..100 {
        silent = silent.then_silence(1_000).then(": OPENROUTER PROCESSING\n\n");
    }
    let run = two().streaming().run(&[silent, streamed("b/two", &["fine"])]);
    assert_eq!(run.failure_of(0), Some(Kind::FirstTokenTimeout));
    assert_eq!(run.sent_at[1] - run.sent_at[0], 12_001);
    assert_eq!(run.cancelled, [0]);
}

#[test]
fn reasoning_that_was_not_requested_keeps_the_model_alive_without_committing() {
    let mut thinking = Reply::stream("");
    for _ in 0..5 {
        thinking = thinking.then(delta("a/one", json!({"reasoning": "hm"}))).then_silence(20_000);
    }
    let run =
        two().streaming().run(&[thinking.then_resets(), streamed("b/two", &["fine"]), streamed("b/two", &["fine"])]);
    assert_eq!(run.asked()[..2], [["a/one"], ["a/one"]]);
    assert_eq!(run.text, "fine");
}

#[test]
fn the_time_of_the_whole_call_ends_every_attempt() {
    let run = two().policy(json!({"timeouts": {"total": 5_000}})).run(&[Reply::silent()]);
    assert_eq!((run.kind(), run.ended), (Some(Kind::Timeout), 1_005_000));
    assert_eq!(run.cancelled, [0]);
}

#[test]
fn no_model_is_asked_after_the_time_is_over() {
    let blank = Reply::stream(finish("a/one", "stop").replace("data: [DONE]\n\n", "")).then_hangs();
    let policy = json!({"empty": "next", "timeouts": {"total": 1_000}});
    let run = two().streaming().policy(policy).run(&[blank.clone(), Reply::silent()]);
    assert_eq!((run.kind(), run.sent.len()), (Some(Kind::Timeout), 1));
    let fine = Reply::stream(
        [delta("a/one", json!({"content": "x"})), finish("a/one", "stop").replace("[DONE]", "{}")].concat(),
    );
    let policy = json!({"judge": {"model": "j/judge"}, "timeouts": {"total": 1_000}});
    let run = two().streaming().policy(policy).run(&[fine.then_hangs(), Reply::silent()]);
    assert_eq!((run.content().as_str(), run.sent.len()), ("x", 1));
}

#[test]
fn a_whole_answer_is_not_lost_while_its_connection_stays_open() {
    let mut script = two().streaming().policy(json!({"timeouts": {"total": 100}}));
    let run = script.run(&[streamed("a/one", &["fine"]).then_hangs()]);
    assert_eq!((run.kind(), run.ended), (None, 1_000_100));
    assert_eq!(run.text, "fine");
}

#[test]
fn a_model_does_not_fail_because_the_page_slept() {
    let mut script = two().streaming();
    script.sleep = 3_600_000;
    let run = script.run(&[Reply::stream("").then_silence(70_000), streamed("b/two", &["fine"])]);
    assert_eq!(run.text, "fine");
    assert!(
        run.outcome.model_outcomes.iter().all(|lesson| lesson.failure.is_none()),
        "{:?}",
        run.outcome.model_outcomes
    );
}

#[test]
fn a_model_does_not_stall_because_the_reader_is_busy() {
    let mut script = two().streaming();
    script.reader_takes = 900_000;
    let run = script
        .run(&[Reply::stream(words("a/one", &["Hel"])).then(words("a/one", &["lo"])).then(finish("a/one", "stop"))]);
    assert_eq!((run.kind(), run.text.as_str()), (None, "Hello"));
}
