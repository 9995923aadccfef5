//! Makes a [`Failure`] from what an upstream sent.
//!
//! Several fields may disagree. The most specific field decides: first the source of a limit, then `availability`, then the
//! metadata of a moderation, then a known code or type, then a known phrase of the message, then the status.

use crate::text::{find, split, text};
use std::borrow::Cow;

use super::{Failure, Kind, retry_after::retry_after};
use crate::json::{Fields, Json, decimal, whole_number};
use crate::{Millis, http::Headers};

/// The failure of a response with an error status. `now` is in milliseconds since the UNIX epoch.
pub fn classify(status: u16, headers: &Headers, body: &[u8], now: Millis) -> Box<Failure> {
    let envelope = Json::parse_bytes(body).unwrap_or(Json::NULL);
    let mut failure = read(Some(status), headers, error_of(envelope), now);
    if failure.message.is_empty() {
        failure.message = text!("the upstream answered with status ", &decimal(status.into()), " and no message");
    }
    failure
}

/// The failure of an `error` in the body or in a chunk of a 200. `now` is in milliseconds since the UNIX epoch.
pub fn in_answer(error: Json<'_>, now: Millis) -> Box<Failure> {
    let mut failure = read(None, &Headers::default(), error, now);
    if failure.message.is_empty() {
        failure.message = "the upstream ended its answer with an error and no message".into();
    }
    failure
}

