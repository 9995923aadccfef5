//! The wire of Responses: `POST /v1/responses`, as OpenAI and OpenRouter speak it, without stored state. A request becomes a
//! chat request, so that every model and fault of this emulator answers it.
//!
//! The fields and events are those of `openai/openai-openapi` `openapi.yaml`, with those that OpenRouter adds
//! (`OpenRouterTeam/typescript-sdk` `.speakeasy/in.openapi.yaml`). The rules that end in an error are those that OpenAI's errors
//! name: `items.rs` has them for the items of `input`.

mod events;
mod items;
mod object;

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::http::Request;

pub(crate) use events::{error_event, events, text};
pub(crate) use object::{fail, object};

/// The fields that OpenAI knows, and those that OpenRouter adds.
const FIELDS: &str = "background context_management conversation include input instructions max_output_tokens \
    max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt prompt_cache_key \
    prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options \
    temperature text tool_choice tools top_logprobs top_p truncation user \
    cache_control debug frequency_penalty image_config modalities models plugins presence_penalty provider route session_id \
    stop_server_tools_when top_k trace";

/// The fields that need stored state.
const STATE: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// The least output limit (earendil-works/pi#6265).
const LEAST_OUTPUT: u64 = 16;

/// The chat request for a request to Responses.
pub(crate) fn read(request: &Request) -> Result<Value, ApiError> {
    let body = request.body_json();
    check(&body)?;
    let mut chat = json!({ "model": body["model"], "models": body["models"], "stream": body["stream"] });
    for name in ["provider", "temperature", "reasoning"] {
        chat[name] = body[name].clone();
    }
    chat["max_completion_tokens"] = body["max_output_tokens"].clone();
    let mut messages = items::messages(&body["input"])?;
    if body["instructions"].is_string() {
        messages.insert(0, json!({ "role": "system", "content": body["instructions"] }));
    }
    chat["messages"] = messages.into();
    chat["tools"] = tools(&body)?.into();
    chat["response_format"] = match body["text"]["format"]["type"].as_str() {
        Some(kind @ ("json_schema" | "json_object")) => json!({ "type": kind }),
        _ => Value::Null,
    };
    chat["include"] = body["include"].clone();
    Ok(chat)
}

fn check(body: &Value) -> Result<(), ApiError> {
    let known = |name: &&str| FIELDS.split_whitespace().any(|known| known == *name);
    let mut names = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(name) = names.find(|name| !known(name)) {
        return Err(invalid(name, format!("Unknown parameter: '{name}'.")));
    }
    if let Some(name) = STATE.iter().find(|name| !body[**name].is_null()) {
        return Err(invalid(name, format!("'{name}' is not supported: responses are stateless.")));
    }
    if body["store"] == true {
        return Err(invalid("store", "'store' must be false: responses are stateless."));
    }
    if let Some(limit) = body["max_output_tokens"].as_u64().filter(|limit| *limit < LEAST_OUTPUT) {
        let message = format!(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {LEAST_OUTPUT}, but got {limit} instead."
        );
        return Err(invalid("max_output_tokens", message));
    }
    let format = &body["text"]["format"];
    if format["type"] == "json_schema" && (!format["name"].is_string() || !format["schema"].is_object()) {
        return Err(invalid("text.format", "Missing required parameter: 'text.format.name' or 'text.format.schema'."));
    }
    Ok(())
}

/// The tools in chat's shape.
fn tools(body: &Value) -> Result<Vec<Value>, ApiError> {
    let tools = body["tools"].as_array().into_iter().flatten().enumerate();
    let read = |(at, tool): (usize, &Value)| match tool["type"].as_str() {
        Some(kind @ ("function" | "custom")) if tool["name"].is_string() => {
            Ok(json!({ "type": kind, kind: { "name": tool["name"] } }))
        }
        Some("function" | "custom") => {
            Err(invalid("tools", format!("Missing required parameter: 'tools[{at}].name'.")))
        }
        _ => Err(invalid("tools", format!("Invalid value: 'tools[{at}].type'."))),
    };
    tools.map(read).collect()
}

fn invalid(param: &str, message: impl Into<String>) -> ApiError {
    let mut error = ApiError::typed(400, "invalid_request", message);
    error.error["type"] = json!("invalid_request_error");
    error.error["param"] = json!(param);
    error
}

/// The reasoning of the item `id`, as only this emulator can read it.
fn encrypt(id: &str) -> String {
    format!("gAAAAA-{id}")
}
