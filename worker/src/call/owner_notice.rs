//! Tells the owner what only the owner can repair: a line of the log with the upstream's own words, and an alert.

use failsoft::{Failure, Kind, Millis, Outcome, Upstream};
use serde_json::{Value, json};

use crate::call::disclosure::{for_log, is_hidden, owners_code};
use crate::ledger::Context;
use crate::ledger::alerts::Alert;

/// An alert about the same problem is sent again after this time, in milliseconds.
const PAUSE: Millis = 60 * 60 * 1_000;

/// A line for each attempt whose failure the client did not get in the upstream's words.
pub(crate) fn lines(context: &Context, outcome: &Outcome, upstreams: &[Upstream]) -> Vec<Value> {
    let originals = originals(outcome).filter(|(_, failure)| is_hidden(failure));
    let line = |(attempt, failure): (usize, &Failure)| {
        let shown = |text: &Option<String>| text.as_deref().map(|text| for_log(text, upstreams));
        json!({
            "event": "upstreamFailure",
            "id": context.call,
            "attempt": attempt,
            "kind": failure.kind.name(),
            "status": failure.status,
            "code": shown(&failure.code),
            "provider": shown(&failure.provider),
            "message": for_log(&failure.message, upstreams),
        })
    };
    originals.map(line).collect()
}

/// The alerts about the owner's key, credit and permissions, also if another model answered.
pub(crate) fn alerts(outcome: &Outcome, now: Millis) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    for (attempt, failure) in originals(outcome) {
        let Some(code) = owners_code(failure.kind).filter(|_| failure.kind != Kind::InFlightBudget) else { continue };
        let occasion = format!("upstream/{code}/{}", now / PAUSE);
        if alerts.iter().all(|alert| alert.occasion != occasion) {
            let models = &outcome.report.attempts[attempt].models;
            alerts.push(Alert {
                occasion,
                kind: "upstream",
                text: format!("{} ({code}). Asked for: {}.", sentence(failure.kind), models.join(", ")),
                data: json!({"code": code, "status": failure.status, "models": models}),
            });
        }
    }
    alerts
}

fn sentence(kind: Kind) -> &'static str {
    match kind {
        Kind::Unauthorized => "An upstream does not accept the key of this edge",
        Kind::PaymentRequired => "The account of this edge at an upstream has no credit left",
        _ => "An upstream does not permit a request to the key of this edge",
    }
}

fn originals(outcome: &Outcome) -> impl Iterator<Item = (usize, &Failure)> {
    let attempts = outcome.report.attempts.iter().enumerate();
    attempts.filter_map(|(at, attempt)| Some((at, attempt.original.as_deref()?)))
}
