//! A client of Messages, as strict as `anthropics/anthropic-sdk-typescript` `src/lib/MessageStream.ts`.

use super::support::{events, parsed};
use serde_json::{Value, json};

/// The message that a stream leads to. Panics where a client would.
pub(crate) fn read(sse: &str) -> Value {
    let (mut message, mut open, mut is_over) = (Value::Null, None, false);
    let mut input = String::new();
    for (name, data) in events(sse) {
        assert!(!is_over, "{name} comes behind the end");
        assert!(name == "message_start" || name == "ping" || !message.is_null(), "{name} comes before the start");
        match &*name {
            "ping" => {}
            "message_start" => {
                assert!(message.is_null(), "a message starts once");
                message = data["message"].clone();
                check_start(&message);
            }
            "content_block_start" => {
                let content = message["content"].as_array_mut().expect("a list");
                assert_eq!((open, &data["index"]), (None, &json!(content.len())), "blocks do not overlap");
                open = Some(content.len());
                content.push(data["content_block"].clone());
                input.clear();
            }
            "content_block_delta" => {
                let at = open.expect("an open block");
                assert_eq!(data["index"], json!(at));
                take_delta(&mut message["content"][at], &data["delta"], &mut input);
            }
            "content_block_stop" => {
                let at = open.take().expect("an open block");
                assert_eq!(data["index"], json!(at));
                if !input.is_empty() {
                    message["content"][at]["input"] = parsed(&input);
                }
            }
            "message_delta" => {
                for name in ["stop_reason", "stop_sequence"] {
                    message[name] = data["delta"][name].clone();
                }
                assert!(data["usage"]["output_tokens"].is_u64());
                let usage = data["usage"].as_object().expect("an object");
                for (name, value) in usage.iter().filter(|(_, value)| !value.is_null()) {
                    message["usage"][name] = value.clone();
                }
            }
            "message_stop" => is_over = true,
            unknown => panic!("an event of an unknown type: {unknown}"),
        }
    }
    assert!(is_over && open.is_none(), "the stream has no end");
    check_whole(&message);
    message
}

fn take_delta(block: &mut Value, delta: &Value, input: &mut String) {
    let kind = block["type"].as_str().expect("a type").to_owned();
    let mut push = |name: &str| {
        let piece = delta[name].as_str().expect("a text");
        block[name] = format!("{}{piece}", block[name].as_str().expect("a text")).into();
    };
    match (&*kind, delta["type"].as_str().expect("a type")) {
        ("text", "text_delta") => push("text"),
        ("thinking", "thinking_delta") => push("thinking"),
        // The SDK replaces the signature.
        ("thinking", "signature_delta") => block["signature"] = delta["signature"].clone(),
        ("text", "citations_delta") => match block["citations"].as_array_mut() {
            Some(citations) => citations.push(delta["citation"].clone()),
            None => block["citations"] = json!([delta["citation"]]),
        },
        ("tool_use" | "server_tool_use", "input_json_delta") => {
            input.push_str(delta["partial_json"].as_str().expect("a text"))
        }
        wrong => panic!("a delta in the wrong block: {wrong:?}"),
    }
}

fn check_start(message: &Value) {
    assert_eq!((&message["type"], &message["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!((&message["content"], &message["stop_reason"]), (&json!([]), &Value::Null));
    assert!(message["usage"]["input_tokens"].is_u64());
}

/// What a client needs of a whole message.
pub(crate) fn check_whole(message: &Value) {
    let content = message["content"].as_array().expect("a list");
    for block in content {
        assert!(block["type"] != "tool_use" || block["input"].is_object() && block["id"].is_string(), "{block}");
    }
    let calls = content.iter().any(|block| block["type"] == "tool_use");
    assert!(message["stop_reason"].is_string() && (!calls || message["stop_reason"] != "end_turn"));
    assert!(message["usage"]["input_tokens"].is_u64() && message["usage"]["output_tokens"].is_u64());
}
