//! From what an upstream sent to a [`Failure`].
//!
//! Several fields may speak at once and disagree. What is most specific decides: the source of a limit, then
//! `availability`, then a moderation's metadata, then a code or type by name, then known phrases, then the status.

use serde_json::Value;

use super::{Failure, Kind, retry_after::retry_after};
use crate::{Millis, http::Headers};

/// The failure that a response with an error status tells of.
pub fn classify(status: u16, headers: &Headers, body: &[u8], now: Millis) -> Failure {
    let envelope: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let mut failure = read(Some(status), headers, error_of(&envelope), now);
    if failure.message.is_empty() {
        failure.message = ["the upstream answered with status ", &status.to_string(), " and no message"].concat();
    }
    failure
}

/// The failure that `error`, found in the body or a chunk of a 200, tells of.
pub fn in_answer(error: &Value, now: Millis) -> Failure {
    let mut failure = read(None, &Headers::default(), error, now);
    if failure.message.is_empty() {
        failure.message = "the upstream ended its answer with an error and no message".into();
    }
    failure
}

/// `error` as an object, as a bare string, or the envelope itself: all three occur.
fn error_of(envelope: &Value) -> &Value {
    match &envelope["error"] {
        Value::Null => envelope.get(0).map_or(envelope, error_of),
        error => error,
    }
}

fn read(http_status: Option<u16>, headers: &Headers, error: &Value, now: Millis) -> Failure {
    let status = http_status.or_else(|| number(&error["code"])).or_else(|| number(&error["http_status"]));
    let message = [&error["message"], &error["detail"], error].into_iter().find_map(Value::as_str).unwrap_or_default();
    let kind = kind_of(status, error, message);
    Failure {
        kind,
        status,
        code: code_of(error),
        message: message.into(),
        retry_after: retry_after(headers, error, now),
        provider: error["metadata"]["provider_name"].as_str().map(Into::into),
    }
}

/// The most telling name: `error_type` says more than a number.
fn code_of(error: &Value) -> Option<String> {
    let named = names(error).find(|name| !name.is_empty()).map(Into::into);
    named.or_else(|| error["code"].as_u64().map(|code| code.to_string()))
}

