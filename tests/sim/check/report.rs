//! Does the report tell what was sent, who served, and what it cost?

use failsoft::report::AttemptReport;
use failsoft::request::UsageChunk;
use failsoft::{Kind, Outcome};
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
        let scored = exchange.is_judge() && judge::points(exchange).is_some() && row.judge != Some(None);
        // The judge had not spoken when the call was over.
        let judged = judge::judge_of(host, exchange).is_some();
        let judged = judged || (host.plan.judge.is_some() && host.aborted.is_some());
        let waits = judged && row.failure.is_none() && outcome.result.is_err() || !report.accepted && judged;
        require(row.failure.is_none() == (answers || scored) || waits, &|| {
            format!("attempt {} failed with {:?}", exchange.attempt, row.failure)
        })?;
    }
    require(report.cost.map(|cost| cost.0) == sum, &|| format!("the cost is {:?}, and was {sum:?}", report.cost))?;
    let open = host.exchanges.iter().filter(|exchange| exchange.received.cost.is_none() && is_named(exchange));
    let open: Vec<&str> = open.map(|exchange| exchange.reply.id.as_str()).collect();
    require(report.unsettled == open, &|| format!("unsettled are {:?}, and it is {open:?}", report.unsettled))?;
    match served.and_then(|exchange| Some((exchange, exchange.reply.served.as_ref()?))) {
        Some((exchange, who)) => check_served(host, shared, outcome, exchange, who),
        None => Ok(()),
    }
}

/// The report names the model that answered, to the caller and to the reader.
fn check_served(host: &Host, shared: &Shared, outcome: &Outcome, exchange: &Exchange, who: &Served) -> CheckResult {
    let (checker, report) = (shared.checker, &outcome.report);
    let require = |holds: bool, what: &dyn Fn() -> String| checker.require(Invariant::Report, holds, what);
    let first = exchange.batch[0];
    let name = who.name.as_ref().unwrap_or(&shared.models[first].id);
    require(report.model.as_ref() == Some(name), &|| format!("{:?} answered, and it was {name}", report.model))?;
    let model = if who.named == NamedModel::Known { who.model } else { first };
    let fallback = (0, shared.servers[0].chain(&host.plan)[0]) != (exchange.server, model);
    require(report.fallback == fallback, &|| format!("fallback is {}", report.fallback))?;
    for chunk in &host.reader.usages {
        let told = chunk["failsoft"]["attempts"].as_array().map(Vec::len);
        let expected = match host.plan.usage_chunk {
            UsageChunk::AsSent => true,
            UsageChunk::Annotated => told == Some(host.exchanges.len()),
            UsageChunk::Hidden => false,
        };
        require(expected || !report.accepted, &|| format!("the reader is told {chunk}"))?;
    }
    // One that came with what broke tells a part.
    host.reader.usages.last().map_or(Ok(()), |chunk| check_usage(host, shared, chunk))
}

/// What the reader is told of the cost is that of all that it has read.
fn check_usage(host: &Host, shared: &Shared, chunk: &Value) -> CheckResult {
    let joined =
        host.exchanges.iter().filter(|exchange| exchange.recovers() || host.reader.ids.contains(&exchange.reply.id));
    let sum = joined.filter_map(|exchange| exchange.received.cost).reduce(|sum, cost| sum + cost);
    let told = chunk["usage"]["cost"].as_f64().map(|cost| (cost * 1e12).round() as u64);
    let recovers = host.exchanges.iter().any(Exchange::recovers);
    shared
        .checker
        .require(Invariant::Report, !recovers || told == sum, || format!("the cost is {sum:?}, and told was {chunk}"))
}

/// The id of the generation has come, by one way or another.
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
    let asked = exchange.batch.iter().map(|&model| &shared.models[model].id);
    require(row.models.iter().eq(asked), &|| format!("attempt {attempt} asked {:?}", row.models))?;
    let started = exchange.sent - host.clock.began;
    require(row.started == started && row.duration.is_some(), &|| {
        format!("attempt {attempt} began at {started}: {row:?}")
    })?;
    let cost = row.cost.map(|cost| cost.0);
    require(cost == exchange.received.cost, &|| {
        format!("attempt {attempt} cost {cost:?}, told was {:?}", exchange.received.cost)
    })?;
    let name = exchange.reply.served.as_ref().filter(|_| exchange.received.named);
    require(row.model == name.and_then(|served| served.name.clone()), &|| format!("{:?} served {attempt}", row.model))?;
    let stranger = !exchange.is_judge() && name.is_some_and(|served| served.named == NamedModel::Stranger);
    require(row.unmatched == stranger, &|| format!("attempt {attempt} is unmatched: {}", row.unmatched))?;
    let inside = if exchange.received.batch { exchange.reply.inside.len() } else { row.inside.len() };
    require(row.inside.len() == inside, &|| format!("inside attempt {attempt} were {:?}", row.inside))?;
    let recovery = match &exchange.task {
        Task::Answer | Task::Score(..) => None,
        Task::Restart(_) => Some("restart"),
        Task::Continue(_) => Some("continue"),
    };
    require(row.recovery == recovery && row.judge.is_some() == exchange.is_judge(), &|| {
        format!("attempt {attempt}: {row:?}")
    })?;
    let Some(failure) = &row.failure else { return Ok(()) };
    // Another attempt, or the end of the call, ended it.
    let others = host.plan.hedge.is_some() && exchange.state == State::Cancelled;
    let cut_short = others || matches!(failure.kind, Kind::Timeout | Kind::Aborted | Kind::Superseded);
    let Some((fault, kind)) = exchange.reply.refusal().filter(|_| exchange.is_read() && !cut_short) else {
        return Ok(());
    };
    require(failure.kind == kind, &|| format!("attempt {attempt} failed with {failure:?}, and that was {fault:?}"))?;
    let wait = fault.wait.map(|wait| wait.left(exchange.last_byte_at));
    checker.require(Invariant::RetryAfter, failure.retry_after == wait, || format!("{failure:?} names {wait:?} ms"))
}
