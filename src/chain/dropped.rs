//! Which candidates leave the chain after a failure, or because what is left of the budget cannot pay them.

use super::candidate::State;
use super::drop_reason::DropReason;
use super::{Candidate, Chain};
use crate::failure::{Failure, Kind};
use crate::report::Report;
use crate::request::ChatRequest;
use crate::text::{find, text};
use crate::tokens::Prompt;
use crate::usd::Usd;

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
            State::Ready | State::InFlight | State::Failed | State::Spare => None,
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
        // A page has no spare upstreams.
        if cfg!(feature = "browser") {
            return;
        }
        let is_spare =
            |candidate: &&mut Candidate| candidate.upstream() == upstream + 1 && candidate.state == State::Spare;
        self.candidates.iter_mut().filter(is_spare).for_each(|candidate| candidate.state = State::Ready);
    }
}
