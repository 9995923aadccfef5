//! How long an upstream asks the caller to wait before the next request (`Retry-After`), wherever the upstream says so.

use crate::date::epoch_seconds;
use crate::json::{Fields, Json, whole_number};
use crate::text::cut;
use crate::{Millis, http::Headers};

/// A longer wait is a mistake of the sender's clock or unit: one day, in milliseconds.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// The fields of an error that name a wait.
const WAITS: [&str; 5] = [
    "availability.retry_after",
    "metadata.retry_after",
    "metadata.retry_after_seconds",
    "metadata.headers.Retry-After",
    "metadata.headers.retry-after",
];

/// The wait in milliseconds. Headers decide before the body, and the wait after this failure before the reset of a limit.
pub(super) fn retry_after(headers: &Headers, error: &Fields<'_>, now: Millis) -> Option<Millis> {
    let header = |name| headers.get(name).unwrap_or_default();
    if let Some(millis) = whole(header("retry-after-ms")) {
        return Some(millis.min(LONGEST));
    }
    let wait = seconds_or_date(header("retry-after"), now)
        .or_else(|| WAITS.iter().find_map(|path| seconds_or_date(scalar(error.at(path)), now)))
        .or_else(|| until(header("x-ratelimit-reset"), now))
        .or_else(|| until(scalar(error.at("metadata.headers.X-RateLimit-Reset")), now));
    wait.map(|wait| wait.min(LONGEST))
}

/// The text of a number, or of a string that may contain a number.
fn scalar(value: Json<'_>) -> &str {
    if value.is_number() { value.raw() } else { value.word() }
}

fn seconds_or_date(text: &str, now: Millis) -> Option<Millis> {
    decimal(text).or_else(|| Some((epoch_seconds(text.trim_ascii())? * 1_000).saturating_sub(now)))
}

/// The whole part of a decimal number.
fn whole(text: &str) -> Option<u64> {
    whole_number(cut(text.trim_ascii(), b'.').0)
}

/// A decimal number of seconds, in milliseconds.
fn decimal(text: &str) -> Option<u64> {
    Json::or_null(text).trillionths().map(|number| number / 1_000_000_000)
}

/// The wait until a point in time, in milliseconds of the UNIX epoch. A smaller number has another unit, which no
/// upstream documents.
fn until(text: &str, now: Millis) -> Option<Millis> {
    const YEAR_2001: u64 = 1_000_000_000_000;
    let epoch = whole_number(text.trim_ascii())?;
    if epoch < YEAR_2001 { None } else { Some(epoch.saturating_sub(now)) }
}
