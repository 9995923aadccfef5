//! `GET /metrics`: the sums of the ledger over all isolates, in Prometheus's text format.

use failsoft::Usd;
use serde_json::Value;
use worker::Env;

use crate::access::{bearer, brake};
use crate::config::{Config, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;
use crate::http::reply::{Body, Reply};
use crate::ledger::database;
use crate::ops::refusals;

const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One statement reads everything, so that the parts agree. Amounts are text: they may be larger than the largest exact number
/// of JavaScript.
const READ: &str = "\
    SELECT 'call', ended, '', '', calls, 0, 0, '0', 0, '0' FROM calls \
    UNION ALL SELECT 'attempt', model, outcome, role, attempts, prompt_tokens, completion_tokens, CAST(cost AS TEXT), \
      unsettled, CAST(unsettled_cost AS TEXT) FROM totals WHERE role <> 'cached' \
    UNION ALL SELECT 'refusal', code, '', '', count, 0, 0, '0', 0, '0' FROM refusals \
    UNION ALL SELECT measure, model, '', '', up_to, count, total, '0', 0, '0' FROM latencies \
    ORDER BY 1, 2, 3, 4, 5";

/// The metrics, for a caller with the token.
///
/// # Errors
/// 404 if the edge has no token, 401 if the caller does not send it, 503 if the database does not answer.
pub(crate) async fn answer(config: &Config, caller: &Caller, env: &Env) -> Result<Reply, ApiError> {
    let Some(known) = config.operations.metrics else {
        let message = "there are no metrics: set the secret METRICS_TOKEN";
        return Err(ApiError::new(Code::UnknownUrl, message));
    };
    if !digest::same(&known, &digest::of(bearer(caller).unwrap_or_default())) {
        let message = "send `Authorization: Bearer` and the METRICS_TOKEN of this edge";
        let wrong = ApiError::new(Code::InvalidApiKey, message);
        return Err(brake::wrong_guess(env, caller, "METRICS_TOKEN", wrong).await);
    }
    refusals::write_all(env).await;
    let rows = database::query(env, READ, &[])
        .await
        .map_err(|_| ApiError::new(Code::LedgerUnavailable, "the database of the ledger does not answer"))?;
    Ok(Reply::new(200, KIND, Body::Text(format(&rows))))
}

/// The rows in Prometheus's text format.
fn format(rows: &[Vec<Value>]) -> String {
    let mut out = String::new();
    family(&mut out, "failsoft_calls_total", "counter", "Calls, by how they ended.");
    for row in rows_of(rows, "call") {
        sample(&mut out, "failsoft_calls_total", &[("ended", word(row, 1))], &whole(row, 4).to_string());
    }
    family(&mut out, "failsoft_refusals_total", "counter", "Requests that the edge refused, by the code of the error.");
    for row in rows_of(rows, "refusal") {
        sample(&mut out, "failsoft_refusals_total", &[("code", word(row, 1))], &whole(row, 4).to_string());
    }
    for (name, kind, help, value) in ATTEMPTS {
        family(&mut out, name, kind, help);
        for row in rows_of(rows, "attempt") {
            let labels = [("model", word(row, 1)), ("outcome", word(row, 2)), ("role", word(row, 3))];
            sample(&mut out, name, &labels, &value(row));
        }
    }
    for (measure, name, help) in LATENCIES {
        family(&mut out, name, "histogram", help);
        let rows: Vec<&Vec<Value>> = rows_of(rows, measure).collect();
        for of_model in rows.chunk_by(|a, b| a.get(1) == b.get(1)) {
            histogram(&mut out, name, of_model);
        }
    }
    out
}

type Read = fn(&[Value]) -> String;

const ATTEMPTS: [(&str, &str, &str, Read); 6] = [
    ("failsoft_attempts_total", "counter", "Requests to upstreams.", |row| whole(row, 4).to_string()),
    ("failsoft_prompt_tokens_total", "counter", "Tokens of prompts, as the upstreams count them.", |row| {
        whole(row, 5).to_string()
    }),
    ("failsoft_completion_tokens_total", "counter", "Tokens of answers, as the upstreams count them.", |row| {
        whole(row, 6).to_string()
    }),
    ("failsoft_cost_usd_total", "counter", "Cost of the attempts whose cost is known.", |row| money(row, 7)),
    ("failsoft_unsettled_attempts", "gauge", "Attempts whose cost is not known.", |row| whole(row, 8).to_string()),
    ("failsoft_unsettled_usd", "gauge", "The most that the attempts of unknown cost can have cost.", |row| {
        money(row, 9)
    }),
];

const LATENCIES: [(&str, &str, &str); 2] = [
    ("first_token", "failsoft_first_token_seconds", "Time from sending to the first text, reasoning or tool call."),
    ("duration", "failsoft_attempt_duration_seconds", "Time from sending to the end of an answer."),
];

fn rows_of<'a>(rows: &'a [Vec<Value>], kind: &'a str) -> impl Iterator<Item = &'a Vec<Value>> {
    rows.iter().filter(move |row| word(row, 0) == kind)
}

fn word(row: &[Value], at: usize) -> &str {
    row.get(at).and_then(Value::as_str).unwrap_or_default()
}

fn whole(row: &[Value], at: usize) -> u64 {
    row.get(at).and_then(Value::as_f64).unwrap_or_default() as u64
}

fn money(row: &[Value], at: usize) -> String {
    Usd(word(row, at).parse().unwrap_or_default()).decimal()
}

fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
}

