//! The end of a call: the answer must be what the upstream sent, and the failure must be true.

use failsoft::{Answer, Failure, Kind, Outcome, Role};
use serde_json::Value;

use crate::breaker_model::Admission;
use crate::check::{breaker, judge, report};
use crate::checker::{CheckResult, Invariant, Violation};
use crate::exchange::{Exchange, State};
use crate::fault::Class;
use crate::host::Host;
use crate::money;
use crate::plan::Rule;
use crate::reply::Served;
use crate::world::Shared;

/// Checks how the call ended, and passes the outcome to the breakers.
pub(crate) fn check(host: &Host, shared: &mut Shared, outcome: Outcome, now: u64) -> CheckResult {
    let checker = shared.checker;
    shared.trace.note(host.number, now, 6, || match &outcome.result {
        Ok(_) => format!("done, accepted: {}; {}", outcome.report.accepted, outcome.report_json()),
        Err(failure) => format!("done, {failure:?}; {}", outcome.report_json()),
    });
    count(host, shared, &outcome);
    let open = host.exchanges.iter().find(|exchange| exchange.is_open()).map(|exchange| exchange.attempt);
    checker.require(Invariant::Open, open.is_none(), || format!("attempt {open:?} is left open"))?;
    let served = match &outcome.result {
        Ok(answer) => check_answer(host, shared, &outcome, answer)?,
        Err(failure) => {
            check_failure(host, shared, &outcome, failure, now)?;
            None
        }
    };
    let (spent, bound) = (money::spent(host), host.plan.money.cost);
    checker.require(Invariant::Money, bound.is_none_or(|bound| spent <= bound), || {
        format!("the true cost is {spent}, and the bound is {bound:?}")
    })?;
    check_lost(host, shared, &outcome, served)?;
    report::check(host, shared, &outcome, served)?;
    breaker::check(host, shared, &outcome, served)?;
    breaker::update(host, shared, &outcome, now)
}

fn count(host: &Host, shared: &mut Shared, outcome: &Outcome) {
    let coverage = &mut shared.coverage;
    coverage.calls += 1;
    match &outcome.result {
        Ok(_) if outcome.report.accepted => coverage.count("outcome", "accepted"),
        Ok(_) => coverage.count("outcome", "not accepted"),
        Err(failure) => coverage.count("outcome", failure.kind.name()),
    }
    for row in &outcome.report.attempts {
        coverage.count("attempt", row.failure.as_ref().map_or("served", |failure| failure.kind.name()));
    }
    let seen = [
        ("fallback", outcome.report.fallback),
        ("native fallback", outcome.report.attempts.iter().any(|row| row.inside.len() > 1 && row.failure.is_none())),
        ("relayed", host.relayed.is_some()),
        ("yielded, then failed", host.reader.chunks > 0 && outcome.result.is_err()),
        ("a model was dropped", !outcome.report.dropped.is_empty()),
        ("excused time", host.clock.excused > 0),
        ("cancelled an attempt", host.exchanges.iter().any(|exchange| exchange.state == State::Cancelled)),
        ("probed", host.admissions.iter().flatten().any(|admission| *admission == Admission::Probe)),
        ("a probe that was not used", !outcome.unused_probes.is_empty()),
        ("a breaker update", outcome.model_outcomes.iter().any(|model_outcome| model_outcome.failure.is_some())),
        ("an unmatched model", outcome.report.attempts.iter().any(|row| row.unmatched)),
        ("recovered", host.exchanges.iter().any(Exchange::recovers) && outcome.result.is_ok()),
        (
            "recovered twice",
            host.exchanges.iter().filter(|exchange| exchange.recovers()).count() > 1 && outcome.result.is_ok(),
        ),
        ("recovery failed", host.exchanges.iter().any(Exchange::recovers) && outcome.result.is_err()),
        ("restart event", host.reader.restarts > 0),
        ("superseded", host.exchanges.iter().any(|exchange| host.was_superseded(exchange))),
        ("rejected by the judge", host.exchanges.iter().any(|exchange| judge::rejection(host, exchange).is_some())),
        (
            "a judge without a score",
            outcome.report.attempts.iter().any(|row| row.role == Role::Score && row.score.is_none()),
        ),
        ("cost bound, two attempts", host.plan.money.cost.is_some() && outcome.report.attempts.len() > 1),
        ("cost bound, hedged", host.plan.money.cost.is_some() && host.hedged),
        ("six attempts and more", outcome.report.attempts.len() >= 6),
    ];
    seen.into_iter().filter(|(_, seen)| *seen).for_each(|(name, _)| coverage.count("seen", name));
}

