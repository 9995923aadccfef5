//! Streams before and behind the commit point, and answers that change their form.

use failsoft::{Kind, Usd};
use serde_json::json;

use crate::reply::{Reply, delta, event, finish, streamed, words};
use crate::two;

#[test]
fn a_stream_is_held_until_its_first_meaningful_delta() {
    let preamble = delta("a/one", json!({"role": "assistant", "content": ""}));
    let cut = Reply::stream([": OPENROUTER PROCESSING\n\n".to_owned(), preamble].concat());
    let run = two().streaming().run(&[cut.clone(), cut, streamed("b/two", &["Hel", "lo"])]);
    assert_eq!((run.text.as_str(), run.content().as_str()), ("Hello", "Hello"));
    assert!(run.chunks.iter().all(|chunk| chunk["model"] == "b/two"));
}

#[test]
fn without_recovery_a_stream_that_breaks_after_the_commit_point_is_an_error() {
    for end in [
        Reply::stream(words("a/one", &["Hel"])),
        Reply::stream(words("a/one", &["Hel"])).then_resets(),
        Reply::stream(words("a/one", &["Hel"])).then_hangs(),
        Reply::stream(words("a/one", &["Hel"]))
            .then(event(&json!({"error": {"code": 502, "message": "x"}, "choices": []}))),
        Reply::stream(words("a/one", &["Hel"]) + "data: [DONE]\n\n"),
    ] {
        let run = two().streaming().policy(json!({"recover": "error"})).run(&[end]);
        assert_eq!((run.sent.len(), run.text.as_str()), (1, "Hel"));
        assert!(
            matches!(run.kind(), Some(Kind::Cut | Kind::Network | Kind::Stalled | Kind::ServerError)),
            "{:?}",
            run.kind()
        );
        assert_eq!(run.outcome.partial.as_deref(), Some("Hel"));
    }
}

#[test]
fn after_an_error_in_a_chunk_before_the_commit_point_the_next_model_answers() {
    for chunk in [
        json!({"error": {"code": 503, "message": "x"}, "choices": []}),
        json!({"error": {"code": "overloaded_error", "message": "x"}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}),
        json!({"choices": [{"index": 0, "delta": {}, "error": {"code": 503, "message": "x"}, "finish_reason": "error"}]}),
    ] {
        let run = two().streaming().run(&[Reply::stream(event(&chunk)), streamed("b/two", &["fine"])]);
        assert_eq!(run.text, "fine");
        assert_eq!(run.failure_of(0), Some(Kind::Unavailable));
    }
}

#[test]
fn a_malformed_event_is_skipped_and_reported() {
    let broken = Reply::stream(
        words("a/one", &["Hel"]) + "data: {\"choi\n\n" + &words("a/one", &["lo"]) + &finish("a/one", "stop"),
    );
    let run = two().streaming().run(&[broken]);
    assert_eq!(run.text, "Hello");
    assert!(run.outcome.report.warnings[0].contains("1 unreadable event"));
}

#[test]
fn a_tool_call_with_a_missing_part_is_a_failure() {
    let call = |arguments: &str| {
        delta(
            "a/one",
            json!({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": arguments}}]}),
        )
    };
    let holed = [call("{\"a\":"), "data: oops\n\n".into(), call("}"), finish("a/one", "tool_calls")].concat();
    let run = two().policy(json!({"assemble": true})).run(&[
        Reply::stream(holed.clone()),
        Reply::stream(holed),
        streamed("b/two", &["fine"]),
    ]);
    assert_eq!(run.failure_of(0), Some(Kind::BadResponse));
    assert_eq!(run.content(), "fine");
}

#[test]
fn with_assemble_a_completion_is_the_sum_of_a_stream() {
    let run = two().policy(json!({"assemble": true})).run(&[Reply::silent(), streamed("b/two", &["Hel", "lo"])]);
    assert_eq!(run.bodies()[0]["stream"], true);
    assert_eq!(run.content(), "Hello");
    assert!(run.chunks.is_empty());
    assert_eq!(run.outcome.report.cost.map(Usd::as_f64), Some(0.25));
}

#[test]
fn a_completion_in_one_piece_becomes_a_stream_for_a_caller_that_wants_one() {
    let run = two().streaming().run(&[Reply::says("a/one", "whole")]);
    assert_eq!(run.text, "whole");
    assert_eq!(run.chunks[0]["choices"][0]["delta"]["content"], "whole");
}
