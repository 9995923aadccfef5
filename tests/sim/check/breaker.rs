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
    for model_outcome in &outcome.model_outcomes {
        let was_observed = match &model_outcome.failure {
            Some(failure) => has_failed(host, shared, &model_outcome.name, failure),
            None => has_answered(host, shared, &model_outcome.name, served),
        };
        let what = || format!("{model_outcome:?} was not observed");
        shared.checker.require(Invariant::Breaker, was_observed, what)?;
    }
    check_failures(host, shared, outcome)
}

/// An exchange that is not excused has shown a failure of the model `name`.
fn has_failed(host: &Host, shared: &Shared, name: &str, failure: &Failure) -> bool {
    let is_failure = |exchange: &Exchange, model: usize| {
        // The upstream observed the failures inside a batch, so a sleep of the host does not matter there.
        if exchange.batch.len() > 1 {
            exchange.reply.inside.iter().any(|&(other, status)| other == model && status >= 400)
        } else {
            is_blamed(exchange) && !exchange.slept
        }
    };
    let fails = |exchange: &&Exchange| !exchange.is_judge() && !host.answered_differently(exchange, failure);
    host.exchanges.iter().filter(fails).any(|exchange| {
        let mut models = exchange.batch.iter();
        models.any(|&model| breaker_name(shared, exchange.server, model) == name && is_failure(exchange, model))
    })
}

/// The model `name` has given a good answer.
fn has_answered(host: &Host, shared: &Shared, name: &str, served: Option<&Exchange>) -> bool {
    host.exchanges.iter().any(|exchange| {
        let matched = exchange.reply.served.as_ref().filter(|served| served.named == NamedModel::Known);
        let model = matched.map_or(exchange.batch[0], |served| served.model);
        let is_served = served.is_some_and(|served| served.attempt == exchange.attempt);
        (is_served || passes_rules(host, exchange)) && breaker_name(shared, exchange.server, model) == name
    })
}

/// Checks that the breakers record every reported failure of a single model.
fn check_failures(host: &Host, shared: &Shared, outcome: &Outcome) -> CheckResult {
    let rows = outcome.report.attempts.iter().zip(&host.exchanges);
    for (row, exchange) in rows.filter(|(_, exchange)| exchange.batch.len() == 1 && !exchange.is_judge()) {
        let Some(failure) = &row.failure else { continue };
        let own_clock = matches!(failure.kind, Kind::HeadersTimeout | Kind::FirstTokenTimeout | Kind::Stalled);
        // The continuation ended at the same place, so it would not have continued from there either.
        let is_unrelated = failure.message.ends_with("goes on with its text");
        let excused = is_unrelated || exchange.slept || (own_clock && host.plan.callers_clocks);
        if failure.kind.fault() == Fault::Model && !excused {
            let name = breaker_name(shared, exchange.server, exchange.batch[0]);
            let mut outcomes = outcome.model_outcomes.iter();
            let is_recorded = outcomes.any(|recorded| recorded.name == name && recorded.failure.is_some());
            let what = || format!("no breaker records that {name} failed");
            shared.checker.require(Invariant::Breaker, is_recorded, what)?;
        }
    }
    Ok(())
}

fn breaker_name(shared: &Shared, server: usize, model: usize) -> String {
    Breakers::name(&shared.servers[server].upstream.url, &shared.models[model].id)
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
