//! Which candidates leave the chain before anything is sent: those that cannot answer the request, and those that have to
//! rest.

use super::Chain;
use super::candidate::Candidate;
use super::drop_reason::{DropReason, missing_tokens};
use crate::Millis;
use crate::breaker::{Breaker, Breakers};
use crate::failure::{Failure, Kind};
use crate::policy::Policy;
use crate::report::Report;
use crate::request::ChatRequest;
use crate::text::text;
use crate::tokens::Prompt;
use crate::upstream::{Dialect, Upstream};
use crate::usd::Usd;

/// The estimate of a prompt may be this much too high, in percent. A model is dropped only if the prompt is still too long
/// without this margin.
const ESTIMATE_MARGIN: u64 = 15;

impl Candidate {
    /// Why it certainly cannot answer `request`. An edge checks the cost of the call by itself.
    fn unfit(&self, request: &ChatRequest, policy: &Policy, by_edge: bool, now: Millis) -> Option<DropReason> {
        let needed = self.needed_tokens(request);
        let certain = needed * 100 / (100 + ESTIMATE_MARGIN);
        if let Some(holds) = self.info.context_length.filter(|holds| *holds < certain) {
            return Some(DropReason::ContextTooSmall { needed, holds });
        }
        if self.info.expires.is_some_and(|expires| expires <= now) {
            return Some(DropReason::Expired);
        }
        if let Some(name) = request.required.iter().find(|parameter| self.info.lacks(parameter)) {
            return Some(DropReason::LacksParameter(name));
        }
        if self.is_above(policy) {
            return Some(DropReason::PriceAboveCap);
        }
        let most = policy.max_cost.filter(|_| !by_edge)?;
        if !cfg!(feature = "browser") && self.reasoning.is_none() {
            return Some(DropReason::ReasoningUnbounded);
        }
        match self.lowest_cost(request, Prompt::default()) {
            None => Some(DropReason::PriceUnknown),
            Some(lowest) if lowest > most => Some(DropReason::TooExpensive),
            Some(_) => None,
        }
    }

    /// Its price for a million tokens is above the cap of the policy.
    fn is_above(&self, policy: &Policy) -> bool {
        let is_above = |price: Option<Usd>, cap: Option<Usd>| {
            price.zip(cap).is_some_and(|(price, cap)| price.times(1_000_000) > cap)
        };
        is_above(self.info.price.0, policy.max_price.0) || is_above(self.info.price.1, policy.max_price.1)
    }
}

impl Chain {
    /// Drops the candidates that certainly cannot answer.
    pub(super) fn drop_unfit(
        &mut self,
        request: &ChatRequest,
        policy: &Policy,
        upstreams: &[Upstream],
        now: Millis,
        report: &mut Report,
    ) -> Result<(), Box<Failure>> {
        self.drop_where(report, |candidate| {
            let by_edge = upstreams[candidate.upstream()].dialect == Dialect::Edge;
            candidate.unfit(request, policy, by_edge, now)
        });
        if self.remaining().next().is_some() { Ok(()) } else { Err(self.nothing_fits()) }
    }

    /// The failure of a chain that has no fit candidate.
    fn nothing_fits(&self) -> Box<Failure> {
        let (mut kind, mut largest) = (Kind::NoEndpoint, (0, 0));
        for reason in self.drop_reasons() {
            kind = reason.kind();
            if let DropReason::ContextTooSmall { needed, holds } = reason {
                largest = largest.max((holds, needed));
            }
        }
        let message = match kind {
            Kind::ContextLength => {
                text!("no model of the chain can hold the prompt: ", &missing_tokens(largest.1, largest.0))
            }
            Kind::TooExpensive => Kind::TooExpensive.explanation().into(),
            _ => "no model of the chain can answer this request".into(),
        };
        Failure::new(kind, message)
    }

    /// Drops the candidates whose breaker is open. Where a breaker lets one call through, this call probes the model.
    pub(super) fn drop_resting(
        &mut self,
        breakers: &mut Breakers,
        now: Millis,
        report: &mut Report,
    ) -> Result<(), Box<Failure>> {
        let mut probes = Vec::new();
        self.drop_where(report, |candidate| {
            let name = candidate.breaker();
            let is_probe = !matches!(breakers.state(name), None | Some(Breaker::Closed { .. }));
            match breakers.admit(name, now) {
                Ok(()) => {
                    probes.extend(is_probe.then(|| name.to_owned()));
                    None
                }
                Err(until) => Some(DropReason::Resting { until }),
            }
        });
        self.probes = probes;
        if self.remaining().next().is_some() { Ok(()) } else { Err(self.all_rest(now)) }
    }

    /// The failure of a chain whose last candidates have to rest.
    fn all_rest(&self, now: Millis) -> Box<Failure> {
        let until = |reason| if let DropReason::Resting { until } = reason { Some(until) } else { None };
        let soonest = self.drop_reasons().filter_map(until).min();
        let mut failure = Failure::explained(Kind::CircuitOpen);
        failure.retry_after = soonest.map(|soonest| soonest.saturating_sub(now));
        failure
    }
}
