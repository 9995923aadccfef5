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
        let periods = match measure {
            Measure::Requests => &self.requests,
            Measure::Tokens => &self.tokens,
            Measure::Usd => &self.usd,
        };
        periods[period as usize]
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
        }
    }
}
