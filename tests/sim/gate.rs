//! The judge of a policy: whom it is asked about, and what follows from its score.

use serde_json::Value;

use crate::flight::Flight;
use crate::host::Host;
use crate::judge::{Checked, Invariant};
use crate::plan::{Gate, Rule};
use crate::wire::quoted;
use crate::world::Shared;

/// It is asked about the answer that has just come, once, where that came from, and nothing else is under way.
pub(crate) fn check_question(host: &Host, shared: &Shared, site: usize, body: &Value) -> Checked {
    let hold = |holds: bool, what: &dyn Fn() -> String| shared.judge.hold(Invariant::Gate, holds, what);
    let Some(gate) = host.plan.gate else { return hold(false, &|| "there is no judge".into()) };
    let open = host.flights.iter().any(Flight::is_open);
    hold(!open && !host.is_shown(), &|| "the judge is asked too early, or too late".into())?;
    let said = quoted(body["messages"][1]["content"].as_str().unwrap_or_default());
    let about = |flight: &&Flight| said.contains(quoted(&quoted(flight.heard.text())).trim_matches('"'));
    let answers = host.flights.iter().filter(|flight| flight.site == site && flight.is_answer() && !flight.is_judge());
    hold(answers.clone().any(|flight| about(&flight)), &|| format!("nobody said what is to be scored: {said}"))?;
    let Some((prompt, completion)) = shared.models[shared.scorer].price else { return Ok(()) };
    let words: u64 = (0..2).map(|at| tokens(&body["messages"][at]["content"])).sum();
    let cost = prompt * words + completion * body["max_tokens"].as_u64().unwrap_or(u64::from(u32::MAX));
    let told: u64 = host.flights.iter().filter_map(|flight| flight.heard.cost).sum();
    let left = host.plan.money.cost.map(|most| most.saturating_sub(told));
    let within = [gate.max_cost, left].into_iter().flatten().all(|most| cost <= most);
    shared.judge.hold(Invariant::Money, within, || format!("the judge could cost {cost}, {told} are spent"))
}

fn tokens(text: &Value) -> u64 {
    failsoft::tokens::estimate(text.as_str().unwrap_or_default())
}

/// What the judge made of `flight`: nothing, if it passed or nobody was asked.
pub(crate) fn rejection(host: &Host, flight: &Flight) -> Option<Rule> {
    let Gate { threshold, open, rule, .. } = host.plan.gate?;
    let judge = host.flights.get(flight.attempt as usize + 1..)?.iter().find(|next| !host.was_outrun(next))?;
    let points = points(judge).filter(|_| judge.is_judge());
    let passes = if judge.is_judge() { points.map_or(open, |points| points >= threshold) } else { true };
    (!passes).then_some(rule)
}

/// The score of an answer that came whole.
pub(crate) fn points(judge: &Flight) -> Option<u64> {
    judge.reply.served.as_ref().filter(|_| judge.is_answer())?.points
}