fn sample(out: &mut String, name: &str, labels: &[(&str, &str)], value: &str) {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    out.push_str(&format!("{name}{{{}}} {value}\n", labels.join(",")));
}

/// Callers choose the names of models, so a name must not end its quotes.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The histogram of one model. In the database each attempt counts in one bucket. A bucket of Prometheus also counts all
/// smaller ones.
fn histogram(out: &mut String, name: &str, rows: &[&Vec<Value>]) {
    const NO_BOUND: u64 = 9_007_199_254_740_991;
    let model = rows.first().map_or("", |row| word(row, 1));
    let (mut count, mut total) = (0, 0);
    let bucket = format!("{name}_bucket");
    for row in rows {
        count += whole(row, 5);
        total += whole(row, 6);
        if whole(row, 4) < NO_BOUND {
            let bound = seconds(whole(row, 4));
            sample(out, &bucket, &[("model", model), ("le", &bound)], &count.to_string());
        }
    }
    sample(out, &bucket, &[("model", model), ("le", "+Inf")], &count.to_string());
    sample(out, &format!("{name}_sum"), &[("model", model)], &seconds(total));
    sample(out, &format!("{name}_count"), &[("model", model)], &count.to_string());
}

fn seconds(millis: u64) -> String {
    (millis as f64 / 1_000.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::format;
    use serde_json::{Value, json};

    fn rows(rows: Value) -> Vec<Vec<Value>> {
        serde_json::from_value(rows).expect("rows")
    }

    #[test]
    fn amounts_are_exact_and_names_cannot_end_their_quotes() {
        let text = format(&rows(json!([
            ["call", "answered", "", "", 3, 0, 0, "0", 0, "0"],
            ["attempt", "a\"}\nb\\", "cut", "answer", 2, 10, 20, "9007199254740993", 1, "500000000000"],
        ])));
        assert!(text.contains("failsoft_calls_total{ended=\"answered\"} 3\n"), "{text}");
        let labels = r#"{model="a\"}\nb\\",outcome="cut",role="answer"}"#;
        assert!(text.contains(&format!("failsoft_cost_usd_total{labels} 9007.199254740993\n")), "{text}");
        assert!(text.contains(&format!("failsoft_unsettled_usd{labels} 0.5\n")), "{text}");
    }

    #[test]
    fn a_bucket_counts_all_smaller_ones() {
        let text = format(&rows(json!([
            ["first_token", "a", "", "", 100, 2, 150, "0", 0, "0"],
            ["first_token", "a", "", "", 9_007_199_254_740_991_u64, 1, 400_000, "0", 0, "0"],
            ["first_token", "b", "", "", 250, 1, 200, "0", 0, "0"],
        ])));
        for line in [
            "failsoft_first_token_seconds_bucket{model=\"a\",le=\"0.1\"} 2",
            "failsoft_first_token_seconds_bucket{model=\"a\",le=\"+Inf\"} 3",
            "failsoft_first_token_seconds_sum{model=\"a\"} 400.15",
            "failsoft_first_token_seconds_count{model=\"b\"} 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
    }
}
