//! The items of `input` as the messages of a chat request, and the rules that they have to keep.

use serde_json::{Value, json};

use super::{encrypt, invalid};
use crate::api_error::ApiError;

/// The longest id of a call.
const LONGEST_CALL_ID: usize = 64;

/// The messages for `input`.
pub(super) fn messages(input: &Value) -> Result<Vec<Value>, ApiError> {
    let Some(items) = input.as_array() else {
        let text = input.as_str().ok_or_else(|| invalid("input", "Missing required parameter: 'input'."))?;
        return Ok(vec![json!({ "role": "user", "content": text })]);
    };
    let mut messages = Vec::new();
    for (at, item) in items.iter().enumerate() {
        messages.extend(message(&format!("input[{at}]"), item)?);
    }
    check_pairs(items)?;
    Ok(messages)
}

/// The message for one item; none for an item of another type, which a later version of the API may know.
fn message(path: &str, item: &Value) -> Result<Option<Value>, ApiError> {
    let is_message = item["type"].is_null() && item["role"].is_string();
    match item["type"].as_str() {
        Some("message") => read_message(path, item).map(Some),
        None if is_message => read_message(path, item).map(Some),
        Some("function_call" | "custom_tool_call") => {
            check_id(path, item, &["fc", "ctc"])?;
            let content = if item["type"] == "function_call" { &item["arguments"] } else { &item["input"] };
            if !item["name"].is_string() || !content.is_string() {
                return Err(invalid(path, format!("Missing required parameter: '{path}.name' or '{path}.arguments'.")));
            }
            Ok(Some(json!({ "role": "assistant", "tool_calls": [{ "id": item["call_id"] }] })))
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            Ok(Some(json!({ "role": "tool", "content": item["output"] })))
        }
        Some("reasoning") => check_reasoning(path, item).map(|()| None),
        Some("item_reference") => Err(not_found(item)),
        Some(_) => Ok(None),
        None => Err(invalid(path, format!("Missing required parameter: '{path}.type'."))),
    }
}

fn read_message(path: &str, item: &Value) -> Result<Value, ApiError> {
    let role = item["role"].as_str().unwrap_or_default();
    let known = match role {
        "assistant" => &["output_text", "refusal"][..],
        "user" | "system" | "developer" => &["input_text", "input_image", "input_file"],
        _ => return Err(invalid(path, format!("Invalid value: '{role}'."))),
    };
    check_id(path, item, &["msg"])?;
    for part in item["content"].as_array().into_iter().flatten() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !known.contains(&kind) {
            return Err(invalid(path, format!("Invalid value: '{kind}'. Supported values are: {known:?}.")));
        }
        if kind == "input_image" && !part["image_url"].is_string() {
            return Err(invalid(path, format!("Missing required parameter: '{path}.content.image_url'.")));
        }
    }
    if !item["content"].is_string() && !item["content"].is_array() {
        return Err(invalid(path, format!("Missing required parameter: '{path}.content'.")));
    }
    Ok(json!({ "role": role, "content": item["content"] }))
}

/// An id, which may be missing, begins as those of its type do (anomalyco/opencode#44587).
fn check_id(path: &str, item: &Value, prefixes: &[&str]) -> Result<(), ApiError> {
    let Some(id) = item["id"].as_str() else { return Ok(()) };
    if prefixes.iter().any(|prefix| id.starts_with(prefix)) {
        return Ok(());
    }
    Err(invalid(path, format!("Invalid '{path}.id': '{id}'. Expected an ID that begins with '{}'.", prefixes[0])))
}

/// What is encrypted is bound to the id of its item (maximhq/bifrost#5186), and what is not encrypted is not stored.
fn check_reasoning(path: &str, item: &Value) -> Result<(), ApiError> {
    if !item["summary"].is_array() {
        return Err(invalid(path, format!("Missing required parameter: '{path}.summary'.")));
    }
    let id = item["id"].as_str().unwrap_or_default();
    match item["encrypted_content"].as_str() {
        Some(content) if content == encrypt(id) => Ok(()),
        Some(_) => {
            let message = format!(
                "The encrypted content for item {id} could not be verified. Reason: Encrypted content item_id did not match the \
                 target item id."
            );
            let mut error = invalid(path, message);
            error.error["code"] = json!("invalid_encrypted_content");
            Err(error)
        }
        None => Err(not_found(item)),
    }
}

fn not_found(item: &Value) -> ApiError {
    let id = item["id"].as_str().unwrap_or_default();
    let message = format!("Item with id '{id}' not found. Items are not persisted when `store` is set to false.");
    let mut error = invalid("input", message);
    (error.status, error.error["code"]) = (404, json!(404));
    error
}

/// Each call has its output, and each output its call (openai/openai-agents-python#673).
fn check_pairs(items: &[Value]) -> Result<(), ApiError> {
    let of = |ending: &'static str| {
        let is_it = move |item: &&Value| item["type"].as_str().is_some_and(|kind| kind.ends_with(ending));
        items.iter().filter(is_it).map(|item| item["call_id"].as_str().unwrap_or_default())
    };
    if let Some(id) = of("_call").chain(of("_call_output")).find(|id| id.is_empty() || id.len() > LONGEST_CALL_ID) {
        return Err(invalid(
            "input",
            format!("Invalid 'call_id': '{id}'. Expected 1 to {LONGEST_CALL_ID} characters."),
        ));
    }
    if let Some(id) = of("_call").find(|id| !of("_call_output").any(|other| other == *id)) {
        return Err(invalid("input", format!("No tool output found for function call {id}.")));
    }
    match of("_call_output").find(|id| !of("_call").any(|other| other == *id)) {
        Some(id) => Err(invalid("input", format!("No tool call found for function call output with call_id {id}."))),
        None => Ok(()),
    }
}
