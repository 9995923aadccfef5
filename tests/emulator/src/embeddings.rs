//! `POST /embeddings`, in OpenAI's form with OpenRouter's `id` and cost. A request becomes a chat request, so that every fault of
//! this emulator answers it. A vector depends on the model and the text alone.
//!
//! | model | what it does |
//! |---|---|
//! | `openai/text-embedding-3-small` | everything: 8 numbers, or as many as `dimensions` says |
//! | `test/embed-numbers` | numbers, also where the request asks for base64 |
//! | `test/embed-no-base64` | a list without vectors, where the request asks for base64 |
//! | `test/embed-fixed` | 8 numbers, whatever `dimensions` says |
//! | `test/embed-unordered` | the vectors in the reverse order, with their indexes |
//!
//! Faults of the text are faults of the vectors: `empty` (no vectors), `length` (one too few), `whitespace` (zeros), `bad-json`
//! (`null` in a vector), `tool-index-lies` (every index is 0), `refusal` and others (empty vectors).

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::chat_request::Inputs;
use crate::completion::Turn;
use crate::fault::{Effect, WrongAnswer};
use crate::http::Request;

const FIELDS: [&str; 7] = ["model", "input", "encoding_format", "dimensions", "user", "provider", "input_type"];
const DEFAULT_LENGTH: u64 = 8;

/// The chat request for a request for embeddings: a message for each input.
pub(crate) fn read(request: &Request) -> Result<Value, ApiError> {
    let mut body = request.body_json();
    let mut names = body.as_object().into_iter().flatten().map(|(name, _)| name);
    if let Some(name) = names.find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(invalid(&format!("Unrecognized request argument supplied: {name}")));
    }
    let input = &body["input"];
    let is_one = input.is_string() || input[0].is_number();
    let inputs = if is_one { vec![input.clone()] } else { input.as_array().cloned().unwrap_or_default() };
    let messages: Vec<Value> = inputs.iter().map(|input| json!({ "role": "user", "content": text(input) })).collect();
    if messages.iter().any(|message| message["content"] == "") {
        return Err(invalid("input cannot be an empty string"));
    }
    body["messages"] = messages.into();
    Ok(body)
}

fn text(input: &Value) -> String {
    match input {
        Value::String(text) => text.clone(),
        tokens => tokens.as_array().into_iter().flatten().map(|token| format!("{token} ")).collect(),
    }
}

fn invalid(message: &str) -> ApiError {
    ApiError::typed(400, "invalid_request", message)
}

/// The answer of a model.
pub(crate) fn list(turn: &Turn<'_>, inputs: &Inputs) -> Value {
    let wrong = match turn.behaviour.effect() {
        Some(Effect::WrongAnswer(wrong)) => Some(wrong),
        _ => None,
    };
    let texts = inputs.texts.iter().map(|text| vector(turn, inputs, text, wrong));
    let mut data: Vec<Value> = texts
        .zip(0..)
        .map(|(vector, at)| {
            let index = if wrong == Some(WrongAnswer::ToolIndexLies) { 0 } else { at };
            json!({ "object": "embedding", "index": index, "embedding": vector })
        })
        .collect();
    match (wrong, turn.model.id.as_str()) {
        (Some(WrongAnswer::Empty), _) => data.clear(),
        (Some(WrongAnswer::Length), _) => _ = data.pop(),
        (_, "test/embed-no-base64") if inputs.base64 => data.clear(),
        (_, "test/embed-unordered") => data.reverse(),
        _ => {}
    }
    let mut usage = turn.usage();
    for name in ["completion_tokens", "completion_tokens_details"] {
        usage.as_object_mut().and_then(|usage| usage.shift_remove(name));
    }
    let mut body = json!({ "object": "list", "data": data, "usage": usage, "id": turn.id });
    if let Some(name) = &turn.name {
        body["model"] = json!(name);
    }
    body["provider"] = json!(turn.model.row.provider);
    body
}

fn vector(turn: &Turn<'_>, inputs: &Inputs, text: &str, wrong: Option<WrongAnswer>) -> Value {
    let model = turn.model.id.as_str();
    let length = inputs.dimensions.filter(|_| model != "test/embed-fixed").unwrap_or(DEFAULT_LENGTH);
    let numbers = (0..length).map(|at| match wrong {
        Some(WrongAnswer::Whitespace) => Some(0.0),
        Some(WrongAnswer::BadJson) if at == 1 => None,
        _ => Some(number(&turn.model.id, text, at)),
    });
    let numbers: Vec<Option<f32>> = match wrong {
        None
        | Some(
            WrongAnswer::Whitespace
            | WrongAnswer::BadJson
            | WrongAnswer::ToolIndexLies
            | WrongAnswer::Empty
            | WrongAnswer::Length,
        ) => numbers.collect(),
        Some(_) => Vec::new(),
    };
    if !inputs.base64 || model == "test/embed-numbers" {
        return json!(numbers);
    }
    // `null` becomes what a broken model computes.
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.unwrap_or(f32::NAN).to_le_bytes()).collect();
    json!(base64(&bytes))
}

/// A number between -1 and 1 that four bytes hold exactly.
fn number(model: &str, text: &str, at: u64) -> f32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ at;
    for byte in model.bytes().chain(text.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    ((hash >> 40) % 1_024) as f32 / 512.0 - 1.0
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}
