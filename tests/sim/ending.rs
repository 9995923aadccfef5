//! A call is over: is the answer what the upstream said, and is the failure true?

use failsoft::{Answer, Failure, Kind, Outcome};
use serde_json::Value;

use crate::fault::Class;
use crate::flight::{Flight, State};
use crate::gate;
use crate::host::Host;
use crate::judge::{Checked, Invariant, Violation};
use crate::plan::Rule;
use crate::reply::Served;
use crate::shadow::Admission;
use crate::world::Shared;
use crate::{lesson, money, report};

/// Checks how the call ended, and lets the breakers learn.
pub(crate) fn settle(host: &Host, shared: &mut Shared, outcome: Outcome, now: u64) -> Checked {
    let judge = shared.judge;
    shared.trace.note(host.number, now, 6, || match &outcome.result {
        Ok(_) => format!("done, accepted: {}; {}", outcome.report.accepted, outcome.report_json()),
        Err(failure) => format!("done, {failure:?}; {}", outcome.report_json()),
    });
    count(host, shared, &outcome);
    let open = host.flights.iter().find(|flight| flight.is_open()).map(|flight| flight.attempt);
    judge.hold(Invariant::Open, open.is_none(), || format!("attempt {open:?} is left open"))?;
    let served = match &outcome.result {
        Ok(answer) => check_answer(host, shared, &outcome, answer)?,
        Err(failure) => {
            check_failure(host, shared, &outcome, failure, now)?;
            None
        }
    };
    let (spent, bound) = (money::spent(host), host.plan.money.cost);
    judge.hold(Invariant::Money, bound.is_none_or(|bound| spent <= bound), || {
        format!("{spent} were spent in truth, and {bound:?} may be")
    })?;
    check_lost(host, shared, &outcome, served)?;
    report::check(host, shared, &outcome, served)?;
    lesson::check(host, shared, &outcome, served)?;
    lesson::teach(host, shared, &outcome, now)
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
        ("excused time", host.account.excused > 0),
        ("cancelled an attempt", host.flights.iter().any(|flight| flight.state == State::Cancelled)),
        ("probed", host.admissions.iter().flatten().any(|admission| *admission == Admission::Probe)),
        ("a probe that was not used", !outcome.unused_probes.is_empty()),
        ("a lesson", outcome.model_outcomes.iter().any(|lesson| lesson.failure.is_some())),
        ("an unmatched model", outcome.report.attempts.iter().any(|row| row.unmatched)),
        ("recovered", host.flights.iter().any(Flight::recovers) && outcome.result.is_ok()),
        (
            "recovered twice",
            host.flights.iter().filter(|flight| flight.recovers()).count() > 1 && outcome.result.is_ok(),
        ),
        ("recovery failed", host.flights.iter().any(Flight::recovers) && outcome.result.is_err()),
        ("told to start over", host.reader.restarts > 0),
        ("superseded", host.flights.iter().any(|flight| host.was_outrun(flight))),
        ("rejected by the judge", host.flights.iter().any(|flight| gate::rejection(host, flight).is_some())),
        ("a judge without a score", outcome.report.attempts.iter().any(|row| row.judge == Some(None))),
        ("bounded, and asked twice", host.plan.money.cost.is_some() && outcome.report.attempts.len() > 1),
        ("bounded, and asked beside another", host.plan.money.cost.is_some() && host.hedged),
        ("six attempts and more", outcome.report.attempts.len() >= 6),
    ];
    seen.into_iter().filter(|(_, seen)| *seen).for_each(|(name, _)| coverage.count("seen", name));
}

/// The answer is one that was given, whole, and is shown as what it is. Gives its attempt.
fn check_answer<'a>(
    host: &'a Host,
    shared: &Shared,
    outcome: &Outcome,
    answer: &Answer,
) -> Result<Option<&'a Flight>, Violation> {
    let (judge, accepted) = (shared.judge, outcome.report.accepted);
    let completion: Value = serde_json::from_str(&answer.completion()).unwrap_or_default();
    let joined = host.flights.iter().any(Flight::recovers);
    let named = |flight: &&Flight| completion["id"] == *flight.reply.id;
    let flight = if joined { host.flights.last() } else { host.flights.iter().find(named) };
    judge.hold(Invariant::Cut, flight.is_some(), || format!("nobody gave the answer {completion}"))?;
    let Some(flight) = flight else { return Ok(None) };
    let heard = &flight.heard;
    judge.hold(Invariant::Cut, heard.is_complete(), || format!("a success, of which came {heard:?}"))?;
    if joined {
        check_joined(host, shared, flight, &completion)?;
    } else {
        check_said(host, shared, flight, &completion["choices"][0]["message"])?;
    }
    let broken = broken(host, flight);
    judge.hold(Invariant::Rules, broken.is_empty() == accepted, || {
        format!("accepted is {accepted}, and of the rules it breaks {broken:?}")
    })?;
    judge.hold(Invariant::Rules, accepted || !heard.is_blank(), || "the best answer is empty".into())?;
    Ok(Some(flight))
}

/// The rules that what came of an attempt does not pass.
fn broken(host: &Host, flight: &Flight) -> Vec<Rule> {
    // What the reader had could not be judged any more.
    let Some(served) = flight.reply.served.as_ref().filter(|_| !flight.shown && !flight.recovers()) else {
        return Vec::new();
    };
    let mut broken = flight.heard.broken(served.speech, &host.plan);
    broken.extend(gate::rejection(host, flight));
    broken
}

