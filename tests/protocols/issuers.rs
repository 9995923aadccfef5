//! What only its issuer can read, in a conversation that changes the vendor, and the ids of calls.

use super::support::{completion, parsed};
use failsoft::protocol::{Protocol, Target, messages, request, responses};
use failsoft::report::Stripped;
use failsoft::{Dialect, Json};
use serde_json::{Value, json};

const CLAUDE: &str = "anthropic-claude-v1";
const OPENAI: &str = "openai-responses-v1";
const AZURE: &str = "azure-openai-responses-v1";
const GEMINI: &str = "google-gemini-v1";

fn target(dialect: Dialect, models: &[String]) -> Target<'_> {
    Target { dialect, protocol: dialect.protocols()[0], models, refuses_signatures: false, refuses_reasoning: false }
}

/// The messages that `model` gets, and what is left out: `what issuer count`.
fn sent(target: &Target<'_>, messages: &Value) -> (Value, Vec<String>) {
    let chat = json!({"model": target.models[0], "max_tokens": 99, "messages": messages});
    let sent = request(target, chat.to_string(), None);
    let line = |Stripped { what, issuer, count }: &Stripped| format!("{what} {issuer} {count}");
    (parsed(&sent.json)["messages"].clone(), sent.stripped.iter().map(line).collect())
}

fn item(format: &str) -> Value {
    match format {
        CLAUDE => json!({"type": "reasoning.text", "text": "t", "signature": "S", "format": format}),
        _ => json!({"type": "reasoning.encrypted", "data": "D", "format": format}),
    }
}

fn conversation(formats: &[&str]) -> Value {
    let items: Vec<Value> = formats.iter().map(|format| item(format)).collect();
    json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning_details": items}, {"role": "user", "content": "r"}])
}

#[test]
fn each_vendor_gets_what_it_issued_and_nothing_else() {
    let formats = [CLAUDE, OPENAI, AZURE, GEMINI, "xai-responses-v1", "unknown"];
    for (dialect, model, expected) in [
        (Dialect::OpenRouter, "anthropic/claude-opus-4.7", &[CLAUDE][..]),
        (Dialect::OpenRouter, "anthropic/claude-opus-4.7:beta", &[CLAUDE]),
        (Dialect::OpenRouter, "openai/gpt-5", &[OPENAI, AZURE]),
        (Dialect::OpenRouter, "openai/o4-mini", &[OPENAI, AZURE]),
        (Dialect::OpenRouter, "google/gemini-3-pro-preview", &[GEMINI]),
        (Dialect::OpenRouter, "x-ai/grok-4", &["xai-responses-v1"]),
        (Dialect::OpenRouter, "minimax/minimax-m2", &["unknown"]),
        (Dialect::OpenRouter, "mistralai/magistral-medium", &["unknown"]),
        // A gateway names its models with their vendors, and an API of one vendor does not.
        (Dialect::OpenAi, "anthropic/claude-opus-4.7", &[CLAUDE]),
        (Dialect::OpenAi, "gpt-5", &[]),
        (Dialect::OpenAi, "gemini-3-pro", &[]),
        (Dialect::Azure, "anything", &[]),
    ] {
        let models = [model.to_owned()];
        let (messages, stripped) = sent(&target(dialect, &models), &conversation(&formats));
        let items = messages[1]["reasoning_details"].as_array().cloned().unwrap_or_default();
        let kept: Vec<&str> = items.iter().filter_map(|item| item["format"].as_str()).collect();
        assert_eq!(kept, expected, "{dialect:?} {model}");
        let missing = |format: &&&str| !expected.contains(format);
        let named: Vec<&str> = formats.iter().filter(missing).copied().collect();
        let reported: Vec<&str> = stripped.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(reported, named, "{dialect:?} {model}");
    }
}

