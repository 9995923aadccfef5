//! One log line for each call. The line has no prompt, no answer, no key and no text of an upstream (`owner_notice.rs` logs
//! that).

use failsoft::report::AttemptReport;
use failsoft::{Millis, Outcome, Usd};
use serde_json::{Value, json};

use crate::call::admission::AdmittedCall;
use crate::ledger::Context;

/// The line, as JSON. `took` is the duration of the call.
pub(crate) fn line(context: &Context, call: &AdmittedCall, outcome: &Outcome, took: Millis) -> Value {
    let report = &outcome.report;
    let tokens = |of: fn(&AttemptReport) -> Option<u64>| report.attempts.iter().filter_map(of).sum::<u64>();
    let failures: Vec<&str> =
        report.attempts.iter().filter_map(|attempt| Some(attempt.failure.as_ref()?.kind.name())).collect();
    let mut line = json!({
        "event": "call",
        "id": context.call,
        "key": context.client,
        "account": context.account,
        "route": context.route,
        "feature": context.feature,
        "stream": call.request.stream,
        "outcome": outcome.result.as_ref().err().map_or("answered", |failure| failure.kind.name()),
        "accepted": report.accepted,
        "model": report.model,
        "fallback": report.fallback,
        "attempts": report.attempts.len(),
        "failures": failures,
        "ms": took,
        "promptTokens": tokens(|attempt| attempt.prompt_tokens),
        "completionTokens": tokens(|attempt| attempt.completion_tokens),
        "cost": report.cost.map(Usd::as_f64),
    });
    if report.from_cache {
        line["cache"] = "hit".into();
    }
    if let Some(session) = &context.session {
        line["session"] = session.id.as_str().into();
        if let Some(device) = &session.device {
            line["device"] = device.as_str().into();
        }
    }
    line
}
