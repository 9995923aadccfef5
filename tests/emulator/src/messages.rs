//! Anthropic's wire: `POST /v1/messages`, its events and its errors. A request becomes a chat request, so that every model and
//! fault of this emulator answers it. The rules that end in a 400 are those of platform.claude.com/docs/en/api/messages.

use serde_json::{Value, json};

use crate::answer::{Answer, Finish};
use crate::api_error::ApiError;
use crate::completion::{Event, Part, Turn, merge};
use crate::http::Request;
use crate::issuer;
use crate::response::{Response, Step};

const FIELDS: [&str; 15] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "metadata",
    "cache_control",
];

/// The chat request for a request to Messages.
pub(crate) fn read(request: &Request) -> Result<Value, ApiError> {
    if request.header("x-api-key").is_none() {
        return Err(ApiError::bare(401, "x-api-key header is required"));
    }
    if request.header("anthropic-version").is_none() {
        return Err(invalid("anthropic-version: header is required"));
    }
    let body = request.body_json();
    check(&body)?;
    let mut chat = json!({ "model": body["model"], "stream": body["stream"], "max_tokens": body["max_tokens"] });
    chat["messages"] = body["messages"].clone();
    if !body["system"].is_null() {
        let system = json!({ "role": "system", "content": body["system"] });
        chat["messages"].as_array_mut().into_iter().for_each(|messages| messages.insert(0, system.clone()));
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    let function = |tool: &Value| json!({ "name": tool["name"], "parameters": tool["input_schema"] });
    chat["tools"] = tools.map(|tool| json!({ "type": "function", "function": function(tool) })).collect();
    chat["tool_choice"] = match body["tool_choice"]["type"].as_str() {
        Some("any") => json!("required"),
        Some("tool") => json!({ "type": "function", "function": { "name": body["tool_choice"]["name"] } }),
        _ => Value::Null,
    };
    if body["thinking"]["type"] == "enabled" || body["thinking"]["type"] == "adaptive" {
        chat["reasoning"] = json!({ "enabled": true });
    }
    if !body["output_config"]["format"].is_null() {
        chat["response_format"] = json!({ "type": "json_schema" });
    }
    Ok(chat)
}

fn check(body: &Value) -> Result<(), ApiError> {
    if let Some(name) =
        body.as_object().into_iter().flatten().map(|(name, _)| name).find(|name| !FIELDS.contains(&&***name))
    {
        return Err(invalid(format!("{name}: Extra inputs are not permitted")));
    }
    if body["max_tokens"].as_u64().is_none_or(|most| most == 0) {
        return Err(invalid("max_tokens: Field required"));
    }
    if body["temperature"].as_f64().is_some_and(|value| value > 1.0) {
        return Err(invalid("temperature: Input should be less than or equal to 1"));
    }
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| invalid("messages: at least one message is required"))?;
    if messages[0]["role"] != "user" {
        return Err(invalid("messages: first message must use the \"user\" role"));
    }
    let mut ids = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        check_message(at, message, messages.get(at + 1))?;
        for id in blocks(message).filter(|block| block["type"] == "tool_use").map(|block| &block["id"]) {
            if ids.contains(&id) {
                return Err(invalid(format!("messages.{at}: `tool_use` ids must be unique")));
            }
            ids.push(id);
        }
    }
    check_loop(body, messages)
}

fn check_message(at: usize, message: &Value, next: Option<&Value>) -> Result<(), ApiError> {
    if message["role"] != "user" && message["role"] != "assistant" {
        return Err(invalid(format!("messages.{at}.role: Input should be 'user' or 'assistant'")));
    }
    for (place, block) in blocks(message).enumerate() {
        if block["type"] == "text" && block["text"].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(invalid(format!("messages.{at}: text content blocks must contain non-whitespace text")));
        }
        if block["type"] == "thinking" && block["signature"] != SIGNATURE {
            return Err(invalid(format!("messages.{at}.content.{place}: Invalid `signature` in `thinking` block")));
        }
        if block["type"] == "redacted_thinking" {
            return Err(invalid(format!("messages.{at}.content.{place}: Invalid `data` in `redacted_thinking` block")));
        }
        if block["type"] == "tool_use" {
            if !block["id"].as_str().is_some_and(issuer::is_word) {
                let pattern = "String should match pattern '^[a-zA-Z0-9_-]+$'";
                return Err(invalid(format!("messages.{at}.content.{place}.tool_use.id: {pattern}")));
            }
            let is_result = |result: &Value| result["type"] == "tool_result" && result["tool_use_id"] == block["id"];
            if !next.is_some_and(|next| blocks(next).any(is_result)) {
                return Err(invalid(format!("messages.{at}: `tool_use` ids were found without `tool_result` blocks")));
            }
        }
    }
    Ok(())
}

/// With a budget for thinking, the last turn of a loop of calls begins with its thinking (anomalyco/opencode#3077).
fn check_loop(body: &Value, messages: &[Value]) -> Result<(), ApiError> {
    let [.., turn, results] = messages else { return Ok(()) };
    let is_loop = blocks(results).any(|block| block["type"] == "tool_result");
    let begins = blocks(turn).next().is_some_and(|block| block["type"] == "thinking");
    if body["thinking"]["type"] != "enabled" || !is_loop || begins {
        return Ok(());
    }
    let at = messages.len() - 2;
    Err(invalid(format!(
        "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`"
    )))
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["content"].as_array().into_iter().flatten()
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::typed(400, "invalid_request", message)
}

/// The signature of every thinking block: Claude's, wherever Claude is served.
const SIGNATURE: &str = issuer::CLAUDE;

