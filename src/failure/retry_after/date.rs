//! The date of an HTTP header, in the one form that RFC 9110 lets a sender use: `Sun, 06 Nov 1994 08:49:37 GMT`.

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// Seconds of the UNIX epoch.
pub(super) fn epoch_seconds(date: &str) -> Option<u64> {
    let mut words = date.strip_suffix(" GMT")?.split(' ').skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next().filter(|name| name.len() == 3)?;
    let month = (MONTHS.find(name)? / 3) as u64 + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.splitn(3, ':').map(str::parse::<u64>);
    let (hours, minutes, seconds) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let days = days_since_1970(year, month, day)?;
    Some(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

/// Years that begin in March put the leap day at their end.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    days.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::epoch_seconds;

    #[test]
    fn reads_dates_and_nothing_else() {
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
