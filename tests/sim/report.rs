//! Does the report tell what was sent, who served, and what it cost?

use failsoft::report::AttemptReport;
use failsoft::request::UsageChunk;
use failsoft::{Kind, Outcome};
use serde_json::Value;

use crate::flight::{Flight, State};
use crate::gate;
use crate::host::Host;
use crate::judge::{Checked, Invariant};
use crate::reply::{Head, Said, Served};
use crate::upstream::Task;
use crate::world::Shared;

pub(crate) fn check(host: &Host, shared: &Shared, outcome: &Outcome, served: Option<&Flight>) -> Checked {
    let (judge, report) = (shared.judge, &outcome.report);
    let hold = |holds: bool, what: &dyn Fn() -> String| judge.hold(Invariant::Report, holds, what);
    hold(report.attempts.len() == host.flights.len(), &|| format!("{} rows", report.attempts.len()))?;
    let mut sum = None;
    for (row, flight) in report.attempts.iter().zip(&host.flights) {
        check_row(host, shared, row, flight)?;
        sum = flight.heard.cost.map(|cost| sum.unwrap_or(0) + cost).or(sum);
        let answers = report.accepted && served.is_some_and(|served| served.attempt == flight.attempt);
        let scored = flight.is_judge() && gate::points(flight).is_some() && row.judge != Some(None);
        // The judge had not spoken when the call was over.
        let judged = gate::judge_of(host, flight).is_some();
        let judged = judged || (host.plan.gate.is_some() && host.aborted.is_some());
        let waits = judged && row.failure.is_none() && outcome.result.is_err() || !report.accepted && judged;
        hold(row.failure.is_none() == (answers || scored) || waits, &|| {
            format!("attempt {} failed with {:?}", flight.attempt, row.failure)
        })?;
    }
    hold(report.cost.map(|cost| cost.0) == sum, &|| format!("the cost is {:?}, and was {sum:?}", report.cost))?;
    let open = host.flights.iter().filter(|flight| flight.heard.cost.is_none() && is_named(flight));
    let open: Vec<&str> = open.map(|flight| flight.reply.id.as_str()).collect();
    hold(report.unsettled == open, &|| format!("unsettled are {:?}, and it is {open:?}", report.unsettled))?;
    match served.and_then(|flight| Some((flight, flight.reply.served.as_ref()?))) {
        Some((flight, who)) => check_served(host, shared, outcome, flight, who),
        None => Ok(()),
    }
}

/// The report names the model that answered, to the caller and to the reader.
fn check_served(host: &Host, shared: &Shared, outcome: &Outcome, flight: &Flight, who: &Served) -> Checked {
    let (judge, report) = (shared.judge, &outcome.report);
    let hold = |holds: bool, what: &dyn Fn() -> String| judge.hold(Invariant::Report, holds, what);
    let first = flight.window[0];
    let name = who.name.as_ref().unwrap_or(&shared.models[first].id);
    hold(report.model.as_ref() == Some(name), &|| format!("{:?} answered, and it was {name}", report.model))?;
    let model = if who.said == Said::Known { who.model } else { first };
    let fallback = (0, shared.sites[0].chain(&host.plan)[0]) != (flight.site, model);
    hold(report.fallback == fallback, &|| format!("fallback is {}", report.fallback))?;
    for chunk in &host.reader.usages {
        let told = chunk["failsoft"]["attempts"].as_array().map(Vec::len);
        let expected = match host.plan.usage_chunk {
            UsageChunk::AsSent => true,
            UsageChunk::Annotated => told == Some(host.flights.len()),
            UsageChunk::Hidden => false,
        };
        hold(expected || !report.accepted, &|| format!("the reader is told {chunk}"))?;
    }
    // One that came with what broke tells a part.
    host.reader.usages.last().map_or(Ok(()), |chunk| check_usage(host, shared, chunk))
}

/// What the reader is told of the cost is that of all that it has read.
fn check_usage(host: &Host, shared: &Shared, chunk: &Value) -> Checked {
    let joined = host.flights.iter().filter(|flight| flight.recovers() || host.reader.ids.contains(&flight.reply.id));
    let sum = joined.filter_map(|flight| flight.heard.cost).reduce(|sum, cost| sum + cost);
    let told = chunk["usage"]["cost"].as_f64().map(|cost| (cost * 1e12).round() as u64);
    let recovers = host.flights.iter().any(Flight::recovers);
    shared
        .judge
        .hold(Invariant::Report, !recovers || told == sum, || format!("the cost is {sum:?}, and told was {chunk}"))
}

/// The id of the generation has come, by one way or another.
fn is_named(flight: &Flight) -> bool {
    let by_header = match &flight.reply.head {
        Head::Status(_, headers) => headers.iter().any(|(name, _)| name == "x-generation-id"),
        Head::Never | Head::Reset => false,
    };
    flight.heard.named || (by_header && flight.head_at.is_some())
}

fn check_row(host: &Host, shared: &Shared, row: &AttemptReport, flight: &Flight) -> Checked {
    let (judge, attempt) = (shared.judge, flight.attempt);
    let hold = |holds: bool, what: &dyn Fn() -> String| judge.hold(Invariant::Report, holds, what);
    let asked = flight.window.iter().map(|&model| &shared.models[model].id);
    hold(row.models.iter().eq(asked), &|| format!("attempt {attempt} asked {:?}", row.models))?;
    let started = flight.sent - host.account.began;
    hold(row.started == started && row.duration.is_some(), &|| {
        format!("attempt {attempt} began at {started}: {row:?}")
    })?;
    let cost = row.cost.map(|cost| cost.0);
    hold(cost == flight.heard.cost, &|| format!("attempt {attempt} cost {cost:?}, told was {:?}", flight.heard.cost))?;
    let name = flight.reply.served.as_ref().filter(|_| flight.heard.named);
    hold(row.model == name.and_then(|served| served.name.clone()), &|| format!("{:?} served {attempt}", row.model))?;
    let stranger = !flight.is_judge() && name.is_some_and(|served| served.said == Said::Stranger);
    hold(row.unmatched == stranger, &|| format!("attempt {attempt} is unmatched: {}", row.unmatched))?;
    let inside = if flight.heard.window { flight.reply.inside.len() } else { row.inside.len() };
    hold(row.inside.len() == inside, &|| format!("inside attempt {attempt} were {:?}", row.inside))?;
    let recovery = match &flight.task {
        Task::Answer | Task::Score(..) => None,
        Task::Restart(_) => Some("restart"),
        Task::Continue(_) => Some("continue"),
    };
    hold(row.recovery == recovery && row.judge.is_some() == flight.is_judge(), &|| {
        format!("attempt {attempt}: {row:?}")
    })?;
    let Some(failure) = &row.failure else { return Ok(()) };
    // Another attempt, or the end of the call, ended it.
    let others = host.plan.hedge.is_some() && flight.state == State::Cancelled;
    let cut_short = others || matches!(failure.kind, Kind::Timeout | Kind::Aborted | Kind::Superseded);
    let Some((fault, kind)) = flight.reply.refusal().filter(|_| flight.is_read() && !cut_short) else { return Ok(()) };
    hold(failure.kind == kind, &|| format!("attempt {attempt} failed with {failure:?}, and that was {fault:?}"))?;
    let wait = fault.wait.map(|wait| wait.left(flight.told_at));
    judge.hold(Invariant::RetryAfter, failure.retry_after == wait, || format!("{failure:?} names {wait:?} ms"))
}