#[test]
fn claude_gets_blocks_of_its_own_only_and_others_that_speak_messages_get_theirs() {
    for (model, formats, expected) in [
        ("claude-opus-4-5", &[CLAUDE, "unknown", OPENAI][..], &["thinking"][..]),
        ("MiniMax-M2", &[CLAUDE, "unknown", OPENAI], &["thinking", "redacted_thinking"]),
    ] {
        let models = [model.to_owned()];
        let (messages, _) = sent(&target(Dialect::Anthropic, &models), &conversation(formats));
        let blocks = messages[1]["content"].as_array().expect("blocks");
        let kinds: Vec<&str> = blocks.iter().filter_map(|block| block["type"].as_str()).collect();
        assert_eq!(kinds[..kinds.len() - 1], *expected, "{model}");
    }
}

#[test]
fn a_vendor_that_refuses_its_own_signatures_gets_none() {
    let models = ["anthropic/claude-opus-4.7".to_owned()];
    let mut refusing = target(Dialect::OpenRouter, &models);
    refusing.refuses_signatures = true;
    let mut messages = conversation(&[CLAUDE]);
    messages[1]["reasoning"] = "t".into();
    let (sent_messages, stripped) = sent(&refusing, &messages);
    assert_eq!(sent_messages[1], json!({"role": "assistant", "content": "a", "reasoning": "t"}));
    assert_eq!(stripped, [format!("reasoning.text {CLAUDE} 1")]);
    refusing.refuses_reasoning = true;
    assert_eq!(sent(&refusing, &messages).0[1], json!({"role": "assistant", "content": "a"}));
}

#[test]
fn reasoning_without_a_signature_is_left_out_where_an_unknown_field_is_refused() {
    let messages = json!([
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a", "reasoning": "t", "reasoning_content": "t", "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "S"}]},
        {"role": "user", "content": "r"},
    ]);
    for (dialect, model, expected) in [
        (Dialect::OpenAi, "gpt-4o", &[][..]),
        (Dialect::OpenAi, "mistral-large-latest", &[]),
        (Dialect::Azure, "mine", &[]),
        (Dialect::OpenAi, "deepseek-reasoner", &["reasoning", "reasoning_content"]),
        (Dialect::OpenAi, "litellm/claude", &["reasoning", "reasoning_content", "thinking_blocks"]),
        (Dialect::OpenRouter, "openai/gpt-4o", &["reasoning", "reasoning_content"]),
    ] {
        let models = [model.to_owned()];
        let (messages, stripped) = sent(&target(dialect, &models), &messages);
        let message = messages[1].as_object().expect("a message");
        let kept: Vec<&str> =
            message.keys().map(String::as_str).filter(|name| !["role", "content"].contains(name)).collect();
        assert_eq!(kept, expected, "{dialect:?} {model}");
        assert_eq!(stripped.len() + kept.len(), 3, "{dialect:?} {model}");
    }
}

fn calls(ids: &[&str], more: &Value) -> Value {
    let call = |id: &&str| {
        let mut call = json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        more.as_object().into_iter().flatten().for_each(|(name, value)| call[name] = value.clone());
        call
    };
    let calls: Vec<Value> = ids.iter().map(call).collect();
    let results = ids.iter().map(|id| json!({"role": "tool", "tool_call_id": id, "content": "r"}));
    let mut messages = vec![
        json!({"role": "user", "content": "q"}),
        json!({"role": "assistant", "content": null, "tool_calls": calls}),
    ];
    messages.extend(results);
    json!(messages)
}

#[test]
fn ids_of_calls_have_the_form_of_the_vendor_on_the_call_and_on_its_result() {
    let long = "fc_0f0e50a1476a6c35006912c58dc9f8819192c25864eb16f07f";
    let ids = ["functions.get:0", "call_1", long, "Abc123xyz"];
    for (dialect, model, kept) in [
        (Dialect::OpenAi, "gpt-4o", &["functions.get:0", "call_1", "Abc123xyz"][..]),
        (Dialect::Azure, "gpt-4o", &["functions.get:0", "call_1", "Abc123xyz"]),
        (Dialect::OpenAi, "mistral-large-latest", &["Abc123xyz"]),
        (Dialect::OpenRouter, "mistralai/devstral-small", &["Abc123xyz"]),
        (Dialect::OpenRouter, "moonshotai/kimi-k2", &ids),
        (Dialect::OpenRouter, "anthropic/claude-opus-4.7", &["call_1", long, "Abc123xyz"]),
    ] {
        let models = [model.to_owned()];
        let messages = sent(&target(dialect, &models), &calls(&ids, &Value::Null)).0;
        for (at, id) in ids.iter().enumerate() {
            let (call, result) = (&messages[1]["tool_calls"][at]["id"], &messages[2 + at]["tool_call_id"]);
            assert_eq!(call, result, "{dialect:?} {model}");
            assert_eq!(kept.contains(id), call == id, "{dialect:?} {model} {id}: {call}");
        }
    }
}

