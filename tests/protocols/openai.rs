//! Responses, for upstreams: the requests that they get.

use super::support::{parsed, with};
use failsoft::protocol::{Native, Protocol, Sent, Target, messages, request, responses};
use failsoft::{Dialect, Json};
use serde_json::{Value, json};

/// The request to a reasoning model of OpenAI, at OpenAI or at OpenRouter.
fn send(chat: String, native: Option<&Native>, is_openrouter: bool) -> Sent {
    let models = [if is_openrouter { "openai/gpt-5" } else { "gpt-5" }.to_owned()];
    send_to(&models, chat, native, is_openrouter)
}

fn send_to(models: &[String], chat: String, native: Option<&Native>, is_openrouter: bool) -> Sent {
    let dialect = if is_openrouter { Dialect::OpenRouter } else { Dialect::OpenAi };
    let protocol = Protocol::Responses;
    request(&Target { dialect, protocol, models, refuses_signatures: false, refuses_reasoning: false }, chat, native)
}

fn sent(chat: &Value, is_openrouter: bool) -> (Value, Vec<String>) {
    let sent = send(chat.to_string(), None, is_openrouter);
    (parsed(&sent.json), sent.lost)
}

fn input(messages: Value, is_openrouter: bool) -> Value {
    sent(&json!({"model": "m", "messages": messages}), is_openrouter).0["input"].clone()
}