/// Checks that the answer was sent, is complete, and is reported as what it is. Returns its exchange.
fn check_answer<'a>(
    host: &'a Host,
    shared: &Shared,
    outcome: &Outcome,
    answer: &Answer,
) -> Result<Option<&'a Exchange>, Violation> {
    let (checker, accepted) = (shared.checker, outcome.report.accepted);
    let completion: Value = serde_json::from_str(&answer.completion()).unwrap_or_default();
    let joined = host.exchanges.iter().any(Exchange::recovers);
    let named = |exchange: &&Exchange| completion["id"] == *exchange.reply.id;
    let exchange = if joined { host.exchanges.last() } else { host.exchanges.iter().find(named) };
    checker.require(Invariant::Cut, exchange.is_some(), || format!("no upstream sent the answer {completion}"))?;
    let Some(exchange) = exchange else { return Ok(None) };
    let received = &exchange.received;
    checker.require(Invariant::Cut, received.is_complete(), || {
        format!("a success, but only this arrived: {received:?}")
    })?;
    if joined {
        check_joined(host, shared, exchange, &completion)?;
    } else {
        check_text(host, shared, exchange, &completion["choices"][0]["message"])?;
    }
    let broken = broken(host, exchange);
    checker.require(Invariant::Rules, broken.is_empty() == accepted, || {
        format!("accepted is {accepted}, but the answer breaks {broken:?}")
    })?;
    checker.require(Invariant::Rules, accepted || !received.is_blank(), || "the best answer is empty".into())?;
    Ok(Some(exchange))
}

/// The rules that the response of an exchange breaks.
fn broken(host: &Host, exchange: &Exchange) -> Vec<Rule> {
    // The rules do not apply to a text that the reader has already received.
    let Some(served) = exchange.reply.served.as_ref().filter(|_| !exchange.shown && !exchange.recovers()) else {
        return Vec::new();
    };
    let mut broken = exchange.received.broken(served.kind, &host.plan);
    broken.extend(judge::rejection(host, exchange));
    broken
}

/// The response is complete, and passes every rule except possibly the judge's.
pub(crate) fn passes_rules(host: &Host, exchange: &Exchange) -> bool {
    let fits = |served: &Served| exchange.shown || exchange.received.broken(served.kind, &host.plan).is_empty();
    let goes_on = !exchange.recovers() || host.join.as_ref().is_some_and(|join| join.attempt == exchange.attempt);
    exchange.is_answer()
        && !exchange.is_judge()
        && (exchange.recovers() || exchange.reply.served.as_ref().is_some_and(fits))
        && goes_on
}

