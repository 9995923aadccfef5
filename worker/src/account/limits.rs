//! The limits of a budget, as messages and the balance use them.

use failsoft::Usd;
use serde::{Deserialize, Serialize};

use super::amount::Measure;
use super::period::Period;
use crate::config::{Bounds, Budget};

/// The limits of a [`Budget`], by [`Measure`] and [`Period`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    requests: [Option<u64>; 3],
    tokens: [Option<u64>; 3],
    usd: [Option<u64>; 3],
    pub(crate) concurrent: Option<u64>,
    /// The limits of an hour, by [`Measure`]. Earlier versions had none.
    #[serde(default, skip_serializing_if = "is_unlimited")]
    hour: [Option<u64>; 3],
}

/// Which limit of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bound {
    Of(Measure, Period),
    Concurrent,
}

impl Limits {
    pub(crate) fn of(&self, measure: Measure, period: Period) -> Option<u64> {
        if period == Period::Hour {
            return self.hour[measure as usize];
        }
        let periods = match measure {
            Measure::Requests => &self.requests,
            Measure::Tokens => &self.tokens,
            Measure::Usd => &self.usd,
        };
        periods[period as usize]
    }

    /// `percent` of each limit, and at least one call at the same time.
    pub(crate) fn part(&self, percent: u64) -> Self {
        let part = |limit: u64| (u128::from(limit) * u128::from(percent) / 100) as u64;
        let parts = |limits: [Option<u64>; 3]| limits.map(|limit| limit.map(part));
        Self {
            requests: parts(self.requests),
            tokens: parts(self.tokens),
            usd: parts(self.usd),
            concurrent: self.concurrent.map(|limit| part(limit).max(1).min(limit)),
            hour: parts(self.hour),
        }
    }

    /// The lower limit of each.
    pub(super) fn min(&self, other: &Self) -> Self {
        self.map_with(other, |one, other| one.into_iter().chain(other).min())
    }

    /// The limits of what `other` does not limit.
    pub(super) fn without(&self, other: &Self) -> Self {
        self.map_with(other, |limit, other| limit.filter(|_| other.is_none()))
    }

    /// Makes each limit from two.
    fn map_with(&self, other: &Self, make: fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        let make_all = |one: &[Option<u64>; 3], other: &[Option<u64>; 3]| [0, 1, 2].map(|at| make(one[at], other[at]));
        Self {
            requests: make_all(&self.requests, &other.requests),
            tokens: make_all(&self.tokens, &other.tokens),
            usd: make_all(&self.usd, &other.usd),
            concurrent: make(self.concurrent, other.concurrent),
            hour: make_all(&self.hour, &other.hour),
        }
    }

    /// Whether there is any limit.
    pub(crate) fn any(&self) -> bool {
        self.concurrent.is_some() || Period::ALL.into_iter().any(|period| self.any_in(period))
    }

    /// Whether there is any limit for each `period`.
    pub(crate) fn any_in(&self, period: Period) -> bool {
        Measure::ALL.into_iter().any(|measure| self.of(measure, period).is_some())
    }
}

impl From<&Budget> for Limits {
    fn from(budget: &Budget) -> Self {
        let by_period = |bounds: &Bounds<u64>| [bounds.minute, bounds.day, bounds.month];
        let usd = &budget.usd;
        Self {
            requests: by_period(&budget.requests),
            tokens: by_period(&budget.tokens),
            usd: [usd.minute, usd.day, usd.month].map(|bound| bound.map(|Usd(usd)| usd)),
            concurrent: budget.concurrent,
            hour: [budget.requests.hour, budget.tokens.hour, usd.hour.map(|Usd(usd)| usd)],
        }
    }
}

fn is_unlimited(limits: &[Option<u64>; 3]) -> bool {
    limits.iter().all(Option::is_none)
}
