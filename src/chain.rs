//! Who is asked, in which order, and with whom together.
//!
//! A chain is a row of candidates, and each is asked until it is spent: failed, or left out. What one request names is a
//! window over those that are left: up to three models for OpenRouter, which falls back among them by itself, and one
//! for any other upstream.

use std::sync::Arc;

use crate::Millis;
use crate::breaker::{Breaker, Breakers};
use crate::catalog::{Catalog, ModelInfo, Price, continues_prefill, same_model};
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::policy::Policy;
use crate::report::Report;
use crate::request::{ChatRequest, LEAST_ANSWER};
use crate::text::{find, text};
use crate::tokens::Prompt;
use crate::upstream::{Dialect, Upstream};
use crate::usd::Usd;

/// The estimate may be off by this much, in percent: only a prompt beyond it is kept from a model.
const ESTIMATE_MARGIN: u64 = 15;

const TOO_DEAR: &str = "it would cost more than is left for the call";

/// What a call knows when it begins. All of it may be empty.
#[derive(Debug)]
pub struct Context<'a> {
    /// Where to ask; at least one.
    pub upstreams: Arc<Vec<Upstream>>,
    /// Windows and names of models.
    pub catalog: &'a Catalog,
    /// Who has failed lately.
    pub breakers: &'a mut Breakers,
}

/// A model on an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) model: String,
    pub(crate) upstream: usize,
    /// What is known of it; where nothing is, nothing is held against it.
    pub(crate) facts: Arc<ModelInfo>,
    /// How often it was asked again.
    pub(crate) repeated: u32,
    /// It failed in this call, or was left out of it.
    pub(crate) spent: bool,
    /// It is being asked.
    pub(crate) asked: bool,
    /// It was asked to continue, and would not.
    pub(crate) refuses_prefill: bool,
    /// It goes into a request of its own: which of a window was meant could not be told.
    alone: bool,
    /// The name of its breaker.
    pub(crate) breaker: String,
    /// What may have been meant, should the id turn out to be invalid.
    near_miss: Option<String>,
}

impl Candidate {
    /// `served`, named by an answer, is this model.
    pub(crate) fn answers_to(&self, served: &str) -> bool {
        same_model(&self.model, self.facts.canonical_slug.as_deref(), served)
    }

    /// It goes on from a last message of the assistant, as far as is known.
    pub(crate) fn continues(&self) -> bool {
        !self.refuses_prefill && continues_prefill(&self.model)
    }

    /// The tokens of the prompt, as it counts them.
    fn prompt_of(&self, request: &ChatRequest) -> u64 {
        request.prompt.tokens(&self.model)
    }

    /// The tokens that its window has to hold: the prompt, and an answer that is worth having.
    fn needed(&self, request: &ChatRequest) -> u64 {
        self.prompt_of(request) + request.max_tokens.unwrap_or(0).min(LEAST_ANSWER)
    }

    /// The tokens that it can answer `request` with, if that is known.
    fn room(&self, request: &ChatRequest) -> Option<u64> {
        let left = self.facts.context_length.map(|window| window.saturating_sub(self.prompt_of(request)));
        left.into_iter().chain(self.facts.max_output).min()
    }

    /// What the shortest answer worth having costs behind what was `said`, if its price is known.
    fn least(&self, request: &ChatRequest, said: Prompt) -> Option<Usd> {
        let mut price = Price::default();
        let known = self.facts.raise(&mut price, request.ceiling(said));
        known.then(|| request.cost(&price, said, request.least_answer()))
    }

    /// Why it cannot be asked, if that is certain before it is; by an edge, which looks at the money itself, or not.
    fn unfit(&self, request: &ChatRequest, policy: &Policy, by_edge: bool, now: Millis) -> Option<(Kind, String)> {
        let needed = self.needed(request);
        let certain = needed * 100 / (100 + ESTIMATE_MARGIN);
        let above = |price: Option<Usd>, cap: Option<Usd>| {
            price.zip(cap).is_some_and(|(price, cap)| price.times(1_000_000) > cap)
        };
        if let Some(window) = self.facts.context_length.filter(|window| *window < certain) {
            return Some((Kind::ContextLength, shortfall(needed, window)));
        }
        if self.facts.expires.is_some_and(|expires| expires <= now) {
            return Some((Kind::NoEndpoint, "it has expired".into()));
        }
        if let Some(lacking) = request.required.iter().find(|parameter| self.facts.lacks(parameter)) {
            return Some((Kind::NoEndpoint, text!("it does not know `", lacking, "`")));
        }
        let (prompt, answer) = self.facts.price;
        if above(prompt, policy.max_price.0) || above(answer, policy.max_price.1) {
            return Some((Kind::TooExpensive, "its price is above the cap".into()));
        }
        let most = policy.max_cost.filter(|_| !by_edge)?;
        match self.least(request, Prompt::default()) {
            None => Some((Kind::TooExpensive, "its price is not known, and what the call may cost is bounded".into())),
            Some(least) if least > most => Some((Kind::TooExpensive, TOO_DEAR.into())),
            Some(_) => None,
        }
    }
}

