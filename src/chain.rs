//! Which models a call may ask, in which order, and which of them one request names together.
//!
//! A chain is a list of candidates: models on upstreams. One request names a *batch* of those that are ready: up to three
//! models for OpenRouter, which falls back among them by itself, and one model for any other upstream.
//!
//! ```text
//!           start                   release
//!   Ready ─────────▶ InFlight ───────────────▶ Ready
//!     │                 │
//!     └──────┬──────────┘
//!            ├── fail ──▶ Failed
//!            └── drop ──▶ Dropped(reason)
//! ```
//!
//! A candidate of a spare upstream is `Spare`, and becomes `Ready` when the key of the upstream before it is refused.
//!
//! | file | contents |
//! |---|---|
//! | `candidate.rs` | one candidate: its state, its size, its price |
//! | `precheck.rs` | which candidates leave the chain before anything is sent |
//! | `dropped.rs`, `drop_reason.rs` | which candidates leave the chain after a failure, and why |
//! | `price.rs` | what a batch may cost, and how long its answer may be |

mod candidate;
mod drop_reason;
mod dropped;
mod precheck;
mod price;

use std::sync::Arc;

use crate::Millis;
use crate::breaker::Breakers;
use crate::catalog::Catalog;
use crate::failure::{Failure, RequestFields};
use crate::learned::Rejected;
use crate::policy::Policy;
use crate::report::Report;
use crate::request::ChatRequest;
use crate::upstream::Upstream;
use candidate::{Candidate, State};

/// What a call knows when it begins. The catalog and the breakers may be empty.
#[derive(Debug)]
pub struct Context<'a> {
    /// The upstreams, in order; at least one.
    pub upstreams: Arc<Vec<Upstream>>,
    /// What is known about models, beside the catalogs of the upstreams.
    pub catalog: &'a Catalog,
    /// Which models failed recently.
    pub breakers: &'a mut Breakers,
}

/// The candidates that one request names, by their places in the chain.
pub(crate) type Batch = Vec<usize>;

/// The candidates of a call, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    candidates: Vec<Candidate>,
    /// Names of the breakers that this call probes.
    probes: Vec<String>,
    /// The fields that each upstream rejects.
    rejected: Vec<Rejected>,
    /// The candidate that is asked first, out of its order.
    #[cfg(feature = "protocols")]
    preferred: Option<usize>,
}

impl Chain {
    /// The chain of `request`, without the models that cannot hold the prompt or have to rest: first the models of the first
    /// upstream, then those of the next.
    ///
    /// # Errors
    /// If no candidate is left: the reason, and for resting models, the wait until the first of them may be asked.
    pub(crate) fn plan(
        request: &ChatRequest,
        policy: &Policy,
        context: &mut Context<'_>,
        now: Millis,
        report: &mut Report,
    ) -> Result<Self, Box<Failure>> {
        let mut chain = Self::default();
        for (at, upstream) in context.upstreams.iter().enumerate() {
            chain.rejected.push(context.breakers.rejected_by(&upstream.url));
            for model in upstream.models_for(&request.models) {
                let info = upstream.model_info(model, context.catalog);
                let near_miss = if info.is_some() { None } else { context.catalog.near_miss(model) };
                let reasoning = upstream.reasoning_beyond_limit(request.max_reasoning, info.map(|info| &**info));
                let (breaker, info) = (Breakers::name(&upstream.url, model), info.cloned().unwrap_or_default());
                let rejected = context.breakers.rejected_by(&breaker);
                chain.candidates.push(Candidate::new(model, at, info, reasoning, (breaker, rejected), near_miss));
            }
        }
        chain.drop_unfit(request, policy, &context.upstreams, now, report)?;
        chain.drop_resting(context.breakers, now, report)?;
        // A page has no spare upstreams.
        if !cfg!(feature = "browser") {
            chain.set_spares_aside(&context.upstreams);
        }
        Ok(chain)
    }

    fn set_spares_aside(&mut self, upstreams: &[Upstream]) {
        let is_spare = |candidate: &&mut Candidate| candidate.is_ready() && upstreams[candidate.upstream()].is_spare;
        self.candidates.iter_mut().filter(is_spare).for_each(|candidate| candidate.state = State::Spare);
    }

    /// The candidate at this place.
    pub(crate) fn candidate(&self, at: usize) -> &Candidate {
        &self.candidates[at]
    }

