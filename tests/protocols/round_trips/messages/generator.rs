//! Requests of Messages, with every block of a conversation.

use super::super::super::random::Random;
use super::super::generator::{Ids, PDF, PNG, arguments, maybe, one, text};
use serde_json::{Value, json};

/// The blocks of tools that run at Anthropic.
const FOREIGN: [&str; 9] = [
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "mcp_tool_result",
    "mcp_tool_use",
    "server_tool_use",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
];

fn text_block(random: &mut Random) -> Value {
    let mut block = json!({"type": "text", "text": text(random)});
    maybe(random, 10, &mut block, "text", "");
    block
}

fn source(random: &mut Random, kind: &str, data: &str) -> Value {
    match random.below(2) {
        0 => json!({"type": "base64", "media_type": kind, "data": data}),
        _ => json!({"type": "url", "url": "https://x.example/a"}),
    }
}

/// A block of a user's message, or of a result.
fn block(random: &mut Random) -> Value {
    let mut block = match random.below(6) {
        0 => {
            let kind = one(random, &["image/png", "image/jpeg", "image/gif", "image/webp"]);
            json!({"type": "image", "source": source(random, kind, PNG)})
        }
        1 => {
            let source = match random.below(4) {
                0 => json!({"type": "text", "media_type": "text/plain", "data": text(random)}),
                1 => json!({"type": "content", "content": [{"type": "text", "text": text(random)}]}),
                _ => source(random, "application/pdf", PDF),
            };
            let mut document = json!({"type": "document", "source": source});
            maybe(random, 2, &mut document, "title", "A title");
            maybe(random, 4, &mut document, "context", "Of 2026");
            maybe(random, 4, &mut document, "citations", json!({"enabled": true}));
            document
        }
        2 => {
            let content = json!([{"type": "text", "text": text(random)}]);
            json!({"type": "search_result", "source": "https://x.example", "title": "A title", "content": content})
        }
        _ => text_block(random),
    };
    if block["text"].as_str().is_none_or(|text| !text.trim().is_empty()) {
        let mark = one(random, &[json!({"type": "ephemeral"}), json!({"type": "ephemeral", "ttl": "1h"})]);
        maybe(random, 6, &mut block, "cache_control", mark);
    }
    if block["type"] == "text" {
        maybe(random, 12, &mut block, "novel", json!([1.5]));
    }
    block
}

/// A turn of the assistant, and the results of its calls.
fn turn(random: &mut Random, ids: &mut Ids) -> (Vec<Value>, Vec<Value>) {
    let (mut blocks, mut results) = (Vec::new(), Vec::new());
    let detail = json!({"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1"});
    let carrier = format!("failsoft:1:{detail}");
    for _ in 0..=random.below(4) {
        match random.below(9) {
            0 | 1 => blocks.push(json!({"type": "thinking", "thinking": text(random), "signature": ids.next("EuYB")})),
            2 => blocks.push(json!({"type": "redacted_thinking", "data": ids.next("Em4K")})),
            3 => blocks.push(one(
                random,
                &[
                    json!({"type": "thinking", "thinking": "hm", "signature": ""}),
                    json!({"type": "thinking", "thinking": "hm", "signature": carrier}),
                    json!({"type": "redacted_thinking", "data": carrier}),
                ],
            )),
            4 | 5 => {
                let mut block = text_block(random);
                let citation = json!({"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": null, "start_char_index": 0, "end_char_index": 1});
                maybe(random, 4, &mut block, "citations", json!([citation]));
                blocks.push(block);
            }
            6 => {
                let kind = one(random, &FOREIGN);
                blocks.push(json!({"type": kind, "id": ids.next("srvtoolu_")}));
            }
            _ => {
                let (call, result) = call(random, ids);
                blocks.extend(call);
                results.extend(result);
            }
        }
    }
    // Without a turn of the assistant, the user's messages around it are one.
    if !blocks.iter().any(|block| block["type"] == "tool_use") {
        blocks.push(json!({"type": "text", "text": text(random)}));
    }
    (blocks, results)
}

fn call(random: &mut Random, ids: &mut Ids) -> (Option<Value>, Option<Value>) {
    let id = ids.next("toolu_");
    let mut call = json!({"type": "tool_use", "id": id, "name": "f", "input": arguments(random)});
    maybe(random, 10, &mut call, "input", json!("x"));
    maybe(random, 8, &mut call, "cache_control", json!({"type": "ephemeral"}));
    let mut result = json!({"type": "tool_result", "tool_use_id": id});
    match random.below(3) {
        0 => result["content"] = text(random).into(),
        1 => result["content"] = (0..random.below(4)).map(|_| block(random)).collect(),
        _ => {}
    }
    maybe(random, 4, &mut result, "is_error", true);
    maybe(random, 8, &mut result, "cache_control", json!({"type": "ephemeral"}));
    match random.below(12) {
        0 => (None, Some(result)),
        1 => (Some(call), None),
        _ => (Some(call), Some(result)),
    }
}

pub(super) fn request(random: &mut Random) -> Value {
    let ids = &mut Ids::default();
    let users = |random: &mut Random| match random.below(3) {
        0 => json!(text(random)),
        _ => {
            let mut blocks: Vec<Value> = (0..random.below(3)).map(|_| block(random)).collect();
            blocks.push(json!({"type": "text", "text": " \n"}));
            blocks.push(json!({"type": "text", "text": text(random)}));
            json!(blocks)
        }
    };
    let mut turns = vec![json!({"role": "user", "content": users(random)})];
    for _ in 0..random.below(4) {
        let (blocks, results) = turn(random, ids);
        turns.push(json!({"role": "assistant", "content": blocks}));
        let mut content = results;
        let also: Vec<Value> = (0..random.below(3)).map(|_| block(random)).collect();
        // Some clients put the results behind the other blocks.
        if random.once_in(6) {
            content = [also, content].concat()
        } else {
            content.extend(also)
        }
        content.push(json!({"type": "text", "text": text(random)}));
        turns.push(json!({"role": "user", "content": content}));
        if random.once_in(8) {
            turns.push(json!({"role": "system", "content": text(random)}));
            turns.push(json!({"role": "user", "content": text(random)}));
        }
    }
    let mut request = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": turns});
    if random.once_in(2) {
        let mut block = json!({"type": "text", "text": text(random)});
        maybe(random, 2, &mut block, "cache_control", json!({"type": "ephemeral"}));
        request["system"] =
            one(random, &[json!(text(&mut Random::new(1))), json!([{"type": "text", "text": "s"}, block])]);
    }
    request
}
