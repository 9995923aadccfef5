//! Streams and response objects.

use super::super::answers::{self, Part, chunk, usage};
use super::super::responses_client::{self, check_object};
use super::super::support::{completion, parsed, through_core, upstream_sse, with};
use super::{SEED, context, messages, read, stream};
use failsoft::protocol::responses::{self, Writer};
use failsoft::{Failure, Json, Kind};
use serde_json::{Value, json};

#[test]
fn any_answer_is_a_stream_that_clients_accept_and_the_same_response_in_one_piece() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let context = context(json!({"include": ["reasoning.encrypted_content"]}));
        let streamed = responses_client::read(&stream(context.clone(), &answer.chunks));
        check(&answer.parts, &streamed, seed);
        let whole = completion(&answer.chunks);
        let whole = parsed(&responses::response(Json::parse(&whole).expect("JSON"), context, SEED, 9, None));
        check_object(&whole, "completed");
        check(&answer.parts, &whole, seed);
    }
}

/// The items of `response` are the `parts` of the answer.
fn check(parts: &[Part], response: &Value, seed: u64) {
    let output = response["output"].as_array().expect("items");
    assert_eq!(output.len(), parts.len(), "seed {seed}: {response}");
    for (part, item) in parts.iter().zip(output) {
        let summary = item["summary"][0]["text"].as_str().unwrap_or_default();
        match part {
            Part::Text(text) => assert_eq!(item["content"][0]["text"], json!(text), "seed {seed}"),
            Part::Reasoning(text) => assert_eq!((summary, &item["encrypted_content"]), (&**text, &Value::Null)),
            Part::Signed(text, signature) => {
                assert_eq!(summary, text);
                assert!(item["encrypted_content"].as_str().expect("a carrier").contains(signature));
            }
            Part::Encrypted(data, _) => {
                assert!(item["encrypted_content"].as_str().expect("a carrier").contains(data));
            }
            Part::Call(id, name, arguments) => {
                assert_eq!((&item["call_id"], &item["name"]), (&json!(id), &json!(name)), "seed {seed}");
                assert_eq!(parsed(item["arguments"].as_str().expect("a text")), *arguments);
            }
        }
    }
    let usage = &response["usage"];
    assert_eq!((&usage["input_tokens"], &usage["total_tokens"]), (&json!(100), &json!(110)));
    assert_eq!(usage["input_tokens_details"], json!({"cached_tokens": 20, "cache_write_tokens": 30}));
}

#[test]
fn an_answer_that_a_client_sends_back_is_the_same_message() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let context = context(json!({"include": ["reasoning.encrypted_content"]}));
        let response = responses_client::read(&stream(context, &answer.chunks));
        let mut input = vec![json!({"role": "user", "content": "hi"})];
        input.extend(response["output"].as_array().expect("items").iter().cloned());
        let replayed = messages(json!(input))[1].clone();
        check_message(&answer.parts, &replayed, seed);
    }
}

/// The chat message of the assistant is the `parts` of an answer.
pub(crate) fn check_message(parts: &[Part], message: &Value, seed: u64) {
    let (mut calls, mut details) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(text) => assert_eq!(message["content"], json!(text), "seed {seed}"),
            Part::Reasoning(text) => assert_eq!(message["reasoning"], json!(text)),
            Part::Signed(text, signature) => details.push(json!({"text": text, "signature": signature})),
            Part::Encrypted(data, format) => details.push(json!({"data": data, "format": format})),
            Part::Call(id, name, arguments) => calls.push((id, name, arguments)),
        }
    }
    let sent = message["tool_calls"].as_array().cloned().unwrap_or_default();
    assert_eq!(sent.len(), calls.len());
    for (call, (id, name, arguments)) in sent.iter().zip(calls) {
        assert_eq!((&call["id"], &call["function"]["name"]), (&json!(id), &json!(name)));
        assert_eq!(parsed(call["function"]["arguments"].as_str().expect("a text")), *arguments);
    }
    let sent = message["reasoning_details"].as_array().cloned().unwrap_or_default();
    assert_eq!(sent.len(), details.len(), "seed {seed}: {message}");
    for (sent, detail) in sent.iter().zip(details) {
        for (name, value) in detail.as_object().expect("an object") {
            assert_eq!(sent[name], *value, "seed {seed}");
        }
    }
}

#[test]
fn events_do_not_depend_on_where_the_bytes_of_the_upstream_are_cut() {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34] {
        let answer = answers::random(seed);
        let bytes = upstream_sse(&answer.chunks);
        let write = |cut| {
            let mut writer = Writer::new(context(json!({})), SEED, 9);
            let (first, second) = bytes.as_bytes().split_at(cut);
            through_core([first, second], |chunks| writer.take(chunks)) + &writer.finish(None)
        };
        let expected = write(0);
        check(&answer.parts, &with_encrypted(&answer, &expected), seed);
        for cut in 0..=bytes.len() {
            assert_eq!(write(cut), expected, "seed {seed}, cut at {cut}");
        }
    }
}

/// The response of a client that did not ask for encrypted reasoning: it has none, so only the rest is compared.
fn with_encrypted(answer: &answers::Answer, sse: &str) -> Value {
    let mut response = responses_client::read(sse);
    for (at, part) in answer.parts.iter().enumerate() {
        match part {
            Part::Signed(_, text) | Part::Encrypted(text, _) => {
                assert_eq!(response["output"][at]["encrypted_content"], Value::Null);
                response["output"][at]["encrypted_content"] = json!(text);
            }
            Part::Text(_) | Part::Reasoning(_) | Part::Call(..) => {}
        }
    }
    response
}