    /// The candidates that may still be asked, or are asked now, with their places.
    fn remaining(&self) -> impl Iterator<Item = (usize, &Candidate)> {
        self.candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_remaining())
    }

    /// A candidate outside `batch` may still be asked, or is asked now.
    pub(crate) fn has_other_than(&self, batch: &[usize]) -> bool {
        self.remaining().any(|(at, _)| !batch.contains(&at))
    }

    /// The batch of the next request: the first candidates that are ready, all of one upstream, as many as one request may
    /// name. With `one_model`, a request names one model even where it could name more.
    pub(crate) fn next_batch(&self, upstreams: &[Upstream], one_model: bool) -> Batch {
        #[cfg(feature = "protocols")]
        if let Some(at) = self.preferred.filter(|&at| self.candidates[at].is_ready()) {
            return vec![at];
        }
        let mut batch = Batch::new();
        let mut most = 1;
        for (at, candidate) in self.candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_ready()) {
            match batch.first() {
                None => most = upstreams[candidate.upstream()].dialect.batch_size(one_model || candidate.asked_alone),
                Some(&first) if self.candidates[first].upstream() != candidate.upstream() || candidate.asked_alone => {
                    break;
                }
                Some(_) => {}
            }
            batch.push(at);
            if batch.len() == most {
                break;
            }
        }
        batch
    }

    /// The candidate whose breaker has the name `breaker` is asked first, while it is ready. Another name changes nothing.
    #[cfg(feature = "protocols")]
    pub(crate) fn prefer(&mut self, breaker: &str) {
        self.preferred = self.candidates.iter().position(|candidate| candidate.breaker() == breaker);
    }

    /// The candidate that goes on with a stream that broke, and whether it continues a prefill. With `prefill`, the first
    /// one that is known to continue comes before the others.
    pub(crate) fn next_for_recovery(&self, prefill: bool) -> Option<(usize, bool)> {
        let continues = self.remaining().find(|(_, candidate)| prefill && candidate.continues_prefill());
        let first = || self.remaining().next().map(|(at, _)| (at, false));
        continues.map(|(at, _)| (at, true)).or_else(first)
    }

    /// A request that names `batch` is sent.
    pub(crate) fn start(&mut self, batch: &[usize]) {
        self.change(batch, |state| if *state == State::Ready { State::InFlight } else { *state });
    }

    /// The request that named `batch` has ended.
    pub(crate) fn release(&mut self, batch: &[usize]) {
        self.change(batch, |state| if *state == State::InFlight { State::Ready } else { *state });
    }

    /// The candidates of `batch` have failed in this call.
    pub(crate) fn fail(&mut self, batch: &[usize]) {
        self.change(batch, |_| State::Failed);
    }

    /// No candidate is asked any more.
    pub(crate) fn fail_all(&mut self) {
        self.candidates.iter_mut().for_each(|candidate| candidate.state = State::Failed);
    }

    fn change(&mut self, batch: &[usize], next: impl Fn(&State) -> State) {
        for &at in batch {
            let state = &mut self.candidates[at].state;
            *state = next(state);
        }
    }

    /// The fields that requests to the candidate at this place do not have: its upstream or the model itself rejects them.
    pub(crate) fn rejected(&self, at: usize) -> RequestFields {
        let candidate = &self.candidates[at];
        let mut fields = self.rejected.get(candidate.upstream()).map_or(RequestFields::default(), Rejected::fields);
        fields.add(candidate.rejected.fields());
        // A signature that is refused says nothing about those of other conversations.
        #[cfg(feature = "protocols")]
        fields.add(candidate.given_up.shared(RequestFields::SIGNATURES));
        fields
    }

    /// The upstream of `batch` has rejected some of the fields that failsoft wrote. True: the same models are asked again
    /// without them. Each field is given up once, so that two fields that exclude each other end.
    pub(crate) fn give_up_fields(&mut self, batch: &[usize], fields: RequestFields) -> bool {
        let Some(first) = batch.first().map(|&at| &mut self.candidates[at]) else { return false };
        if fields == RequestFields::default() || first.given_up.has(fields) {
            return false;
        }
        first.given_up.add(fields);
        if fields.has(RequestFields::LIMITS) {
            first.given_up.add(RequestFields::LIMITS);
        }
        #[cfg(feature = "protocols")]
        let fields = {
            let mut learned = fields;
            learned.remove(RequestFields::SIGNATURES);
            learned
        };
        // An upstream may stream some of its models only, and some of them may reason.
        let is_of_model = fields.has(RequestFields::STREAM);
        #[cfg(feature = "protocols")]
        let is_of_model = is_of_model || fields.has(RequestFields::REASONING);
        if is_of_model { &first.rejected } else { &self.rejected[first.upstream()] }.learn(fields);
        true
    }

    /// Nothing came of a request that named `batch`: each of its other models is asked alone, beginning with the second.
    pub(crate) fn ask_one_by_one(&mut self, batch: &[usize]) {
        self.fail(&batch[..1]);
        batch.iter().for_each(|&at| self.candidates[at].asked_alone = true);
    }

    /// The candidate is asked again.
    pub(crate) fn count_retry(&mut self, at: usize) {
        self.candidates[at].retries += 1;
    }

    /// The candidate refused a request that ended in a message of the assistant.
    pub(crate) fn note_refused_prefill(&mut self, at: usize) {
        self.candidates[at].refuses_prefill = true;
    }

    /// Takes the names of the breakers that this call probes.
    pub(crate) fn take_probes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.probes)
    }
}
