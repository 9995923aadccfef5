//! The response object, its items and its usage.

use serde_json::{Value, json};

use super::encrypt;
use crate::answer::{Finish, ToolCall};
use crate::completion::{Turn, merge};

/// The response for an answer in one piece.
pub(crate) fn object(turn: &Turn<'_>) -> Value {
    let (status, reason) = status(turn.answer.finish);
    let mut object = head(turn, status);
    object["output"] = items(turn, status).into();
    object["incomplete_details"] = reason.map_or(Value::Null, |reason| json!({ "reason": reason }));
    object["usage"] = usage(turn);
    object
}

/// Makes `response` that of an answer that broke off.
pub(crate) fn fail(mut response: Value, message: &Value) -> Value {
    response["status"] = json!("failed");
    response["error"] = json!({ "code": "server_error", "message": message });
    response
}

/// The object without items and usage.
pub(super) fn head(turn: &Turn<'_>, status: &str) -> Value {
    let mut head = json!({
        "id": turn.id, "object": "response", "created_at": turn.created, "status": status, "error": null,
        "incomplete_details": null, "instructions": null, "max_output_tokens": turn.request.max_tokens,
    });
    if let Some(name) = &turn.name {
        head["model"] = json!(name);
    }
    let rest = json!({
        "output": [], "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": [],
        "metadata": {}, "store": false, "truncation": "disabled", "text": { "format": { "type": "text" } },
        "reasoning": { "effort": null, "summary": null }, "usage": null,
    });
    merge(&mut head, &rest);
    if let Some(metadata) = &turn.metadata {
        head["openrouter_metadata"] = metadata.clone();
    }
    head
}

fn status(finish: Finish) -> (&'static str, Option<&'static str>) {
    match finish {
        Finish::Stop | Finish::ToolCalls => ("completed", None),
        Finish::Length => ("incomplete", Some("max_output_tokens")),
        Finish::ContentFilter => ("incomplete", Some("content_filter")),
    }
}

fn items(turn: &Turn<'_>, status: &str) -> Vec<Value> {
    let answer = &turn.answer;
    let mut items = Vec::new();
    if !answer.reasoning.is_empty() {
        items.push(reasoning(turn));
    }
    if answer.refusal.is_some() || !answer.pieces.is_empty() {
        items.push(message(turn, status, &[part(turn)]));
    }
    items.extend(answer.tools.iter().map(|tool| call(turn, tool, "completed", &tool.arguments.concat())));
    items
}

/// The reasoning item: a summary if the request asks for one, and what is encrypted if the request includes it.
pub(super) fn reasoning(turn: &Turn<'_>) -> Value {
    let id = reasoning_id(turn);
    let mut item = json!({ "id": id, "type": "reasoning", "summary": [] });
    if turn.request.shows_summary {
        item["summary"] = json!([summary(&turn.answer.reasoning.concat())]);
    }
    if turn.request.includes_encrypted {
        item["encrypted_content"] = json!(encrypt(&id));
    }
    item
}

pub(super) fn reasoning_id(turn: &Turn<'_>) -> String {
    format!("rs_{}", turn.id)
}

pub(super) fn summary(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}

pub(super) fn message(turn: &Turn<'_>, status: &str, content: &[Value]) -> Value {
    json!({ "id": format!("msg_{}", turn.id), "type": "message", "status": status, "role": "assistant", "content": content })
}

/// The one part of the message.
pub(super) fn part(turn: &Turn<'_>) -> Value {
    match &turn.answer.refusal {
        Some(refusal) => json!({ "type": "refusal", "refusal": refusal }),
        None => output_text(&turn.answer.text()),
    }
}

pub(super) fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

pub(super) fn call_id(turn: &Turn<'_>, tool: &ToolCall) -> String {
    format!("{}_{}_{}", if tool.is_custom { "ctc" } else { "fc" }, tool.id, turn.id)
}

pub(super) fn call(turn: &Turn<'_>, tool: &ToolCall, status: &str, arguments: &str) -> Value {
    let (kind, field) = if tool.is_custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
    json!({
        "id": call_id(turn, tool), "type": kind, "status": status, "call_id": tool.id, "name": tool.name, field: arguments,
    })
}

/// The usage, with OpenRouter's cost.
fn usage(turn: &Turn<'_>) -> Value {
    let chat = turn.usage();
    let mut usage = json!({
        "input_tokens": chat["prompt_tokens"],
        "input_tokens_details": { "cached_tokens": turn.cached(), "cache_write_tokens": 0 },
        "output_tokens": chat["completion_tokens"],
        "output_tokens_details": { "reasoning_tokens": chat["completion_tokens_details"]["reasoning_tokens"] },
        "total_tokens": chat["total_tokens"],
    });
    if chat["cost"].is_number() {
        usage["cost"] = chat["cost"].clone();
        usage["is_byok"] = chat["is_byok"].clone();
        usage["cost_details"] = json!({
            "upstream_inference_cost": null,
            "upstream_inference_input_cost": chat["cost_details"]["upstream_inference_prompt_cost"],
            "upstream_inference_output_cost": chat["cost_details"]["upstream_inference_completions_cost"],
        });
    }
    usage
}
