//! How an upstream bills, and what its answers say about that.

use serde_json::{Value, json};

/// One way to bill. OpenRouter's is the default; the others are those of APIs that are hard to bound.
///
/// Unlike OpenRouter, the others know no generation ids and have no `GET /generation`. They charge a whole answer as soon as they
/// begin it, even if the client leaves or the connection breaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Billing {
    /// An answer contains its cost, `GET /generation` knows the cost later, and an HTTP error is free.
    #[default]
    OpenRouter,
    /// `no-cost`: an answer contains its tokens, and no cost.
    NoCost,
    /// `separate-reasoning`: as `no-cost`. `completion_tokens` does not contain the reasoning, which is charged all the same;
    /// `total_tokens` does.
    SeparateReasoning,
    /// `charged-errors`: as `no-cost`. An error other than a refusal before any work is charged as the answer that it replaces.
    ChargedErrors,
    /// `under-reported`: an answer contains two fifths of its cost.
    UnderReported,
}

impl Billing {
    /// Reads the name behind `--billing`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "openrouter" => Self::OpenRouter,
            "no-cost" => Self::NoCost,
            "separate-reasoning" => Self::SeparateReasoning,
            "charged-errors" => Self::ChargedErrors,
            "under-reported" => Self::UnderReported,
            _ => return None,
        })
    }

    /// Whether responses name their generations, whose cost can be looked up.
    pub(crate) fn names_generations(self) -> bool {
        self == Self::OpenRouter
    }

    /// Whether an answer that broke off is charged as a whole.
    pub(crate) fn charges_whole_answers(self) -> bool {
        self != Self::OpenRouter
    }

    /// Whether an error with this status is charged.
    pub(crate) fn charges_error(self, status: u16) -> bool {
        self == Self::ChargedErrors && status >= 500 && !matches!(status, 503 | 529)
    }

    /// Whether `200` with an error in place of an answer is charged.
    pub(crate) fn charges_error_in_body(self) -> bool {
        self == Self::ChargedErrors
    }

    /// Changes OpenRouter's `usage` to what an answer reports.
    pub(crate) fn report(self, usage: &mut Value, reasoning: u64) {
        let cost = usage["cost"].as_f64().unwrap_or_default();
        if self != Self::OpenRouter {
            remove_cost(usage);
        }
        match self {
            Self::SeparateReasoning => {
                let written = usage["completion_tokens"].as_u64().unwrap_or_default();
                usage["completion_tokens"] = json!(written.saturating_sub(reasoning));
            }
            Self::UnderReported => usage["cost"] = json!(cost * 0.4),
            Self::OpenRouter | Self::NoCost | Self::ChargedErrors => {}
        }
    }
}

/// Removes what most APIs other than OpenRouter do not report.
pub(crate) fn remove_cost(usage: &mut Value) {
    if let Some(fields) = usage.as_object_mut() {
        fields.retain(|name, _| !["cost", "is_byok", "cost_details"].contains(&name.as_str()));
    }
}
