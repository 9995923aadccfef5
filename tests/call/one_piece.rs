//! Answers for callers that want one piece: streamed from the upstream where it streams, with clocks in any case.

use failsoft::{Kind, Lane};
use serde_json::{Value, json};

use crate::reply::{Reply, delta, streamed, words};
use crate::script::{Run, Script};
use crate::two;

/// Whether each request asked for a stream.
fn streams(run: &Run) -> Vec<bool> {
    run.bodies().iter().map(|body| body["stream"] == true).collect()
}

/// The milliseconds between the first two requests.
fn patience(run: &Run) -> u64 {
    run.sent_at[1] - run.sent_at[0]
}

/// A model that does not stream, in the words of OpenAI.
fn refuses_stream() -> Reply {
    Reply::error(
        400,
        json!({
            "message": "Your organization must be verified to stream this model. Unsupported value: 'stream'.",
            "type": "invalid_request_error", "param": "stream", "code": "unsupported_value",
        }),
    )
}

#[test]
fn by_default_an_upstream_is_asked_for_a_stream_and_the_answer_is_put_together() {
    let run = two().run(&[streamed("a/one", &["Hel", "lo"])]);
    assert_eq!((streams(&run), &*run.content()), (vec![true], "Hello"));
    assert!(run.chunks.is_empty());
}

#[test]
fn a_silent_model_is_overtaken_within_15_seconds() {
    let comments = (0..200).fold(Reply::stream(": wait\n\n"), |reply, _| reply.then_silence(1_000).then(": wait\n\n"));
    for (silent, kind) in [(Reply::silent(), Kind::HeadersTimeout), (comments, Kind::FirstTokenTimeout)] {
        let run = two().run(&[silent, streamed("b/two", &["fine"])]);
        assert_eq!((run.failure_of(0), patience(&run), &*run.content()), (Some(kind), 12_001, "fine"));
        assert_eq!(run.cancelled, [0]);
    }
}

#[test]
fn a_model_that_falls_silent_in_the_middle_is_overtaken() {
    let stalled = Reply::stream(words("a/one", &["Hel"])).then_hangs();
    let run = two().run(&[stalled, streamed("b/two", &["fine"])]);
    assert_eq!((run.failure_of(0), &*run.content()), (Some(Kind::Stalled), "fine"));
    assert!((30_000..30_100).contains(&patience(&run)));
}

#[test]
fn a_batch_whose_headers_never_came_is_asked_one_by_one() {
    let mut script = Script::openrouter(&["a/1", "b/2", "c/3"]);
    let run = script.run(&[Reply::silent(), streamed("b/2", &["fine"])]);
    assert_eq!(run.asked(), [vec!["a/1", "b/2", "c/3"], vec!["b/2"]]);
    assert!((patience(&run), &*run.content()) <= (15_000, "fine"));
}

#[test]
fn an_answer_in_one_piece_has_to_begin_when_all_of_it_could_be_written() {
    for (fields, policy, most) in [
        // 12 s, 1 ms for the prompt, and 40 ms for each token.
        (json!({"max_tokens": 200}), json!({}), 12_001 + 8_000),
        (json!({}), json!({}), 12_001 + 163_840),
        (json!({"max_tokens": 200, "reasoning_effort": "low"}), json!({}), 300_000 + 8_000),
        (json!({"max_tokens": 200}), json!({"timeouts": {"firstToken": 1_000}}), 1_000 + 8_000),
        // The clock for the headers of streams does not count.
        (json!({"max_tokens": 200}), json!({"timeouts": {"headers": 1_000}}), 12_001 + 8_000),
    ] {
        let mut policy = policy;
        policy["assemble"] = false.into();
        let mut script = two().policy(policy);
        for (name, value) in fields.as_object().expect("fields") {
            script.body[name] = value.clone();
        }
        // Headers and white space that come early say nothing about the answer.
        let early = Reply::new(200, "application/json", "\n   \n").then_silence(5_000).then(" \n").then_hangs();
        for (silent, kind) in [(Reply::silent(), Kind::HeadersTimeout), (early, Kind::FirstTokenTimeout)] {
            let run = script.run(&[silent, Reply::says("b/two", "fine")]);
            assert_eq!((run.failure_of(0), patience(&run)), (Some(kind), most), "{fields}");
            assert_eq!((streams(&run), &*run.content()), (vec![false, false], "fine"));
            script.breakers = Default::default();
        }
        let slow = Reply::says("a/one", "slow").head_after(most - 10);
        assert_eq!(script.run(&[slow]).content(), "slow");
    }
}

