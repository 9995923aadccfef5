//! How long an upstream asks to wait before the next request: in a header, in a field of the body, or in a sentence; as
//! seconds, milliseconds, a duration with units, or a point in time.

use crate::date::epoch_millis;
use crate::json::{Json, whole_number};
use crate::text::{cut, find};
use crate::{Millis, http::Headers};

use super::wording::{is_in, squeeze};

/// A longer wait is a mistake of the sender's clock or unit: one day, in milliseconds.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// A larger number is a point in time in milliseconds of the UNIX epoch.
const YEAR_2001_MILLIS: u64 = 1_000_000_000_000;

/// A larger number is a point in time in seconds of the UNIX epoch.
const YEAR_2001: u64 = 1_000_000_000;

/// The fields that name the wait after this failure. OpenRouter, google.rpc `RetryInfo`, Hugging Face, and what proxies add.
const WAITS: &str =
    "retryafter retryaftersec retryafterseconds retrydelay retryin waitseconds resetafter estimatedtime";

/// The same, in milliseconds.
const WAITS_IN_MILLIS: &str = "retryafterms retryaftermillis retryaftermilliseconds";

/// The fields that say when a limit resets.
const RESETS: &str = "resetsat resetat resettime resetsinseconds retryat";

/// The waits that the body of an error names.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// In a field.
    named: Option<Millis>,
    /// In a sentence.
    in_sentence: Option<Millis>,
    /// Until a limit resets.
    reset: Option<Millis>,
}

impl Waits {
    /// Reads a field of the error.
    pub(super) fn read_field(&mut self, key: &str, value: Json<'_>, now: Millis) {
        let key = squeeze(key);
        let wait = if value.is_object() {
            // google.protobuf.Duration, where it is not written as a string.
            value.get("seconds").amount().map(seconds)
        } else {
            wait(scalar(value), now)
        };
        if is_in(WAITS, &key) {
            self.named = self.named.max(wait);
        } else if is_in(RESETS, &key) {
            self.reset = self.reset.max(wait);
        } else if is_in(WAITS_IN_MILLIS, &key) {
            self.named = self.named.max(whole(scalar(value)));
        }
    }

    /// Reads the headers of an answer that an error quotes.
    pub(super) fn read_resets<'a>(&mut self, pairs: &mut dyn Iterator<Item = (&'a str, &'a str)>, now: Millis) {
        let pairs: Vec<_> = pairs.collect();
        self.reset = self.reset.max(until_reset(&pairs, now));
    }

    /// Reads a sentence: `Please try again in 1m30s.` or `It resets at 2026-05-15T15:00:00Z.`
    pub(super) fn read_sentence(&mut self, text: &str, now: Millis) {
        let text = text.to_ascii_lowercase();
        let (mut rest, mut before) = (&*text, "");
        while let Some(at) = find(rest, " ") {
            let next = &rest[at + 1..];
            let word = &rest[..at];
            let is_promise = || {
                ["again", "retry", "wait", "reset", "available"].iter().any(|word| {
                    let so_far = &text[..text.len() - next.len()];
                    let from = so_far.len().saturating_sub(60);
                    so_far.get(from..).is_some_and(|near| find(near, word).is_some())
                })
            };
            if matches!(word, "in" | "after" | "wait" | "for") && before != "timed" && is_promise() {
                self.in_sentence = self.in_sentence.max(duration(next).filter(|wait| *wait > 0));
            } else if matches!(word, "at" | "until") && is_promise() {
                let point = cut(next, b' ').0.trim_end_matches(['.', ',', ')']);
                self.in_sentence = self.in_sentence.max(epoch_millis(point).map(|at| at.saturating_sub(now)));
            }
            (rest, before) = (next, word);
        }
    }

    /// The wait in milliseconds. The headers decide before the body, and the wait after this failure before the reset of a
    /// limit.
    pub(super) fn after(&self, headers: &Headers, now: Millis) -> Option<Millis> {
        let header = |name| headers.get(name).unwrap_or_default();
        let in_millis = || ["retry-after-ms", "x-ms-retry-after-ms"].iter().find_map(|name| whole(header(name)));
        let pairs: Vec<_> = headers.iter().collect();
        let found = in_millis()
            .or_else(|| wait(header("retry-after"), now))
            .or(self.named)
            .or(self.in_sentence)
            .or_else(|| until_reset(&pairs, now))
            .or(self.reset);
        found.map(|wait| wait.min(LONGEST))
    }
}

/// Of several limits, the exhausted one counts, and of several exhausted ones the last to reset. `x-ratelimit-reset-tokens`
/// belongs to `x-ratelimit-remaining-tokens`. A limit that states no rest counts if none is exhausted.
fn until_reset(pairs: &[(&str, &str)], now: Millis) -> Option<Millis> {
    let (mut exhausted, mut unknown) = (None, None);
    for (name, value) in pairs {
        let name = squeeze(name);
        let Some(at) = find(&name, "reset").filter(|_| find(&name, "ratelimit").is_some()) else { continue };
        let rest = [&name[..at], "remaining", &name[at + "reset".len()..]].concat();
        let left = pairs.iter().find(|(name, _)| squeeze(name) == rest).map(|(_, left)| left.trim_ascii());
        match left {
            Some("0" | "0.0") => exhausted = exhausted.max(wait(value, now)),
            None => unknown = unknown.max(wait(value, now)),
            Some(_) => {}
        }
    }
    exhausted.or(unknown)
}

/// The text of a number, or of a string that may contain a number.
pub(super) fn scalar(value: Json<'_>) -> &str {
    if value.is_number() { value.raw() } else { value.word() }
}

/// A wait in milliseconds: seconds, a duration with units, or the time until a point in time.
fn wait(text: &str, now: Millis) -> Option<Millis> {
    let text = text.trim_ascii();
    let number = Json::or_null(text);
    if !number.is_number() {
        return duration(text).or_else(|| Some(epoch_millis(text)?.saturating_sub(now)));
    }
    match whole(text) {
        Some(at @ YEAR_2001_MILLIS..) => Some(at.saturating_sub(now)),
        Some(at @ YEAR_2001..) => Some((at * 1_000).saturating_sub(now)),
        _ => number.trillionths().map(seconds),
    }
}

/// The whole part of a decimal number.
fn whole(text: &str) -> Option<u64> {
    whole_number(cut(text.trim_ascii(), b'.').0)
}

/// Trillionths of a second, in milliseconds, rounded up: a request that comes too early is refused again.
fn seconds(trillionths: u64) -> Millis {
    trillionths.div_ceil(1_000_000_000)
}

/// A duration with units at the beginning of `text`: `1m30s`, `76ms`, `1.5 seconds`.
fn duration(text: &str) -> Option<Millis> {
    let (mut rest, mut sum) = (text, None);
    loop {
        let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let digits = rest.bytes().take_while(is_number).count();
        let number = Json::or_null(&rest[..digits]).trillionths();
        let behind = rest[digits..].trim_ascii_start();
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match behind[..letters].to_ascii_lowercase().as_bytes() {
            [b'm', b's' | b'i', b'l' | b's', ..] | b"ms" => 1,
            [b's', ..] => 1_000,
            [b'm', ..] => 60_000,
            [b'h', ..] => 3_600_000,
            [b'd', ..] => 86_400_000,
            _ => return sum,
        };
        let Some(number) = number else { return sum };
        let part = if unit == 1 { number.div_ceil(1_000_000_000_000) } else { seconds(number) * (unit / 1_000) };
        sum = Some(sum.unwrap_or(0) + part);
        rest = &behind[letters..];
    }
}
