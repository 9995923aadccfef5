//! What an account or a route may use in a minute, an hour, a day and a month of UTC's calendar.

use failsoft::Usd;
use failsoft::invalid::{Invalid, Section};

/// The bounds of an account or a route. An absent bound is no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) requests: Bounds<u64>,
    /// Tokens of prompts and answers together.
    pub(crate) tokens: Bounds<u64>,
    pub(crate) usd: Bounds<Usd>,
    /// Calls that run at the same time.
    pub(crate) concurrent: Option<u64>,
}

/// The bounds of one measure, for each period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds<T> {
    pub(crate) minute: Option<T>,
    pub(crate) hour: Option<T>,
    pub(crate) day: Option<T>,
    pub(crate) month: Option<T>,
}

/// A larger bound is a mistake, and sums of such bounds would overflow.
const MOST: u64 = 1_000_000_000_000;

impl Budget {
    /// Reads `{"requests": {"minute", "hour", "day", "month"}, "tokens": {…}, "usd": {…}, "concurrent"}`.
    ///
    /// # Errors
    /// The field that is wrong, with its path.
    pub(crate) fn read(given: &Section<'_>) -> Result<Self, Box<Invalid>> {
        given.only("requests tokens usd concurrent")?;
        let usd = given.section("usd")?;
        Ok(Self {
            requests: counts(&given.section("requests")?)?,
            tokens: counts(&given.section("tokens")?)?,
            usd: bounds(&usd, |name| {
                let mut amount = None;
                usd.usd(name, &mut amount).map(|()| amount)
            })?,
            concurrent: count(given, "concurrent")?,
        })
    }
}

/// Reads `accountShare` beside a budget that several accounts share: the part of it that one account may use, in percent.
pub(super) fn account_share(given: &Section<'_>) -> Result<u64, Box<Invalid>> {
    let mut percent = 50;
    given.whole("accountShare", 1, 100, &mut percent)?;
    Ok(percent)
}

fn counts(given: &Section<'_>) -> Result<Bounds<u64>, Box<Invalid>> {
    bounds(given, |name| count(given, name))
}

fn bounds<T>(
    given: &Section<'_>,
    read: impl Fn(&str) -> Result<Option<T>, Box<Invalid>>,
) -> Result<Bounds<T>, Box<Invalid>> {
    given.only("minute hour day month")?;
    Ok(Bounds { minute: read("minute")?, hour: read("hour")?, day: read("day")?, month: read("month")? })
}

fn count(given: &Section<'_>, name: &str) -> Result<Option<u64>, Box<Invalid>> {
    let mut count = u64::MAX;
    given.whole(name, 0, MOST, &mut count)?;
    Ok(Some(count).filter(|count| *count <= MOST))
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Budget};
    use failsoft::invalid::Section;
    use failsoft::{Json, Usd};

    fn read(json: &str) -> Result<Budget, String> {
        let section = Section::object("budget", Json::parse(json).expect("JSON"));
        section.and_then(|section| Budget::read(&section)).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn an_absent_bound_is_no_bound() {
        assert_eq!(read("{}"), Ok(Budget::default()));
        let budget = read(r#"{"usd": {"day": 0.5}, "requests": {"minute": 0}, "concurrent": 3}"#).expect("a budget");
        assert_eq!(budget.usd, Bounds { day: Some(Usd(500_000_000_000)), ..Bounds::default() });
        assert_eq!((budget.requests.minute, budget.requests.day, budget.concurrent), (Some(0), None, Some(3)));
    }

    #[test]
    fn a_wrong_bound_is_refused_with_its_path() {
        for (json, path) in [
            (r#"{"usd": {"year": 1}}"#, "budget.usd.year"),
            (r#"{"tokens": {"day": -1}}"#, "budget.tokens.day"),
            (r#"{"tokens": 5}"#, "budget.tokens"),
            (r#"{"dollars": {}}"#, "budget.dollars"),
        ] {
            let problem = read(json).expect_err("a problem");
            assert!(problem.contains(path), "{problem}");
        }
    }
}
