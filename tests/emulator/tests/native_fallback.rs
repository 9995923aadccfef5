//! The native fallback inside `models`.

mod support;

use serde_json::json;
use support::*;

const WITH_METADATA: &str = "authorization: Bearer sk-or-test\r\nx-openrouter-metadata: enabled\r\n";

#[test]
fn the_first_model_that_starts_an_answer_serves_it() {
    let emulator = emulator();
    let models = json!(["fault/rate-limited", "fault/server-error", "openai/gpt-4o"]);
    let request = json!({ "models": models, "messages": [{ "role": "user", "content": "hello" }] });
    let reply = chat_with(&emulator, WITH_METADATA, &request);
    let body = reply.json();
    assert_eq!(body["model"], "openai/gpt-4o");
    let metadata = &body["openrouter_metadata"];
    assert_eq!(metadata["attempt"], 3);
    assert_eq!(metadata["strategy"], "fallback");
    let statuses: Vec<_> = metadata["attempts"].as_array().expect("attempts").iter().map(|a| &a["status"]).collect();
    assert_eq!(statuses, [429, 500, 200]);
    assert_eq!(json!(emulator.log()[0].models), models);
}

#[test]
fn when_all_fail_the_last_error_is_returned_with_the_earlier_ones_in_its_metadata() {
    let emulator = emulator();
    let models = json!(["fault/rate-limited", "fault/bad-gateway", "fault/overloaded"]);
    let request = json!({ "models": models, "messages": [{ "role": "user", "content": "hello" }], "stream": true });
    let reply = chat_with(&emulator, WITH_METADATA, &request);
    let body = reply.json();
    assert_eq!(reply.status, Some(529));
    assert_eq!(body["error"]["metadata"]["previous_errors"][0]["status"], 429);
    assert_eq!(body["openrouter_metadata"]["attempts"][2]["model"], "fault/overloaded");
    assert_eq!(body["user_id"], "user_emulated");
}

#[test]
fn a_model_beside_models_is_tried_first_and_not_counted_against_the_three() {
    let emulator = emulator();
    let models = json!(["openai/gpt-4o", "openai/gpt-4o-mini", "test/tiny"]);
    let reply = chat(&emulator, &body("mistralai/mistral-small", "hello", json!({ "models": models })));
    assert_eq!(reply.json()["model"], "mistralai/mistral-small");
}

#[test]
fn a_prompt_too_long_for_one_model_moves_to_the_next() {
    let emulator = emulator();
    let request = body("test/tiny", &"x".repeat(8_000), json!({ "models": ["openai/gpt-4o"] }));
    assert_eq!(chat(&emulator, &request).json()["model"], "openai/gpt-4o");
}

#[test]
fn after_the_beginning_of_an_answer_no_other_model_is_tried() {
    let emulator = emulator();
    for name in ["error-first", "error-in-200", "empty", "cut"] {
        let model = format!("fault/{name}");
        chat(&emulator, &body(&model, "hello", json!({ "models": ["openai/gpt-4o"], "stream": true })));
        assert_eq!(emulator.log().last().map(|entry| entry.models.clone()), Some(vec![model]), "{name}");
    }
}

#[test]
fn metadata_comes_only_on_request_and_in_a_stream_with_the_usage_chunk() {
    let emulator = emulator();
    let request = body("openai/gpt-4o", "hello", json!({ "stream": true }));
    assert!(!chat(&emulator, &request).text().contains("openrouter_metadata"));
    let chunks = chat_with(&emulator, WITH_METADATA, &request).chunk_jsons();
    let carriers: Vec<_> = chunks.iter().filter(|chunk| chunk.get("openrouter_metadata").is_some()).collect();
    assert_eq!(carriers.len(), 1);
    assert!(carriers[0].get("usage").is_some());
    assert_eq!(carriers[0]["openrouter_metadata"]["strategy"], "direct");
}

#[test]
fn each_model_handles_a_trailing_assistant_message_in_its_own_way() {
    let emulator = emulator();
    let cases = [
        ("mistralai/mistral-small", "word1 word2", Ok(" word3 héllo")),
        ("mistralai/mistral-small", "word1 wo", Ok("rd2 word3 héllo")),
        ("anthropic/claude-3.5-haiku", "word1", Ok(" word2 word3 héllo")),
        ("anthropic/claude-3.5-haiku", "word1 ", Err(400)),
        ("openai/gpt-4o", "word1 word2", Ok("word1 word2 word3 héllo")),
        ("anthropic/claude-opus-4.7", "word1", Err(400)),
    ];
    for (model, prefill, expected) in cases {
        let messages = json!([{ "role": "user", "content": "words:4" }, { "role": "assistant", "content": prefill }]);
        let reply = chat(&emulator, &json!({ "model": model, "messages": messages }));
        let content = reply.json()["choices"][0]["message"]["content"].as_str().map(str::to_owned);
        let got = content.ok_or(reply.status.unwrap_or_default());
        assert_eq!(got.as_deref(), expected.as_ref().map(|text| *text), "{model} after {prefill:?}");
    }
}
