//! OpenTelemetry: a span for a call, and below it a span for each attempt, by the conventions for generative AI. Spans have
//! the contents of the ledger's rows: no prompt and no answer.

use failsoft::{Millis, Usd};
use serde_json::{Value, json};

use crate::config::Target;
use crate::http::trace_context::TraceContext;
use crate::ledger::{CACHED, Context, Row};
use crate::platform::{fetch, host};

/// Sends the spans of a call to `target`. They belong to the caller's `trace`, if there is one. A failure is only logged.
pub(crate) async fn send(
    target: &Target,
    trace: Option<&TraceContext>,
    context: &Context,
    rows: Vec<Row>,
    times: (Millis, Millis),
) {
    let digits = || host::random_uuid().replace('-', "");
    let new = || TraceContext { trace: digits(), parent: None };
    let trace = trace.cloned().unwrap_or_else(new);
    let body = spans(&trace, context, &rows, times, digits);
    if let Err(fault) = fetch::Request::post(&target.url, &body).headers(&target.headers).deliver().await {
        host::log(&json!({"event": "otlp", "sent": false, "error": fault.to_string()}).to_string());
    }
}

/// The body of `POST /v1/traces`. `digits` gives 32 random hex digits.
fn spans(
    trace: &TraceContext,
    context: &Context,
    rows: &[Row],
    times: (Millis, Millis),
    digits: impl Fn() -> String,
) -> String {
    let call_id = span_id(digits());
    let attempts = rows.iter().filter(|row| row.role != CACHED);
    let mut spans: Vec<Value> = attempts.map(|row| attempt_span(trace, &span_id(digits()), &call_id, row)).collect();
    spans.extend(rows.first().map(|first| call_span(trace, &call_id, context, first, rows, times)));
    let resource = json!({"attributes": [text("service.name", "failsoft")]});
    let scope = json!({"scope": {"name": "failsoft", "version": env!("CARGO_PKG_VERSION")}, "spans": spans});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).to_string()
}

fn attempt_span(trace: &TraceContext, id: &str, call_id: &str, row: &Row) -> Value {
    let mut span = span(trace, id, Some(call_id), CLIENT, row, (row.at, row.at + row.duration.unwrap_or(0)));
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", row.provider.as_deref().unwrap_or("unknown")),
        text("gen_ai.request.model", first_model(row)),
        text("failsoft.role", &row.role),
    ];
    attributes.extend(row.model.as_deref().map(|model| text("gen_ai.response.model", model)));
    attributes.extend(row.generation.as_deref().map(|id| text("gen_ai.response.id", id)));
    attributes.extend(row.prompt_tokens.map(|tokens| whole("gen_ai.usage.input_tokens", tokens)));
    attributes.extend(row.completion_tokens.map(|tokens| whole("gen_ai.usage.output_tokens", tokens)));
    // A cost that is not known yet is not 0.
    attributes.extend((!row.settled.is_empty()).then(|| number("failsoft.cost_usd", Usd(row.cost))));
    attributes.extend(row.first_token.map(|millis| whole("failsoft.first_token_ms", millis)));
    finish(&mut span, attributes, &row.outcome);
    span
}

fn call_span(
    trace: &TraceContext,
    id: &str,
    context: &Context,
    first: &Row,
    rows: &[Row],
    times: (Millis, Millis),
) -> Value {
    let mut span = span(trace, id, trace.parent.as_deref(), SERVER, first, times);
    let served = rows.iter().rev().find(|row| row.outcome == "answered" && row.role != "judge");
    let sum = |of: fn(&Row) -> Option<u64>| rows.iter().filter_map(of).sum();
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", first_model(first)),
        whole("gen_ai.usage.input_tokens", sum(|row| row.prompt_tokens)),
        whole("gen_ai.usage.output_tokens", sum(|row| row.completion_tokens)),
        text("failsoft.request_id", &context.call),
        text("failsoft.account", &context.account),
        text("failsoft.client", &context.client),
        whole("failsoft.attempts", rows.iter().filter(|row| row.role != CACHED).count() as u64),
        number("failsoft.cost_usd", Usd(sum(|row| Some(row.cost)))),
    ];
    attributes.extend(served.and_then(|row| row.model.as_deref()).map(|model| text("gen_ai.response.model", model)));
    attributes.extend(context.route.as_deref().map(|route| text("failsoft.route", route)));
    attributes.extend(context.feature.as_deref().map(|feature| text("failsoft.feature", feature)));
    let ended = first.ended.as_deref().unwrap_or_default();
    attributes.push(json!({"key": "failsoft.fallback", "value": {"boolValue": ended == "fallback"}}));
    finish(&mut span, attributes, if matches!(ended, "fallback" | CACHED) { "answered" } else { ended });
    span
}

/// A span without attributes.
fn span(
    trace: &TraceContext,
    id: &str,
    parent: Option<&str>,
    kind: u8,
    row: &Row,
    (began, ended): (Millis, Millis),
) -> Value {
    let mut span = json!({
        "traceId": trace.trace, "spanId": id, "name": format!("chat {}", first_model(row)), "kind": kind,
        "startTimeUnixNano": nanos(began), "endTimeUnixNano": nanos(ended),
    });
    if let Some(parent) = parent {
        span["parentSpanId"] = parent.into();
    }
    span
}

/// The first model that the attempt asked for.
fn first_model(row: &Row) -> &str {
    row.asked.first().map_or("", String::as_str)
}

/// Kinds of spans.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// `outcome` is `answered`, or the kind of a failure.
fn finish(span: &mut Value, mut attributes: Vec<Value>, outcome: &str) {
    if outcome != "answered" {
        attributes.push(text("error.type", outcome));
        span["status"] = json!({"code": 2});
    }
    span["attributes"] = attributes.into();
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// OTLP's JSON writes 64-bit numbers as text.
fn whole(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn number(key: &str, value: Usd) -> Value {
    json!({"key": key, "value": {"doubleValue": value.as_f64()}})
}

fn nanos(millis: Millis) -> String {
    format!("{millis}000000")
}

/// The id of a span has half as many digits as the id of a trace.
fn span_id(mut digits: String) -> String {
    digits.truncate(16);
    digits
}

#[cfg(test)]
mod tests {
    use super::spans;
    use crate::http::trace_context::TraceContext;
    use crate::ledger::{Context, Row};
    use serde_json::Value;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_call_has_a_span_and_below_it_a_span_for_each_attempt() {
        let failed =
            Row { asked: vec!["a/a".into()], outcome: "cut".into(), ended: Some("fallback".into()), ..Row::default() };
        let answered =
            Row { asked: vec!["b/b".into()], outcome: "answered".into(), model: Some("b/b".into()), ..failed.clone() };
        let trace = TraceContext::read(Some(PARENT)).expect("a trace");
        let text = spans(&trace, &Context::default(), &[failed, answered], (5, 9), || "ab".repeat(16));
        let spans: Value = serde_json::from_str(&text).expect("JSON");
        let spans = spans["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
        assert_eq!(spans.len(), 3);
        assert_eq!((&spans[0]["status"]["code"], &spans[1]["status"]), (&Value::from(2), &Value::Null));
        assert_eq!((spans[0]["parentSpanId"] == spans[2]["spanId"], spans[2]["status"].is_null()), (true, true));
        assert_eq!(spans[2]["parentSpanId"], "b7ad6b7169203331");
        assert_eq!(spans[2]["startTimeUnixNano"], "5000000");
    }
}
