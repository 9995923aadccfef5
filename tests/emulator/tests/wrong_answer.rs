//! Complete answers with wrong content.

mod support;

use serde_json::{Value, json};
use support::*;

/// Fault, content, finish reason.
fn cases() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("empty", json!(""), "stop"),
        ("empty-once", json!(""), "stop"),
        ("whitespace", json!(" \n  "), "stop"),
        ("reasoning-only", json!(""), "stop"),
        ("refusal", Value::Null, "stop"),
        ("refusal-text", json!("I'm sorry, but I can't help with that."), "stop"),
        ("content-filter", json!(""), "content_filter"),
        ("length", json!("word1 word2 word3 héllo word5 word6"), "length"),
        ("bad-json", json!("{\"answer\": \"unfin"), "stop"),
        ("tool-index-lies", Value::Null, "tool_calls"),
    ]
}

#[test]
fn a_wrong_answer_is_complete_streamed_or_not() {
    let emulator = emulator();
    for (name, content, finish) in cases() {
        let choice = complete(&emulator, &format!("fault/{name}")).json()["choices"][0].clone();
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&content, &json!(finish)), "{name}");
    }
    emulator.clear();
    for (name, content, finish) in cases() {
        let reply = stream(&emulator, &format!("fault/{name}"));
        assert_eq!(reply.content(), content.as_str().unwrap_or_default(), "{name}");
        let chunks = reply.chunk_jsons();
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], finish, "{name}");
        assert_eq!(reply.events().last().map(String::as_str), Some("[DONE]"), "{name}");
    }
}

#[test]
fn a_refusal_and_reasoning_have_their_own_fields() {
    let emulator = emulator();
    let message = |name: &str| complete(&emulator, name).json()["choices"][0]["message"].clone();
    assert_eq!(message("fault/refusal")["refusal"], "I'm sorry, but I can't help with that.");
    assert!(message("fault/reasoning-only")["reasoning"].is_string());
    let deltas = |name: &str, field: &str| {
        let chunks = stream(&emulator, name).chunk_jsons();
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str()).collect::<String>()
    };
    assert_eq!(deltas("fault/refusal", "refusal"), "I'm sorry, but I can't help with that.");
    assert_eq!(deltas("fault/reasoning-only", "reasoning"), "I keep thinking, and never say it.");
}

#[test]
fn two_tool_calls_claim_the_index_of_one() {
    let chunks = stream(&emulator(), "fault/tool-index-lies").chunk_jsons();
    let calls: Vec<&Value> = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["tool_calls"].get(0)).collect();
    assert!(calls.iter().all(|call| call["index"] == 0));
    let ids: Vec<&str> = calls.iter().filter_map(|call| call["id"].as_str()).collect();
    assert_eq!(ids, ["call_0", "call_1"]);
}