/// The candidates of one request, by their place in the chain.
pub(crate) type Batch = Vec<usize>;

/// The candidates of a call, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) candidates: Vec<Candidate>,
    /// Breakers whose probe this call took.
    pub(crate) probes: Vec<String>,
}

impl Chain {
    /// The chain of `request`, without the models that cannot hold the prompt or are resting: first over the models of the
    /// first upstream, then over those of the next.
    ///
    /// # Errors
    /// When nobody is left: why, and for resting models, how long until one may be asked.
    pub(crate) fn plan(
        request: &ChatRequest,
        policy: &Policy,
        facts: &mut Context<'_>,
        now: Millis,
        report: &mut Report,
    ) -> Result<Self, Box<Failure>> {
        let mut chain = Self::default();
        for (at, upstream) in facts.upstreams.iter().enumerate() {
            let models = if upstream.models.is_empty() { &request.models } else { &upstream.models };
            for model in models {
                let known = upstream.catalog.find(model).or_else(|| facts.catalog.find(model));
                chain.candidates.push(Candidate {
                    model: model.clone(),
                    upstream: at,
                    facts: known.cloned().unwrap_or_default(),
                    repeated: 0,
                    spent: false,
                    asked: false,
                    refuses_prefill: false,
                    alone: false,
                    breaker: Breakers::name(&upstream.url, model),
                    near_miss: if known.is_some() { None } else { facts.catalog.near_miss(model) },
                });
            }
        }
        chain.keep_fit(request, policy, &facts.upstreams, now, report)?;
        chain.keep_rested(facts, now, report)?;
        Ok(chain)
    }

    fn keep_fit(
        &mut self,
        request: &ChatRequest,
        policy: &Policy,
        upstreams: &[Upstream],
        now: Millis,
        report: &mut Report,
    ) -> Result<(), Box<Failure>> {
        let mut failure = Failure::new(Kind::NoEndpoint, "");
        let mut largest = (0, 0);
        for candidate in &mut self.candidates {
            let by_edge = upstreams[candidate.upstream].dialect == Dialect::Edge;
            let Some((kind, reason)) = candidate.unfit(request, policy, by_edge, now) else { continue };
            candidate.spent = true;
            largest = largest.max((candidate.facts.context_length.unwrap_or_default(), candidate.needed(request)));
            failure.kind = kind;
            report.drop_model(&candidate.model, reason);
        }
        if !self.is_spent() {
            return Ok(());
        }
        failure.message = match failure.kind {
            Kind::ContextLength => {
                text!("no model of the chain can hold the prompt: ", &shortfall(largest.1, largest.0))
            }
            Kind::TooExpensive => "every model of the chain costs more than the policy allows".into(),
            _ => "no model of the chain can answer this request".into(),
        };
        Err(failure)
    }

    fn keep_rested(&mut self, facts: &mut Context<'_>, now: Millis, report: &mut Report) -> Result<(), Box<Failure>> {
        let mut soonest = Millis::MAX;
        for candidate in self.candidates.iter_mut().filter(|candidate| !candidate.spent) {
            let probing = !matches!(facts.breakers.state(&candidate.breaker), None | Some(Breaker::Closed { .. }));
            match facts.breakers.admit(&candidate.breaker, now) {
                Ok(()) if probing => self.probes.push(candidate.breaker.clone()),
                Ok(()) => {}
                Err(until) => {
                    soonest = soonest.min(until);
                    candidate.spent = true;
                    report.drop_model(&candidate.model, "it failed lately and is left alone");
                }
            }
        }
        if self.is_spent() {
            let wait = soonest.saturating_sub(now);
            let message = "every model of the chain failed lately and is left alone";
            let mut failure = Failure::new(Kind::CircuitOpen, message);
            failure.retry_after = Some(wait);
            return Err(failure);
        }
        Ok(())
    }

    /// Nobody is left to ask.
    pub(crate) fn is_spent(&self) -> bool {
        self.candidates.iter().all(|candidate| candidate.spent)
    }