/// Checks that the joined text of several attempts is the answer, for the caller and for the reader, without a gap.
fn check_joined(host: &Host, shared: &Shared, last: &Exchange, completion: &Value) -> CheckResult {
    let message = &completion["choices"][0]["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let same = text == host.reader.text && completion["id"] == host.reader.ids[0].as_str();
    shared.checker.require(Invariant::Prefix, same, || format!("the reader has {:?} of {completion}", host.reader))?;
    let require = |holds: bool, what: &dyn Fn() -> String| shared.checker.require(Invariant::Recovery, holds, what);
    require(last.received.is_text() && message["tool_calls"].is_null(), &|| "the continued answer is not text".into())?;
    let whole = last.reply.served.as_ref().and_then(|served| served.whole.as_ref());
    require(whole.is_none_or(|whole| whole == text), &|| format!("the answer is {text:?}, but should be {whole:?}"))
}

/// Checks that the caller and the reader received the text that the upstream sent.
fn check_text(host: &Host, shared: &Shared, exchange: &Exchange, message: &Value) -> CheckResult {
    let checker = shared.checker;
    let (text, sent) = (message["content"].as_str().unwrap_or_default(), exchange.received.text());
    checker
        .require(Invariant::Prefix, text == sent, || format!("the answer is {text:?}, the upstream sent {sent:?}"))?;
    let arguments = message["tool_calls"][0]["function"]["arguments"].as_str();
    let called = exchange.received.tool.as_deref();
    checker.require(Invariant::Prefix, arguments == called, || {
        format!("the tool call has {arguments:?}, the upstream sent {called:?}")
    })?;
    let all = match host.relayed {
        Some(attempt) => {
            let bytes = &exchange.reply.body.bytes[..exchange.bytes];
            attempt == exchange.attempt && host.reader.relayed == bytes && host.reader.chunks == 0
        }
        None if host.plan.stream => host.reader.text == text && host.reader.ids == [exchange.reply.id.as_str()],
        None => host.reader.chunks == 0,
    };
    checker.require(Invariant::Prefix, all, || format!("the reader has {:?} of {text:?}", host.reader))
}

fn check_failure(host: &Host, shared: &Shared, outcome: &Outcome, failure: &Failure, now: u64) -> CheckResult {
    let checker = shared.checker;
    let is = |kind: Kind| failure.kind == kind;
    checker.require(Invariant::Abort, is(Kind::Aborted) == host.aborted.is_some() || !is(Kind::Aborted), || {
        "the caller did not abort".into()
    })?;
    let late = now >= host.clock.deadline();
    checker
        .require(Invariant::Deadline, !is(Kind::Timeout) || late, || "the call timed out before its deadline".into())?;
    let partial = outcome.partial.as_deref();
    let joined = host.exchanges.iter().any(Exchange::recovers);
    let was_sent = |partial: &str| match joined {
        true => partial == host.reader.text,
        false => host.exchanges.iter().any(|exchange| exchange.received.text() == partial && !exchange.is_judge()),
    };
    let is_true = partial.is_none_or(|partial| was_sent(partial) && !partial.is_empty());
    checker.require(Invariant::Prefix, is_true, || {
        format!("the partial text is {partial:?}, the reader has {:?}", host.reader)
    })?;
    let kept = host.reader.text.is_empty() || partial.is_some_and(|partial| partial.starts_with(&host.reader.text));
    checker.require(Invariant::Prefix, kept, || {
        format!("the partial text is {partial:?}, the reader has {:?}", host.reader.text)
    })?;
    if is(Kind::CircuitOpen) { breaker::check_resting(host, shared, failure, now) } else { Ok(()) }
}

/// Checks that the call returns a complete answer that passes every rule. An answer that breaks a rule is better than
/// none.
fn check_lost(host: &Host, shared: &Shared, outcome: &Outcome, served: Option<&Exchange>) -> CheckResult {
    let meant = |exchange: &Exchange| exchange.reply.served.as_ref().is_some_and(|served| served.whole.is_some());
    let whole = |exchange: &&Exchange| {
        let joins = !exchange.recovers() || (meant(exchange) && exchange.received.is_text());
        exchange.is_answer() && !exchange.is_judge() && !host.was_superseded(exchange) && joins
    };
    let aborted = host.aborted.is_some() && outcome.result.is_err();
    if let Some(good) = host.exchanges.iter().filter(whole).find(|exchange| broken(host, exchange).is_empty()) {
        let kept = outcome.report.accepted && served.is_some_and(|served| whole(&served));
        let lost = || format!("attempt {} gave a good answer", good.attempt);
        return shared.checker.require(Invariant::Lost, kept || aborted, lost);
    }
    let shown = host.reader.chunks > 0 || host.relayed.is_some();
    // A rule may require an error, whatever came before.
    let filtered = |exchange: &Exchange| {
        // A body that is cut may have said it already.
        let begun = exchange.reply.refusal().filter(|_| exchange.bytes > 0).map(|(fault, _)| fault);
        exchange.known_fault().or(begun).is_some_and(|fault| fault.class == Class::Filtered)
    };
    let is_final = |exchange: &Exchange| broken(host, exchange).contains(&Rule::Final);
    let ends =
        |exchange: &Exchange| is_final(exchange) || (filtered(exchange) && host.plan.rules.filter == Rule::Final);
    let exempt = aborted || shown || host.exchanges.iter().any(ends);
    let usable = |exchange: &&Exchange| !exchange.received.is_blank();
    let usable = host.exchanges.iter().filter(whole).find(usable).map(|exchange| exchange.attempt);
    shared.checker.require(Invariant::Lost, usable.is_none() || outcome.result.is_ok() || exempt, || {
        format!("attempt {usable:?} gave an answer, and the call returned none")
    })
}
