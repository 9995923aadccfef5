//! One line for each call, for whoever watches the edge. No prompt, no answer, no key, no text of an upstream.

use failsoft::report::Usd;
use failsoft::{Millis, Outcome};
use serde_json::{Value, json};

use crate::ask::Ask;

/// The line, as JSON.
pub(crate) fn line(id: &str, ask: &Ask, outcome: &Outcome, took: Millis) -> Value {
    let report = &outcome.report;
    let failures: Vec<&str> =
        report.attempts.iter().filter_map(|attempt| Some(attempt.failure.as_ref()?.kind.name())).collect();
    json!({
        "event": "call",
        "id": id,
        "key": ask.client,
        "route": ask.route,
        "stream": ask.request.stream,
        "outcome": outcome.result.as_ref().err().map_or("answered", |failure| failure.kind.name()),
        "accepted": report.accepted,
        "model": report.model,
        "fallback": report.fallback,
        "attempts": report.attempts.len(),
        "failures": failures,
        "ms": took,
        "cost": report.cost.map(Usd::as_f64),
    })
}
