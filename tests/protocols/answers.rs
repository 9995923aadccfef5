//! Answers of models in the chunks of many shapes.

use super::random::Random;
use serde_json::{Value, json};

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// Reasoning without a signature.
    Reasoning(String),
    /// Reasoning that Claude signed.
    Signed(String, String),
    /// Reasoning that only its vendor can read.
    Encrypted(String, &'static str),
    /// The id, the name and the arguments.
    Call(String, String, Value),
}

/// An answer, and the chunks that carry it.
pub(crate) struct Answer {
    pub(crate) parts: Vec<Part>,
    pub(crate) chunks: Vec<Value>,
}

pub(crate) fn chunk(delta: Value, finish: Option<&str>) -> Value {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    json!({"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m/one", "choices": [choice]})
}

pub(crate) fn usage(prompt: u64, cached: u64, written: u64, completion: u64) -> Value {
    let usage = json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": 1},
    });
    json!({"id": "gen-1", "object": "chat.completion.chunk", "model": "m/one", "choices": [], "usage": usage})
}

pub(crate) fn random(seed: u64) -> Answer {
    let random = &mut Random::new(seed);
    let (mut parts, mut deltas) = (Vec::new(), Vec::new());
    if random.once_in(2) {
        add_reasoning(random, &mut parts, &mut deltas);
    }
    if !random.once_in(4) {
        let text = random.text();
        deltas.extend(random.pieces(&text).into_iter().map(|piece| json!({"content": piece})));
        parts.push(Part::Text(text));
    }
    let calls = if parts.is_empty() { 1 + random.below(3) } else { random.below(3) };
    add_calls(random, calls, &mut parts, &mut deltas);
    join_some(random, &mut deltas);
    let reason = if calls > 0 { "tool_calls" } else { "stop" };
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    chunks.extend(deltas.into_iter().map(|delta| chunk(delta, None)));
    chunks.push(chunk(json!({}), Some(reason)));
    chunks.push(usage(100, 20, 30, 10));
    Answer { parts, chunks }
}

fn add_reasoning(random: &mut Random, parts: &mut Vec<Part>, deltas: &mut Vec<Value>) {
    let text = random.text();
    let pieces = random.pieces(&text);
    match random.below(3) {
        0 => {
            let name = ["reasoning", "reasoning_content"][random.below(2)];
            deltas.extend(pieces.into_iter().map(|piece| json!({name: piece})));
            parts.push(Part::Reasoning(text));
        }
        1 => {
            let detail = |mut detail: Value| {
                detail["type"] = "reasoning.text".into();
                detail["format"] = "anthropic-claude-v1".into();
                detail["index"] = 0.into();
                detail
            };
            // OpenRouter sends the text twice.
            deltas.extend(
                pieces
                    .into_iter()
                    .map(|piece| json!({"reasoning": piece, "reasoning_details": [detail(json!({"text": piece}))]})),
            );
            let signature = format!("Eu{}YB==", random.below(1_000));
            for piece in random.pieces(&signature) {
                deltas.push(json!({"reasoning_details": [detail(json!({"signature": piece}))]}));
            }
            parts.push(Part::Signed(text, signature));
        }
        _ => {
            let format = ["openai-responses-v1", "anthropic-claude-v1"][random.below(2)];
            let data = format!("gAAA{}", random.below(1_000));
            let detail = json!({"type": "reasoning.encrypted", "data": data, "format": format, "index": 0});
            deltas.push(json!({"reasoning_details": [detail]}));
            parts.push(Part::Encrypted(data, format));
        }
    }
}

/// Adds calls whose pieces alternate in some answers.
fn add_calls(random: &mut Random, calls: usize, parts: &mut Vec<Part>, deltas: &mut Vec<Value>) {
    let mut queues = Vec::new();
    for index in 0..calls {
        let (id, name) = (format!("call_{index}"), ["get_weather", "search"][random.below(2)].to_owned());
        let arguments = if random.once_in(4) { json!({}) } else { json!({"city": random.text(), "n": [index, {}]}) };
        let head = json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
        let piece = |text: String| json!({"index": index, "function": {"arguments": text}});
        let pieces = random.pieces(&arguments.to_string());
        queues.push([head].into_iter().chain(pieces.into_iter().map(piece)).collect::<Vec<_>>());
        parts.push(Part::Call(id, name, arguments));
    }
    let alternate = random.once_in(2);
    while queues.iter().any(|queue| !queue.is_empty()) {
        let waiting: Vec<usize> = (0..calls).filter(|at| !queues[*at].is_empty()).collect();
        // The first pieces come in order, because the order of calls is that of their first pieces.
        let at = if alternate { waiting[random.below(waiting.len())] } else { waiting[0] };
        let begins = queues[at].len();
        let unbegun = (0..at).any(|before| queues[before].first().is_some_and(|piece| !piece["id"].is_null()));
        if begins > 0 && !unbegun {
            let piece = queues[at].remove(0);
            deltas.push(json!({"tool_calls": [piece]}));
        }
    }
}

/// Joins some neighbours, as long as their fields differ: one chunk can hold reasoning and text.
fn join_some(random: &mut Random, deltas: &mut Vec<Value>) {
    let mut at = 1;
    while at < deltas.len() {
        let differ = {
            let (one, other) =
                (deltas[at - 1].as_object().expect("an object"), deltas[at].as_object().expect("an object"));
            other.keys().all(|key| !one.contains_key(key)) && !one.contains_key("tool_calls")
        };
        if differ && random.once_in(2) {
            let more = deltas.remove(at);
            for (key, value) in more.as_object().expect("an object") {
                deltas[at - 1][key] = value.clone();
            }
        } else {
            at += 1;
        }
    }
}
