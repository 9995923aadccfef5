//! How long an upstream asks to be left alone, in all the places where it may say so.

mod date;

use crate::json::Json;
use crate::{Millis, http::Headers};

/// A wait beyond this is a mistake of the sender's clock or unit: one day.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// The wait in milliseconds. Headers come before the body, and what was meant for this case before general limits.
pub(super) fn retry_after(headers: &Headers, error: Json<'_>, now: Millis) -> Option<Millis> {
    let metadata = error.get("metadata");
    let relayed = metadata.get("headers");
    headers
        .get("retry-after-ms")
        .and_then(millis)
        .or_else(|| headers.get("retry-after").and_then(|text| seconds_or_date(text, now)))
        .or_else(|| seconds(error.get("availability").get("retry_after"), now))
        .or_else(|| seconds(metadata.get("retry_after"), now))
        .or_else(|| seconds(metadata.get("retry_after_seconds"), now))
        .or_else(|| ["Retry-After", "retry-after"].iter().find_map(|name| seconds(relayed.get(name), now)))
        .or_else(|| headers.get("x-ratelimit-reset").and_then(|text| until(text, now)))
        .or_else(|| until(&scalar(relayed.get("X-RateLimit-Reset"))?, now))
        .map(|wait| wait.min(LONGEST))
}

fn seconds(value: Json<'_>, now: Millis) -> Option<Millis> {
    seconds_or_date(&scalar(value)?, now)
}

/// A number, or a string that may hold one.
fn scalar(value: Json<'_>) -> Option<String> {
    let text = if value.is_number() { Some(value.raw().into()) } else { value.text() };
    text.map(Into::into)
}

fn seconds_or_date(text: &str, now: Millis) -> Option<Millis> {
    decimal(text).or_else(|| Some((date::epoch_seconds(text.trim())? * 1_000).saturating_sub(now)))
}

/// The whole part of a decimal number.
fn millis(text: &str) -> Option<u64> {
    text.trim().split('.').next()?.parse().ok()
}

/// A decimal number, in thousandths.
fn decimal(text: &str) -> Option<u64> {
    Json::parse(text).and_then(Json::trillionths).map(|number| number / 1_000_000_000)
}

/// A point in time in milliseconds of the UNIX epoch. A smaller number is seconds, or a unit that nobody documents.
fn until(text: &str, now: Millis) -> Option<Millis> {
    const YEAR_2001: u64 = 1_000_000_000_000;
    let epoch: u64 = text.trim().parse().ok()?;
    if epoch < YEAR_2001 { None } else { Some(epoch.saturating_sub(now)) }
}
