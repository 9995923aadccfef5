//! Makes a [`Failure`] from what an upstream sent.
//!
//! A status is one witness among several. The whole error is read first (`reading.rs`): it may be wrapped, quoted or plain text.
//! Then the witness that says most decides: the fields of a router, a name, the words, and last the status.

use super::page;
use super::reading::Reading;
use super::wording::{by_name, by_words, is_about_model, is_mistake, rejected_fields, says_no_money, says_refill};
use super::{Failure, Kind};
use crate::json::{Fields, Json, decimal};
use crate::text::{lossy, text};
use crate::{Millis, http::Headers};

/// The failure of a response with an error status. `now` is in milliseconds since the UNIX epoch.
pub fn classify(status: u16, headers: &Headers, body: &[u8], now: Millis) -> Box<Failure> {
    let mut failure = make(Some(status), headers, Reading::of_body(lossy(body).trim_ascii(), now), now);
    if failure.message.is_empty() {
        failure.message = text!("the upstream answered with status ", &decimal(status.into()), " and no message");
    }
    failure
}

/// The failure of an `error` in the body or in a chunk of a 200. `now` is in milliseconds since the UNIX epoch.
pub fn in_answer(error: Json<'_>, now: Millis) -> Box<Failure> {
    let mut failure = make(None, &Headers::default(), Reading::of(error, now), now);
    if failure.message.is_empty() {
        failure.message = "the upstream ended its answer with an error and no message".into();
    }
    failure
}

/// `body` has the fields of an error, and no answer. Some upstreams send an error without a field `error`, with status 200.
pub(crate) fn is_error(body: &Fields<'_>) -> bool {
    let has_number = |path| body.at(path).whole().is_some_and(|number| number > 0);
    body.get("choices").is_empty()
        && (body.get("message").is_string()
            || (body.get("detail").is_string() || body.get("detail").is_array())
            || body.get("errors").is_array()
            // Baidu.
            || body.get("error_msg").is_string()
            // MiniMax.
            || has_number("base_resp.status_code"))
}

/// The failure of an error that stands in the place of an answer: [`is_error`].
pub(crate) fn in_place_of_answer(body: &Fields<'_>, now: Millis) -> Box<Failure> {
    make(None, &Headers::default(), Reading::of_fields(body, now), now)
}

/// The message of [`no_answer`], where the body says nothing about itself.
pub(crate) const NO_COMPLETION: &str = "the upstream's answer is not a chat completion";

/// The failure of a response with status 200 whose body is no answer: perhaps an error in text, or a web page.
pub(crate) fn no_answer(body: &str, now: Millis) -> Box<Failure> {
    let reading = Reading::of_body(body, now);
    let kind = by_words(&reading.words).filter(|kind| *kind != Kind::InvalidRequest).unwrap_or(Kind::BadResponse);
    let mut failure = Failure::new(kind, NO_COMPLETION);
    if let Some(title) = reading.page {
        failure.message = page::message(&title);
    } else if kind != Kind::BadResponse {
        failure.message = reading.message;
    }
    failure
}

fn make(http_status: Option<u16>, headers: &Headers, reading: Reading, now: Millis) -> Box<Failure> {
    let status = http_status.or(reading.status);
    let kind = kind_of(status, &reading);
    let rejects = rejected_fields(&[&*reading.words, &reading.name_words].concat());
    let Reading { mut message, code, waits, router, page, .. } = reading;
    if let Some(title) = page.filter(|_| message.is_empty()) {
        message = page::message(&title);
    }
    Box::new(Failure {
        kind,
        status,
        code: router.name.or(code),
        message,
        retry_after: waits.after(headers, now),
        provider: router.provider,
        rejects,
    })
}

fn kind_of(status: Option<u16>, error: &Reading) -> Kind {
    let status = real_status(status, error.inner.1);
    let router = &error.router;
    let limit = router.limit.filter(|kind| (*kind, status) != (Kind::PaymentRequired, Some(429)));
    let kind = limit.or(router.cause).unwrap_or_else(|| by_witnesses(status, error));
    apply_retryable(kind, router.retryable)
}

/// A proxy may wrap an error in a status that says little. The status inside says more.
fn real_status(outer: Option<u16>, inner: Option<u16>) -> Option<u16> {
    match outer {
        None | Some(400 | 424 | 500 | 502) => inner.filter(|status| !matches!(status, 400 | 500)).or(outer).or(inner),
        Some(_) => outer,
    }
}