#[test]
fn an_answer_in_one_piece_that_stops_in_the_middle_is_overtaken() {
    let half = Reply::new(200, "application/json", r#"{"choices": [{"message": "#).then_silence(20_000).then("{");
    let run = two().policy(json!({"assemble": false})).run(&[half.then_hangs(), Reply::says("b/two", "fine")]);
    assert_eq!((run.failure_of(0), &*run.content()), (Some(Kind::Stalled), "fine"));
    assert!((50_000..50_100).contains(&patience(&run)), "{}", patience(&run));
}

#[test]
fn a_lane_that_passes_bytes_asks_for_one_piece() {
    for lane in [Lane::Relay, Lane::Lean] {
        let mut script = two();
        (script.lane, script.body["max_tokens"]) = (lane, 200.into());
        let run = script.run(&[Reply::silent(), Reply::says("b/two", "fine")]);
        assert_eq!((streams(&run), patience(&run), &*run.content()), (vec![false, false], 20_001, "fine"));
    }
}

#[test]
fn audio_is_asked_for_in_one_piece() {
    let mut script = two();
    script.body["audio"] = json!({"voice": "alloy", "format": "wav"});
    assert_eq!(streams(&script.run(&[Reply::says("a/one", "heard")])), [false]);
}

#[test]
fn an_upstream_that_does_not_stream_is_asked_for_one_piece_whatever_the_caller_wants() {
    let mut script = two();
    script.streams = false;
    assert_eq!(streams(&script.run(&[Reply::says("a/one", "fine")])), [false]);
    let mut script = script.streaming();
    let run = script.run(&[Reply::says("a/one", "fine")]);
    assert_eq!((streams(&run), &*run.text), (vec![false], "fine"));
    assert_eq!(run.chunks[0]["object"], "chat.completion.chunk");
}

#[test]
fn a_model_that_rejects_stream_is_asked_for_one_piece_from_then_on_and_others_are_not() {
    for stream in [false, true] {
        let mut script = two();
        script.body["stream"] = stream.into();
        let text = |run: &Run| if stream { run.text.clone() } else { run.content() };
        let run = script.run(&[refuses_stream(), Reply::says("a/one", "fine")]);
        assert_eq!(run.asked(), [["a/one"], ["a/one"]]);
        assert_eq!((streams(&run), text(&run)), (vec![true, false], "fine".into()));
        // The next call knows it.
        let run = script.run(&[Reply::says("a/one", "again")]);
        assert_eq!((streams(&run), text(&run)), (vec![false], "again".into()));
        // Another model of the same upstream streams.
        let run = script.run(&[Reply::status(503), streamed("b/two", &["other"])]);
        assert_eq!((streams(&run), text(&run)), (vec![false, true], "other".into()));
    }
}

#[test]
fn what_a_stream_said_is_in_the_answer_as_if_it_had_never_been_streamed() {
    let parts = [
        delta("a/one", json!({"role": "assistant", "content": "See "})),
        delta(
            "a/one",
            json!({"content": "there.", "annotations": [{"type": "url_citation", "url": "https://a.example"}]}),
        ),
        delta("a/one", json!({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]})),
        delta("a/one", json!({"novel": {"b": 1}})),
        crate::reply::finish("a/one", "stop"),
    ];
    let run = two().run(&[Reply::stream(parts.concat())]);
    let answer = run.outcome.result.as_ref().expect("an answer").completion();
    let message: &Value = &serde_json::from_str::<Value>(&answer).expect("JSON")["choices"][0]["message"];
    assert_eq!(message["content"], "See there.");
    assert_eq!(message["annotations"][0]["url"], "https://a.example");
    assert_eq!(message["images"][0]["image_url"]["url"], "data:image/png;base64,AA");
    assert_eq!(message["novel"], json!({"b": 1}));
}
