//! Why a candidate leaves the chain, and which candidates leave after a failure.

use super::candidate::State;
use super::{Candidate, Chain};
use crate::Millis;
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::report::Report;
use crate::request::ChatRequest;
use crate::text::{find, text};
use crate::tokens::Prompt;
use crate::usd::Usd;

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
    fn sentence(self) -> String {
        match self {
            Self::ContextTooSmall { needed, holds } => missing_tokens(needed, holds),
            Self::Expired => "the model has expired".into(),
            Self::LacksParameter(name) => text!("the model does not support `", name, "`"),
            Self::PriceAboveCap => "its price is above `maxPrice`".into(),
            Self::PriceUnknown => "its price is not known, and the policy limits the cost of the call".into(),
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
            Self::PriceAboveCap | Self::PriceUnknown | Self::TooExpensive => Kind::TooExpensive,
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

impl Chain {
    /// Drops the candidate at this place, and says so in the report.
    pub(super) fn drop(&mut self, at: usize, reason: DropReason, report: &mut Report) {
        let candidate = &mut self.candidates[at];
        candidate.state = State::Dropped(reason);
        report.drop_model(candidate.model(), reason.sentence());
    }

    /// The reasons of the candidates that left the chain, in the order of the chain.
    pub(super) fn drop_reasons(&self) -> impl Iterator<Item = DropReason> {
        self.candidates.iter().filter_map(|candidate| match candidate.state {
            State::Dropped(reason) => Some(reason),
            State::Ready | State::InFlight | State::Failed => None,
        })
    }

    /// Drops the candidates that `find` names a reason for.
    pub(super) fn drop_where(&mut self, report: &mut Report, mut find: impl FnMut(&Candidate) -> Option<DropReason>) {
        for at in 0..self.candidates.len() {
            let candidate = &self.candidates[at];
            if candidate.is_remaining()
                && let Some(reason) = find(candidate)
            {
                self.drop(at, reason, report);
            }
        }
    }

    /// Drops the model of `batch` that `failure` says its upstream does not serve. If the failure names no model of several,
    /// each of them is asked alone from now on.
    pub(crate) fn drop_unserved(&mut self, batch: &[usize], failure: &Failure, report: &mut Report) {
        let Some(at) = self.named_in(batch, failure) else {
            batch.iter().for_each(|&at| self.candidates[at].asked_alone = true);
            return;
        };
        let candidate = &mut self.candidates[at];
        candidate.state = State::Dropped(DropReason::NotServed);
        let model = candidate.model();
        report.drop_model(model, failure.message.as_str());
        if failure.kind == Kind::UnknownModel {
            let mut warning = text!("`", model, "` is not a valid model id and was left out");
            if let Some(near) = &candidate.near_miss {
                warning.extend(["; did you mean `", near, "`?"]);
            }
            report.warnings.push(warning);
        }
    }

    /// The candidate of `batch` that `failure` is about.
    fn named_in(&self, batch: &[usize], failure: &Failure) -> Option<usize> {
        // `openai/gpt-4` is a part of `openai/gpt-4o`: the longest name in the message is the one that is meant.
        let mut named: Option<usize> = None;
        for &at in batch {
            let model = self.candidates[at].model();
            let is_named = batch.len() == 1 || find(&failure.message, model).is_some();
            if is_named && named.is_none_or(|named| self.candidates[named].model().len() < model.len()) {
                named = Some(at);
            }
        }
        named
    }

    /// Drops the candidates whose context window is known to be no larger than the largest one of `batch`, which did not
    /// hold the prompt.
    pub(crate) fn drop_no_larger(&mut self, batch: &[usize], report: &mut Report) {
        let known = batch.iter().filter_map(|&at| self.candidates[at].info.context_length);
        let too_small = known.max().unwrap_or_default();
        self.drop_where(report, |candidate| {
            let is_no_larger = candidate.info.context_length.is_some_and(|length| length <= too_small);
            is_no_larger.then_some(DropReason::NoLargerContext)
        });
    }

    /// Drops the candidates that are known to cost more than what is `left`.
    pub(crate) fn drop_expensive(&mut self, request: &ChatRequest, so_far: Prompt, left: Usd, report: &mut Report) {
        self.drop_where(report, |candidate| {
            let is_too_expensive = candidate.lowest_cost(request, so_far).is_some_and(|lowest| lowest > left);
            is_too_expensive.then_some(DropReason::TooExpensive)
        });
    }

    /// Drops every candidate of the upstream that refused the key.
    pub(crate) fn drop_upstream(&mut self, upstream: usize) {
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.upstream() == upstream) {
            candidate.state = State::Dropped(DropReason::KeyRefused);
        }
    }
}
