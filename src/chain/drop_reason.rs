//! Why a candidate leaves the chain.

use crate::Millis;
use crate::failure::Kind;
use crate::json::decimal;
use crate::text::text;

/// Why a candidate left the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropReason {
    /// Its context window holds fewer tokens than the call needs.
    ContextTooSmall { needed: u64, holds: u64 },
    /// The model is no longer offered.
    Expired,
    /// It lacks a parameter that the request depends on.
    LacksParameter(&'static str),
    /// Its price is above the policy's `maxPrice`.
    PriceAboveCap,
    /// The policy limits the cost, and the price is not known.
    PriceUnknown,
    /// The policy limits the cost, and nothing bounds the reasoning that its upstream bills beyond the output limit.
    ReasoningUnbounded,
    /// Even a short answer costs more than the policy's `maxCostUsd` leaves.
    TooExpensive,
    /// Its breaker is open until then.
    Resting { until: Millis },
    /// Its upstream does not serve it.
    NotServed,
    /// Its context window is no larger than one that the prompt did not fit.
    NoLargerContext,
    /// Its upstream refused the key.
    KeyRefused,
}

impl DropReason {
    /// The reason for the report.
    pub(super) fn sentence(self) -> String {
        match self {
            Self::ContextTooSmall { needed, holds } => missing_tokens(needed, holds),
            Self::Expired => "the model has expired".into(),
            Self::LacksParameter(name) => text!("the model does not support `", name, "`"),
            Self::PriceAboveCap => "its price is above `maxPrice`".into(),
            Self::PriceUnknown => "its price is not known, and the policy limits the cost of the call".into(),
            Self::ReasoningUnbounded => {
                "nothing bounds its reasoning, and the policy limits the cost of the call".into()
            }
            Self::TooExpensive => "it would cost more than is left of `maxCostUsd`".into(),
            Self::Resting { .. } => "it failed recently and has to rest".into(),
            Self::NotServed => "its upstream does not serve it".into(),
            Self::NoLargerContext => "its context window is no larger than one that the prompt did not fit".into(),
            Self::KeyRefused => "its upstream refused the key".into(),
        }
    }

    /// The kind of failure, if no candidate is left for this reason.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::ContextTooSmall { .. } | Self::NoLargerContext => Kind::ContextLength,
            Self::PriceAboveCap | Self::PriceUnknown | Self::ReasoningUnbounded | Self::TooExpensive => {
                Kind::TooExpensive
            }
            Self::Resting { .. } => Kind::CircuitOpen,
            Self::KeyRefused => Kind::Unauthorized,
            Self::Expired | Self::LacksParameter(_) | Self::NotServed => Kind::NoEndpoint,
        }
    }
}

/// How many tokens a context window lacks.
pub(super) fn missing_tokens(needed: u64, holds: u64) -> String {
    let over = decimal(needed.saturating_sub(holds));
    text!(
        "about ",
        &decimal(needed),
        " tokens are needed, its context window holds ",
        &decimal(holds),
        ": ",
        &over,
        " too many"
    )
}
