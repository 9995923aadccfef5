//! Amounts and bounds, as they travel and as the books reckon with them.

use failsoft::Millis;
use failsoft::report::Usd;
use serde::{Deserialize, Serialize};

use super::calendar::{Span, iso};
use crate::config::{Bounds, Budget};

/// What is bounded in each span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    Requests,
    Tokens,
    Usd,
}

/// So many requests, tokens, and units of 10^-12 USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
    pub(crate) usd: u64,
}

/// A [`Budget`] on its way, by [`Measure`] and [`Span`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    requests: [Option<u64>; 3],
    tokens: [Option<u64>; 3],
    usd: [Option<u64>; 3],
    pub(crate) concurrent: Option<u64>,
}

/// Which bound an amount would exceed, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) bound: Bound,
    pub(crate) limit: u64,
    /// Counted for good.
    pub(crate) used: u64,
    /// The most that calls under way can add.
    pub(crate) held: u64,
    /// What was asked for.
    pub(crate) asked: u64,
    /// When the span is over, in milliseconds since 1970.
    pub(crate) resets: Option<Millis>,
    /// When asking again may help, in milliseconds from now; it never does, if absent.
    pub(crate) wait: Option<Millis>,
}

/// One bound of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bound {
    Of(Measure, Span),
    Concurrent,
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

    /// A number of it, as JSON and for people.
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

    /// The same with `change` made to each part and that of `other`.
    fn with(self, other: Self, change: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            requests: change(self.requests, other.requests),
            tokens: change(self.tokens, other.tokens),
            usd: change(self.usd, other.usd),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// What is left of it; nothing, where `other` is more.
    pub(crate) fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    /// `other` can be taken from it.
    pub(crate) fn covers(self, other: Self) -> bool {
        Measure::ALL.iter().all(|measure| self.of(*measure) >= other.of(*measure))
    }

    /// An amount, from what each measure has.
    pub(crate) fn each(amount: impl Fn(Measure) -> u64) -> Self {
        Self { requests: amount(Measure::Requests), tokens: amount(Measure::Tokens), usd: amount(Measure::Usd) }
    }
}

impl Limits {
    pub(crate) fn of(&self, measure: Measure, span: Span) -> Option<u64> {
        let spans = match measure {
            Measure::Requests => &self.requests,
            Measure::Tokens => &self.tokens,
            Measure::Usd => &self.usd,
        };
        spans[span as usize]
    }

    /// Something is bounded.
    pub(crate) fn any(&self) -> bool {
        self.concurrent.is_some() || Span::ALL.into_iter().any(|span| self.bounds(span))
    }

    /// Something is bounded in each `span`.
    pub(crate) fn bounds(&self, span: Span) -> bool {
        Measure::ALL.into_iter().any(|measure| self.of(measure, span).is_some())
    }
}

impl From<&Budget> for Limits {
    fn from(budget: &Budget) -> Self {
        let by_span = |bounds: &Bounds<u64>| [bounds.minute, bounds.day, bounds.month];
        let usd = &budget.usd;
        Self {
            requests: by_span(&budget.requests),
            tokens: by_span(&budget.tokens),
            usd: [usd.minute, usd.day, usd.month].map(|bound| bound.map(|Usd(usd)| usd)),
            concurrent: budget.concurrent,
        }
    }
}

impl Refused {
    /// It is about USD.
    pub(crate) fn is_money(&self) -> bool {
        matches!(self.bound, Bound::Of(Measure::Usd, _))
    }

    /// One sentence for whoever called; the budget is that of an `account` or a `route`.
    pub(crate) fn message(&self, whose: &str) -> String {
        let Self { limit, used, held, asked, .. } = *self;
        let (measure, span) = match self.bound {
            Bound::Concurrent => {
                return format!("{held} calls of this {whose} are under way, and its budget allows {limit} at once");
            }
            Bound::Of(measure, span) => (measure, span),
        };
        let number = |amount| measure.number(amount);
        let unit = match measure {
            Measure::Requests => "requests",
            Measure::Tokens => "tokens",
            Measure::Usd => "USD",
        };
        let mut message = format!(
            "the budget of this {whose}, {} {unit} a {}, has {} left ({} used, {} held by calls under way), and this call may need {}",
            number(limit),
            span.name(),
            number(limit.saturating_sub(used).saturating_sub(held)),
            number(used),
            number(held),
            number(asked),
        );
        match self.resets {
            Some(resets) if asked <= limit => message.push_str(&format!("; it begins anew at {}", iso(resets))),
            _ if measure != Measure::Requests => message.push_str("; a lower `max_tokens` makes it need less"),
            _ => {}
        }
        message
    }

    /// The same as JSON.
    pub(crate) fn to_json(&self) -> String {
        let number = |amount| match self.bound {
            Bound::Of(measure, _) => measure.number(amount),
            Bound::Concurrent => amount.to_string(),
        };
        let mut json = failsoft::json::Object::default();
        match self.bound {
            Bound::Of(measure, span) => json.text("bound", measure.name()).text("span", span.name()),
            Bound::Concurrent => json.text("bound", "concurrent"),
        };
        let left = self.limit.saturating_sub(self.used).saturating_sub(self.held);
        for (name, amount) in
            [("limit", self.limit), ("used", self.used), ("held", self.held), ("left", left), ("asked", self.asked)]
        {
            json.raw(name, &number(amount));
        }
        json.maybe_text("resets", self.resets.map(iso).as_deref());
        json.end()
    }
}
