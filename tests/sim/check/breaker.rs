//! The outcomes that breakers record: all observed outcomes, and no others.

use failsoft::failure::Fault;
use failsoft::{Breakers, Failure, Kind, Outcome};

use crate::breaker_model::Admission;
use crate::check::outcome::passes_rules;
use crate::checker::{CheckResult, Invariant};
use crate::exchange::{Exchange, State};
use crate::host::Host;
use crate::reply::NamedModel;
use crate::world::Shared;

/// Checks that every model that could serve rests, and that the named wait ends no earlier than the first rest.
pub(crate) fn check_resting(host: &Host, shared: &Shared, failure: &Failure, now: u64) -> CheckResult {
    let (checker, mut soonest) = (shared.checker, None);
    for (server, &model) in (0..shared.servers.len())
        .flat_map(|server| shared.servers[server].chain(&host.plan).iter().map(move |model| (server, model)))
    {
        let admission = host.admissions[server][model];
        if let Admission::Resting(until) = admission {
            soonest = Some(soonest.map_or(until, |soonest: u64| soonest.min(until)));
        }
        // A listed model may be too small or too expensive; with a cost bound, a model without a known price is left
        // out.
        let known = shared.models[model].context_length.is_some() || shared.models[model].price.is_some();
        let known = known || host.plan.money.cost.is_some();
        let rests = matches!(admission, Admission::Resting(_)) || known;
        checker.require(Invariant::Breaker, rests, || format!("{} was available", shared.models[model].id))?;
    }
    let wait = failure.retry_after.unwrap_or_default();
    let named = soonest.is_some_and(|soonest| now + wait >= soonest) && host.exchanges.is_empty();
    checker.require(Invariant::Breaker, named, || {
        format!("the failure names {wait} ms, and the first rest ends at {soonest:?}")
    })
}

/// Checks that the breakers record every observed outcome, and no others.
pub(crate) fn check(host: &Host, shared: &Shared, outcome: &Outcome, served: Option<&Exchange>) -> CheckResult {
    let checker = shared.checker;
    let name =
        |server: usize, model: usize| Breakers::name(&shared.servers[server].upstream.url, &shared.models[model].id);
    for model_outcome in &outcome.model_outcomes {
        let blamed = |exchange: &&Exchange| {
            let elsewhere =
                model_outcome.failure.as_ref().is_some_and(|failure| host.answered_differently(exchange, failure));
            if exchange.is_judge() || elsewhere {
                return false;
            }
            let failed_inside =
                |model: usize| exchange.reply.inside.iter().any(|&(other, status)| other == model && status >= 400);
            exchange.batch.iter().any(|&model| {
                // The upstream observed the failures inside a batch, so a sleep of the host does not matter there.
                let seen = if exchange.batch.len() > 1 {
                    failed_inside(model)
                } else {
                    is_blamed(exchange) && !exchange.slept
                };
                name(exchange.server, model) == model_outcome.name && seen
            })
        };
        let is_true = match &model_outcome.failure {
            Some(_) => host.exchanges.iter().any(|exchange| blamed(&exchange)),
            None => host.exchanges.iter().any(|exchange| {
                let matched = exchange.reply.served.as_ref().filter(|served| served.named == NamedModel::Known);
                let model = matched.map_or(exchange.batch[0], |served| served.model);
                let passed =
                    served.is_some_and(|served| served.attempt == exchange.attempt) || passes_rules(host, exchange);
                passed && name(exchange.server, model) == model_outcome.name
            }),
        };
        checker.require(Invariant::Breaker, is_true, || format!("{model_outcome:?} was not observed"))?;
    }
    let rows = outcome
        .report
        .attempts
        .iter()
        .zip(&host.exchanges)
        .filter(|(_, exchange)| exchange.batch.len() == 1 && !exchange.is_judge());
    for (row, exchange) in rows {
        let Some(failure) = &row.failure else { continue };
        let own_clock = matches!(failure.kind, Kind::HeadersTimeout | Kind::FirstTokenTimeout | Kind::Stalled);
        // The continuation ended at the same place, so it would not have continued from there either.
        if failure.message.ends_with("goes on with its text") {
            continue;
        }
        let excused = exchange.slept || (own_clock && host.plan.callers_clocks);
        if failure.kind.fault() == Fault::Model && !excused {
            let name = name(exchange.server, exchange.batch[0]);
            let recorded = outcome
                .model_outcomes
                .iter()
                .any(|model_outcome| model_outcome.name == name && model_outcome.failure.is_some());
            checker.require(Invariant::Breaker, recorded, || format!("no breaker records that {name} failed"))?;
        }
    }
    Ok(())
}

/// The result may be blamed on the model.
fn is_blamed(exchange: &Exchange) -> bool {
    match exchange.known_fault() {
        Some(fault) => fault.class.blames_model(),
        None => !(exchange.state == State::Broken && exchange.head_at.is_none()),
    }
}

impl Host {
    /// The answer is good, but it is not the one whose beginning the reader has. No model is to blame.
    fn answered_differently(&self, exchange: &Exchange, failure: &Failure) -> bool {
        let cut_here = exchange.state == State::Cancelled && !exchange.received.is_over();
        let whole = exchange.is_answer();
        failure.kind == Kind::Cut && exchange.recovers() && (cut_here || whole)
    }
}

pub(crate) fn update(host: &Host, shared: &mut Shared, outcome: &Outcome, now: u64) -> CheckResult {
    outcome.model_outcomes.iter().for_each(|model_outcome| shared.breaker_model.learn(model_outcome, &host.plan, now));
    outcome.unused_probes.iter().for_each(|name| shared.breaker_model.release(name, now));
    outcome.record_in(&mut shared.breakers, now, &host.policy);
    let leaked = if host.plan.breaker_failures > 0 { shared.breaker_model.leaked(host.number) } else { None };
    shared
        .checker
        .require(Invariant::Breaker, leaked.is_none(), || format!("the probe of {leaked:?} was not given back"))
}