/// It came whole, and passes every rule but perhaps the judge's.
pub(crate) fn passes_rules(host: &Host, flight: &Flight) -> bool {
    let fits = |served: &Served| flight.shown || flight.heard.broken(served.speech, &host.plan).is_empty();
    let goes_on = !flight.recovers() || host.joint.as_ref().is_some_and(|joint| joint.attempt == flight.attempt);
    flight.is_answer()
        && !flight.is_judge()
        && (flight.recovers() || flight.reply.served.as_ref().is_some_and(fits))
        && goes_on
}

/// What several attempts have said is the answer, to the caller and to the reader, and nothing of it is lost.
fn check_joined(host: &Host, shared: &Shared, last: &Flight, completion: &Value) -> Checked {
    let message = &completion["choices"][0]["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let same = text == host.reader.text && completion["id"] == host.reader.ids[0].as_str();
    shared.judge.hold(Invariant::Prefix, same, || format!("the reader has {:?} of {completion}", host.reader))?;
    let hold = |holds: bool, what: &dyn Fn() -> String| shared.judge.hold(Invariant::Recovery, holds, what);
    hold(last.heard.is_text() && message["tool_calls"].is_null(), &|| "what goes on is not text".into())?;
    let whole = last.reply.served.as_ref().and_then(|served| served.whole.as_ref());
    hold(whole.is_none_or(|whole| whole == text), &|| format!("the answer is {text:?} in place of {whole:?}"))
}

/// The answer says what the upstream said, to the caller and to the reader.
fn check_said(host: &Host, shared: &Shared, flight: &Flight, message: &Value) -> Checked {
    let judge = shared.judge;
    let (text, said) = (message["content"].as_str().unwrap_or_default(), flight.heard.text());
    judge.hold(Invariant::Prefix, text == said, || format!("the answer is {text:?}, the upstream said {said:?}"))?;
    let arguments = message["tool_calls"][0]["function"]["arguments"].as_str();
    let called = flight.heard.tool.as_deref();
    judge.hold(Invariant::Prefix, arguments == called, || format!("calls with {arguments:?}, said was {called:?}"))?;
    let all = match host.relayed {
        Some(attempt) => {
            let bytes = &flight.reply.body.bytes[..flight.bytes];
            attempt == flight.attempt && host.reader.relayed == bytes && host.reader.chunks == 0
        }
        None if host.plan.stream => host.reader.text == text && host.reader.ids == [flight.reply.id.as_str()],
        None => host.reader.chunks == 0,
    };
    judge.hold(Invariant::Prefix, all, || format!("the reader has {:?} of {text:?}", host.reader))
}

fn check_failure(host: &Host, shared: &Shared, outcome: &Outcome, failure: &Failure, now: u64) -> Checked {
    let judge = shared.judge;
    let is = |kind: Kind| failure.kind == kind;
    judge.hold(Invariant::Abort, is(Kind::Aborted) == host.aborted.is_some() || !is(Kind::Aborted), || {
        "nobody aborted".into()
    })?;
    let late = now >= host.account.deadline();
    judge.hold(Invariant::Deadline, !is(Kind::Timeout) || late, || "it ran out of time that it had".into())?;
    let partial = outcome.partial.as_deref();
    let joined = host.flights.iter().any(Flight::recovers);
    let said = |partial: &str| match joined {
        true => partial == host.reader.text,
        false => host.flights.iter().any(|flight| flight.heard.text() == partial && !flight.is_judge()),
    };
    let true_ = partial.is_none_or(|partial| said(partial) && !partial.is_empty());
    judge.hold(Invariant::Prefix, true_, || format!("{partial:?} is left, the reader has {:?}", host.reader))?;
    let kept = host.reader.text.is_empty() || partial.is_some_and(|partial| partial.starts_with(&host.reader.text));
    judge.hold(Invariant::Prefix, kept, || format!("{partial:?} is left, the reader has {:?}", host.reader.text))?;
    if is(Kind::CircuitOpen) { lesson::check_resting(host, shared, failure, now) } else { Ok(()) }
}

/// A whole answer that passes every rule is the answer. One that does not is better than none.
fn check_lost(host: &Host, shared: &Shared, outcome: &Outcome, served: Option<&Flight>) -> Checked {
    let meant = |flight: &Flight| flight.reply.served.as_ref().is_some_and(|served| served.whole.is_some());
    let whole = |flight: &&Flight| {
        let joins = !flight.recovers() || (meant(flight) && flight.heard.is_text());
        flight.is_answer() && !flight.is_judge() && !host.was_outrun(flight) && joins
    };
    let aborted = host.aborted.is_some() && outcome.result.is_err();
    if let Some(good) = host.flights.iter().filter(whole).find(|flight| broken(host, flight).is_empty()) {
        let kept = outcome.report.accepted && served.is_some_and(|served| whole(&served));
        let lost = || format!("attempt {} gave a good answer", good.attempt);
        return shared.judge.hold(Invariant::Lost, kept || aborted, lost);
    }
    let shown = host.reader.chunks > 0 || host.relayed.is_some();
    // A rule may want an error, whatever was said before.
    let filtered = |flight: &Flight| flight.told_fault().is_some_and(|fault| fault.class == Class::Filtered);
    let final_ = |flight: &Flight| broken(host, flight).contains(&Rule::Final);
    let ends = |flight: &Flight| final_(flight) || (filtered(flight) && host.plan.rules.filter == Rule::Final);
    let excused = aborted || shown || host.flights.iter().any(ends);
    let fair = |flight: &&Flight| !flight.heard.is_blank();
    let fair = host.flights.iter().filter(whole).find(fair).map(|flight| flight.attempt);
    shared.judge.hold(Invariant::Lost, fair.is_none() || outcome.result.is_ok() || excused, || {
        format!("attempt {fair:?} gave an answer that is better than none")
    })
}
