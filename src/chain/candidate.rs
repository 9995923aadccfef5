//! One candidate: a model on an upstream.

use std::sync::Arc;

use super::drop_reason::DropReason;
use crate::catalog::{ModelInfo, Price, continues_prefill, same_model};
use crate::failure::RequestFields;
use crate::learned::Rejected;
use crate::request::{ChatRequest, LEAST_ANSWER};
use crate::tokens::Prompt;
use crate::usd::Usd;

/// Where a candidate stands in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It may be asked.
    Ready,
    /// A request names it.
    InFlight,
    /// It failed in this call.
    Failed,
    /// It is a candidate of the upstream before it, with another key, and may be asked if that key is refused.
    Spare,
    /// It left the chain.
    Dropped(DropReason),
}

/// A model on an upstream. Only the chain changes it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    model: String,
    upstream: usize,
    /// What is known about the model. An unknown field speaks for the model, never against it.
    pub(super) info: Arc<ModelInfo>,
    /// The most tokens that an answer reasons beyond the output limit. `None`: nothing bounds them.
    pub(super) reasoning: Option<u64>,
    /// The name of its breaker.
    breaker: String,
    /// The fields that it rejects, although its upstream may know them.
    pub(super) rejected: Rejected,
    /// The id that was probably meant, should this id turn out to be unknown.
    pub(super) near_miss: Option<String>,
    pub(super) state: State,
    /// How often it was asked again.
    pub(super) retries: u32,
    /// It refused to continue a prefill.
    pub(super) refuses_prefill: bool,
    /// The fields that requests to it no longer have.
    pub(super) given_up: RequestFields,
    /// Its request names no other model: an upstream did not say which model of a batch is unknown.
    pub(super) asked_alone: bool,
}

impl Candidate {
    pub(super) fn new(
        model: &str,
        upstream: usize,
        info: Arc<ModelInfo>,
        reasoning: Option<u64>,
        (breaker, rejected): (String, Rejected),
        near_miss: Option<String>,
    ) -> Self {
        Self {
            model: model.into(),
            upstream,
            info,
            reasoning,
            breaker,
            rejected,
            near_miss,
            state: State::Ready,
            retries: 0,
            refuses_prefill: false,
            given_up: RequestFields::default(),
            asked_alone: false,
        }
    }

    /// The id of the model, as a request names it.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// The place of its upstream.
    pub(crate) fn upstream(&self) -> usize {
        self.upstream
    }

    /// What is known about the model.
    pub(crate) fn info(&self) -> &Arc<ModelInfo> {
        &self.info
    }

    /// The name of its breaker.
    pub(crate) fn breaker(&self) -> &str {
        &self.breaker
    }

    /// How often it was asked again.
    pub(crate) fn retries(&self) -> u32 {
        self.retries
    }

    /// `served`, which an answer names, is this model.
    pub(crate) fn answers_to(&self, served: &str) -> bool {
        same_model(&self.model, self.info.canonical_slug.as_deref(), served)
    }

    /// It may be asked now.
    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// It may be asked, or is asked now.
    pub(super) fn is_remaining(&self) -> bool {
        match self.state {
            State::Ready | State::InFlight => true,
            State::Failed | State::Spare | State::Dropped(_) => false,
        }
    }

    /// It is known to continue a last message of the assistant.
    pub(super) fn continues_prefill(&self) -> bool {
        !self.refuses_prefill && continues_prefill(&self.model)
    }

    /// The tokens that its context window has to hold: the prompt, and the shortest answer that is worth its prompt.
    pub(super) fn needed_tokens(&self, request: &ChatRequest) -> u64 {
        self.prompt_tokens(request) + request.max_tokens.unwrap_or(0).min(LEAST_ANSWER)
    }

    /// The tokens that its answer to `request` can have, if that is known.
    pub(super) fn answer_tokens(&self, request: &ChatRequest) -> Option<u64> {
        let left = self.info.context_length.map(|window| window.saturating_sub(self.prompt_tokens(request)));
        left.into_iter().chain(self.info.max_output).min()
    }

    /// The cost of the shortest answer that is worth its prompt, behind the text `so_far`, if its price is known.
    pub(super) fn lowest_cost(&self, request: &ChatRequest, so_far: Prompt) -> Option<Usd> {
        let mut price = Price::default();
        let is_known = self.info.raise(&mut price, request.ceiling(so_far));
        is_known
            .then(|| request.cost(&price, so_far, request.least_answer().saturating_add(self.reasoning.unwrap_or(0))))
    }

    /// The tokens of the prompt that its context window has to hold, as its tokenizer counts them.
    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        request.window_prompt().tokens(&self.model)
    }
}
