//! The requests that OpenRouter refuses before it tries any model.

use serde_json::Value;

use crate::api_error::ApiError;
use crate::catalog::{Candidate, DEFAULT_MODEL};
use crate::fault::{Effect, HttpError};
use crate::http::Request;

/// Keys that exist but do not work. Every other key that is not empty works.
const INVALID_KEY: &str = "sk-or-invalid";
const POOR_KEY: &str = "sk-or-no-credits";

const PROVIDER_KEYS: &[&str] = &[
    "order",
    "only",
    "ignore",
    "allow_fallbacks",
    "require_parameters",
    "data_collection",
    "zdr",
    "enforce_distillable_text",
    "quantizations",
    "sort",
    "preferred_min_throughput",
    "preferred_max_latency",
    "max_price",
];

/// The key of the request.
pub(crate) fn authorize(request: &Request) -> Result<&str, ApiError> {
    match request.key() {
        None => Err(ApiError::bare(401, "No auth credentials found")),
        Some(INVALID_KEY) => Err(ApiError::bare(401, "User not found.")),
        Some(key) => Ok(key),
    }
}

/// The models of the request, in the order in which they are tried.
pub(crate) fn chain(body: &Value, key: &str) -> Result<Vec<Candidate>, ApiError> {
    if body["messages"].as_array().is_none_or(Vec::is_empty) {
        return Err(invalid("Input required: specify \"prompt\" or \"messages\""));
    }
    parameters(body)?;
    let chain = ids(body)?.into_iter().map(resolve).collect::<Result<_, _>>()?;
    if key == POOR_KEY { Err(ApiError::no_credits()) } else { Ok(chain) }
}

/// A `model` beside `models` is not ignored: it is tried first.
fn ids(body: &Value) -> Result<Vec<&str>, ApiError> {
    let fallbacks = match &body["models"] {
        Value::Null => &[][..],
        Value::Array(models) if models.len() > 3 => {
            return Err(invalid("'models' array must have 3 items or fewer"));
        }
        Value::Array(models) => models,
        _ => return Err(invalid("'models' must be an array")),
    };
    let mut ids: Vec<&str> = body["model"].as_str().into_iter().collect();
    for id in fallbacks {
        let id = id.as_str().ok_or_else(|| invalid("'models' must be an array of strings"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        ids.push(DEFAULT_MODEL);
    }
    Ok(ids)
}

fn resolve(id: &str) -> Result<Candidate, ApiError> {
    let candidate = Candidate::resolve(id).ok_or_else(|| ApiError::unknown_model(id))?;
    match candidate.default_behaviour.effect() {
        Some(Effect::HttpError(HttpError::UnknownModel)) => Err(ApiError::unknown_model(id)),
        _ => Ok(candidate),
    }
}

fn parameters(body: &Value) -> Result<(), ApiError> {
    let mut keys = body["provider"].as_object().into_iter().flat_map(|provider| provider.keys());
    if let Some(key) = keys.find(|key| !PROVIDER_KEYS.contains(&key.as_str())) {
        return Err(invalid(format!("provider: Unrecognized key: \"{key}\"")));
    }
    if body["temperature"].as_f64().is_some_and(|value| !(0.0..=2.0).contains(&value)) {
        return Err(invalid("temperature: must be between 0 and 2"));
    }
    if body["stop"].as_array().is_some_and(|stop| stop.len() > 4) {
        return Err(invalid("stop: must have 4 items or fewer"));
    }
    match (body["reasoning"]["effort"].as_str(), body["reasoning_effort"].as_str()) {
        (Some(a), Some(b)) if a != b => Err(invalid("reasoning.effort and reasoning_effort must not conflict")),
        _ => Ok(()),
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::typed(400, "invalid_request", message)
}
