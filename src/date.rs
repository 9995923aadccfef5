//! Dates: of an HTTP header, and of a catalog.

use crate::Millis;
use crate::json::{Json, whole_number};

const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// The seconds of the UNIX epoch at `date`, in the one form that RFC 9110 lets a sender use:
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn epoch_seconds(date: &str) -> Option<u64> {
    let date = date.as_bytes();
    if date.len() != 29 || !date.ends_with(b" GMT") {
        return None;
    }
    let month = MONTHS.chunks(3).position(|name| *name == date[8..11])? as u64 + 1;
    let number = |at: usize, length: usize| {
        date[at..at + length].iter().try_fold(0, |number, digit| match digit {
            b'0'..=b'9' => Some(number * 10 + u64::from(digit - b'0')),
            _ => None,
        })
    };
    let days = days_since_1970(number(12, 4)?, month, number(5, 2)?)?;
    Some(((days * 24 + number(17, 2)?) * 60 + number(20, 2)?) * 60 + number(23, 2)?)
}

/// The milliseconds of the UNIX epoch at `date`: a date of HTTP, or a time of RFC 3339, `1994-11-06T08:49:37.5Z`.
pub(crate) fn epoch_millis(date: &str) -> Option<Millis> {
    if let Some(seconds) = epoch_seconds(date) {
        return Some(seconds * 1_000);
    }
    let (day, time) = (start_of_day(date)?, date.get(10..)?);
    let number = |at: usize| whole_number(time.get(at..at + 2)?);
    if !time.starts_with(['T', 't', ' ']) {
        return None;
    }
    let mut at = day + ((number(1)? * 60 + number(4)?) * 60 + number(7)?) * 1_000;
    let fraction = time.get(9..)?;
    let zone = fraction.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    if zone.len() < fraction.len() {
        at += Json::or_null(&["0", &fraction[..fraction.len() - zone.len()]].concat()).trillionths()? / 1_000_000_000;
    }
    let offset = || Some((whole_number(zone.get(1..3)?)? * 60 + whole_number(zone.get(zone.len() - 2..)?)?) * 60_000);
    match zone.as_bytes().first() {
        Some(b'+') => at.checked_sub(offset()?),
        Some(b'-') => Some(at + offset()?),
        _ => Some(at),
    }
}

/// The beginning of the day `YYYY-MM-DD`.
pub(crate) fn start_of_day(date: &str) -> Option<Millis> {
    let (year, month, day) = (date.get(..4)?, date.get(5..7)?, date.get(8..10)?);
    let days = days_since_1970(whole_number(year)?, whole_number(month)?, whole_number(day)?)?;
    Some(days * 86_400_000)
}

/// Counts years that begin in March, so that the leap day is the last day of a year.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    days.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::epoch_seconds;

    #[test]
    fn a_date_in_another_form_is_not_read() {
        for (date, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
            ("06 Nov 1994", None),
            ("soon", None),
        ] {
            assert_eq!(epoch_seconds(date), seconds, "{date}");
        }
    }
}
