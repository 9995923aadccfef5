//! From when to when: a range of quarters of an hour, so that the days of every time zone are exact.

use failsoft::Millis;

use super::query::{Query, wrong};
use crate::http::api_error::ApiError;

/// The length of a quarter, in milliseconds.
const QUARTER: Millis = 900_000;
/// The quarters of a day of UTC.
const DAY: u64 = 96;
/// The longest range, in quarters: the sums are kept for so long.
const LONGEST: u64 = 401 * DAY;
/// The most parts of a series.
const MOST_PARTS: usize = 800;

/// A range of quarters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// The first quarter.
    pub(super) from: u64,
    /// The quarter behind the last one.
    pub(super) to: u64,
    /// Nothing is behind the range yet.
    is_open: bool,
}

impl Range {
    /// Reads `from` and `to`, in milliseconds since 1970. Without them, the range is the last 24 hours.
    pub(super) fn read(query: &Query, now: Millis) -> Result<Self, ApiError> {
        let (begin, end) = (query.whole("from")?, query.whole("to")?.unwrap_or(now + 1));
        let to = end.div_ceil(QUARTER);
        let from = begin.map_or(to.saturating_sub(DAY), |begin| begin / QUARTER);
        if begin.is_some_and(|begin| begin >= end) || from >= to || to - from > LONGEST {
            return Err(wrong("from", "must be before `to`, by 401 days at most"));
        }
        Ok(Self { from, to, is_open: to > now / QUARTER })
    }

    pub(super) fn begin(&self) -> Millis {
        self.from * QUARTER
    }

    pub(super) fn end(&self) -> Millis {
        self.to * QUARTER
    }

    /// The sums that make up the range: JSON text, an array of length, first quarter and the one behind the last. Whole days have
    /// sums of their own.
    pub(super) fn spans(&self) -> String {
        let first_day = self.from.div_ceil(DAY) * DAY;
        // The last day has no later quarters yet.
        let last_day = if self.is_open { self.to.div_ceil(DAY) * DAY } else { self.to / DAY * DAY };
        if last_day <= first_day {
            return format!("[[1,{},{}]]", self.from, self.to);
        }
        format!("[[1,{},{first_day}],[{DAY},{first_day},{last_day}],[1,{last_day},{}]]", self.from, self.to)
    }

    /// The quarters in which the parts of a series begin, as JSON: those of the field `at`, a list of points in time. Without it,
    /// each part is an hour or longer.
    pub(super) fn starts(&self, query: &Query) -> Result<String, ApiError> {
        let mut starts = Vec::new();
        match query.text("at") {
            Some(list) => {
                for time in list.split(',') {
                    let quarter = time.parse::<Millis>().ok().map(|time| time / QUARTER);
                    let is_next = |quarter: &u64| starts.last().map_or(*quarter == self.from, |last| last < quarter);
                    let quarter = quarter.filter(|quarter| is_next(quarter) && *quarter < self.to);
                    starts.push(
                        quarter.ok_or_else(|| {
                            wrong("at", "must have points in time in order, the first of them `from`")
                        })?,
                    );
                }
            }
            None => {
                let step = (self.to - self.from).div_ceil(100).div_ceil(4) * 4;
                starts.extend((self.from..self.to).step_by(step as usize));
            }
        }
        if starts.len() > MOST_PARTS {
            return Err(wrong("at", "has too many points in time"));
        }
        let starts: Vec<String> = starts.iter().map(ToString::to_string).collect();
        Ok(["[", &starts.join(","), "]"].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, QUARTER, Query, Range};

    fn range(from: u64, to: u64, now: u64) -> Range {
        let query = Query::read(&format!("/?from={}&to={}", from * QUARTER, to * QUARTER));
        Range::read(&query, now * QUARTER).expect("a range")
    }

    /// The quarters of the spans of a range. Those of a day are cut at `now`: the later ones are empty.
    fn quarters(range: &Range, now: u64) -> Vec<u64> {
        let spans: Vec<[u64; 3]> = serde_json::from_str(&range.spans()).expect("spans");
        let days = |length: u64, at: u64| (at..at + length).filter(move |quarter| length == 1 || *quarter <= now);
        spans
            .into_iter()
            .flat_map(|[length, first, behind]| {
                (first..behind).step_by(length as usize).flat_map(move |at| days(length, at))
            })
            .collect()
    }

    #[test]
    fn the_spans_of_a_range_are_its_quarters_once_each() {
        let now = 20 * DAY + 50;
        for from in [5 * DAY, 5 * DAY + 1, 5 * DAY + 22, 6 * DAY - 1, 20 * DAY, 20 * DAY + 3] {
            for to in [6 * DAY, 6 * DAY + 22, 9 * DAY + 95, 20 * DAY, now, now + 1] {
                if from < to {
                    let expected: Vec<u64> = (from..to.min(now + 1)).collect();
                    let found: Vec<u64> =
                        quarters(&range(from, to, now), now).into_iter().filter(|at| *at < to.max(now + 1)).collect();
                    assert_eq!(found, expected, "{from} {to}");
                }
            }
        }
    }

    #[test]
    fn points_in_time_are_of_the_range_and_in_order() {
        let range = range(100, 200, 500);
        let starts = |at: &str| range.starts(&Query::read(&format!("/?at={at}"))).ok();
        let at = |quarters: &[u64]| quarters.iter().map(|at| (at * QUARTER).to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(starts(&at(&[100, 150, 199])), Some("[100,150,199]".into()));
        for wrong in [&[101, 150][..], &[100, 100], &[100, 90], &[100, 200]] {
            assert_eq!(starts(&at(wrong)), None, "{wrong:?}");
        }
        assert_eq!((starts("x"), starts("")), (None, None));
        assert_eq!(
            range.starts(&Query::read("/")).expect("starts"),
            format!("[{}]", (100..200).step_by(4).map(|at| at.to_string()).collect::<Vec<_>>().join(","))
        );
    }
}
