//! Amounts of requests, tokens and USD.

use failsoft::Usd;
use serde::{Deserialize, Serialize};

/// What a call uses, or can use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) tokens: u64,
    pub(crate) usd: Usd,
}

/// What a budget limits in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    Requests,
    Tokens,
    Usd,
}

/// A number of requests, of tokens, and of units of 10^-12 USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
    pub(crate) usd: u64,
}

impl Measure {
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Usd];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Usd => "usd",
        }
    }

    /// Writes a number of this measure, for JSON and for people.
    pub(crate) fn number(self, amount: u64) -> String {
        match self {
            Self::Requests | Self::Tokens => amount.to_string(),
            Self::Usd => Usd(amount).decimal(),
        }
    }
}

impl Amount {
    pub(crate) fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Usd => self.usd,
        }
    }

    /// Makes an amount from the number of each measure.
    pub(crate) fn from_measures(number: impl Fn(Measure) -> u64) -> Self {
        Self { requests: number(Measure::Requests), tokens: number(Measure::Tokens), usd: number(Measure::Usd) }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::from_measures(|measure| self.of(measure).saturating_add(other.of(measure)))
    }

    /// Subtracts `other`. Where `other` is larger, nothing is left.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self::from_measures(|measure| self.of(measure).saturating_sub(other.of(measure)))
    }

    /// The larger number of each measure.
    pub(crate) fn max(self, other: Self) -> Self {
        Self::from_measures(|measure| self.of(measure).max(other.of(measure)))
    }

    /// Whether `other` can be taken from this amount.
    pub(crate) fn covers(self, other: Self) -> bool {
        Measure::ALL.iter().all(|measure| self.of(*measure) >= other.of(*measure))
    }
}
