//! Who is asked, in which order, and with whom together.
//!
//! A chain is a row of candidates, and each is asked until it is spent: failed, or left out. What one request names is a
//! window over those that are left: up to three models for OpenRouter, which falls back among them by itself, and one
//! for any other upstream.

use crate::Millis;
use crate::breaker::{Breaker, Breakers};
use crate::catalog::{Catalog, same_model};
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::report::Report;
use crate::request::ChatRequest;
use crate::upstream::Upstream;

/// The estimate may be off by this much, in percent: only a prompt beyond it is kept from a model.
const ESTIMATE_MARGIN: u64 = 15;

/// What a call knows when it begins. All of it may be empty.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Where to ask; at least one.
    pub upstreams: &'a [Upstream],
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
    /// Its place in what the caller asked for.
    pub(crate) place: usize,
    /// The tokens it can hold, if known.
    pub(crate) context_length: Option<u64>,
    /// How often it was asked again.
    pub(crate) repeated: u32,
    /// It failed in this call, or was left out of it.
    pub(crate) spent: bool,
    /// It goes into a request of its own: which of a window was meant could not be told.
    alone: bool,
    /// The name that an answer may give it instead.
    slug: Option<String>,
    /// The name of its breaker.
    pub(crate) breaker: String,
    /// What may have been meant, should the id turn out to be invalid.
    near_miss: Option<String>,
}

impl Candidate {
    /// `served`, named by an answer, is this model.
    pub(crate) fn answers_to(&self, served: &str) -> bool {
        same_model(&self.model, self.slug.as_deref(), served)
    }
}

/// The candidates of one request, by their place in the chain.
pub(crate) type Window = Vec<usize>;

/// The candidates of a call, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) candidates: Vec<Candidate>,
    /// Breakers whose probe this call took.
    pub(crate) probes: Vec<String>,
}

impl Chain {
    /// The chain of `request`, without the models that cannot hold the prompt or are resting.
    ///
    /// # Errors
    /// When nobody is left: why, and for resting models, how long until one may be asked.
    pub(crate) fn plan(
        request: &ChatRequest,
        facts: &mut Facts<'_>,
        now: Millis,
        report: &mut Report,
    ) -> Result<Self, Box<Failure>> {
        let mut chain = Self::default();
        for (upstream, Upstream { url, .. }) in facts.upstreams.iter().enumerate() {
            for (place, model) in request.models.iter().enumerate() {
                let known = facts.catalog.find(model);
                chain.candidates.push(Candidate {
                    model: model.clone(),
                    upstream,
                    place,
                    context_length: known.and_then(|row| row.context_length),
                    repeated: 0,
                    spent: false,
                    alone: false,
                    slug: known.and_then(|row| row.canonical_slug.clone()),
                    breaker: Breakers::name(url, model),
                    near_miss: if known.is_some() { None } else { facts.catalog.near_miss(model) },
                });
            }
        }
        chain.keep_large_enough(request, report)?;
        chain.keep_rested(facts, now, report)?;
        Ok(chain)
    }

    fn keep_large_enough(&mut self, request: &ChatRequest, report: &mut Report) -> Result<(), Box<Failure>> {
        let needed = request.prompt_tokens + request.max_tokens.unwrap_or(0);
        let certain = needed * 100 / (100 + ESTIMATE_MARGIN);
        let mut largest = 0;
        for candidate in &mut self.candidates {
            if let Some(window) = candidate.context_length.filter(|window| *window < certain) {
                largest = largest.max(window);
                candidate.spent = true;
                report.drop_model(&candidate.model, shortfall(needed, window));
            }
        }
        if self.is_spent() {
            let message = ["no model of the chain can hold the prompt: ", &shortfall(needed, largest)].concat();
            return Err(Failure::new(Kind::ContextLength, message));
        }
        Ok(())
    }

    fn keep_rested(&mut self, facts: &mut Facts<'_>, now: Millis, report: &mut Report) -> Result<(), Box<Failure>> {
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
    pub(crate) fn window(&self, upstreams: &[Upstream], alone: bool) -> Window {
        let mut window = Window::new();
        let mut most = 1;
        for (at, candidate) in self.candidates.iter().enumerate().filter(|(_, candidate)| !candidate.spent) {
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
            let meant = window.len() == 1 || failure.message.contains(model);
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
            let mut warning = ["`", &gone.model, "` is not a valid model id and was left out"].concat();
            if let Some(near) = &gone.near_miss {
                warning.extend(["; did you mean `", near, "`?"]);
            }
            report.warnings.push(warning);
        }
    }

    /// Leaves out those that are known to be no larger than the largest known in `window`, which was too small.
    pub(crate) fn leave_out_small(&mut self, window: &[usize], report: &mut Report) {
        let too_small = window.iter().filter_map(|&at| self.candidates[at].context_length).max().unwrap_or_default();
        for candidate in self.candidates.iter_mut().filter(|candidate| !candidate.spent) {
            if candidate.context_length.is_some_and(|length| length <= too_small) {
                candidate.spent = true;
                let reason = "its context window is no larger than the one that the prompt overflowed";
                report.drop_model(&candidate.model, reason);
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
    ["about ", &decimal(needed), " tokens are needed, its window holds ", &decimal(window), ": ", &over, " too many"]
        .concat()
}
