//! Random answers in the form of Messages.

use super::super::random::Random;
use super::{pieces, with_novelty};
use serde_json::{Value, json};

/// The events and the whole message of one answer of Messages.
pub(super) fn message(random: &mut Random) -> (Vec<Value>, Value) {
    let (mut events, mut content) = (Vec::new(), Vec::new());
    let usage = json!({"input_tokens": 5, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 1, "service_tier": "standard", "inference_geo": "us"});
    let mut whole = json!({"id": "msg_up", "type": "message", "role": "assistant", "model": "claude-opus-4-7", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage, "novel": {"a": null}, "container": {"id": "c"}});
    events.push(json!({"type": "message_start", "message": whole}));
    for _ in 0..2 + random.below(5) {
        let kind = random.below(5);
        content.push(block(random, kind, content.len(), &mut events));
    }
    // An answer without a text or a call is a soft failure.
    content.push(block(random, 1, content.len(), &mut events));
    let has_call = content.iter().any(|block| block["type"] == "tool_use");
    let stop = if has_call { "tool_use" } else { ["end_turn", "novel_reason"][random.below(2)] };
    let end = json!({"stop_reason": stop, "stop_sequence": null, "stop_details": null, "container": {"id": "d"}});
    events.push(json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 9, "novel_tokens": 3, "output_tokens_details": {"thinking_tokens": 0}}, "context_management": {"applied_edits": []}}));
    events.push(json!({"type": "message_stop"}));
    whole["stop_reason"] = json!(stop);
    whole["content"] = content.into();
    for (name, value) in [
        ("output_tokens", json!(9)),
        ("novel_tokens", json!(3)),
        ("output_tokens_details", json!({"thinking_tokens": 0})),
    ] {
        whole["usage"][name] = value;
    }
    (events, whole)
}

fn block(random: &mut Random, kind: usize, at: usize, events: &mut Vec<Value>) -> Value {
    let (begun, deltas, whole) = match kind {
        0 => {
            let begun = with_novelty(random, json!({"type": "thinking", "thinking": "", "signature": ""}));
            let (mut whole, mut deltas) = (begun.clone(), Vec::new());
            for piece in pieces(random) {
                whole["thinking"] = format!("{}{piece}", whole["thinking"].as_str().expect("a text")).into();
                deltas.push(json!({"type": "thinking_delta", "thinking": piece}));
            }
            whole["signature"] = json!("EuYBsigned");
            deltas.push(json!({"type": "signature_delta", "signature": "EuYBsigned"}));
            (begun, deltas, whole)
        }
        1 => {
            let begun = with_novelty(random, json!({"type": "text", "text": "", "citations": []}));
            let (mut whole, mut deltas) = (begun.clone(), Vec::new());
            let mut texts = pieces(random);
            texts.push("x".into());
            for piece in texts {
                if random.once_in(3) {
                    let citation = json!({"type": "char_location", "cited_text": "x", "document_index": 0, "novel": 1});
                    whole["citations"].as_array_mut().expect("a list").push(citation.clone());
                    deltas.push(json!({"type": "citations_delta", "citation": citation}));
                }
                whole["text"] = format!("{}{piece}", whole["text"].as_str().expect("a text")).into();
                deltas.push(json!({"type": "text_delta", "text": piece}));
            }
            (begun, deltas, whole)
        }
        2 => {
            let id = format!("toolu_{at}");
            let begun = json!({"type": "tool_use", "id": id, "name": "f", "input": {}, "caller": {"type": "direct"}});
            let begun = with_novelty(random, begun);
            let mut whole = begun.clone();
            whole["input"] = json!({"a": [1]});
            let deltas =
                ["{\"a\"", ": [1]}"].map(|piece| json!({"type": "input_json_delta", "partial_json": piece})).to_vec();
            (begun, deltas, whole)
        }
        3 => {
            let begun =
                json!({"type": "server_tool_use", "id": format!("srvtoolu_{at}"), "name": "novel", "input": {}});
            let begun = with_novelty(random, begun);
            let mut whole = begun.clone();
            whole["input"] = json!({"q": "x"});
            let deltas =
                ["{\"q\":", " \"x\"}"].map(|piece| json!({"type": "input_json_delta", "partial_json": piece})).to_vec();
            (begun, deltas, whole)
        }
        _ => {
            let begun = with_novelty(random, json!({"type": "novel_result", "content": [{"text": "not the answer"}]}));
            (begun.clone(), Vec::new(), begun)
        }
    };
    events.push(json!({"type": "content_block_start", "index": at, "content_block": begun}));
    for delta in deltas {
        events.push(json!({"type": "content_block_delta", "index": at, "delta": delta}));
    }
    events.push(json!({"type": "content_block_stop", "index": at}));
    whole
}
