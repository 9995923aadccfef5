//! How a call of an experiment ended.

use failsoft::{Json, Kind};

/// How a call ended.
#[derive(Debug)]
pub(super) struct Called {
    /// The message of the answer, as JSON text; nothing, if no model answered.
    pub(super) message: Option<String>,
    /// What the call cost, in units of 10^-12 USD, if that is known.
    pub(super) cost: Option<f64>,
}

impl Called {
    /// The text of the answer.
    pub(super) fn text(&self) -> Option<String> {
        Some(Json::parse(self.message.as_deref()?)?.get("content").text()?.into())
    }
}

/// Whether a call without an answer may have one later: its upstreams were down, overloaded, or out of reach.
pub(super) fn is_outage(kind: Kind) -> bool {
    use Kind::{CircuitOpen, InFlightBudget, Network, RateLimited, ServerError, Unavailable};
    matches!(kind, RateLimited | InFlightBudget | ServerError | Unavailable | Network | CircuitOpen)
}
