//! Chat completions in, chat completions out. Messages as in `ChatCompletionMessageParam` of `openai/openai-node`
//! `src/resources/chat/completions/completions.ts`, with the fields that OpenRouter and other vendors add.

use super::super::random::Random;
use super::super::support::parsed;
use super::facts::each;
use super::generator::{Ids, PDF, PNG, arguments, maybe, one, text};
use super::{Change, Changes, seeds, sent};
use failsoft::Dialect;
use failsoft::protocol::Protocol;
use serde_json::{Value, json};

/// What changes for OpenAI's own API. The facts are the messages.
const OPENAI: [Change; 5] = [
    ("reasoning that a gateway wrote is left out", |messages| remove(messages, &["reasoning_details"])),
    ("reasoning as a text is left out", |messages| remove(messages, &["reasoning", "reasoning_content"])),
    ("blocks of Claude are left out", |messages| remove(messages, &["thinking_blocks"])),
    ("signatures of Gemini are left out", |messages| {
        each_call(messages, |call| call.as_object_mut().expect("a call").shift_remove("extra_content").is_some())
    }),
    ("ids of calls have at most 40 characters", shorten_ids),
];

/// What changes for a model of OpenAI at OpenRouter.
const OPENROUTER: [Change; 3] = [
    ("reasoning of another vendor is left out", |messages| each(messages, leave_out_details)),
    ("blocks of Claude are left out", |messages| remove(messages, &["thinking_blocks"])),
    ("signatures of Gemini are left out", |messages| {
        each_call(messages, |call| call.as_object_mut().expect("a call").shift_remove("extra_content").is_some())
    }),
];

fn remove(messages: &mut [Value], names: &[&str]) -> bool {
    let fields = messages.iter_mut().filter_map(Value::as_object_mut);
    let removed = fields.map(|fields| names.iter().filter(|name| fields.shift_remove(**name).is_some()).count());
    removed.sum::<usize>() > 0
}

fn each_call(messages: &mut [Value], change: fn(&mut Value) -> bool) -> bool {
    let calls = messages.iter_mut().filter_map(|message| message.get_mut("tool_calls")?.as_array_mut()).flatten();
    calls.map(change).filter(|changed| *changed).count() > 0
}

fn leave_out_details(message: &mut Value) -> bool {
    let Some(details) = message.get_mut("reasoning_details").and_then(Value::as_array_mut) else { return false };
    let before = details.len();
    details.retain(|detail| detail["format"].as_str().is_none_or(|format| format.contains("openai")));
    let changed = details.len() < before;
    if details.is_empty() {
        message.as_object_mut().expect("a message").shift_remove("reasoning_details");
    }
    changed
}

/// The new ids are of any form, as long as a call and its result have the same, and no two calls.
fn shorten_ids(messages: &mut Vec<Value>) -> bool {
    let mut changed = false;
    let mut shorten = |id: &mut Value| {
        if let Some(long) = id.as_str().filter(|id| id.len() > 40) {
            *id = format!("short {}", &long[long.len() - 3..]).into();
            changed = true;
        }
    };
    for message in messages {
        message.get_mut("tool_call_id").map(&mut shorten);
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            shorten(&mut call["id"]);
        }
    }
    changed
}

fn part(random: &mut Random) -> Value {
    let mut part = match random.below(6) {
        0 => {
            json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}"), "detail": "low"}})
        }
        1 => json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
        2 => {
            let data = format!("data:application/pdf;base64,{PDF}");
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": data, "file_id": null}})
        }
        3 => json!({"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}}),
        _ => json!({"type": "text", "text": text(random)}),
    };
    maybe(random, 6, &mut part, "cache_control", json!({"type": "ephemeral", "ttl": "1h"}));
    maybe(random, 8, &mut part, "novel", json!({"a": null, "b": 1.50}));
    part
}

fn call(random: &mut Random, id: &str) -> Value {
    let mut call = match random.below(4) {
        0 => json!({"id": id, "type": "custom", "custom": {"name": "patch", "input": text(random)}}),
        _ => {
            let arguments = arguments(random).to_string();
            json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments, "parsed_arguments": {}}})
        }
    };
    maybe(random, 3, &mut call, "index", 0);
    maybe(random, 4, &mut call, "extra_content", json!({"google": {"thought_signature": "Ci8B"}}));
    call
}

