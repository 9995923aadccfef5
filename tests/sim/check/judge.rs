//! The judge of a policy: which answer it scores, and what follows from the score.

use failsoft::AttemptId;
use failsoft::tokens::Prompt;
use serde_json::Value;

use crate::checker::{CheckResult, Invariant, Violation};
use crate::exchange::Exchange;
use crate::host::Host;
use crate::plan::{JudgePolicy, Rule};
use crate::upstream::Task;
use crate::wire::quoted;
use crate::world::Shared;

/// Checks that the judge scores the answer that has just arrived, once, through the same upstream, while no other
/// request is open. Returns the attempt of the answer.
pub(crate) fn check_question(
    host: &Host,
    shared: &Shared,
    server: usize,
    body: &Value,
) -> Result<AttemptId, Violation> {
    let require = |holds: bool, what: &dyn Fn() -> String| shared.checker.require(Invariant::Judge, holds, what);
    require(host.plan.judge.is_some(), &|| "there is no judge".into())?;
    let open = host.exchanges.iter().any(Exchange::is_open);
    require(!open && !host.is_shown(), &|| "the judge is asked too early or too late".into())?;
    let material = body["messages"][1]["content"].as_str().unwrap_or_default();
    let about = |exchange: &&Exchange| {
        material.contains(&quoted(exchange.received.text())) && judge_of(host, exchange).is_none()
    };
    let answers = host.ended_at(server).filter(|exchange| exchange.is_answer());
    let about = answers.filter(about).max_by_key(|exchange| exchange.last_byte_at);
    require(about.is_some_and(|exchange| exchange.last_byte_at == host.now), &|| {
        format!("no answer contains what is scored: {material}")
    })?;
    check_cost(host, shared, body)?;
    Ok(about.map_or(0, |exchange| exchange.attempt))
}

fn check_cost(host: &Host, shared: &Shared, body: &Value) -> CheckResult {
    let Some((prompt, completion)) = shared.models[shared.scorer].price else { return Ok(()) };
    let cost = prompt * question_tokens(body) + completion * body["max_tokens"].as_u64().unwrap_or(u64::from(u32::MAX));
    let within = host.plan.judge.and_then(|judge| judge.max_cost).is_none_or(|most| cost <= most);
    shared.checker.require(Invariant::Money, within, || format!("the judge could cost {cost}"))
}

/// The most tokens of a question to the judge.
pub(crate) fn question_tokens(body: &Value) -> u64 {
    let words = |at: usize| Prompt::text(body["messages"][at]["content"].as_str().unwrap_or_default()).ceiling();
    words(0) + words(1)
}

/// The exchange in which a judge scored `exchange`.
pub(crate) fn judge_of<'a>(host: &'a Host, exchange: &Exchange) -> Option<&'a Exchange> {
    host.exchanges.iter().find(|judge| matches!(judge.task, Task::Score(_, about) if about == exchange.attempt))
}

/// The rule that `exchange` breaks because of its score. `None` if it passed or was not scored.
pub(crate) fn rejection(host: &Host, exchange: &Exchange) -> Option<Rule> {
    let JudgePolicy { threshold, open, rule, .. } = host.plan.judge?;
    let passes = points(judge_of(host, exchange)?).map_or(open, |points| points >= threshold);
    (!passes).then_some(rule)
}

/// The points in the reply of a judge, if the reply is complete.
pub(crate) fn points(judge: &Exchange) -> Option<u64> {
    judge.reply.served.as_ref().filter(|_| judge.is_answer())?.points
}
