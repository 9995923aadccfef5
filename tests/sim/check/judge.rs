//! The judge of a policy: whom it is asked about, and what follows from its score.

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

/// It is asked about the answer that has just come, once, where that came from, and nothing else is under way. Gives the
/// attempt that brought it.
pub(crate) fn check_question(
    host: &Host,
    shared: &Shared,
    server: usize,
    body: &Value,
) -> Result<AttemptId, Violation> {
    let require = |holds: bool, what: &dyn Fn() -> String| shared.checker.require(Invariant::Judge, holds, what);
    require(host.plan.judge.is_some(), &|| "there is no judge".into())?;
    let open = host.exchanges.iter().any(Exchange::is_open);
    require(!open && !host.is_shown(), &|| "the judge is asked too early, or too late".into())?;
    let material = body["messages"][1]["content"].as_str().unwrap_or_default();
    let about = |exchange: &&Exchange| {
        material.contains(&quoted(exchange.received.text())) && judge_of(host, exchange).is_none()
    };
    let answers = host.ended_at(server).filter(|exchange| exchange.is_answer());
    let about = answers.filter(about).max_by_key(|exchange| exchange.last_byte_at);
    require(about.is_some_and(|exchange| exchange.last_byte_at == host.now), &|| {
        format!("nobody said what is scored: {material}")
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

/// The most tokens that a question to the judge has.
pub(crate) fn question_tokens(body: &Value) -> u64 {
    let words = |at: usize| Prompt::text(body["messages"][at]["content"].as_str().unwrap_or_default()).ceiling();
    words(0) + words(1)
}

/// Who was asked about `exchange`.
pub(crate) fn judge_of<'a>(host: &'a Host, exchange: &Exchange) -> Option<&'a Exchange> {
    host.exchanges.iter().find(|judge| matches!(judge.task, Task::Score(_, about) if about == exchange.attempt))
}

/// What follows from what the judge made of `exchange`: nothing, if it passed or nobody was asked.
pub(crate) fn rejection(host: &Host, exchange: &Exchange) -> Option<Rule> {
    let JudgePolicy { threshold, open, rule, .. } = host.plan.judge?;
    let passes = points(judge_of(host, exchange)?).map_or(open, |points| points >= threshold);
    (!passes).then_some(rule)
}

/// The score of an answer that came whole.
pub(crate) fn points(judge: &Exchange) -> Option<u64> {
    judge.reply.served.as_ref().filter(|_| judge.is_answer())?.points
}
