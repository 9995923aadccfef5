//! What only its vendor can read: who signs what, and how the others refuse it.

mod support;

use failsoft_emulator::Emulator;
use serde_json::{Value, json};
use support::*;

const CLAUDE: &str = "anthropic/claude-opus-4.7";
const GPT: &str = "openai/gpt-4o";
const GEMINI: &str = "google/gemini-2.5-flash";

fn openai(emulator: &Emulator, body: &Value) -> Reply {
    call(emulator, "POST", "/v1/chat/completions", "authorization: Bearer sk-test\r\n", &body.to_string())
}

fn details(emulator: &Emulator, model: &str) -> Value {
    let more = json!({ "reasoning": { "enabled": true } });
    let answer = chat(emulator, &body(model, "words:2 with signatures", more));
    answer.json()["choices"][0]["message"]["reasoning_details"].clone()
}

fn history(details: &Value) -> Value {
    json!({ "messages": [
        { "role": "user", "content": "q" },
        { "role": "assistant", "content": "a", "reasoning_details": details },
        { "role": "user", "content": "words:2" },
    ] })
}

#[test]
fn each_vendor_reads_its_own_signature_and_refuses_those_of_others() {
    let emulator = emulator();
    for (issuer, reader, refusal) in [
        (CLAUDE, GPT, "could not be verified"),
        (GPT, CLAUDE, "Invalid `signature` in `thinking` block"),
        (CLAUDE, GEMINI, "Corrupted thought signature"),
    ] {
        let details = details(&emulator, issuer);
        assert_eq!(chat(&emulator, &body(issuer, "", history(&details))).status, Some(200), "{issuer}");
        let refused = chat(&emulator, &body(reader, "", history(&details)));
        assert_eq!(refused.status, Some(400));
        let raw = refused.json()["error"]["metadata"]["raw"].as_str().unwrap_or_default().to_owned();
        assert!(raw.contains(refusal), "{raw}");
    }
}

#[test]
fn openais_own_api_knows_no_field_of_openrouter() {
    let emulator = emulator();
    for (more, path) in [
        (json!({ "reasoning": { "effort": "low" } }), "'reasoning'"),
        (history(&json!([])), "'messages[1].reasoning_details'"),
    ] {
        let refused = openai(&emulator, &body("gpt-4o", "", more));
        assert_eq!(refused.status, Some(400));
        assert_eq!(refused.json()["error"]["message"], format!("Unknown parameter: {path}."));
    }
    let answer = openai(&emulator, &body("gpt-4o", "words:2", json!({})));
    assert_eq!((answer.status, answer.json()["model"].clone()), (Some(200), json!("gpt-4o")));
}

#[test]
fn a_request_without_a_key_is_refused_for_that_before_anything_else() {
    let emulator = emulator();
    let body = body("gpt-4o", "words:2", json!({ "reasoning": { "effort": "low" } })).to_string();
    let status = |headers| call(&emulator, "POST", "/v1/chat/completions", headers, &body).status;
    assert_eq!((status(""), status("authorization: Bearer sk-test\r\n")), (Some(401), Some(400)));
}

#[test]
fn anthropic_names_the_block_that_it_refuses() {
    let emulator = emulator();
    let content =
        json!([{ "type": "text", "text": "a" }, { "type": "thinking", "thinking": "b", "signature": "foreign" }]);
    let messages = json!([{ "role": "user", "content": "q" }, { "role": "assistant", "content": content }]);
    let body = json!({ "model": CLAUDE, "max_tokens": 9, "messages": messages }).to_string();
    let headers = "x-api-key: sk-test\r\nanthropic-version: 2023-06-01\r\n";
    let reply = call(&emulator, "POST", "/api/v1/messages", headers, &body);
    let error = reply.json()["error"]["message"].clone();
    assert!(
        error.as_str().is_some_and(|text| text.starts_with("messages.1.content.1: Invalid `signature`")),
        "{error}"
    );
}