#[test]
fn only_a_completed_response_says_when_it_was_completed() {
    let text = |reason: &str| [chunk(json!({"content": "a"}), Some(reason))];
    for (reason, expected) in [("stop", json!(12)), ("length", Value::Null)] {
        let mut writer = Writer::new(context(json!({})), SEED, 9);
        let mut sse: String = text(reason).iter().map(|chunk| with(chunk, |chunk| writer.take_chunk(chunk))).collect();
        writer.complete_at(12);
        sse.push_str(&writer.finish(None));
        let events = super::super::support::events(&sse);
        assert_eq!(
            (&events[0].1["response"]["completed_at"], &events[0].1["response"]["created_at"]),
            (&Value::Null, &json!(9))
        );
        assert_eq!(events.last().expect("an end").1["response"]["completed_at"], expected);
        let mut writer = failsoft::protocol::Context::Responses(context(json!({}))).writer(SEED, 9);
        writer.complete_at(12);
        assert_eq!(parsed(&writer.answer(&completion(&text(reason)), "null"))["completed_at"], expected);
    }
    let mut writer = Writer::new(context(json!({})), SEED, 9);
    writer.complete_at(12);
    assert!(writer.fail(&Failure::new(Kind::Cut, "cut"), None).contains(r#""completed_at":null"#));
}

#[test]
fn a_custom_tool_is_called_with_text() {
    let tools = json!([{"type": "custom", "name": "patch", "description": "Patches.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}}]);
    let body =
        json!({"model": "m/one", "input": "hi", "tools": tools, "tool_choice": {"type": "custom", "name": "patch"}});
    let (chat, context) = read(&body).expect("a valid request");
    assert_eq!(chat["tool_choice"], json!({"type": "function", "function": {"name": "patch"}}));
    assert!(chat["tools"][0]["function"]["description"].as_str().expect("a text").contains("lark grammar:\nstart: A"));
    let call = json!({"index": 0, "id": "c1", "function": {"name": "patch", "arguments": "{\"input\":\"a\\n"}});
    let rest = json!({"index": 0, "function": {"arguments": "b\"}"}});
    let chunks = [chunk(json!({"tool_calls": [call]}), None), chunk(json!({"tool_calls": [rest]}), Some("tool_calls"))];
    let response = responses_client::read(&stream(context, &chunks));
    let item = &response["output"][0];
    assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!("a\nb")));
    assert_eq!(response["tools"], tools);
}

#[test]
fn an_answer_ends_for_its_reason() {
    let call = json!({"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{\"a\":"}});
    for (chunks, status, reason) in [
        (vec![chunk(json!({"content": "a"}), Some("length"))], "incomplete", Some("max_output_tokens")),
        (vec![chunk(json!({"content": "a"}), Some("content_filter"))], "incomplete", Some("content_filter")),
        (vec![chunk(json!({"tool_calls": [call]}), Some("length"))], "incomplete", Some("max_output_tokens")),
        (vec![chunk(json!({"refusal": "no"}), Some("stop"))], "completed", None),
        (vec![chunk(json!({"content": "a"}), Some("stop")), usage(1, 0, 0, 1)], "completed", None),
    ] {
        let response = responses_client::read(&stream(context(json!({})), &chunks));
        assert_eq!((&response["status"], response["incomplete_details"]["reason"].as_str()), (&json!(status), reason));
        assert_eq!(response["output"][0]["status"], json!(status));
    }
}

#[test]
fn an_answer_that_breaks_fails_with_what_came() {
    for failure in [Failure::new(Kind::Cut, "cut"), Failure::new(Kind::RateLimited, "slow")] {
        let mut writer = Writer::new(context(json!({})), SEED, 9);
        let mut sse = with(&chunk(json!({"content": "half"}), None), |chunk| writer.take_chunk(chunk));
        sse.push_str(&writer.fail(&failure, Some(r#"{"attempts":[]}"#)));
        let response = responses_client::read(&sse);
        let code = if failure.kind == Kind::Cut { "server_error" } else { "rate_limit_exceeded" };
        assert_eq!((&response["error"]["code"], &response["status"]), (&json!(code), &json!("failed")));
        assert_eq!(response["output"][0]["content"][0]["text"], "half");
        assert_eq!(
            (&response["output"][0]["status"], &response["failsoft"]),
            (&json!("incomplete"), &json!({"attempts": []}))
        );
    }
    let nothing = Writer::new(context(json!({})), SEED, 9).fail(&Failure::new(Kind::Stalled, "x"), None);
    assert_eq!(responses_client::read(&nothing)["output"], json!([]));
}

#[test]
fn citations_and_log_probabilities_are_of_their_text() {
    let citation = json!({"type": "url_citation", "url_citation": {"url": "https://x.example", "title": "X", "start_index": 1, "end_index": 2}});
    let mut first = chunk(json!({"content": "ab", "annotations": [citation]}), None);
    first["choices"][0]["logprobs"] =
        json!({"content": [{"token": "ab", "logprob": -0.5, "bytes": null, "top_logprobs": []}]});
    let chunks = [first, chunk(json!({"annotations": [citation]}), Some("stop"))];
    let response = responses_client::read(&stream(context(json!({})), &chunks));
    let part = &response["output"][0]["content"][0];
    let flat =
        json!([{"type": "url_citation", "start_index": 1, "end_index": 2, "url": "https://x.example", "title": "X"}]);
    assert_eq!((&part["annotations"], &part["logprobs"][0]["token"]), (&flat, &json!("ab")));
}