#[test]
fn anthropic_gets_each_id_once_although_a_server_counts_its_calls_from_0_in_each_answer() {
    let mut messages = calls(&["call_0"], &Value::Null).as_array().cloned().expect("messages");
    messages.extend(messages.clone());
    let models = ["claude-opus-4-5".to_owned()];
    let (messages, _) = sent(&target(Dialect::Anthropic, &models), &json!(messages));
    let pair =
        |at: usize| (messages[at]["content"][0]["id"].clone(), messages[at + 1]["content"][0]["tool_use_id"].clone());
    assert_eq!(pair(1), (json!("call_0"), json!("call_0")));
    let (call, result) = pair(3);
    assert!(call == result && call != "call_0", "{messages}");
}

#[test]
fn a_signature_on_a_call_is_geminis_and_its_own_word_stands_on_calls_of_others() {
    let own = json!({"extra_content": {"google": {"thought_signature": "T"}}});
    let signature = |dialect: Dialect, model: &str, more: &Value| {
        let models = [model.to_owned()];
        let (messages, stripped) = sent(&target(dialect, &models), &calls(&["a", "b"], more));
        let of = |at: usize| messages[1]["tool_calls"][at]["extra_content"]["google"]["thought_signature"].clone();
        (of(0), of(1), stripped)
    };
    let (t, word, none) = (json!("T"), json!("skip_thought_signature_validator"), Value::Null);
    assert_eq!(signature(Dialect::OpenAi, "gemini-3-pro", &own), (t.clone(), t.clone(), vec![]));
    assert_eq!(signature(Dialect::OpenAi, "gemini-3-pro", &Value::Null), (word, none.clone(), vec![]));
    assert_eq!(
        signature(Dialect::OpenRouter, "google/gemini-3-pro", &Value::Null),
        (none.clone(), none.clone(), vec![])
    );
    let line = format!("thought_signature {GEMINI} 2");
    assert_eq!(signature(Dialect::OpenAi, "gpt-4o", &own), (none.clone(), none, vec![line]));
}

// openkursar/hello-halo#83
#[test]
fn openai_gets_its_own_field_for_the_effort_of_a_model_that_thinks() {
    let effort = |dialect: Dialect, model: &str, reasoning: Value| {
        let models = [model.to_owned()];
        let chat = json!({"model": model, "messages": [{"role": "user", "content": "q"}], "reasoning": reasoning});
        let sent = parsed(&request(&target(dialect, &models), chat.to_string(), None).json);
        (sent.get("reasoning").is_some(), sent["reasoning_effort"].clone())
    };
    for (dialect, model, reasoning, expected) in [
        (Dialect::OpenAi, "gpt-5", json!({"effort": "low"}), (false, json!("low"))),
        (Dialect::OpenAi, "gpt-5", json!({"max_tokens": 10_000}), (false, json!("medium"))),
        (Dialect::OpenAi, "gpt-5", json!({"enabled": true}), (false, Value::Null)),
        (Dialect::OpenAi, "gpt-4o", json!({"effort": "low"}), (false, Value::Null)),
        (Dialect::Azure, "o3", json!({"effort": "high"}), (false, json!("high"))),
        (Dialect::OpenAi, "openai/gpt-5", json!({"effort": "low"}), (true, Value::Null)),
        (Dialect::OpenAi, "qwen3", json!({"effort": "low"}), (true, Value::Null)),
    ] {
        assert_eq!(effort(dialect, model, reasoning), expected, "{dialect:?} {model}");
    }
}

