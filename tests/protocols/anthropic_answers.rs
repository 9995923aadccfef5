//! The dialect `anthropic`: the streams, messages and errors of upstreams.

use super::answers::{self, Part};
use super::messages;
use super::messages_client;
use super::random::Random;
use super::responses::check_message;
use super::support::{parsed, with};
use failsoft::failure::classify;
use failsoft::protocol::anthropic::{Translator, completion};
use failsoft::protocol::messages::{Writer, message};
use failsoft::reader::StreamReader;
use failsoft::{Headers, Json, Kind};
use serde_json::{Value, json};

/// The events with which Anthropic would send an answer.
fn anthropic_sse(parts: &[Part], random: &mut Random) -> String {
    let start = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-one", "content": [], "stop_reason": null,
        "usage": {"input_tokens": 50, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30, "output_tokens": 1}});
    let mut events = vec![json!({"type": "message_start", "message": start}), json!({"type": "ping"})];
    for (index, part) in parts.iter().enumerate() {
        let (block, deltas) = match part {
            Part::Text(text) => (json!({"type": "text", "text": ""}), deltas("text_delta", "text", text, random)),
            Part::Reasoning(text) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                deltas("thinking_delta", "thinking", text, random),
            ),
            Part::Signed(text, signature) => {
                let mut all = deltas("thinking_delta", "thinking", text, random);
                all.push(json!({"type": "signature_delta", "signature": signature}));
                (json!({"type": "thinking", "thinking": "", "signature": ""}), all)
            }
            Part::Encrypted(data, _) => (json!({"type": "redacted_thinking", "data": data}), Vec::new()),
            Part::Call(id, name, input) => {
                let is_empty = input.as_object().is_some_and(serde_json::Map::is_empty);
                let all = if is_empty {
                    Vec::new()
                } else {
                    deltas("input_json_delta", "partial_json", &input.to_string(), random)
                };
                (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), all)
            }
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events.extend(
            deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let calls = parts.iter().any(|part| matches!(part, Part::Call(..)));
    let delta = json!({"stop_reason": if calls { "tool_use" } else { "end_turn" }, "stop_sequence": null});
    // A field may be null, and other fields may be long.
    let usage = json!({"output_tokens": 10, "input_tokens": null, "cache_read_input_tokens": null, "iterations": vec!["x"; 2_000]});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": usage}));
    events.push(json!({"type": "message_stop"}));
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")))
        .collect()
}

fn deltas(kind: &str, name: &str, text: &str, random: &mut Random) -> Vec<Value> {
    random.pieces(text).into_iter().map(|piece| json!({"type": kind, name: piece})).collect()
}

/// An answer that Claude can give.
fn claudes(seed: u64) -> Vec<Part> {
    let mut parts = answers::random(seed).parts;
    for part in &mut parts {
        match part {
            Part::Encrypted(_, format) => *format = "anthropic-claude-v1",
            Part::Reasoning(text) => *part = Part::Signed(std::mem::take(text), "EuYB".into()),
            Part::Text(_) | Part::Signed(..) | Part::Call(..) => {}
        }
    }
    parts
}

#[test]
fn an_answer_of_anthropic_is_the_same_for_a_client_of_messages() {
    for seed in 0..1_000 {
        let parts = claudes(seed);
        let sse = anthropic_sse(&parts, &mut Random::new(seed));
        let chunks = Translator::new(1, false).feed(sse.as_bytes());
        let mut reader = StreamReader::default();
        let mut writer = Writer::new(messages::thinking(), 7);
        let mut out = writer.take(&reader.feed(chunks.as_bytes(), 0));
        reader.finish().expect("a whole answer");
        out.push_str(&writer.finish(None));
        let (upstream, client) = (messages_client::read(&sse), messages_client::read(&out));
        assert_eq!(client["content"], upstream["content"], "seed {seed}");
        assert_eq!((&client["stop_reason"], &client["model"]), (&upstream["stop_reason"], &upstream["model"]));
        assert_eq!((&client["usage"]["input_tokens"], &client["usage"]["output_tokens"]), (&json!(50), &json!(10)));

        let answer = parsed(&reader.answer().completion());
        check_message(&parts, &answer["choices"][0]["message"], seed);
        let mut whole = upstream.clone();
        whole["usage"] = json!({"input_tokens": 50, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30, "output_tokens": 10});
        let whole = with(&whole, |whole| completion(whole, 1, false)).expect("a completion");
        let whole = message(Json::parse(&whole).expect("JSON"), messages::thinking(), 7, None);
        assert_eq!(parsed(&whole)["stop_reason"], upstream["stop_reason"]);
        // A completion has one text and the reasoning before it.
        assert_eq!(parsed(&whole)["content"], upstream["content"], "seed {seed}");
    }
}

#[test]
fn chunks_do_not_depend_on_where_the_bytes_are_cut() {
    for seed in [1, 2, 3, 5, 8, 13] {
        let sse = anthropic_sse(&claudes(seed), &mut Random::new(seed))
            .replace('\n', if seed % 2 == 0 { "\n" } else { "\r\n" });
        let expected = Translator::new(1, false).feed(sse.as_bytes());
        for cut in 0..=sse.len() {
            let mut translator = Translator::new(1, false);
            let both = translator.feed(&sse.as_bytes()[..cut]) + &translator.feed(&sse.as_bytes()[cut..]);
            assert_eq!(both, expected, "seed {seed}, cut at {cut}");
        }
    }
}