fn stop_reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::ContentFilter => "refusal",
        _ if answer.refusal.is_some() => "refusal",
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
    }
}

fn usage(turn: &Turn<'_>, output: u64) -> Value {
    let (cached, (minutes, hour)) = (turn.cached(), turn.written());
    json!({
        "input_tokens": turn.request.prompt_tokens - cached - minutes - hour,
        "cache_creation_input_tokens": minutes + hour,
        "cache_creation": { "ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour },
        "cache_read_input_tokens": cached, "output_tokens": output,
    })
}

/// The message for an answer in one piece.
pub(crate) fn message(turn: &Turn<'_>) -> Value {
    let answer = &turn.answer;
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        let thinking = answer.reasoning.concat();
        content.push(json!({ "type": "thinking", "thinking": thinking, "signature": SIGNATURE }));
    }
    let text = answer.refusal.clone().unwrap_or_else(|| answer.text());
    if !text.is_empty() {
        content.push(json!({ "type": "text", "text": text }));
    }
    for tool in &answer.tools {
        let input: Value = serde_json::from_str(&tool.arguments.concat()).unwrap_or_default();
        content.push(json!({ "type": "tool_use", "id": tool.id, "name": tool.name, "input": input }));
    }
    let mut message = head(turn, answer.completion_tokens());
    message["content"] = content.into();
    message["stop_reason"] = json!(stop_reason(answer));
    message
}

fn head(turn: &Turn<'_>, output: u64) -> Value {
    json!({
        "id": format!("msg_{}", turn.id), "type": "message", "role": "assistant", "model": turn.name, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage(turn, output),
    })
}

/// The whole stream, from `message_start` to `message_stop`.
pub(crate) fn events(turn: &Turn<'_>) -> Vec<Event> {
    let answer = &turn.answer;
    let mut events = vec![event(Part::Role, "message_start", &json!({ "message": head(turn, 0) })), ping()];
    let mut index = 0;
    let mut block = |start: Value, part: Part, deltas: Vec<Value>| {
        events.push(event(part, "content_block_start", &json!({ "index": index, "content_block": start })));
        events.extend(deltas.into_iter().map(|delta| {
            let tokens = u64::from(delta["type"] != "signature_delta");
            Event { tokens, ..event(part, "content_block_delta", &json!({ "index": index, "delta": delta })) }
        }));
        events.push(event(part, "content_block_stop", &json!({ "index": index })));
        index += 1;
    };
    if !answer.reasoning.is_empty() {
        let thought = |piece: &String| json!({ "type": "thinking_delta", "thinking": piece });
        let mut deltas: Vec<Value> = answer.reasoning.iter().map(thought).collect();
        deltas.push(json!({ "type": "signature_delta", "signature": SIGNATURE }));
        block(json!({ "type": "thinking", "thinking": "", "signature": "" }), Part::Reasoning, deltas);
    }
    let texts: Vec<&String> = answer.pieces.iter().chain(&answer.refusal).collect();
    if !texts.is_empty() {
        let deltas = texts.into_iter().map(|text| json!({ "type": "text_delta", "text": text })).collect();
        block(json!({ "type": "text", "text": "" }), Part::Text, deltas);
    }
    for tool in &answer.tools {
        let start = json!({ "type": "tool_use", "id": tool.id, "name": tool.name, "input": {} });
        let piece = |piece: &String| json!({ "type": "input_json_delta", "partial_json": piece });
        block(start, Part::Tool, tool.arguments.iter().map(piece).collect());
    }
    let delta = json!({ "stop_reason": stop_reason(answer), "stop_sequence": null });
    let usage = json!({ "output_tokens": answer.completion_tokens() });
    events.push(event(Part::Finish, "message_delta", &json!({ "delta": delta, "usage": usage })));
    events.push(event(Part::Done, "message_stop", &json!({})));
    events
}

/// The event for a piece of text, in the block 0.
pub(crate) fn text(piece: &str) -> Event {
    let delta = json!({ "type": "text_delta", "text": piece });
    Event { tokens: 1, ..event(Part::Text, "content_block_delta", &json!({ "index": 0, "delta": delta })) }
}

/// The event that keeps the connection alive.
pub(crate) fn ping() -> Event {
    event(Part::Comment, "ping", &json!({}))
}

/// The event that ends a stream with an error.
pub(crate) fn error_event(error: &Value) -> Event {
    event(Part::Error, "error", &json!({ "error": { "type": "overloaded_error", "message": error["message"] } }))
}

fn event(part: Part, name: &'static str, fields: &Value) -> Event {
    let mut data = json!({ "type": name });
    merge(&mut data, fields);
    Event { part, text: data.to_string(), tokens: 0, name: Some(name) }
}

/// `response` with an error in Anthropic's shape, if it is an error in JSON.
pub(crate) fn reshape(response: Response) -> Response {
    let status = response.head.as_ref().map_or(200, |head| head.status);
    let [Step::Write { bytes, .. }] = &response.body[..] else { return response };
    let Some(body) =
        serde_json::from_slice::<Value>(bytes).ok().filter(|body| status >= 400 && body["error"].is_object())
    else {
        return response;
    };
    let kind = match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    };
    let error = json!({ "type": kind, "message": body["error"]["message"] });
    let shaped = Response::json(status, &json!({ "type": "error", "error": error, "request_id": "req_emulated" }));
    let headers = response.head.into_iter().flat_map(|head| head.headers);
    let mut shaped = headers.fold(shaped, |shaped, (name, value)| shaped.with_header(name, value));
    (shaped.faulted, shaped.close) = (response.faulted, response.close);
    shaped
}
