//! A request leaves: may it, and what will come of it?

use failsoft::{AttemptId, Dialect, HttpRequest};
use serde_json::Value;

use crate::fault::Class;
use crate::flight::Flight;
use crate::host::Host;
use crate::judge::{Checked, Invariant, Violation};
use crate::plan::Rule;
use crate::shadow::Admission;
use crate::upstream::Ask;
use crate::world::Shared;

/// Checks the request, and lets the upstream answer it.
pub(crate) fn take_off(
    host: &Host,
    shared: &mut Shared,
    attempt: AttemptId,
    request: &HttpRequest,
    now: u64,
) -> Result<Flight, Violation> {
    let (site, window, streamed) = read(host, shared, request)?;
    let judge = shared.judge;
    judge.hold(Invariant::Report, attempt as usize == host.flights.len(), || {
        format!("attempt {attempt} comes out of turn")
    })?;
    check_budget(host, shared, site, &window)?;
    for &model in &window {
        check_model(host, shared, site, model, now)?;
    }
    check_faults(host, shared, site)?;
    let id = format!("gen-{}-{attempt}", host.number);
    let ask = Ask { plan: &host.plan, models: &shared.models, window: &window, streamed, id, now };
    let reply = shared.sites[site].answer(&ask, &mut shared.random);
    shared.trace.note(host.number, now, site as u64, || {
        let names: Vec<&str> = window.iter().map(|&model| shared.models[model].id.as_str()).collect();
        let fault = reply.fault.as_ref().map(|fault| (fault.class, fault.wait));
        format!("send {attempt} to upstream {site}: {names:?}; to come: {}, {:?}, {fault:?}", reply.story, reply.served)
    });
    shared.coverage.count("reply", reply.story);
    Ok(Flight::new(attempt, (site, window), streamed, reply, (now, host.account.counted(now))))
}

/// What the request says, as an upstream reads it.
fn read(host: &Host, shared: &Shared, request: &HttpRequest) -> Result<(usize, Vec<usize>, bool), Violation> {
    let judge = shared.judge;
    let site = shared.sites.iter().position(|site| request.url == format!("{}/chat/completions", site.upstream.url));
    judge.hold(Invariant::Report, site.is_some(), || format!("nobody is at {}", request.url))?;
    let site = site.unwrap_or_default();
    let key = format!("Bearer {}", shared.sites[site].key);
    let keyed = request.headers.iter().any(|(name, value)| *name == "authorization" && *value == key);
    judge.hold(Invariant::Report, keyed, || "the key is not the upstream's own".into())?;
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let names: Vec<&str> = match (&body["model"], &body["models"]) {
        (Value::String(model), Value::Null) => vec![model],
        (Value::Null, Value::Array(models)) => models.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let place = |name: &&str| host.plan.chain.iter().copied().find(|&model| shared.models[model].id == *name);
    let window: Vec<usize> = names.iter().filter_map(place).collect();
    let most = if shared.sites[site].upstream.dialect == Dialect::OpenRouter { 3 } else { 1 };
    let place = |model: usize| host.plan.chain.iter().position(|&known| known == model);
    let in_order = window.windows(2).all(|pair| place(pair[0]) < place(pair[1]));
    let fits = !window.is_empty() && window.len() == names.len() && window.len() <= most && in_order;
    judge.hold(Invariant::Report, fits, || format!("{names:?} is no window of the chain"))?;
    let streamed = body["stream"] == true;
    judge.hold(Invariant::Report, streamed == (host.plan.stream || host.plan.assemble), || {
        "streams, or does not".into()
    })?;
    Ok((site, window, streamed))
}

fn check_budget(host: &Host, shared: &Shared, site: usize, window: &[usize]) -> Checked {
    let (judge, sent) = (shared.judge, host.flights.len() as u64);
    judge.hold(Invariant::Budget, sent < host.plan.attempts, || {
        format!("{} attempts are allowed", host.plan.attempts)
    })?;
    if shared.sites[site].upstream.dialect == Dialect::OpenRouter {
        return Ok(());
    }
    let same = host.flights.iter().filter(|flight| flight.site == site && flight.window == window).count() as u64;
    judge.hold(Invariant::Budget, same <= host.plan.same, || format!("the same is asked {} times", same + 1))
}

fn check_model(host: &Host, shared: &Shared, site: usize, model: usize, now: u64) -> Checked {
    let (judge, name) = (shared.judge, &shared.models[model].id);
    let admission = host.admissions[site][model];
    let admitted = matches!(admission, Admission::Free | Admission::Probe);
    judge.hold(Invariant::Breaker, admitted, || format!("{name} is asked, and is {admission:?}"))?;
    let until =
        host.flights.iter().filter(|flight| flight.site == site).filter_map(|flight| flight.resting(model)).max();
    judge.hold(Invariant::RetryAfter, until.is_none_or(|until| now >= until), || {
        format!("{name} is asked {} ms before the time that it named", until.unwrap_or_default() - now)
    })?;
    let dropped = shared.sites.len() == 1 && host.call.report().dropped.iter().any(|dropped| dropped.model == *name);
    judge.hold(Invariant::Report, !dropped, || format!("{name} is asked, and was dropped"))?;
    let overflown = |flight: &&Flight| {
        flight.site == site && flight.told_fault().is_some_and(|fault| fault.class == Class::TooLong)
    };
    let known = |model: usize| shared.models[model].context_length;
    let too_small = host.flights.iter().filter(overflown).filter(|flight| flight.window.len() == 1);
    let too_small = too_small.filter_map(|flight| known(flight.window[0])).max();
    let larger = known(model).is_none() || too_small.is_none() || known(model) > too_small;
    judge.hold(Invariant::Mistake, larger, || format!("{name} holds no more than what overflowed"))
}

/// What was said must not be said again.
fn check_faults(host: &Host, shared: &Shared, site: usize) -> Checked {
    for flight in &host.flights {
        let Some(fault) = flight.told_fault() else { continue };
        let final_ = match fault.class {
            Class::Mistake => true,
            Class::Filtered => host.plan.rules.filter == Rule::Final,
            class => class.blames_key() && flight.site == site,
        };
        shared.judge.hold(Invariant::Mistake, !final_, || {
            format!("goes on after {:?} in attempt {}", fault.class, flight.attempt)
        })?;
    }
    Ok(())
}
