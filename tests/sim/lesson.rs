//! What the breakers learn: all that was seen, and nothing else.

use failsoft::failure::Fault;
use failsoft::{Breakers, Failure, Kind, Outcome};

use crate::ending::passes_rules;
use crate::flight::{Flight, State};
use crate::host::Host;
use crate::judge::{Checked, Invariant};
use crate::reply::Said;
use crate::shadow::Admission;
use crate::world::Shared;

/// All are resting, as far as one can be asked at all, and the wait is that for the first of them.
pub(crate) fn check_resting(host: &Host, shared: &Shared, failure: &Failure, now: u64) -> Checked {
    let (judge, mut soonest) = (shared.judge, None);
    for (site, &model) in (0..shared.sites.len())
        .flat_map(|site| shared.sites[site].chain(&host.plan).iter().map(move |model| (site, model)))
    {
        let admission = host.admissions[site][model];
        if let Admission::Resting(until) = admission {
            soonest = Some(soonest.map_or(until, |soonest: u64| soonest.min(until)));
        }
        // A model that is known may have been too small, or too dear; where money is bounded, one that is not is left out.
        let known = shared.models[model].context_length.is_some() || shared.models[model].price.is_some();
        let known = known || host.plan.money.cost.is_some();
        let rests = matches!(admission, Admission::Resting(_)) || known;
        judge.hold(Invariant::Breaker, rests, || format!("{} could have been asked", shared.models[model].id))?;
    }
    let wait = failure.retry_after.unwrap_or_default();
    let named = soonest.is_some_and(|soonest| now + wait >= soonest) && host.flights.is_empty();
    judge.hold(Invariant::Breaker, named, || format!("rests for {wait} ms, until {soonest:?}"))
}

/// A breaker learns what was seen, and all of it.
pub(crate) fn check(host: &Host, shared: &Shared, outcome: &Outcome, served: Option<&Flight>) -> Checked {
    let judge = shared.judge;
    let name = |site: usize, model: usize| Breakers::name(&shared.sites[site].upstream.url, &shared.models[model].id);
    for lesson in &outcome.model_outcomes {
        let blamed = |flight: &&Flight| {
            let elsewhere = lesson.failure.as_ref().is_some_and(|failure| host.went_elsewhere(flight, failure));
            if flight.is_judge() || elsewhere {
                return false;
            }
            let told =
                |model: usize| flight.reply.inside.iter().any(|&(other, status)| other == model && status >= 400);
            flight.window.iter().any(|&model| {
                // What an upstream tells of a window has nothing to do with the sleep of a host.
                let seen = if flight.window.len() > 1 { told(model) } else { is_blamed(flight) && !flight.slept };
                name(flight.site, model) == lesson.name && seen
            })
        };
        let is_true = match &lesson.failure {
            Some(_) => host.flights.iter().any(|flight| blamed(&flight)),
            None => host.flights.iter().any(|flight| {
                let who = flight.reply.served.as_ref().filter(|served| served.said == Said::Known);
                let model = who.map_or(flight.window[0], |served| served.model);
                let passed =
                    served.is_some_and(|served| served.attempt == flight.attempt) || passes_rules(host, flight);
                passed && name(flight.site, model) == lesson.name
            }),
        };
        judge.hold(Invariant::Breaker, is_true, || format!("{lesson:?} was not seen"))?;
    }
    let rows = outcome
        .report
        .attempts
        .iter()
        .zip(&host.flights)
        .filter(|(_, flight)| flight.window.len() == 1 && !flight.is_judge());
    for (row, flight) in rows {
        let Some(failure) = &row.failure else { continue };
        let own_clock = matches!(failure.kind, Kind::HeadersTimeout | Kind::FirstTokenTimeout | Kind::Stalled);
        // Cut as it was, it would not have gone on from there either.
        if failure.message.ends_with("goes on from there") {
            continue;
        }
        let excused = flight.slept || (own_clock && host.plan.callers_clocks);
        if failure.kind.fault() == Fault::Model && !excused {
            let name = name(flight.site, flight.window[0]);
            let learnt = outcome.model_outcomes.iter().any(|lesson| lesson.name == name && lesson.failure.is_some());
            judge.hold(Invariant::Breaker, learnt, || format!("nobody learns that {name} failed"))?;
        }
    }
    Ok(())
}

/// What came of it may be blamed on the model.
fn is_blamed(flight: &Flight) -> bool {
    match flight.told_fault() {
        Some(fault) => fault.class.blames_model(),
        None => !(flight.state == State::Broken && flight.head_at.is_none()),
    }
}

impl Host {
    /// It answered well, and not what the reader had the beginning of: nobody's fault.
    fn went_elsewhere(&self, flight: &Flight, failure: &Failure) -> bool {
        let cut_here = flight.state == State::Cancelled && !flight.heard.is_over();
        let whole = flight.is_answer();
        failure.kind == Kind::Cut && flight.recovers() && (cut_here || whole)
    }
}

pub(crate) fn teach(host: &Host, shared: &mut Shared, outcome: &Outcome, now: u64) -> Checked {
    outcome.model_outcomes.iter().for_each(|lesson| shared.shadow.learn(lesson, &host.plan, now));
    outcome.unused_probes.iter().for_each(|name| shared.shadow.release(name, now));
    outcome.teach(&mut shared.breakers, now, &host.policy);
    let leaked = if host.plan.breaker_failures > 0 { shared.shadow.leaked(host.number) } else { None };
    shared.judge.hold(Invariant::Breaker, leaked.is_none(), || format!("the probe of {leaked:?} is never given back"))
}
