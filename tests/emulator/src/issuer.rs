//! What only the vendor of a model can read in a conversation, and how the vendors refuse what another one made.
//!
//! The messages are those of the vendors: RooCodeInc/Roo-Code#10461 (Anthropic), openai/codex#8145 (OpenAI),
//! docs.apiyi.com/en/faq/gemini-thought-signature-missing (Google), agno-agi/agno#5382 and teabranch/open-responses-server#41
//! (OpenAI's chat completions), nearai/ironclaw#1241 (Mistral).

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::catalog::Candidate;
use crate::chat_request::Wire;

/// What an assistant's message may have at OpenAI and Azure. The helpers of OpenAI's own client send `parsed` back.
const MESSAGE: [&str; 9] =
    ["role", "content", "name", "refusal", "audio", "tool_calls", "function_call", "annotations", "parsed"];

/// The `format` of what the vendor of `model` issues at OpenRouter.
fn format(model: &str) -> &'static str {
    match model.split('/').next() {
        Some("anthropic") => "anthropic-claude-v1",
        Some("openai") => "openai-responses-v1",
        Some("google") => "google-gemini-v1",
        Some("x-ai") => "xai-responses-v1",
        _ => "unknown",
    }
}

/// Claude's signature.
pub(crate) const CLAUDE: &str = "RW11bGF0ZWQ=";

/// What the issuer of `format` signs with.
fn seal(format: &str) -> &'static str {
    match format {
        "anthropic-claude-v1" => CLAUDE,
        "openai-responses-v1" => "gAAAAABEmulated",
        "google-gemini-v1" => "CiQBEmulated",
        _ => "c2VhbGVk",
    }
}

/// The item of `reasoning_details` for a piece of reasoning of `model`.
pub(crate) fn piece(model: &str, text: &str) -> Value {
    let format = format(model);
    match format {
        "openai-responses-v1" => json!({ "type": "reasoning.summary", "summary": text, "format": format, "index": 0 }),
        _ => json!({ "type": "reasoning.text", "text": text, "format": format, "index": 0 }),
    }
}

/// The item that ends the reasoning of `model`, which only its vendor can read.
pub(crate) fn last_piece(model: &str) -> Value {
    let format = format(model);
    match format {
        "openai-responses-v1" | "google-gemini-v1" => {
            json!({ "type": "reasoning.encrypted", "data": seal(format), "id": "rs_emulated", "format": format, "index": 1 })
        }
        _ => json!({ "type": "reasoning.text", "signature": seal(format), "format": format, "index": 0 }),
    }
}

/// The items for `text` and what ends it. A signature stands in the item of its text.
pub(crate) fn join(mut text: Value, last: Value) -> Value {
    if last["signature"].is_string() {
        text["signature"] = last["signature"].clone();
        return json!([text]);
    }
    json!([text, last])
}

/// The error with which `model` refuses `messages` over `wire`.
pub(crate) fn refuse(wire: Wire, model: &Candidate, messages: &Value) -> Option<ApiError> {
    let messages = || messages.as_array().into_iter().flatten().enumerate();
    let assistants = || messages().filter(|(_, message)| message["role"] == "assistant");
    match wire {
        Wire::OpenAi | Wire::Azure => assistants().find_map(|(at, message)| refuse_fields(at, message)),
        Wire::Chat => {
            let foreign = assistants().find_map(|(at, message)| refuse_details(model, at, message));
            foreign.or_else(|| messages().find_map(|(_, message)| refuse_ids(model, message)))
        }
        // Their own modules check these.
        Wire::Messages | Wire::Responses | Wire::Embeddings => None,
    }
}

/// Like `refuse`, for a field of the request itself.
pub(crate) fn refuse_request(wire: Wire, body: &Value) -> Option<ApiError> {
    let is_strict = matches!(wire, Wire::OpenAi | Wire::Azure);
    (is_strict && !body["reasoning"].is_null()).then(|| unknown("reasoning"))
}

fn refuse_fields(at: usize, message: &Value) -> Option<ApiError> {
    let mut names = message.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(name) = names.find(|name| !MESSAGE.contains(name)) {
        return Some(unknown(&format!("messages[{at}].{name}")));
    }
    let mut calls = message["tool_calls"].as_array().into_iter().flatten().enumerate();
    calls.find_map(|(call, value)| {
        let path = format!("messages[{at}].tool_calls[{call}]");
        let length = value["id"].as_str().map_or(0, str::len);
        if length > 40 {
            let message = format!(
                "Invalid '{path}.id': string too long. Expected a string with maximum length 40, but got a string with length \
                 {length} instead."
            );
            return Some(refuse_field(&message, "string_above_max_length"));
        }
        (!value["extra_content"].is_null()).then(|| unknown(&format!("{path}.extra_content")))
    })
}

fn refuse_details(model: &Candidate, at: usize, message: &Value) -> Option<ApiError> {
    let own = format(&model.id);
    let mut items = message["reasoning_details"].as_array().into_iter().flatten().enumerate();
    let is_foreign = |item: &Value| {
        let sealed = item["signature"].as_str().or(item["data"].as_str());
        sealed.is_some_and(|sealed| sealed != seal(own) || item["format"] != own)
    };
    let (place, item) = items.find(|(_, item)| is_foreign(item))?;
    let raw = match own {
        "anthropic-claude-v1" => json!({ "type": "error", "error": {
            "type": "invalid_request_error",
            "message": format!("messages.{at}.content.{place}: Invalid `signature` in `thinking` block"),
        } }),
        "openai-responses-v1" => json!({ "error": {
            "message": format!("The encrypted content {} could not be verified.", item["data"]),
            "type": "invalid_request_error", "param": null, "code": "invalid_encrypted_content",
        } }),
        "google-gemini-v1" => {
            json!({ "error": { "code": 400, "message": "Corrupted thought signature.", "status": "INVALID_ARGUMENT" } })
        }
        // The others read no signatures.
        _ => return None,
    };
    Some(of_provider(model, &raw))
}

fn refuse_ids(model: &Candidate, message: &Value) -> Option<ApiError> {
    let is_alphanumeric = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["id"]);
    let mut ids = calls.chain([&message["tool_call_id"]]).filter_map(Value::as_str);
    if model.id.starts_with("mistralai/") {
        let id = ids.find(|id| id.len() != 9 || !is_alphanumeric(id))?;
        let message = format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
        let raw = json!({ "object": "error", "message": message, "type": "invalid_function_call", "code": "3280" });
        return Some(of_provider(model, &raw));
    }
    let wrong = ids.find(|id| !is_word(id)).filter(|_| model.id.starts_with("anthropic/"))?;
    let message = format!("tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$' ({wrong})");
    Some(of_provider(
        model,
        &json!({ "type": "error", "error": { "type": "invalid_request_error", "message": message } }),
    ))
}

/// `id` has the form that Anthropic accepts.
pub(crate) fn is_word(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The error of a provider, as OpenRouter quotes it.
fn of_provider(model: &Candidate, raw: &Value) -> ApiError {
    let mut error = ApiError::bare(400, "Provider returned error");
    error.error["metadata"] = json!({ "raw": raw.to_string(), "provider_name": model.row.provider });
    error
}

fn unknown(path: &str) -> ApiError {
    refuse_field(&format!("Unknown parameter: '{path}'."), "unknown_parameter")
}

fn refuse_field(message: &str, code: &str) -> ApiError {
    let mut error = ApiError::bare(400, message);
    error.error["type"] = json!("invalid_request_error");
    error.error["code"] = json!(code);
    error
}
