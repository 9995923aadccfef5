//! The report: what was sent, which model served, and the cost.

use failsoft::report::AttemptReport;
use failsoft::request::UsageChunk;
use failsoft::{Kind, Outcome, Role};
use serde_json::Value;

use crate::check::judge;
use crate::checker::{CheckResult, Invariant};
use crate::exchange::{Exchange, State};
use crate::host::Host;
use crate::reply::{Head, NamedModel, Served};
use crate::upstream::Task;
use crate::world::Shared;

pub(crate) fn check(host: &Host, shared: &Shared, outcome: &Outcome, served: Option<&Exchange>) -> CheckResult {
    let (checker, report) = (shared.checker, &outcome.report);
    let require = |holds: bool, what: &dyn Fn() -> String| checker.require(Invariant::Report, holds, what);
    require(report.attempts.len() == host.exchanges.len(), &|| format!("{} rows", report.attempts.len()))?;
    let mut sum = None;
    for (row, exchange) in report.attempts.iter().zip(&host.exchanges) {
        check_row(host, shared, row, exchange)?;
        sum = exchange.received.cost.map(|cost| sum.unwrap_or(0) + cost).or(sum);
        let answers = report.accepted && served.is_some_and(|served| served.attempt == exchange.attempt);
        let scored = exchange.is_judge() && judge::points(exchange).is_some() && row.score.is_some();
        // The call was over before the judge replied.
        let judged = judge::judge_of(host, exchange).is_some();
        let judged = judged || (host.plan.judge.is_some() && host.aborted.is_some());
        let waits = judged && row.failure.is_none() && outcome.result.is_err() || !report.accepted && judged;
        require(row.failure.is_none() == (answers || scored) || waits, &|| {
            format!("attempt {} failed with {:?}", exchange.attempt, row.failure)
        })?;
    }
    require(report.cost.map(|cost| cost.0) == sum, &|| {
        format!("the report has the cost {:?}, and the sum is {sum:?}", report.cost)
    })?;
    let open = host.exchanges.iter().filter(|exchange| exchange.received.cost.is_none() && is_named(exchange));
    let open: Vec<&str> = open.map(|exchange| exchange.reply.id.as_str()).collect();
    require(report.unsettled == open, &|| {
        format!("the report lists {:?} as unsettled, and {open:?} are", report.unsettled)
    })?;
    match served.and_then(|exchange| Some((exchange, exchange.reply.served.as_ref()?))) {
        Some((exchange, answer)) => check_served(host, shared, outcome, exchange, answer),
        None => Ok(()),
    }
}

/// Checks that the report names the model that answered.
fn check_served(host: &Host, shared: &Shared, outcome: &Outcome, exchange: &Exchange, answer: &Served) -> CheckResult {
    let (checker, report) = (shared.checker, &outcome.report);
    let require = |holds: bool, what: &dyn Fn() -> String| checker.require(Invariant::Report, holds, what);
    let first = exchange.batch[0];
    let name = answer.name.as_ref().unwrap_or(&shared.models[first].id);
    require(report.model.as_ref() == Some(name), &|| {
        format!("the report names {:?}, and {name} answered", report.model)
    })?;
    let model = if answer.named == NamedModel::Known { answer.model } else { first };
    let fallback = (0, shared.servers[0].chain(&host.plan)[0]) != (exchange.server, model);
    require(report.fallback == fallback, &|| format!("fallback is {}", report.fallback))?;
    for chunk in &host.reader.usages {
        let stated = chunk["failsoft"]["attempts"].as_array().map(Vec::len);
        let expected = match host.plan.usage_chunk {
            UsageChunk::AsSent => true,
            UsageChunk::Annotated => stated == Some(host.exchanges.len()),
            UsageChunk::Hidden => false,
        };
        require(expected || !report.accepted, &|| format!("the reader got the usage {chunk}"))?;
    }
    // The usage of a broken part covers only that part.
    host.reader.usages.last().map_or(Ok(()), |chunk| check_usage(host, shared, chunk))
}

