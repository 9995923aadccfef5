//! What a request truly costs, told or not; and what it may.

use failsoft::Dialect;
use failsoft::tokens::Prompt;
use serde_json::Value;

use crate::checker::{CheckResult, Invariant};
use crate::exchange::Exchange;
use crate::host::Host;
use crate::random::Random;
use crate::upstream::{Server, Task, UpstreamRequest};
use crate::world::Shared;

/// The prices that a request says nobody may go beyond, of a token of the prompt and of one of the answer.
pub(crate) fn cap(body: &Value) -> Option<(u64, u64)> {
    let price = |name: &str| {
        let for_a_million = body["provider"]["max_price"][name].as_f64()?;
        Some((for_a_million * 1e6).round() as u64)
    };
    price("prompt").zip(price("completion"))
}

/// The most that `model` can charge for what it is asked, as far as anything bounds that. Behind OpenRouter are many who
/// provide it, at any price that they are not kept from.
pub(crate) fn max_cost(server: &Server, request: &UpstreamRequest<'_>, model: usize) -> Option<u64> {
    let listed = request.models[model].price?;
    let (prompt, completion) = match server.upstream.dialect {
        Dialect::OpenRouter => request.cap.unwrap_or((listed.0 * 3, listed.1 * 3)),
        Dialect::OpenAi | Dialect::Edge => listed,
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

/// What an upstream charges that does not say so: often all that it can.
pub(crate) fn draw_hidden_cost(most: Option<u64>, random: &mut Random) -> u64 {
    let most = most.unwrap_or_default();
    if random.chance(50) { most } else { random.below(most.saturating_add(1).max(1)) }
}

/// What all requests of the call have cost so far, and those that are under way can.
pub(crate) fn spent(host: &Host) -> u64 {
    let cost = |exchange: &Exchange| {
        if exchange.is_open() { exchange.reply.max_cost.unwrap_or_default() } else { exchange.reply.true_cost }
    };
    host.exchanges.iter().map(cost).fold(0, u64::saturating_add)
}

/// One more request, which can cost `most`, may be sent.
pub(crate) fn check(host: &Host, shared: &Shared, most: Option<u64>) -> CheckResult {
    let Some(bound) = host.plan.money.cost else { return Ok(()) };
    let spent = spent(host);
    let within = most.is_some_and(|most| most == 0 || spent.saturating_add(most) <= bound);
    shared
        .checker
        .require(Invariant::Money, within, || format!("it can cost {most:?}, {spent} are spent, {bound} may be"))
}