fn number(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

fn names(error: &Value) -> impl Iterator<Item = &str> {
    [
        &error["metadata"]["error_type"],
        &error["error_type"],
        &error["availability"]["code"],
        &error["code"],
        &error["type"],
    ]
    .into_iter()
    .filter_map(Value::as_str)
    .filter(|name| name.parse::<u16>().is_err())
}

fn kind_of(status: Option<u16>, error: &Value, message: &str) -> Kind {
    let metadata = &error["metadata"];
    let decided = by_limit(metadata)
        .or_else(|| by_availability(&error["availability"]))
        .or_else(|| by_moderation(metadata))
        .or_else(|| names(error).filter_map(by_name).find(|kind| *kind != Kind::InvalidRequest))
        .or_else(|| if blames_request(status) { by_message(message) } else { None });
    let named_invalid = || names(error).filter_map(by_name).next();
    let kind = decided.or_else(|| status.map(by_status)).or_else(named_invalid).unwrap_or(Kind::ServerError);
    overruled(kind, error["availability"]["retryable"].as_bool())
}

/// `availability.retryable` beats everything else that was said about the model.
fn overruled(kind: Kind, retryable: Option<bool>) -> Kind {
    match (kind, retryable) {
        (Kind::UnknownModel | Kind::NoEndpoint, Some(true)) => Kind::Unavailable,
        (Kind::RateLimited | Kind::Unavailable | Kind::ServerError, Some(false)) => Kind::NoEndpoint,
        _ => kind,
    }
}

fn blames_request(status: Option<u16>) -> bool {
    matches!(status, None | Some(400 | 403 | 404 | 413 | 422))
}

fn by_limit(metadata: &Value) -> Option<Kind> {
    match metadata["limit_source"].as_str() {
        Some("openrouter_in_flight_budget") => Some(Kind::InFlightBudget),
        Some(_) => Some(Kind::PaymentRequired),
        None if metadata["reason"] == "in_flight_budget_exhausted" => Some(Kind::InFlightBudget),
        None if metadata["reason"] == "weight_exceeds_budget" => Some(Kind::PaymentRequired),
        None => None,
    }
}

fn by_availability(availability: &Value) -> Option<Kind> {
    let too_long =
        availability["excluded_by"].as_array().is_some_and(|by| by.iter().any(|why| why == "context_length"));
    Some(match availability["code"].as_str()? {
        _ if too_long => Kind::ContextLength,
        "model_not_found" | "model_deprecated" | "free_variant_ended" => Kind::UnknownModel,
        "capacity_exhausted" => Kind::RateLimited,
        "temporarily_unavailable" => Kind::Unavailable,
        // Every other documented code, and those to come: about this model, for this request.
        _ => Kind::NoEndpoint,
    })
}

fn by_moderation(metadata: &Value) -> Option<Kind> {
    if metadata["flagged_input"].is_string() || metadata["reasons"].is_array() {
        Some(Kind::ContentFilter)
    } else if metadata["patterns"].is_array() {
        Some(Kind::Forbidden)
    } else {
        None
    }
}

/// OpenRouter's `error_type`, and the codes and types of OpenAI, Anthropic and their imitators.
fn by_name(name: &str) -> Option<Kind> {
    Some(match name {
        "rate_limit_exceeded" | "rate_limit_error" | "too_many_requests" => Kind::RateLimited,
        "server" | "unmapped" | "server_error" | "api_error" | "internal_server_error" | "provider_unavailable" => {
            Kind::ServerError
        }
        "provider_overloaded" | "overloaded_error" | "timeout" | "timeout_error" | "service_unavailable" => {
            Kind::Unavailable
        }
        "model_not_found" | "invalid_model" => Kind::UnknownModel,
        "not_found" | "not_found_error" | "unsupported_parameter" | "unsupported_value" => Kind::NoEndpoint,
        "context_length_exceeded" | "token_limit_exceeded" | "max_tokens_exceeded" => Kind::ContextLength,
        "content_policy_violation" | "refusal" | "content_filter" | "ResponsibleAIPolicyViolation" => {
            Kind::ContentFilter
        }
        "authentication" | "authentication_error" | "invalid_api_key" => Kind::Unauthorized,
        "payment_required" | "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" => {
            Kind::PaymentRequired
        }
        "permission_denied" | "permission_error" => Kind::Forbidden,
        "invalid_request"
        | "invalid_prompt"
        | "invalid_request_error"
        | "string_too_long"
        | "invalid_image"
        | "image_too_large"
        | "image_too_small"
        | "unsupported_image_format"
        | "image_download_failed"
        | "image_not_found"
        | "precondition_failed"
        | "payload_too_large"
        | "unprocessable"
        | "request_too_large" => Kind::InvalidRequest,
        _ => return None,
    })
}

/// A bare 400 says in words what a code should have said.
fn by_message(message: &str) -> Option<Kind> {
    const PHRASES: [(&str, Kind); 11] = [
        ("not a valid model", Kind::UnknownModel),
        ("unknown model", Kind::UnknownModel),
        ("model not found", Kind::UnknownModel),
        ("no endpoints found", Kind::NoEndpoint),
        ("context length", Kind::ContextLength),
        ("context window", Kind::ContextLength),
        ("maximum context", Kind::ContextLength),
        ("prompt is too long", Kind::ContextLength),
        ("content policy", Kind::ContentFilter),
        ("content management policy", Kind::ContentFilter),
        ("unsupported parameter", Kind::NoEndpoint),
    ];
    let message = message.to_ascii_lowercase();
    PHRASES.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, kind)| *kind)
}

/// What a bare status tells.
pub(crate) fn by_status(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthorized,
        402 => Kind::PaymentRequired,
        403 => Kind::Forbidden,
        404 => Kind::NoEndpoint,
        429 => Kind::RateLimited,
        503 | 504 | 529 => Kind::Unavailable,
        408 | 500.. => Kind::ServerError,
        _ => Kind::InvalidRequest,
    }
}
