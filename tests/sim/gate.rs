//! The judge of a policy: whom it is asked about, and what follows from its score.

use failsoft::AttemptId;
use failsoft::tokens::Prompt;
use serde_json::Value;

use crate::flight::Flight;
use crate::host::Host;
use crate::judge::{Checked, Invariant, Violation};
use crate::plan::{Gate, Rule};
use crate::upstream::Task;
use crate::wire::quoted;
use crate::world::Shared;

/// It is asked about the answer that has just come, once, where that came from, and nothing else is under way. Gives the
/// attempt that brought it.
pub(crate) fn check_question(host: &Host, shared: &Shared, site: usize, body: &Value) -> Result<AttemptId, Violation> {
    let hold = |holds: bool, what: &dyn Fn() -> String| shared.judge.hold(Invariant::Gate, holds, what);
    hold(host.plan.gate.is_some(), &|| "there is no judge".into())?;
    let open = host.flights.iter().any(Flight::is_open);
    hold(!open && !host.is_shown(), &|| "the judge is asked too early, or too late".into())?;
    let material = body["messages"][1]["content"].as_str().unwrap_or_default();
    let about = |flight: &&Flight| material.contains(&quoted(flight.heard.text())) && judge_of(host, flight).is_none();
    let answers = host.ended_at(site).filter(|flight| flight.is_answer());
    let about = answers.filter(about).max_by_key(|flight| flight.told_at);
    hold(about.is_some_and(|flight| flight.told_at == host.now), &|| {
        format!("nobody said what is scored: {material}")
    })?;
    check_cost(host, shared, body)?;
    Ok(about.map_or(0, |flight| flight.attempt))
}

fn check_cost(host: &Host, shared: &Shared, body: &Value) -> Checked {
    let Some((prompt, completion)) = shared.models[shared.scorer].price else { return Ok(()) };
    let cost = prompt * tokens(body) + completion * body["max_tokens"].as_u64().unwrap_or(u64::from(u32::MAX));
    let within = host.plan.gate.and_then(|gate| gate.max_cost).is_none_or(|most| cost <= most);
    shared.judge.hold(Invariant::Money, within, || format!("the judge could cost {cost}"))
}

/// The most tokens that a question to the judge has.
pub(crate) fn tokens(body: &Value) -> u64 {
    let words = |at: usize| Prompt::text(body["messages"][at]["content"].as_str().unwrap_or_default()).ceiling();
    words(0) + words(1)
}

/// Who was asked about `flight`.
pub(crate) fn judge_of<'a>(host: &'a Host, flight: &Flight) -> Option<&'a Flight> {
    host.flights.iter().find(|judge| matches!(judge.task, Task::Score(_, about) if about == flight.attempt))
}

/// What follows from what the judge made of `flight`: nothing, if it passed or nobody was asked.
pub(crate) fn rejection(host: &Host, flight: &Flight) -> Option<Rule> {
    let Gate { threshold, open, rule, .. } = host.plan.gate?;
    let passes = points(judge_of(host, flight)?).map_or(open, |points| points >= threshold);
    (!passes).then_some(rule)
}

/// The score of an answer that came whole.
pub(crate) fn points(judge: &Flight) -> Option<u64> {
    judge.reply.served.as_ref().filter(|_| judge.is_answer())?.points
}
