//! How long a budget period lasts: minutes, hours, days and months of UTC's calendar, from milliseconds since 1970.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// A period in which a budget counts. Months have their calendar's length. The numbers are places in stored arrays, so the
/// order of the variants does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Period {
    Minute,
    Day,
    Month,
    Hour,
}

impl Period {
    /// The periods by length.
    pub(crate) const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// When the period that contains `now` began.
    pub(crate) fn start(self, now: Millis) -> Millis {
        match self {
            Self::Minute => now - now % MINUTE,
            Self::Hour => now - now % HOUR,
            Self::Day => now - now % DAY,
            Self::Month => {
                let (_, _, day) = date(now / DAY);
                (now / DAY - (day - 1)) * DAY
            }
        }
    }

    /// When the period that contains `now` ends.
    pub(crate) fn end(self, now: Millis) -> Millis {
        let start = self.start(now);
        match self {
            Self::Minute => start + MINUTE,
            Self::Hour => start + HOUR,
            Self::Day => start + DAY,
            // No month is longer than 31 days, and none is shorter than 28.
            Self::Month => Self::Month.start(start + 31 * DAY),
        }
    }
}

/// Writes a point in time as ISO 8601, to the second.
pub(crate) fn iso(at: Millis) -> String {
    let (year, month, day) = date(at / DAY);
    let seconds = at % DAY / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns year, month and day of the date `days` days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    // The days from 1970-01-01 to the first day of `year`.
    let before = |year: u64| {
        let years = year - 1;
        years * 365 + years / 4 - years / 100 + years / 400 - 719_162
    };
    // An estimate without leap years is never too early.
    let mut year = 1_970 + days / 365;
    while before(year) > days {
        year -= 1;
    }
    let mut left = days - before(year);
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::{DAY, Period, date, iso};

    #[test]
    fn days_follow_each_other_as_in_the_calendar() {
        let mut expected = (1_970, 1, 1);
        for days in 0..100_000 {
            assert_eq!(date(days), expected, "{days}");
            let (year, month, day) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn a_period_begins_and_ends_with_the_calendar() {
        // 2024-02-29T23:59:59.999Z.
        let now = 1_709_251_199_999;
        assert_eq!(iso(now), "2024-02-29T23:59:59Z");
        let bounds = Period::ALL.map(|period| (iso(period.start(now)), iso(period.end(now))));
        let expected = [
            ("2024-02-29T23:59:00Z", "2024-03-01T00:00:00Z"),
            ("2024-02-29T23:00:00Z", "2024-03-01T00:00:00Z"),
            ("2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ];
        assert_eq!(bounds, expected.map(|(start, end)| (start.to_owned(), end.to_owned())));
        for days in 0..2_000 {
            let month = (Period::Month.start(days * DAY), Period::Month.end(days * DAY));
            assert!(month.0 <= days * DAY && days * DAY < month.1);
            assert_eq!((date(month.0 / DAY).2, date(month.1 / DAY).2), (1, 1));
        }
    }
}