    /// Who the next request names: the first that are left, of one upstream, as many as it takes at once.
    pub(crate) fn window(&self, upstreams: &[Upstream], alone: bool) -> Batch {
        let mut window = Batch::new();
        let mut most = 1;
        let left = self.candidates.iter().enumerate().filter(|(_, candidate)| !candidate.spent && !candidate.asked);
        for (at, candidate) in left {
            match window.first() {
                None => most = upstreams[candidate.upstream].dialect.window(alone || candidate.alone),
                Some(&first) if self.candidates[first].upstream != candidate.upstream || candidate.alone => break,
                Some(_) => {}
            }
            window.push(at);
            if window.len() == most {
                break;
            }
        }
        window
    }

    /// The tokens that `window` may answer `request` with, where that is less than was asked for. Nothing else bounds an
    /// answer: what a model can do, it says by itself.
    pub(crate) fn limit(&self, window: &[usize], request: &ChatRequest) -> Option<u64> {
        let mut limit = request.max_tokens;
        for candidate in window.iter().map(|&at| &self.candidates[at]) {
            if let (Some(wanted), Some(room)) = (limit, candidate.room(request)) {
                limit = Some(wanted.min(room.max(1)));
            }
        }
        limit
    }

    /// What `window` costs at most behind what was `said`, whoever of it serves; nothing of what an edge costs, which looks at
    /// the money by itself. Together they may take the prompt's price of one and the answer's of another: who is more than
    /// what is `left` can pay leaves the window.
    pub(crate) fn price(&self, window: &mut Batch, request: &ChatRequest, said: Prompt, left: Usd) -> Price {
        loop {
            let mut price = Price::default();
            for &at in &*window {
                self.candidates[at].facts.raise(&mut price, request.ceiling(said));
            }
            if window.len() < 2 || request.cost(&price, said, request.least_answer()) <= left {
                return price;
            }
            window.pop();
        }
    }

    /// These have failed.
    pub(crate) fn spend(&mut self, window: &[usize]) {
        for &at in window {
            self.candidates[at].spent = true;
        }
    }

    /// Leaves out what `window` was told about a model that is not there. The upstream may have named it; if not, and
    /// it is not the only one, the window is asked again one by one.
    pub(crate) fn leave_out_unknown(&mut self, window: &[usize], failure: &Failure, report: &mut Report) {
        // `openai/gpt-4` is part of `openai/gpt-4o`: the longest name is meant.
        let mut named: Option<usize> = None;
        for &at in window {
            let model = &self.candidates[at].model;
            let meant = window.len() == 1 || find(&failure.message, model).is_some();
            if meant && named.is_none_or(|named| self.candidates[named].model.len() < model.len()) {
                named = Some(at);
            }
        }
        let Some(at) = named else {
            window.iter().for_each(|&at| self.candidates[at].alone = true);
            return;
        };
        let gone = &mut self.candidates[at];
        gone.spent = true;
        report.drop_model(&gone.model, failure.message.as_str());
        if failure.kind == Kind::UnknownModel {
            let mut warning = text!("`", &gone.model, "` is not a valid model id and was left out");
            if let Some(near) = &gone.near_miss {
                warning.extend(["; did you mean `", near, "`?"]);
            }
            report.warnings.push(warning);
        }
    }

    /// Leaves out those that are known to be no larger than the largest known in `window`, which was too small.
    pub(crate) fn leave_out_small(&mut self, window: &[usize], report: &mut Report) {
        let too_small =
            window.iter().filter_map(|&at| self.candidates[at].facts.context_length).max().unwrap_or_default();
        for candidate in self.candidates.iter_mut().filter(|candidate| !candidate.spent) {
            if candidate.facts.context_length.is_some_and(|length| length <= too_small) {
                candidate.spent = true;
                let reason = "its context window is no larger than the one that the prompt overflowed";
                report.drop_model(&candidate.model, reason);
            }
        }
    }

    /// Leaves out those that would cost more than what is `left`, as far as their price is known.
    pub(crate) fn leave_out_expensive(
        &mut self,
        request: &ChatRequest,
        said: Prompt,
        left: Option<Usd>,
        report: &mut Report,
    ) {
        let Some(left) = left else { return };
        for candidate in self.candidates.iter_mut().filter(|candidate| !candidate.spent) {
            if candidate.least(request, said).is_some_and(|least| least > left) {
                candidate.spent = true;
                report.drop_model(&candidate.model, TOO_DEAR);
            }
        }
    }

    /// Leaves out all that are reached with the key of `upstream`.
    pub(crate) fn leave_upstream(&mut self, upstream: usize) {
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.upstream == upstream) {
            candidate.spent = true;
        }
    }
}

fn shortfall(needed: u64, window: u64) -> String {
    let over = decimal(needed.saturating_sub(window));
    text!(
        "about ",
        &decimal(needed),
        " tokens are needed, its window holds ",
        &decimal(window),
        ": ",
        &over,
        " too many"
    )
}