/// Checks that the cost in the usage chunk covers everything that the reader received.
fn check_usage(host: &Host, shared: &Shared, chunk: &Value) -> CheckResult {
    let joined =
        host.exchanges.iter().filter(|exchange| exchange.recovers() || host.reader.ids.contains(&exchange.reply.id));
    let sum = joined.filter_map(|exchange| exchange.received.cost).reduce(|sum, cost| sum + cost);
    let stated = chunk["usage"]["cost"].as_f64().map(|cost| (cost * 1e12).round() as u64);
    let recovers = host.exchanges.iter().any(Exchange::recovers);
    shared.checker.require(Invariant::Report, !recovers || stated == sum, || {
        format!("the cost is {sum:?}, and the chunk says {chunk}")
    })
}

/// The generation id has arrived, in a header or in a chunk.
fn is_named(exchange: &Exchange) -> bool {
    let by_header = match &exchange.reply.head {
        Head::Status(_, headers) => headers.iter().any(|(name, _)| name == "x-generation-id"),
        Head::Never | Head::Reset => false,
    };
    exchange.received.named || (by_header && exchange.head_at.is_some())
}

fn check_row(host: &Host, shared: &Shared, row: &AttemptReport, exchange: &Exchange) -> CheckResult {
    let (checker, attempt) = (shared.checker, exchange.attempt);
    let require = |holds: bool, what: &dyn Fn() -> String| checker.require(Invariant::Report, holds, what);
    let named = exchange.batch.iter().map(|&model| &shared.models[model].id);
    require(row.models.iter().eq(named), &|| format!("attempt {attempt} has the models {:?}", row.models))?;
    let started = exchange.sent - host.clock.began;
    require(row.started == started && row.duration.is_some(), &|| {
        format!("attempt {attempt} began at {started}: {row:?}")
    })?;
    let cost = row.cost.map(|cost| cost.0);
    require(cost == exchange.received.cost, &|| {
        format!("attempt {attempt} cost {cost:?}, and the response says {:?}", exchange.received.cost)
    })?;
    let name = exchange.reply.served.as_ref().filter(|_| exchange.received.named);
    require(row.model == name.and_then(|served| served.name.clone()), &|| {
        format!("attempt {attempt} has the model {:?}", row.model)
    })?;
    let is_unmatched = !exchange.is_judge() && name.is_some_and(|served| served.named == NamedModel::Other);
    require(row.unmatched == is_unmatched, &|| format!("attempt {attempt} is unmatched: {}", row.unmatched))?;
    let inside = if exchange.received.batch { exchange.reply.inside.len() } else { row.inside.len() };
    require(row.inside.len() == inside, &|| format!("attempt {attempt} has the inner attempts {:?}", row.inside))?;
    let roles: &[Role] = match &exchange.task {
        Task::Answer => &[Role::Answer, Role::Hedge],
        Task::Score(..) => &[Role::Score],
        Task::Restart(_) => &[Role::Restart],
        Task::Continue(_) => &[Role::Continue],
    };
    require(roles.contains(&row.role), &|| format!("attempt {attempt}: {row:?}"))?;
    let Some(failure) = &row.failure else { return Ok(()) };
    // Another attempt or the end of the call ended this one.
    let is_loser = host.plan.hedge.is_some() && exchange.state == State::Cancelled;
    let cut_short = is_loser || matches!(failure.kind, Kind::Timeout | Kind::Aborted | Kind::Superseded);
    let Some((fault, kind)) = exchange.reply.refusal().filter(|_| exchange.is_read() && !cut_short) else {
        return Ok(());
    };
    require(failure.kind == kind, &|| {
        format!("attempt {attempt} failed with {failure:?}, and the upstream sent {fault:?}")
    })?;
    let wait = fault.wait.map(|wait| wait.left(exchange.last_byte_at));
    checker
        .require(Invariant::RetryAfter, failure.retry_after == wait, || format!("{failure:?} should name {wait:?} ms"))
}