#[test]
fn every_field_of_a_chat_request_has_its_place_or_is_named() {
    let chat = json!({
        "model": "gpt-5", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "max_completion_tokens": 50, "temperature": 0.50, "top_p": 1, "user": "u", "safety_identifier": "s", "stream": true,
        "stream_options": {"include_usage": true}, "prompt_cache_key": "k", "service_tier": "default", "metadata": {"a": "b"},
        "parallel_tool_calls": false, "logprobs": true, "top_logprobs": 2, "verbosity": "low", "reasoning_effort": "high",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": true}},
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "g", "strict": true, "parameters": {}}},
            {"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "stop": ["x"], "seed": 7, "n": 1, "frequency_penalty": 0.5, "provider": {"zdr": true}, "logit_bias": null, "store": false,
    });
    let (body, lost) = sent(&chat, false);
    assert_eq!(
        body,
        json!({
            "model": "gpt-5", "temperature": 0.5, "top_p": 1, "user": "u", "safety_identifier": "s", "stream": true,
            "prompt_cache_key": "k", "service_tier": "default", "metadata": {"a": "b"}, "parallel_tool_calls": false,
            "max_output_tokens": 50, "store": false,
            "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            "tools": [
                {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": false},
                {"type": "function", "name": "g", "parameters": {}, "strict": true},
                {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": true}, "verbosity": "low"},
            "reasoning": {"effort": "high"}, "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
            "top_logprobs": 2,
        })
    );
    assert_eq!(lost, ["stop", "seed", "frequency_penalty", "provider"]);
    let (body, lost) = sent(&chat, true);
    assert_eq!((&body["provider"], &body["frequency_penalty"]), (&json!({"zdr": true}), &json!(0.5)));
    assert_eq!(lost, ["stop", "seed"]);
}

#[test]
fn a_batch_and_a_low_limit_keep_their_form() {
    let chat = json!({"models": ["a/a", "b/b"], "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]});
    let (body, _) = sent(&chat, true);
    assert_eq!((&body["models"], &body["max_output_tokens"]), (&json!(["a/a", "b/b"]), &json!(16)));
}

#[test]
fn reasoning_is_asked_for_in_the_words_of_the_upstream() {
    let reasoning = |fields: Value, is_openrouter| {
        let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        fields.as_object().expect("an object").iter().for_each(|(name, value)| chat[name] = value.clone());
        let (body, _) = sent(&chat, is_openrouter);
        (body["reasoning"].clone(), body["include"].clone())
    };
    let included = json!(["reasoning.encrypted_content"]);
    let null = Value::Null;
    for (fields, is_openrouter, expected) in [
        (json!({}), false, (null.clone(), null.clone())),
        (json!({"reasoning_effort": "low"}), false, (json!({"effort": "low"}), included.clone())),
        (json!({"reasoning_effort": "none"}), false, (json!({"effort": "none"}), null.clone())),
        (
            json!({"reasoning": {"effort": "low"}}),
            false,
            (json!({"effort": "low", "summary": "auto"}), included.clone()),
        ),
        (
            json!({"reasoning": {"max_tokens": 2_000}}),
            false,
            (json!({"effort": "low", "summary": "auto"}), included.clone()),
        ),
        (json!({"reasoning_effort": "low"}), true, (json!({"effort": "low", "summary": "auto"}), included.clone())),
        (json!({"reasoning": {"effort": "low", "exclude": true}}), false, (json!({"effort": "low"}), included.clone())),
        (json!({"reasoning": {"enabled": false}}), false, (null.clone(), null.clone())),
        (json!({"reasoning": {"enabled": false}}), true, (json!({"enabled": false}), null.clone())),
        (
            json!({"reasoning": {"max_tokens": 2_000}}),
            true,
            (json!({"max_tokens": 2_000, "summary": "auto"}), included.clone()),
        ),
    ] {
        assert_eq!(reasoning(fields.clone(), is_openrouter), expected, "{fields}");
    }
}

#[test]
fn messages_become_items_that_openai_accepts() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let long = "x".repeat(65);
    let items = input(
        json!([
            {"role": "developer", "content": [{"type": "text", "text": "d"}]},
            {"role": "user", "content": [
                {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
                {"type": "file", "file": {"filename": "b.pdf", "file_data": "https://x.example/b.pdf"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [call("c1"), call(&long), call("c3"),
                {"id": "c4", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I "}, {"type": "refusal", "refusal": "won't"}]},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
            {"role": "tool", "tool_call_id": long, "content": [{"type": "text", "text": "2"}]},
            {"role": "tool", "tool_call_id": "c4", "content": "done"},
            {"role": "tool", "tool_call_id": "c9", "content": "of no call"},
        ]),
        false,
    );
    let rewritten = items[3]["call_id"].clone();
    assert!(rewritten.as_str().is_some_and(|id| id.len() <= 64 && id.starts_with("xxx")));
    let called = |id: &Value| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let output = |id: &Value, output: Value| json!({"type": "function_call_output", "call_id": id, "output": output});
    assert_eq!(
        items,
        json!([
            {"role": "developer", "content": [{"type": "input_text", "text": "d"}]},
            {"role": "user", "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
                {"type": "input_file", "filename": "b.pdf", "file_url": "https://x.example/b.pdf"},
            ]},
            called(&json!("c1")),
            called(&rewritten),
            called(&json!("c3")),
            output(&json!("c3"), json!("The tool did not run.")),
            {"type": "custom_tool_call", "call_id": "c4", "name": "patch", "input": "*** Begin"},
            {"role": "assistant", "content": "I won't"},
            output(&json!("c1"), json!("1")),
            output(&rewritten, json!([{"type": "input_text", "text": "2"}])),
            {"type": "custom_tool_call_output", "call_id": "c4", "output": "done"},
            {"role": "user", "content": "of no call"},
        ])
    );
}

#[test]
fn only_the_issuer_gets_what_only_the_issuer_can_read() {
    let details = json!([
        {"type": "reasoning.summary", "summary": "hm", "id": "rs_1", "format": "openai-responses-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1", "index": 1},
        {"type": "reasoning.text", "text": "Let me", "signature": "EuYB", "format": "anthropic-claude-v1", "index": 2},
        {"type": "reasoning.summary", "summary": "not encrypted", "id": "rs_2", "format": "openai-responses-v1"},
    ]);
    let messages =
        json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_details": details}]);
    let encrypted = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA"});
    let chat = json!({"model": "m", "messages": messages});
    let (openai, lost) = sent(&chat, false);
    assert_eq!((&openai["input"][1], &openai["input"][2]["content"]), (&encrypted, &json!("b")));
    assert_eq!((&openai["include"], lost.len()), (&json!(["reasoning.encrypted_content"]), 0));
    assert_eq!(input(messages.clone(), true)[1]["format"], "openai-responses-v1");
    let claude = ["anthropic/claude-opus-4.7".to_owned()];
    let claudes = parsed(&send_to(&claude, chat.to_string(), None, true).json)["input"][1].clone();
    assert_eq!((&claudes["signature"], &claudes["format"]), (&json!("EuYB"), &json!("anthropic-claude-v1")));
    assert_eq!(claudes["content"], json!([{"type": "reasoning_text", "text": "Let me"}]));
    assert!(claudes["id"].is_string());
}

/// The request that an upstream gets for that of a client of Responses: as text, and read.
fn sent_natively(models: &[String], text: &str, is_openrouter: bool) -> (String, Value) {
    let request = responses::read(Json::parse(text).expect("JSON")).expect("a request");
    let native = Native { protocol: Protocol::Responses, json: request.native };
    let json = send_to(models, request.chat, Some(&native), is_openrouter).json;
    let read = parsed(&json);
    (json, read)
}

fn native_input(text: &str, is_openrouter: bool) -> (String, Value) {
    let models = [if is_openrouter { "openai/gpt-5" } else { "gpt-5" }.to_owned()];
    sent_natively(&models, text, is_openrouter)
}

#[test]
fn a_client_of_the_same_protocol_is_passed_on_byte_for_byte() {
    let input = r#"[ {"role" : "user","content":"caf\u00e9 \/ \ud83e\udd80", "novel":1.50}, 
        {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAAA-rs_1","status":null},
        {"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{\"a\": 1e0}","namespace":"n"},
        {"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x","prompt_cache_breakpoint":{"mode":"explicit"}}]}]"#;
    let tools = r#"[{"type":"function","name":"f","parameters":{"type":"object", "z":1,"a":2.0},"strict":null,"defer_loading":true}]"#;
    let request = format!(
        r#"{{"model":"m","instructions":"Be\tbrief.","input":{input},"tools":{tools},"tool_choice":"auto","reasoning":{{"effort":"low","summary":"concise"}},"include":["reasoning.encrypted_content"],"text":{{"verbosity":"low"}},"max_output_tokens":50,"store":true,"metadata":{{"a":"b"}}}}"#
    );
    for is_openrouter in [false, true] {
        let (text, body) = native_input(&request, is_openrouter);
        for part in
            [input, tools, r#""instructions":"Be\tbrief.""#, r#""reasoning":{"effort":"low","summary":"concise"}"#]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(
            (&body["store"], &body["max_output_tokens"], &body["metadata"]),
            (&json!(false), &json!(50), &json!({"a": "b"}))
        );
    }
}

#[test]
fn reasoning_that_the_upstream_cannot_read_leaves_the_clients_own_items() {
    let carrier = |detail: &Value| format!("failsoft:1:{detail}");
    let claudes = json!({"type": "reasoning.text", "text": "hm", "signature": "EuYB", "format": "anthropic-claude-v1"});
    let openais = json!({"type": "reasoning.summary", "summary": "so", "data": "gAAA", "id": "rs_9", "format": "openai-responses-v1"});
    let request = json!({"model": "m", "input": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": carrier(&claudes)},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": carrier(&openais)},
        {"type": "reasoning", "id": "rs_3", "summary": [{"type": "summary_text", "text": "not kept"}]},
        {"type": "reasoning", "id": "rs_4", "summary": [], "content": [{"type": "reasoning_text", "text": "open"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"role": "user", "content": "hi"},
    ]})
    .to_string();
    let (_, body) = native_input(&request, false);
    let rest = json!([
        {"type": "reasoning", "id": "rs_9", "summary": [{"type": "summary_text", "text": "so"}], "encrypted_content": "gAAA"},
        {"type": "reasoning", "id": "rs_4", "summary": [], "content": [{"type": "reasoning_text", "text": "open"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"role": "user", "content": "hi"},
    ]);
    assert_eq!(body["input"], rest);
    // OpenRouter's models read what their own vendor issued.
    let (_, body) = native_input(&request, true);
    assert_eq!(body["input"][0]["encrypted_content"], "gAAA");
    let (_, body) = sent_natively(&["anthropic/claude-opus-4.7".into()], &request, true);
    assert_eq!(
        (&body["input"][0]["signature"], &body["input"][0]["content"][0]["text"]),
        (&json!("EuYB"), &json!("hm"))
    );
}

#[test]
fn azure_reads_what_azure_encrypted_and_openai_does_not() {
    // What a client of Azure gets is a carrier, because OpenAI's clients cannot tell the two from each other.
    let azures = json!({"type": "reasoning.summary", "summary": "so", "data": "gAAA", "id": "rs_9", "format": "azure-openai-responses-v1"});
    let request = json!({"model": "m", "input": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": format!("failsoft:1:{azures}")},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAA-of-openai"},
        {"role": "user", "content": "hi"},
    ]});
    let read = with(&request, responses::read).expect("a request");
    let native = Native { protocol: Protocol::Responses, json: read.native };
    let models = ["gpt-5".to_owned()];
    for (dialect, id) in [(Dialect::Azure, "rs_9"), (Dialect::OpenAi, "rs_2")] {
        for native in [None, Some(&native)] {
            let protocol = Protocol::Responses;
            let target =
                Target { dialect, protocol, models: &models, refuses_signatures: false, refuses_reasoning: false };
            let input = parsed(&failsoft::protocol::request(&target, read.chat.clone(), native).json)["input"].clone();
            assert_eq!((&input[0]["id"], &input[1]["role"]), (&json!(id), &json!("user")), "{dialect:?}: {input}");
        }
    }
}

#[test]
fn what_openai_encrypted_is_not_sent_to_a_model_of_another_vendor_or_after_it_was_refused() {
    let text = r#"{"model":"m","input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},{"role":"user","content":"hi","novel":1.50}]}"#;
    let (json, body) = sent_natively(&["google/gemini-3-pro".into()], text, true);
    assert!(!json.contains("gAAA") && json.contains(r#"{"role":"user","content":"hi","novel":1.50}"#), "{body}");
    let read = responses::read(Json::parse(text).expect("JSON")).expect("a request");
    let native = Native { protocol: Protocol::Responses, json: read.native };
    let (dialect, protocol) = (Dialect::OpenAi, Protocol::Responses);
    let models = ["gpt-5".to_owned()];
    let target = Target { dialect, protocol, models: &models, refuses_signatures: true, refuses_reasoning: false };
    let sent = request(&target, read.chat, Some(&native));
    assert!(!sent.json.contains("gAAA") && sent.json.contains("1.50") && !sent.stripped.is_empty(), "{}", sent.json);
}

#[test]
fn a_client_of_messages_is_served_through_the_chat_request() {
    let request = json!({
        "model": "m", "max_tokens": 1, "system": "s", "thinking": {"type": "enabled", "budget_tokens": 1_024},
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "1"}]},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    });
    let chat = with(&request, messages::read).expect("a request").chat;
    let (body, _) = sent(&parsed(&chat), false);
    assert_eq!(
        body["input"][2],
        json!({"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{\"a\":1}"})
    );
    assert_eq!((&body["max_output_tokens"], &body["tools"][0]["strict"]), (&json!(16), &json!(false)));
}
