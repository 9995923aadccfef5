//! How long an upstream asks to be left alone, in all the places where it may say so.

use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::{Millis, http::Headers};

/// A wait beyond this is a mistake of the sender's clock or unit: one day.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// The wait in milliseconds. Headers come before the body, and what was meant for this case before general limits.
pub(super) fn retry_after(headers: &Headers, error: &Value, now: Millis) -> Option<Millis> {
    let metadata = &error["metadata"];
    let relayed = &metadata["headers"];
    headers
        .get("retry-after-ms")
        .and_then(|text| milliseconds(text.trim().parse().ok()?, 1.0))
        .or_else(|| headers.get("retry-after").and_then(|text| seconds_or_date(text, now)))
        .or_else(|| seconds(&error["availability"]["retry_after"], now))
        .or_else(|| seconds(&metadata["retry_after"], now))
        .or_else(|| seconds(&metadata["retry_after_seconds"], now))
        .or_else(|| ["Retry-After", "retry-after"].iter().find_map(|name| seconds(&relayed[*name], now)))
        .or_else(|| headers.get("x-ratelimit-reset").and_then(|text| until(text.trim().parse().ok()?, now)))
        .or_else(|| until(number(&relayed["X-RateLimit-Reset"])?, now))
}

fn seconds(value: &Value, now: Millis) -> Option<Millis> {
    match value {
        Value::String(text) => seconds_or_date(text, now),
        other => milliseconds(other.as_f64()?, 1000.0),
    }
}

fn seconds_or_date(text: &str, now: Millis) -> Option<Millis> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return milliseconds(number, 1000.0);
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((date.as_secs() * 1000).saturating_sub(now).min(LONGEST))
}

/// A point in time in milliseconds of the UNIX epoch. A smaller number is seconds, or a unit that nobody documents.
fn until(epoch: f64, now: Millis) -> Option<Millis> {
    const YEAR_2001: f64 = 1e12;
    if epoch < YEAR_2001 { None } else { Some((epoch as Millis).saturating_sub(now).min(LONGEST)) }
}

fn milliseconds(number: f64, unit: f64) -> Option<Millis> {
    if number >= 0.0 { Some(((number * unit) as Millis).min(LONGEST)) } else { None }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}