/// What Google's endpoint for chat completions sends: the signature stands at the call (ai.google.dev/gemini-api/docs/thought-signatures).
fn googles_answer() -> Vec<Value> {
    let call = json!({"index": 0, "id": "function-call-1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}, "extra_content": {"google": {"thought_signature": "T=="}}});
    let parallel =
        json!({"index": 1, "id": "function-call-2", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    vec![
        json!({"model": "gemini-3-pro-preview", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Let me see."}}]}),
        json!({"model": "gemini-3-pro-preview", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}),
        json!({"model": "gemini-3-pro-preview", "choices": [{"index": 0, "delta": {"tool_calls": [parallel]}, "finish_reason": "tool_calls"}]}),
    ]
}

/// The request of the next turn, which a client makes of what `protocol` gave it.
fn next_turn(protocol: Protocol, is_streamed: bool) -> String {
    let chunks = googles_answer();
    let keeping = || super::responses::context(json!({"include": ["reasoning.encrypted_content"]}));
    let whole = completion(&chunks);
    let whole = Json::parse(&whole).expect("JSON");
    let result = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "1"});
    let body = if protocol == Protocol::Responses {
        let response = match is_streamed {
            true => super::responses_client::read(&super::responses::stream(keeping(), &chunks)),
            false => parsed(&responses::response(whole, keeping(), 7, 9, None)),
        };
        let mut input = vec![json!({"role": "user", "content": "q"})];
        input.extend(response["output"].as_array().expect("items").clone());
        input.extend(["function-call-1", "function-call-2"].map(result));
        json!({"model": "m", "input": input})
    } else {
        let message = match is_streamed {
            true => super::messages_client::read(&super::messages::stream(super::messages::thinking(), &chunks)),
            false => parsed(&messages::message(whole, super::messages::thinking(), 7, None)),
        };
        let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "1"});
        let results = ["function-call-1", "function-call-2"].map(result);
        json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": results},
        ]})
    };
    let body = body.to_string();
    protocol.read(Json::parse(&body).expect("JSON")).expect("a valid request").expect("another protocol").chat
}

#[test]
fn the_signature_of_a_call_goes_back_to_gemini_and_to_nobody_else_from_a_client_of_each_protocol() {
    for protocol in [Protocol::Responses, Protocol::Messages] {
        for is_streamed in [true, false] {
            let chat = next_turn(protocol, is_streamed);
            let sent = |dialect, model: &str, refuses| {
                let models = [model.to_owned()];
                let target = Target { refuses_signatures: refuses, ..target(dialect, &models) };
                request(&target, chat.clone(), None)
            };
            let google = sent(Dialect::OpenAi, "gemini-3-pro-preview", false);
            let message = parsed(&google.json)["messages"][1].clone();
            let signatures: Vec<&Value> =
                message["tool_calls"].as_array().expect("calls").iter().map(|call| &call["extra_content"]).collect();
            assert_eq!(signatures, [&json!({"google": {"thought_signature": "T=="}}), &Value::Null], "{protocol:?}");
            assert!(message["reasoning_details"].is_null() && google.has_signatures && google.stripped.is_empty());
            // OpenRouter has Gemini's signatures in its own form.
            let details = parsed(&sent(Dialect::OpenRouter, "google/gemini-3-pro", false).json)["messages"][1].clone();
            let detail = &details["reasoning_details"][0];
            assert_eq!(
                (&detail["data"], &detail["id"], &detail["format"]),
                (&json!("T=="), &json!("function-call-1"), &json!(GEMINI))
            );
            for (dialect, model, refuses) in [
                (Dialect::OpenAi, "gpt-5", false),
                (Dialect::OpenRouter, "anthropic/claude-opus-4.7", false),
                (Dialect::Anthropic, "claude-opus-4-7", false),
                (Dialect::OpenAi, "gemini-3-pro-preview", true),
            ] {
                let other = sent(dialect, model, refuses);
                assert!(!other.json.contains("T=="), "{protocol:?} {model}: {}", other.json);
                assert!(other.stripped.iter().any(|stripped| stripped.issuer == GEMINI), "{model}");
            }
        }
    }
}
