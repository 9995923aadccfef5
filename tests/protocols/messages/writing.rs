//! What a client gets: streams, message objects and errors.

use super::{SEED, chat_messages, context, stream, thinking};
use crate::answers::{self, Part, chunk, usage};
use crate::messages_client::{self, check_whole};
use crate::responses::check_message;
use crate::support::{completion, events, parsed, through_core, upstream_sse, with};
use failsoft::protocol::messages::{self, PING, Writer};
use failsoft::{Failure, Json, Kind};
use serde_json::{Value, json};

#[test]
fn any_answer_is_a_stream_that_clients_accept_and_the_same_message_in_one_piece() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let streamed = messages_client::read(&stream(thinking(), &answer.chunks));
        check(&answer.parts, &streamed, seed);
        let whole = completion(&answer.chunks);
        let whole = parsed(&messages::message(Json::parse(&whole).expect("JSON"), thinking(), SEED, None));
        check_whole(&whole);
        check(&answer.parts, &whole, seed);
        assert_eq!((&whole["id"], &whole["stop_reason"]), (&streamed["id"], &streamed["stop_reason"]));
    }
}

/// The blocks of `message` are the `parts` of the answer.
fn check(parts: &[Part], message: &Value, seed: u64) {
    let content = message["content"].as_array().expect("blocks");
    assert_eq!(content.len(), parts.len(), "seed {seed}: {message}");
    for (part, block) in parts.iter().zip(content) {
        match part {
            Part::Text(text) => assert_eq!(block["text"], json!(text), "seed {seed}"),
            Part::Reasoning(text) => {
                assert_eq!((&block["thinking"], &block["signature"]), (&json!(text), &json!("")));
            }
            Part::Signed(text, signature) => {
                assert_eq!((&block["thinking"], &block["signature"]), (&json!(text), &json!(signature)), "seed {seed}");
            }
            Part::Encrypted(data, format) => {
                let sent = block["data"].as_str().expect("data");
                assert!(if format.contains("claude") { sent == data } else { sent.contains(data) && sent != data });
            }
            Part::Call(id, name, arguments) => {
                let expected = json!({"type": "tool_use", "id": id, "name": name, "input": arguments});
                assert_eq!(*block, expected, "seed {seed}");
            }
        }
    }
    let usage = &message["usage"];
    assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&json!(50), &json!(20)));
    assert_eq!((&usage["cache_creation_input_tokens"], &usage["output_tokens"]), (&json!(30), &json!(10)));
}

#[test]
fn an_answer_that_a_client_sends_back_is_the_same_message() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let message = messages_client::read(&stream(thinking(), &answer.chunks));
        let turns = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": message["content"]}]);
        check_message(&answer.parts, &chat_messages(turns)[1], seed);
    }
}

#[test]
fn events_do_not_depend_on_where_the_bytes_of_the_upstream_are_cut() {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34] {
        let answer = answers::random(seed);
        let bytes = upstream_sse(&answer.chunks);
        let write = |cut| {
            let mut writer = Writer::new(thinking(), SEED);
            let (first, second) = bytes.as_bytes().split_at(cut);
            through_core([first, second], |chunks| writer.take(chunks)) + &writer.finish(None)
        };
        let expected = write(0);
        check(&answer.parts, &messages_client::read(&expected), seed);
        for cut in 0..=bytes.len() {
            assert_eq!(write(cut), expected, "seed {seed}, cut at {cut}");
        }
    }
}

#[test]
fn a_client_that_did_not_ask_for_thinking_gets_only_claudes_own() {
    let plain = chunk(json!({"reasoning": "hm", "content": "a"}), Some("stop"));
    let message = messages_client::read(&stream(context(json!({})), &[plain]));
    assert_eq!(message["content"], json!([{"type": "text", "text": "a"}]));
    let detail = json!({"type": "reasoning.text", "text": "hm", "signature": "Eu", "format": "anthropic-claude-v1"});
    let signed = chunk(json!({"reasoning": "hm", "reasoning_details": [detail], "content": "a"}), Some("stop"));
    let message = messages_client::read(&stream(context(json!({})), &[signed]));
    assert_eq!(message["content"][0], json!({"type": "thinking", "thinking": "hm", "signature": "Eu"}));
}

#[test]
fn thinking_that_is_not_shown_keeps_its_signature() {
    let detail = json!({"type": "reasoning.text", "signature": "Eu", "format": "anthropic-claude-v1", "index": 0});
    let chunks = [chunk(json!({"reasoning_details": [detail]}), None), chunk(json!({"content": "a"}), Some("stop"))];
    let message = messages_client::read(&stream(thinking(), &chunks));
    assert_eq!(message["content"][0], json!({"type": "thinking", "thinking": "", "signature": "Eu"}));
}

