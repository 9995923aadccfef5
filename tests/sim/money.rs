//! The true cost of a request, whether or not the response states it, and the bounds on the cost.

use failsoft::Dialect;
use failsoft::tokens::Prompt;
use serde_json::Value;

use crate::checker::{CheckResult, Invariant};
use crate::exchange::Exchange;
use crate::host::Host;
use crate::random::Random;
use crate::upstream::{Server, Task, UpstreamRequest};
use crate::world::Shared;

/// The price bounds in a request: for one token of the prompt, and for one of the answer.
pub(crate) fn cap(body: &Value) -> Option<(u64, u64)> {
    let price = |name: &str| {
        let for_a_million = body["provider"]["max_price"][name].as_f64()?;
        Some((for_a_million * 1e6).round() as u64)
    };
    price("prompt").zip(price("completion"))
}

/// The most that `model` can charge for the request, if anything bounds the cost. Several providers serve a model on
/// OpenRouter, at any price that the request does not exclude.
pub(crate) fn max_cost(server: &Server, request: &UpstreamRequest<'_>, model: usize) -> Option<u64> {
    let listed = request.models[model].price?;
    let (prompt, completion) = match server.upstream.dialect {
        Dialect::OpenRouter => request.cap.unwrap_or((listed.0 * 3, listed.1 * 3)),
        _ => listed,
    };
    let prefill = match &request.task {
        Task::Continue(prefix) => Prompt::text(prefix.trim_end()).ceiling(),
        Task::Answer | Task::Restart(_) | Task::Score(..) => 0,
    };
    let tokens = if matches!(request.task, Task::Score(..)) {
        request.question
    } else {
        request.plan.prompt.ceiling() + prefill
    };
    let answers = if request.plan.wants_second && !matches!(request.task, Task::Score(..)) { 2 } else { 1 };
    let answer = if completion == 0 { 0 } else { completion.saturating_mul(request.limit?).saturating_mul(answers) };
    Some((prompt * tokens).saturating_add(answer))
}

/// Draws the charge of an upstream that does not state it: often the most that is possible.
pub(crate) fn draw_hidden_cost(most: Option<u64>, random: &mut Random) -> u64 {
    let most = most.unwrap_or_default();
    if random.chance(50) { most } else { random.below(most.saturating_add(1).max(1)) }
}

/// The cost of all requests of the call so far, with the most that the open requests can cost.
pub(crate) fn spent(host: &Host) -> u64 {
    let cost = |exchange: &Exchange| {
        if exchange.is_open() { exchange.reply.max_cost.unwrap_or_default() } else { exchange.reply.true_cost }
    };
    host.exchanges.iter().map(cost).fold(0, u64::saturating_add)
}

/// Checks that one more request, which can cost `most`, is allowed.
pub(crate) fn check(host: &Host, shared: &Shared, most: Option<u64>) -> CheckResult {
    let Some(bound) = host.plan.money.cost else { return Ok(()) };
    let spent = spent(host);
    let within = most.is_some_and(|most| most == 0 || spent.saturating_add(most) <= bound);
    shared.checker.require(Invariant::Money, within, || {
        format!("the request can cost {most:?}, the call has cost {spent}, and the bound is {bound}")
    })
}