/// The error of a body: `error` as an object or as a string, or the body itself. Some upstreams put the body into an array.
fn error_of(envelope: Json<'_>) -> Json<'_> {
    let envelope = envelope.items().next().unwrap_or(envelope);
    let error = envelope.get("error");
    if error.is_null() { envelope } else { error }
}

fn read(http_status: Option<u16>, headers: &Headers, error: Json<'_>, now: Millis) -> Box<Failure> {
    let fields = &Fields::of(error);
    let status = http_status.or_else(|| number(fields.get("code"))).or_else(|| number(fields.get("http_status")));
    let texts = [fields.get("message"), fields.get("detail"), error].into_iter().find_map(Json::text);
    let message = texts.unwrap_or_default().into_owned();
    // The most specific field first: `error_type` says more than a number.
    let names = ["metadata.error_type", "error_type", "availability.code", "code", "type"].map(|path| {
        let name = fields.at(path);
        if number(name).is_some() { "" } else { name.word() }
    });
    let name = names.into_iter().find(|name| !name.is_empty());
    let code = name.map(Into::into).or_else(|| fields.get("code").whole().map(decimal));
    Box::new(Failure {
        kind: kind_of(status, fields, &names, &message),
        status,
        code,
        message,
        retry_after: retry_after(headers, fields, now),
        provider: fields.at("metadata.provider_name").text().map(Cow::into_owned),
    })
}

/// A status, as a number or as a string.
fn number(value: Json<'_>) -> Option<u16> {
    let number = value.whole().or_else(|| whole_number(value.word()))?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

fn kind_of(status: Option<u16>, error: &Fields<'_>, names: &[&str], message: &str) -> Kind {
    let mut named = None;
    for kind in names.iter().filter(|name| !name.is_empty()).filter_map(|name| by_name(name)) {
        if named.is_none_or(|named| named == Kind::InvalidRequest) {
            named = Some(kind);
        }
    }
    let decided = by_limit(error)
        .or_else(|| by_availability(error))
        .or_else(|| by_moderation(error))
        .or_else(|| named.filter(|kind| *kind != Kind::InvalidRequest))
        .or_else(|| if blames_request(status) { by_message(message) } else { None });
    // OpenRouter also uses its name for 504 with a 408, after which the same request may work.
    let decided = decided.filter(|kind| (*kind, status) != (Kind::Unavailable, Some(408)));
    let kind = decided.or_else(|| status.map(by_status)).or(named).unwrap_or(Kind::ServerError);
    apply_retryable(kind, error.at("availability.retryable").flag())
}

/// `availability.retryable` decides against everything else about the model.
fn apply_retryable(kind: Kind, retryable: Option<bool>) -> Kind {
    match (kind, retryable) {
        (Kind::UnknownModel | Kind::NoEndpoint, Some(true)) => Kind::Unavailable,
        (Kind::RateLimited | Kind::Unavailable | Kind::ServerError, Some(false)) => Kind::NoEndpoint,
        _ => kind,
    }
}

fn blames_request(status: Option<u16>) -> bool {
    matches!(status, None | Some(400 | 403 | 404 | 413 | 422))
}

fn by_limit(error: &Fields<'_>) -> Option<Kind> {
    let (source, reason) = (error.at("metadata.limit_source"), error.at("metadata.reason"));
    if source.is("openrouter_in_flight_budget") || (source.is_null() && reason.is("in_flight_budget_exhausted")) {
        Some(Kind::InFlightBudget)
    } else if source.is_string() || reason.is("weight_exceeds_budget") {
        Some(Kind::PaymentRequired)
    } else {
        None
    }
}

fn by_availability(error: &Fields<'_>) -> Option<Kind> {
    let too_long = error.at("availability.excluded_by").items().any(|why| why.is("context_length"));
    Some(match error.at("availability.code").word() {
        "" => return None,
        _ if too_long => Kind::ContextLength,
        "model_not_found" | "model_deprecated" | "free_variant_ended" => Kind::UnknownModel,
        "capacity_exhausted" => Kind::RateLimited,
        "temporarily_unavailable" => Kind::Unavailable,
        // Every other code, known or not, is about this model and this request.
        _ => Kind::NoEndpoint,
    })
}

fn by_moderation(error: &Fields<'_>) -> Option<Kind> {
    if error.at("metadata.flagged_input").is_string() || error.at("metadata.reasons").is_array() {
        Some(Kind::ContentFilter)
    } else if error.at("metadata.patterns").is_array() {
        Some(Kind::Forbidden)
    } else {
        None
    }
}

/// The kind for OpenRouter's `error_type`, or for a code or type of OpenAI, Anthropic and compatible APIs.
fn by_name(name: &str) -> Option<Kind> {
    const NAMES: [(Kind, &str); 11] = [
        (Kind::RateLimited, "rate_limit_exceeded rate_limit_error too_many_requests"),
        (Kind::ServerError, "server unmapped server_error api_error internal_server_error provider_unavailable"),
        (Kind::Unavailable, "provider_overloaded overloaded_error timeout timeout_error service_unavailable"),
        (Kind::UnknownModel, "model_not_found invalid_model"),
        (Kind::NoEndpoint, "not_found not_found_error unsupported_parameter unsupported_value"),
        (Kind::ContextLength, "context_length_exceeded token_limit_exceeded max_tokens_exceeded"),
        (Kind::ContentFilter, "content_policy_violation refusal content_filter ResponsibleAIPolicyViolation"),
        (Kind::Unauthorized, "authentication authentication_error invalid_api_key"),
        (Kind::PaymentRequired, "payment_required insufficient_quota billing_error billing_hard_limit_reached"),
        (Kind::Forbidden, "permission_denied permission_error"),
        (
            Kind::InvalidRequest,
            "invalid_request invalid_prompt invalid_request_error string_too_long invalid_image image_too_large \
             image_too_small unsupported_image_format image_download_failed image_not_found precondition_failed \
             payload_too_large unprocessable request_too_large",
        ),
    ];
    NAMES.iter().find(|(_, names)| split(names, b' ').any(|known| known == name)).map(|(kind, _)| *kind)
}

/// The kind for a known phrase: a 400 without a code often says in words what is wrong.
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
    PHRASES.iter().find(|(phrase, _)| find(&message, phrase).is_some()).map(|(_, kind)| *kind)
}

/// The status says that the upstream refused the request before any work, so the request costs nothing. A gateway's 500, 502,
/// 504 or 524 does not say whether a model has generated an answer. Cloudflare answers 521, 523, 525 and 526 if it could not
/// connect to the origin, which then never saw the request (Cloudflare's documentation, "Cloudflare 5xx errors").
pub fn refuses_before_work(status: u16) -> bool {
    matches!(status, 400..=499 | 503 | 529 | 521 | 523 | 525 | 526)
}

/// The kind for a status without further information.
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