#[test]
fn encrypted_thoughts_in_a_row_stay_apart_whatever_their_index_is() {
    for index in [json!({"index": 0}), json!({})] {
        let thought = |data: &str| {
            let mut detail = json!({"type": "reasoning.encrypted", "data": data, "format": "anthropic-claude-v1"});
            detail.as_object_mut().expect("an object").extend(index.as_object().expect("an object").clone());
            chunk(json!({"reasoning_details": [detail]}), None)
        };
        let chunks = [thought("Em4K"), thought("Em5L"), chunk(json!({"content": "a"}), Some("stop"))];
        let message = messages_client::read(&stream(thinking(), &chunks));
        let redacted = |data: &str| json!({"type": "redacted_thinking", "data": data});
        assert_eq!(message["content"], json!([redacted("Em4K"), redacted("Em5L"), {"type": "text", "text": "a"}]));
    }
}

/// OpenRouter's streams give each thought the same index (OpenRouterTeam/ai-sdk-provider#519).
#[test]
fn a_thought_ends_with_its_signature_whatever_its_index_is() {
    for index in [json!({"index": 0}), json!({})] {
        let piece = |fields: Value| {
            let mut detail = json!({"type": "reasoning.text", "format": "anthropic-claude-v1"});
            for more in [&fields, &index] {
                detail.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            }
            chunk(json!({"reasoning_details": [detail]}), None)
        };
        let chunks = [
            piece(json!({"text": "Let "})),
            piece(json!({"text": "me"})),
            piece(json!({"text": "", "signature": "Eu"})),
            piece(json!({"text": "think", "signature": "Ev"})),
            piece(json!({"text": "more"})),
            piece(json!({"signature": "Ew"})),
            chunk(json!({"content": "a"}), Some("stop")),
        ];
        let message = messages_client::read(&stream(thinking(), &chunks));
        let thought =
            |text: &str, signature: &str| json!({"type": "thinking", "thinking": text, "signature": signature});
        let thoughts = [thought("Let me", "Eu"), thought("think", "Ev"), thought("more", "Ew")];
        assert_eq!(message["content"].as_array().expect("blocks")[..3], thoughts, "{index}");
        assert_eq!(message["content"][3], json!({"type": "text", "text": "a"}));
    }
}

#[test]
fn a_message_ends_for_its_reason() {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]});
    for (delta, finish, native, expected) in [
        (json!({"content": "a"}), "stop", "stop", "end_turn"),
        (json!({"content": "a"}), "stop", "stop_sequence", "stop_sequence"),
        (json!({"content": "a"}), "stop", "pause_turn", "pause_turn"),
        (json!({"content": "a"}), "length", "length", "max_tokens"),
        (json!({"content": "a"}), "length", "model_context_window_exceeded", "model_context_window_exceeded"),
        (json!({"content": "a"}), "content_filter", "refusal", "refusal"),
        (json!({"refusal": "no"}), "stop", "stop", "refusal"),
        (call.clone(), "tool_calls", "tool_use", "tool_use"),
        (call, "stop", "stop", "tool_use"),
    ] {
        let mut chunk = chunk(delta, Some(finish));
        chunk["choices"][0]["native_finish_reason"] = native.into();
        let message = messages_client::read(&stream(context(json!({})), &[chunk, usage(1, 0, 0, 1)]));
        assert_eq!(message["stop_reason"], expected);
    }
}

#[test]
fn an_answer_that_breaks_ends_with_an_error() {
    let mut writer = Writer::new(context(json!({})), SEED);
    let mut sse = with(&chunk(json!({"content": "half"}), None), |chunk| writer.take_chunk(chunk));
    sse.push_str(PING);
    sse.push_str(&writer.fail(&Failure::new(Kind::Cut, "cut\nshort")));
    let events = events(&sse);
    let (name, last) = events.last().expect("an event");
    assert_eq!(
        (&**name, &last["error"]["type"], &last["error"]["message"]),
        ("error", &json!("api_error"), &json!("cut\nshort"))
    );
    assert!(events.iter().all(|(name, _)| name != "message_stop"));
}

#[test]
fn a_text_with_a_line_feed_stays_in_one_line_of_data() {
    let sse = stream(context(json!({})), &[chunk(json!({"content": "a\n\nevent: x\r\u{2028}"}), Some("stop"))]);
    assert_eq!(messages_client::read(&sse)["content"][0]["text"], "a\n\nevent: x\r\u{2028}");
}