fn by_witnesses(status: Option<u16>, error: &Reading) -> Kind {
    let is_page = error.page.is_some() && error.message.is_empty();
    match status {
        // A redirect, which nothing follows, is no answer of the API, whatever its text says.
        Some(300..=399 | 503 | 504 | 529) => Kind::Unavailable,
        // Whatever a 429 counts, it is about the rate, unless the account is empty.
        Some(401 | 429) if is_empty_account(error) => Kind::PaymentRequired,
        // A page says nothing about the key or the request: something stands in front of the API.
        Some(400 | 403 | 405..=407 | 409..=428 | 430..=499) if is_page => Kind::Unavailable,
        Some(status @ (401 | 402 | 429)) => by_status(status),
        _ => by_text(status, error),
    }
}

/// The account has no money. A name alone does not say so of a limit that is gone after a while.
fn is_empty_account(error: &Reading) -> bool {
    let has_name = by_name(&error.names, false) == Some(Kind::PaymentRequired);
    has_name && !says_refill(&error.words) || says_no_money(&error.words)
}

/// The kind by the names and words of an error.
fn by_text(status: Option<u16>, error: &Reading) -> Kind {
    let is_plausible = |kind: &Kind| match (kind, status) {
        (Kind::InvalidRequest, Some(403 | 404 | 424 | 499 | 500..)) => false,
        (Kind::ServerError, Some(403 | 404)) | (Kind::Unavailable, Some(403)) => false,
        // OpenRouter also uses its name for 504 with a 408, after which the same request may work.
        (Kind::Unavailable, Some(408)) => false,
        _ => true,
    };
    // A router that says no more than this does not say whose mistake the failure is.
    let is_blank = error.message.eq_ignore_ascii_case("provider returned error") && status == Some(400);
    let vague = by_name(&error.names, true);
    // Anthropic's whole message is `model: ID`.
    let names_model = (status == Some(404) || vague == Some(Kind::NoEndpoint))
        && error.message.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("model:"));
    let is_refused = matches!(status, Some(400 | 405..=422));
    by_name(&error.names, false)
        .or_else(|| by_words(&error.words).filter(is_plausible))
        .or(Some(Kind::UnknownModel).filter(|_| names_model))
        .or(vague.filter(|kind| is_plausible(kind) && *kind != Kind::InvalidRequest))
        .or_else(|| by_words(&error.name_words).filter(|kind| is_plausible(kind) && *kind != Kind::ServerError))
        .or(Some(Kind::ServerError).filter(|_| is_blank))
        .or(Some(Kind::NoEndpoint).filter(|_| is_refused && is_about_model(&error.words)))
        .or(status.map(by_status))
        .or(vague)
        .or(Some(Kind::InvalidRequest).filter(|_| is_mistake(&error.words)))
        .unwrap_or(Kind::ServerError)
}

/// `availability.retryable` decides against everything else about the model.
fn apply_retryable(kind: Kind, retryable: Option<bool>) -> Kind {
    match (kind, retryable) {
        (Kind::UnknownModel | Kind::NoEndpoint, Some(true)) => Kind::Unavailable,
        (Kind::RateLimited | Kind::Unavailable | Kind::ServerError, Some(false)) => Kind::NoEndpoint,
        _ => kind,
    }
}

/// The status says that the upstream refused the request before any work, so the request costs nothing. A redirect refuses it, too,
/// because nothing follows redirects. A gateway's 500, 502,
/// 504 or 524 does not say whether a model has generated an answer. Cloudflare answers 521, 523, 525 and 526 if it could not
/// connect to the origin, which then never saw the request (Cloudflare's documentation, "Cloudflare 5xx errors").
pub fn refuses_before_work(status: u16) -> bool {
    matches!(status, 300..=499 | 503 | 529 | 521 | 523 | 525 | 526)
}

/// A response with this status costs nothing. `charges_errors`: the upstream may charge for an error after it began to work.
pub fn is_free(status: u16, charges_errors: bool) -> bool {
    !(200..300).contains(&status) && (!charges_errors || refuses_before_work(status))
}

/// The kind for a status without further information.
pub(crate) fn by_status(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthorized,
        402 => Kind::PaymentRequired,
        403 => Kind::Forbidden,
        404 | 501 => Kind::NoEndpoint,
        429 => Kind::RateLimited,
        300..=399 | 503 | 504 | 529 => Kind::Unavailable,
        // 424: something behind the upstream failed (TGI, Bedrock). 499: the upstream believes that its client has left.
        408 | 424 | 499 | 500.. => Kind::ServerError,
        _ => Kind::InvalidRequest,
    }
}
