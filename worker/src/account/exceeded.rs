//! A call that a budget refuses: which limit the call would exceed, and what the client is told.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::amount::Measure;
use super::limits::Bound;
use super::period::iso;
use crate::http::api_error::{ApiError, Code};

/// The limit that a call would exceed, and how much of the limit is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exceeded {
    pub(crate) bound: Bound,
    pub(crate) limit: u64,
    /// What finished calls have used.
    pub(crate) used: u64,
    /// The most that running calls can add.
    pub(crate) held: u64,
    /// The most that this call can use. The stored name is `asked`.
    #[serde(rename = "asked")]
    pub(crate) needed: u64,
    /// When the period ends, in milliseconds since 1970.
    pub(crate) resets: Option<Millis>,
    /// When another try may succeed, in milliseconds from now. Without a value, no later try can succeed.
    pub(crate) wait: Option<Millis>,
    /// The limit is the account's quota in a shared budget: of a route, or, with `edge`, of the edge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quota: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) edge: bool,
}

impl Exceeded {
    pub(super) fn new(
        bound: Bound,
        limit: u64,
        used: u64,
        held: u64,
        needed: u64,
        resets: Option<Millis>,
        wait: Option<Millis>,
    ) -> Self {
        Self { bound, limit, used, held, needed, resets, wait, quota: false, edge: false }
    }

    /// The error for the client. `owner` is `account`, `route` or `edge`.
    pub(crate) fn to_error(&self, owner: &str) -> ApiError {
        let code = match self.bound {
            Bound::Of(Measure::Usd, _) => Code::BudgetExceeded,
            Bound::Of(Measure::Requests | Measure::Tokens, _) | Bound::Concurrent => Code::RateLimitExceeded,
        };
        let owner = match (self.quota, self.edge) {
            (true, true) => "account's share of the edge",
            (true, false) => "account's share of the route",
            (false, _) => owner,
        };
        let mut error = ApiError::new(code, self.message(owner));
        error.retry_after = self.wait;
        error.budget = Some(self.to_json().into());
        error
    }

    /// One sentence for the client. `owner` is `account`, `route` or `edge`.
    pub(crate) fn message(&self, owner: &str) -> String {
        let Self { limit, used, held, needed, .. } = *self;
        let (measure, period) = match self.bound {
            Bound::Concurrent => {
                return format!(
                    "{held} calls of this {owner} are running, and its budget allows {limit} at the same time; \
                     try again when one has finished"
                );
            }
            Bound::Of(measure, period) => (measure, period),
        };
        let number = |amount| measure.number(amount);
        let unit = match measure {
            Measure::Requests => "requests",
            Measure::Tokens => "tokens",
            Measure::Usd => "USD",
        };
        let mut message = format!(
            "the budget of this {owner}, {} {unit} a {}, has {} left ({} used, {} held by running calls), and this call \
             may need {}",
            number(limit),
            period.name(),
            number(limit.saturating_sub(used).saturating_sub(held)),
            number(used),
            number(held),
            number(needed),
        );
        match self.resets {
            Some(resets) if needed <= limit => message.push_str(&format!("; the budget resets at {}", iso(resets))),
            _ if measure != Measure::Requests => message.push_str("; a lower `max_tokens` makes the call need less"),
            _ => {}
        }
        message
    }

    /// The value of `failsoft.budget` in the error.
    pub(crate) fn to_json(&self) -> String {
        let number = |amount| match self.bound {
            Bound::Of(measure, _) => measure.number(amount),
            Bound::Concurrent => amount.to_string(),
        };
        let mut json = failsoft::json::Object::default();
        match self.bound {
            Bound::Of(measure, period) => json.text("bound", measure.name()).text("span", period.name()),
            Bound::Concurrent => json.text("bound", "concurrent"),
        };
        let left = self.limit.saturating_sub(self.used).saturating_sub(self.held);
        for (name, amount) in
            [("limit", self.limit), ("used", self.used), ("held", self.held), ("left", left), ("asked", self.needed)]
        {
            json.raw(name, &number(amount));
        }
        json.maybe_text("resets", self.resets.map(iso).as_deref());
        json.end()
    }
}