/// What the assistant said, with everything that SDKs send back.
fn said(random: &mut Random, ids: &mut Ids) -> (Value, Vec<Value>) {
    let mut message = json!({"role": "assistant", "content": null});
    match random.below(4) {
        0 => message["content"] = json!([{"type": "text", "text": text(random)}, {"type": "refusal", "refusal": "no"}]),
        1 | 2 => message["content"] = text(random).into(),
        _ => {}
    }
    maybe(random, 4, &mut message, "refusal", one(&mut Random::new(2), &[Value::Null, json!("no")]));
    maybe(random, 4, &mut message, "name", "a");
    maybe(random, 6, &mut message, "audio", json!({"id": "audio_1"}));
    maybe(random, 6, &mut message, "annotations", json!([]));
    maybe(random, 6, &mut message, "parsed", json!({"a": 1}));
    maybe(random, 6, &mut message, "provider_specific_fields", json!({"refusal": null}));
    maybe(random, 5, &mut message, "reasoning", "hm");
    maybe(random, 5, &mut message, "reasoning_content", "hm");
    let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "EuYB"});
    maybe(random, 5, &mut message, "thinking_blocks", json!([thinking]));
    if random.once_in(3) {
        let formats = ["anthropic-claude-v1", "openai-responses-v1", "google-gemini-v1", "unknown"];
        let mut detail = |random: &mut Random| {
            let format = one(random, &formats);
            json!({"type": "reasoning.encrypted", "data": "D", "format": format, "id": ids.next("rs_"), "index": 0})
        };
        message["reasoning_details"] = [detail(random), detail(random)].into_iter().collect();
    }
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    for _ in 0..random.below(3) {
        let id = if random.once_in(6) { ids.next(&"long".repeat(12)) } else { ids.next("call_") };
        calls.push(call(random, &id));
        let content = match random.below(2) {
            0 => json!([{"type": "text", "text": text(random), "cache_control": {"type": "ephemeral"}}]),
            _ => json!(text(random)),
        };
        results.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    (message, results)
}

fn messages(random: &mut Random) -> Vec<Value> {
    let ids = &mut Ids::default();
    let mut all = Vec::new();
    if random.once_in(2) {
        let role = one(random, &["system", "developer"]);
        all.push(json!({"role": role, "content": [{"type": "text", "text": text(random)}], "name": "rules"}));
    }
    for _ in 0..=random.below(3) {
        let content: Value = (0..=random.below(3)).map(|_| part(random)).collect();
        let content = if random.once_in(2) { content } else { json!(text(random)) };
        all.push(json!({"role": "user", "content": content}));
        if random.once_in(2) {
            let (message, results) = said(random, ids);
            all.push(message);
            all.extend(results);
        }
        if random.once_in(12) {
            let call = json!({"name": "old", "arguments": "{}"});
            all.push(json!({"role": "assistant", "content": null, "function_call": call}));
            all.push(json!({"role": "function", "name": "old", "content": "1"}));
        }
    }
    all
}

fn check(dialect: Dialect, model: &str, list: &[Change]) {
    let mut changes = Changes::default();
    for seed in seeds() {
        let own = messages(&mut Random::new(seed));
        let tools =
            json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "novel": 1}}]);
        let chat =
            json!({"model": model, "messages": own, "tools": tools, "novel": {"z": 1, "a": 1.50}, "temperature": 0.50});
        let body = parsed(&sent(dialect, Protocol::Chat, &chat.to_string(), None));
        let mut sent = body["messages"].as_array().expect("messages").clone();
        let mut expected = own;
        changes.make(list, &mut expected);
        if dialect == Dialect::OpenAi {
            compare_new_ids(&mut sent, &expected, seed);
        }
        assert_eq!(sent, expected, "seed {seed}");
        for name in ["tools", "novel", "temperature", "model"] {
            assert_eq!(body[name], chat[name], "seed {seed}");
        }
    }
    changes.check(list);
}

/// Puts the ids of `expected` in the place of those that were made for the upstream. Each call keeps an id of its own.
fn compare_new_ids(sent: &mut [Value], expected: &[Value], seed: u64) {
    let ids = |messages: &[Value]| -> Vec<String> {
        let of = |message: &Value| {
            let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
            let calls = calls.iter().map(|call| call["id"].clone()).collect::<Vec<_>>();
            calls.into_iter().chain([message["tool_call_id"].clone()]).collect::<Vec<_>>()
        };
        messages.iter().flat_map(of).filter_map(|id| id.as_str().map(Into::into)).collect()
    };
    let (made, meant) = (ids(sent), ids(expected));
    assert_eq!(made.len(), meant.len(), "seed {seed}");
    for (one, other) in made.iter().zip(&meant) {
        assert!(one.len() <= 40, "seed {seed}: {one}");
        assert!(made.iter().zip(&meant).all(|(a, b)| (a == one) == (b == other)), "seed {seed}: {one} and {other}");
    }
    let named = |id: &mut Value| {
        if let Some(at) = id.as_str().and_then(|id| made.iter().position(|made| made == id)) {
            *id = meant[at].clone().into();
        }
    };
    for message in sent {
        message.get_mut("tool_call_id").map(named);
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            named(&mut call["id"]);
        }
    }
}

#[test]
fn a_chat_request_means_the_same_to_openai() {
    check(Dialect::OpenAi, "gpt-5", &OPENAI);
}

#[test]
fn a_chat_request_means_the_same_to_openrouter() {
    check(Dialect::OpenRouter, "openai/gpt-5", &OPENROUTER);
}