#[test]
fn stop_reasons_are_those_of_chat() {
    for (reason, finish) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ] {
        let message =
            json!({"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": reason, "usage": {}});
        let choice = parsed(&with(&message, |message| completion(message, 1, false)).expect("a completion"))["choices"]
            [0]
        .clone();
        assert_eq!((&choice["finish_reason"], &choice["native_finish_reason"]), (&json!(finish), &json!(reason)));
    }
}

#[test]
fn an_error_in_a_stream_is_a_failure_of_its_kind() {
    for (kind, name) in [
        (Kind::Unavailable, "overloaded_error"),
        (Kind::RateLimited, "rate_limit_error"),
        (Kind::ServerError, "api_error"),
    ] {
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{}}}\n\n";
        let error = format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{name}\",\"message\":\"no\"}}}}\n\n"
        );
        let chunks = Translator::new(1, false).feed(format!("{start}{error}").as_bytes());
        let mut reader = StreamReader::default();
        reader.feed(chunks.as_bytes(), 0);
        assert_eq!(reader.finish().expect_err("a failure").kind, kind, "{name}");
    }
}

#[test]
fn errors_before_an_answer_are_read_without_translation() {
    for (status, name, message, kind) in [
        (529, "overloaded_error", "Overloaded", Kind::Unavailable),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", Kind::ContextLength),
        (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API.",
            Kind::PaymentRequired,
        ),
        (404, "not_found_error", "model: claude-x", Kind::UnknownModel),
        (401, "authentication_error", "invalid x-api-key", Kind::Unauthorized),
    ] {
        let error = json!({"type": "error", "error": {"type": name, "message": message}, "request_id": "req_1"});
        assert_eq!(classify(status, &Headers::default(), error.to_string().as_bytes(), 0).kind, kind, "{message}");
        assert!(with(&error, |error| completion(error, 1, false)).is_none());
    }
}

#[test]
fn a_stream_that_breaks_is_cut() {
    let sse = anthropic_sse(&[Part::Text("Hello".into())], &mut Random::new(1));
    let end = sse.find("event: message_delta").expect("an end");
    let mut reader = StreamReader::default();
    reader.feed(Translator::new(1, false).feed(&sse.as_bytes()[..end]).as_bytes(), 0);
    assert_eq!(reader.finish().expect_err("a failure").kind, Kind::Cut);
}

// BerriAI/litellm#27442
#[test]
fn a_delta_without_its_beginning_is_read() {
    let delta = |kind: &str, name: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"{kind}\",\"{name}\":\"a\"}}}}\n\n"
        )
    };
    let chunks = Translator::new(1, false).feed(
        [delta("thinking_delta", "thinking"), delta("text_delta", "text"), delta("input_json_delta", "partial_json")]
            .concat()
            .as_bytes(),
    );
    let mut reader = StreamReader::default();
    reader.feed(chunks.as_bytes(), 0);
    assert_eq!(
        (reader.answer().text(), reader.answer().has_reasoning(), reader.answer().has_tool_call()),
        ("a", true, false)
    );
}

#[test]
fn what_chat_has_no_form_for_reaches_a_client_of_the_same_protocol_alone() {
    let novel = json!({"type": "novel_block", "anything": 1.5});
    let citation = json!({"type": "page_location", "cited_text": "x", "document_index": 0, "start_page_number": 1, "end_page_number": 2});
    let whole = json!({"type": "message", "id": "msg_1", "role": "assistant", "model": "m", "stop_reason": "end_turn", "usage": {},
        "content": [novel, {"type": "text", "text": "hi", "citations": [citation]}]});
    let event = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().expect("a type"));
    let server = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "novel", "input": {}});
    let streamed = [
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": server}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "1}"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hi"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": citation}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}),
        json!({"type": "message_stop"}),
    ]
    .map(event)
    .concat();
    for is_native in [true, false] {
        let completion = with(&whole, |whole| completion(whole, 1, is_native)).expect("a completion");
        let message = message(Json::parse(&completion).expect("JSON"), messages::thinking(), 7, None);
        let mut reader = StreamReader::default();
        let mut writer = Writer::new(messages::thinking(), 7);
        let chunks = Translator::new(1, is_native).feed(streamed.as_bytes());
        let mut out = writer.take(&reader.feed(chunks.as_bytes(), 0));
        reader.finish().expect("a whole answer");
        out.push_str(&writer.finish(None));
        if is_native {
            assert_eq!(parsed(&message)["content"], whole["content"]);
            assert!(out.contains(&format!(r#""delta":{{"type":"citations_delta","citation":{citation}}}"#)), "{out}");
            let mut server = server.clone();
            server["input"] = json!({"a": 1});
            assert_eq!(messages_client::read(&out)["content"][0], server);
        } else {
            assert!(!message.contains("novel") && !message.contains("citations"), "{message}");
            assert!(!out.contains("novel") && !out.contains("citations_delta"), "{out}");
        }
    }
}
