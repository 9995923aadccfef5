//! Who is asked, in which order, and with whom together.
//!
//! A chain is a row of candidates and a cursor. What one request names is the window that begins at the cursor: up to
//! three models for OpenRouter, which falls back among them by itself, and one for any other upstream.

use crate::Millis;
use crate::breaker::{Breaker, Breakers};
use crate::catalog::{Catalog, same_model};
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::report::Report;
use crate::request::ChatRequest;
use crate::upstream::{Dialect, Upstream};

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

/// The candidates that are left, and the next of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) cursor: usize,
    /// Ask one model a request before this place: which of a window is meant could not be told.
    alone_before: usize,
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
    ) -> Result<Self, Failure> {
        let mut chain = Self::default();
        for (upstream, place) in (0..facts.upstreams.len()).flat_map(|u| (0..request.models.len()).map(move |m| (u, m)))
        {
            let model = &request.models[place];
            let known = facts.catalog.find(model);
            chain.candidates.push(Candidate {
                model: model.clone(),
                upstream,
                place,
                context_length: known.and_then(|row| row.context_length),
                repeated: 0,
                slug: known.and_then(|row| row.canonical_slug.clone()),
                breaker: Breakers::name(&facts.upstreams[upstream].url, model),
                near_miss: if known.is_some() { None } else { facts.catalog.near_miss(model) },
            });
        }
        chain.keep_large_enough(request, report)?;
        chain.keep_rested(facts, now, report)?;
        Ok(chain)
    }

    fn keep_large_enough(&mut self, request: &ChatRequest, report: &mut Report) -> Result<(), Failure> {
        let mut largest = (0, 0);
        self.candidates.retain(|candidate| {
            let needed = request.prompt.tokens(&candidate.model) + request.max_tokens.unwrap_or(0);
            match candidate.context_length {
                Some(window) if window < needed * 100 / (100 + ESTIMATE_MARGIN) => {
                    largest = largest.max((window, needed));
                    report.drop_model(&candidate.model, shortfall(needed, window));
                    false
                }
                _ => true,
            }
        });
        if self.candidates.is_empty() {
            return Err(Failure::new(
                Kind::ContextLength,
                ["no model of the chain can hold the prompt: ", &shortfall(largest.1, largest.0)].concat(),
            ));
        }
        Ok(())
    }

    fn keep_rested(&mut self, facts: &mut Facts<'_>, now: Millis, report: &mut Report) -> Result<(), Failure> {
        let mut soonest = Millis::MAX;
        let mut probes = Vec::new();
        self.candidates.retain(|candidate| {
            let probing = !matches!(facts.breakers.state(&candidate.breaker), None | Some(Breaker::Closed { .. }));
            match facts.breakers.admit(&candidate.breaker, now) {
                Ok(()) => {
                    if probing {
                        probes.push(candidate.breaker.clone());
                    }
                    true
                }
                Err(until) => {
                    soonest = soonest.min(until);
                    report.drop_model(&candidate.model, "it failed lately and is left alone");
                    false
                }
            }
        });
        self.probes = probes;
        if self.candidates.is_empty() {
            let wait = soonest.saturating_sub(now);
            let failure = Failure::new(Kind::CircuitOpen, "every model of the chain failed lately and is left alone");
            return Err(Failure { retry_after: Some(wait), ..failure });
        }
        Ok(())
    }

    /// The candidates that the next request names: consecutive ones of one upstream, as many as it takes at once.
    pub(crate) fn window(&self, upstreams: &[Upstream], alone: bool) -> &[Candidate] {
        let rest = &self.candidates[self.cursor.min(self.candidates.len())..];
        let Some(first) = rest.first() else { return rest };
        let dialect = upstreams[first.upstream].dialect;
        let alone = dialect == Dialect::OpenRouter && (alone || self.cursor < self.alone_before);
        let most = if alone { 1 } else { dialect.window() };
        let same = rest.iter().take(most).take_while(|candidate| candidate.upstream == first.upstream).count();
        &rest[..same]
    }

    /// Removes what the window of `size` at the cursor was told about a model that is not there. The upstream may
    /// have named it; if not, and it is not the only one, the window is asked again one by one.
    pub(crate) fn remove_unknown(&mut self, size: usize, failure: &Failure, report: &mut Report) {
        let window = self.cursor..(self.cursor + size).min(self.candidates.len());
        let named = window.clone().filter(|&at| size == 1 || failure.message.contains(&self.candidates[at].model));
        // `openai/gpt-4` is part of `openai/gpt-4o`: the longest name is meant.
        let named = named.max_by_key(|&at| self.candidates[at].model.len());
        let Some(at) = named else {
            self.alone_before = window.end;
            return;
        };
        let gone = self.candidates.remove(at);
        self.alone_before = self.alone_before.saturating_sub(1);
        report.drop_model(&gone.model, failure.message.as_str());
        if failure.kind == Kind::UnknownModel {
            let mut warning = ["`", &gone.model, "` is not a valid model id and was left out"].concat();
            if let Some(near) = gone.near_miss {
                warning.extend(["; did you mean `", &near, "`?"]);
            }
            report.warnings.push(warning);
        }
    }

    /// Removes those behind the window that are known to be no larger than the largest known in it.
    pub(crate) fn keep_larger(&mut self, size: usize, report: &mut Report) {
        let behind = self.cursor + size;
        let Some(too_small) = self.candidates[self.cursor..behind].iter().filter_map(|c| c.context_length).max() else {
            return;
        };
        let mut at = 0;
        self.candidates.retain(|candidate| {
            at += 1;
            let no_larger = at > behind && candidate.context_length.is_some_and(|window| window <= too_small);
            if no_larger {
                report.drop_model(
                    &candidate.model,
                    "its context window is no larger than the one that the prompt overflowed",
                );
            }
            !no_larger
        });
    }

    /// Moves on to the first candidate behind the window that is reached with another key.
    pub(crate) fn skip_upstream(&mut self, upstream: usize) {
        while self.candidates.get(self.cursor).is_some_and(|candidate| candidate.upstream == upstream) {
            self.cursor += 1;
        }
    }
}

fn shortfall(needed: u64, window: u64) -> String {
    let over = decimal(needed.saturating_sub(window));
    ["about ", &decimal(needed), " tokens are needed, its window holds ", &decimal(window), ": ", &over, " too many"]
        .concat()
}
