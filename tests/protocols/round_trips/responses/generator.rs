//! The items of conversations in Responses, of every type.

use super::super::super::random::Random;
use super::super::generator::{Ids, PDF, PNG, arguments, maybe, one, text};
use serde_json::{Value, json};

/// The items of tools that run at their vendor, and of state there.
const FOREIGN: [&str; 22] = [
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
];

fn part(random: &mut Random) -> Value {
    let mut part = match random.below(5) {
        0 => json!({"type": "input_image", "image_url": format!("data:image/png;base64,{PNG}"), "detail": "high"}),
        1 => json!({"type": "input_image", "image_url": "https://x.example/a.png", "file_id": null}),
        2 => {
            let mut part = json!({"type": "input_file", "file_data": format!("data:application/pdf;base64,{PDF}")});
            maybe(random, 2, &mut part, "filename", "a.pdf");
            part
        }
        3 => json!({"type": "input_file", "filename": "b.pdf", "file_url": "https://x.example/b.pdf"}),
        _ => json!({"type": "input_text", "text": text(random)}),
    };
    if part["type"] == "input_image" {
        maybe(random, 3, &mut part, "detail", "original");
    }
    maybe(random, 8, &mut part, "prompt_cache_breakpoint", json!({"mode": "explicit"}));
    part
}

fn parts(random: &mut Random) -> Value {
    (0..=random.below(3)).map(|_| part(random)).collect()
}

fn message(random: &mut Random, role: &str) -> Value {
    let content = match role {
        "user" if random.once_in(2) => parts(random),
        "user" => json!(text(random)),
        _ if random.once_in(2) => json!([{"type": "input_text", "text": text(random)}]),
        _ => json!(text(random)),
    };
    let mut message = json!({"role": role, "content": content});
    maybe(random, 2, &mut message, "type", "message");
    maybe(random, 8, &mut message, "novel", 1.5);
    message
}

fn said(random: &mut Random, ids: &mut Ids) -> Value {
    if random.once_in(4) {
        return json!({"role": "assistant", "content": text(random)});
    }
    let mut output = json!({"type": "output_text", "text": text(random), "annotations": [], "logprobs": []});
    if random.once_in(3) {
        let citation =
            json!({"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://x.example", "title": "x"});
        output["annotations"] = json!([citation]);
        output["logprobs"] = json!([{"token": "t", "logprob": -0.5, "bytes": [116], "top_logprobs": []}]);
    }
    let mut content = vec![output];
    if random.once_in(4) {
        content.push(json!({"type": "refusal", "refusal": text(random)}));
    }
    let mut item = json!({"type": "message", "id": ids.next("msg_"), "role": "assistant", "status": "completed", "content": content});
    maybe(random, 3, &mut item, "phase", "commentary");
    item
}

fn reasoning(random: &mut Random, ids: &mut Ids) -> Value {
    let mut item = json!({"type": "reasoning", "id": ids.next("rs_"), "summary": []});
    if random.once_in(2) {
        let part = |text: String| json!({"type": "summary_text", "text": text});
        item["summary"] = (0..=random.below(2)).map(|_| part(text(random))).collect();
    }
    if random.once_in(4) {
        item["content"] = json!([{"type": "reasoning_text", "text": text(random)}]);
    }
    match random.below(5) {
        0 => item["encrypted_content"] = Value::Null,
        1 => {
            let detail =
                json!({"type": "reasoning.text", "text": "hm", "signature": "EuYB", "format": "anthropic-claude-v1"});
            item["encrypted_content"] = format!("failsoft:1:{detail}").into();
        }
        _ => item["encrypted_content"] = format!("gAAAA{}", ids.next("")).into(),
    }
    item
}

/// A call and its result. Some have lost the other.
fn call(random: &mut Random, ids: &mut Ids) -> (Option<Value>, Option<Value>) {
    let id = ids.next("call_");
    let is_custom = random.once_in(4);
    let mut call = match is_custom {
        true => json!({"type": "custom_tool_call", "call_id": id, "name": "patch", "input": text(random)}),
        false => {
            json!({"type": "function_call", "call_id": id, "name": "f", "arguments": arguments(random).to_string()})
        }
    };
    if !is_custom && random.once_in(10) {
        call["arguments"] = one(random, &[json!("{\"a\":"), json!(""), json!("[1]")]);
    }
    maybe(random, 2, &mut call, "id", ids.next("fc_"));
    maybe(random, 2, &mut call, "status", "completed");
    maybe(random, 8, &mut call, "novel", json!({"a": null}));
    let kind = if is_custom { "custom_tool_call_output" } else { "function_call_output" };
    let output = if random.once_in(2) { parts(random) } else { json!(text(random)) };
    let mut result = json!({"type": kind, "call_id": id, "output": output});
    maybe(random, 3, &mut result, "status", "completed");
    match random.below(12) {
        0 => (None, Some(result)),
        1 => (Some(call), None),
        _ => (Some(call), Some(result)),
    }
}

/// The items of a conversation.
pub(super) fn input(random: &mut Random) -> Value {
    if random.once_in(20) {
        return json!(text(random));
    }
    let ids = &mut Ids::default();
    let mut items = Vec::new();
    for _ in 0..=random.below(3) {
        if random.once_in(4) {
            let role = one(random, &["system", "developer"]);
            items.push(message(random, role));
        }
        items.push(message(random, "user"));
        let mut results = Vec::new();
        for _ in 0..random.below(5) {
            match random.below(4) {
                0 => items.push(reasoning(random, ids)),
                1 => items.push(said(random, ids)),
                _ => {
                    let (call, result) = call(random, ids);
                    items.extend(call);
                    results.extend(result);
                }
            }
        }
        items.append(&mut results);
        if random.once_in(6) {
            let kind = one(random, &FOREIGN);
            items.push(json!({"type": kind, "id": ids.next("x_"), "status": "completed"}));
        }
    }
    items.push(message(random, "user"));
    json!(items)
}
