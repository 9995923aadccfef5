//! The wait that an upstream asks for, and the forms in which it does so.

use serde_json::{Value, json};

use crate::random::Random;

/// The wait that an upstream names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Milliseconds from now.
    For(u64),
    /// A point in time, in milliseconds since 1970.
    Until(u64),
}

/// A wait of more than a day is taken for a mistake.
const DAY: u64 = 24 * 60 * 60 * 1_000;

impl Wait {
    /// The milliseconds that are left at the time `now`.
    pub(crate) fn left(self, now: u64) -> u64 {
        match self {
            Self::For(millis) => millis.min(DAY),
            Self::Until(time) => time.saturating_sub(now).min(DAY),
        }
    }
}

/// Writes a random wait in a random form: as a header, or as a field of `error` if that is an object.
pub(crate) fn write(
    random: &mut Random,
    now: u64,
    headers: &mut Vec<(String, String)>,
    error: &mut Value,
) -> (Wait, bool) {
    let millis = match random.below(20) {
        0 => 0,
        1..=8 => random.between(1..=2_000),
        9 => 2_000,
        10 => 200_000_000,
        _ => random.spread(1..=100_000),
    };
    let seconds = millis.div_ceil(1_000);
    let form = random.below(if error.is_object() { 11 } else { 5 });
    let mut header = |name: &str, value: String| headers.push((name.into(), value));
    let metadata = &mut |name: &str, value: Value| error["metadata"][name] = value;
    let wait = match form {
        0 => {
            header("retry-after", seconds.to_string());
            Wait::For(seconds * 1_000)
        }
        1 => {
            header("Retry-After", format!(" {}.{:03} ", millis / 1_000, millis % 1_000));
            Wait::For(millis)
        }
        2 => {
            let at = (now + millis) / 1_000;
            header("retry-after", http_date(at));
            Wait::Until(at * 1_000)
        }
        3 => {
            header("retry-after-ms", millis.to_string());
            Wait::For(millis)
        }
        4 => {
            header("x-ratelimit-reset", (now + millis).to_string());
            Wait::Until(now + millis)
        }
        5 => {
            metadata("retry_after", seconds.into());
            Wait::For(seconds * 1_000)
        }
        6 => {
            metadata("retry_after_seconds", json!(millis as f64 / 1_000.0));
            Wait::For(millis)
        }
        7 => {
            metadata("headers", json!({"Retry-After": seconds.to_string()}));
            Wait::For(seconds * 1_000)
        }
        8 => {
            metadata("headers", json!({"retry-after": seconds}));
            Wait::For(seconds * 1_000)
        }
        9 => {
            metadata("headers", json!({"X-RateLimit-Reset": (now + millis).to_string()}));
            Wait::Until(now + millis)
        }
        _ => {
            error["availability"]["retry_after"] = seconds.into();
            Wait::For(seconds * 1_000)
        }
    };
    (wait, form < 5)
}

/// Formats a date as in `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(epoch_seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, u64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let (days, seconds) = (epoch_seconds / 86_400, epoch_seconds % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let length = |month: usize| MONTHS[month].1 + u64::from(month == 1 && leap(year));
    while day >= length(month) {
        day -= length(month);
        month += 1;
    }
    let weekday = DAYS[(days % 7) as usize];
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {:02} {} {year} {hours:02}:{minutes:02}:{seconds:02} GMT", day + 1, MONTHS[month].0)
}

#[test]
fn a_date_is_written_as_http_wants_it() {
    assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(http_date(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT");
}
