//! What upstreams really send: the cases of `fixtures/wire` that are about a call. The package's tests run the same cases in
//! wasm; `fixtures/wire/README.md` describes their fields.

use std::fs;

use crate::reply::{Reply, event};
use crate::script::{Run, Script};
use failsoft::{Catalog, Dialect, HttpRequest, Upstream};
use serde_json::{Value, json};

/// The groups whose cases are about a call and its clocks.
const GROUPS: [&str; 3] = ["classification", "cost", "clocks"];

fn fixture(name: &str) -> String {
    fs::read_to_string([env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/wire/", name].concat()).expect("a fixture")
}

/// The reply in the file of a case.
fn reply_of(case: &Value) -> Reply {
    let name = case["file"].as_str().expect("a file");
    let text = fixture(name);
    if name.ends_with(".http") {
        let (head, body) = text.split_once("\n\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|status| status.parse().ok()).expect("a status");
        let headers: Vec<_> = lines.map(|line| line.split_once(": ").expect("a header")).collect();
        let find = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let reply = Reply::new(status, find("content-type").unwrap_or_default(), body);
        return headers
            .iter()
            .filter(|(name, _)| *name != "content-type")
            .fold(reply, |reply, (name, value)| reply.header(name, value));
    }
    let mut events = text.split_inclusive("\n\n");
    let first = Reply::stream(events.next().unwrap_or_default());
    let pace = case["pace"].as_u64().unwrap_or_default();
    let reply = events.fold(first, |reply, event| reply.then_silence(pace).then(event));
    if case["end"] == "reset" { reply.then_resets() } else { reply }
}

fn good(body: &Value, text: &str) -> Reply {
    let model = if body["models"].is_array() { &body["models"][0] } else { &body["model"] };
    if body["stream"] != true {
        return Reply::says(model.as_str().unwrap_or_default(), text);
    }
    let chunk = |delta: Value, reason: Value| {
        event(
            &json!({"id": "good", "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}),
        )
    };
    let body =
        [chunk(json!({"content": text}), Value::Null), chunk(json!({}), json!("stop")), "data: [DONE]\n\n".into()];
    Reply::stream(body.concat())
}

/// The accounts, by their host names.
fn account(request: &HttpRequest) -> &str {
    request.url.trim_start_matches("https://").split('.').next().unwrap_or_default()
}

fn run(case: &Value) -> Run {
    let mut body = case["request"].clone();
    if body["models"].is_null() {
        body["models"] = json!(["m/one", "m/two"]);
    }
    let first = body["models"][0].clone();
    body["messages"] = json!([{"role": "user", "content": "x"}]);
    body["stream"] = (case["call"] != "chatWithFallback").into();
    let mut policy = case["policy"].clone();
    policy["retry"] = json!({"base": 1, "cap": 1});
    policy["assemble"] = true.into();
    let dialect = if case["dialect"] == "openrouter" { Dialect::OpenRouter } else { Dialect::OpenAi };
    let mut script = Script { body, policy, dialect, ..Script::new(&[]) };
    // The script's head takes 10 ms, and each read 1 ms: an error has been read 12 ms after its request.
    script.start = case["now"].as_u64().unwrap_or(1_795_000_000_000) - 12;
    let two = case["how"] == "two-upstreams";
    if two {
        script.others.push(Upstream::new(dialect, "https://b.example/v1", None));
    }
    let rows = case["upstream"]["models"].as_array().cloned().unwrap_or_default();
    script.catalog = Catalog::default();
    for row in rows {
        let per_token = |name: &str| Some(failsoft::Usd(row[name].as_u64().unwrap_or_default() * 1_000_000));
        script.catalog.add(failsoft::catalog::ModelInfo {
            id: row["id"].as_str().unwrap_or_default().into(),
            context_length: row["contextLength"].as_u64(),
            max_output: row["maxOutput"].as_u64(),
            price: (per_token("prompt"), per_token("completion")),
            ..Default::default()
        });
    }
    let mut left = case["times"].as_u64().unwrap_or(u64::MAX);
    script.run_with(&mut |_, request| {
        let body: Value = serde_json::from_str(&request.body).expect("a JSON body");
        let names_first = body["model"] == first || body["models"].as_array().is_some_and(|all| all.contains(&first));
        let is_meant = match case["refuses"].as_array() {
            Some(fields) => fields.iter().any(|field| body.get(field.as_str().unwrap_or_default()).is_some()),
            None if two => account(request) == "upstream",
            None => names_first,
        };
        if !is_meant || left == 0 {
            return good(&body, case["other"].as_str().unwrap_or("Hello world."));
        }
        left -= 1;
        reply_of(case)
    })
}

/// `wanted` is the value, a list of allowed values, or absent.
fn allows(wanted: &Value, found: &Value) -> bool {
    wanted.is_null() || wanted == found || wanted.as_array().is_some_and(|allowed| allowed.contains(found))
}

/// `wanted` is the number, a range, or absent.
fn holds(wanted: &Value, found: u64) -> bool {
    match wanted.as_array() {
        Some(range) => {
            range[0].as_u64().is_some_and(|least| least <= found) && range[1].as_u64().is_some_and(|most| found <= most)
        }
        None => wanted.is_null() || wanted.as_u64() == Some(found),
    }
}

fn is_failure(wanted: &Value, found: &Value) -> bool {
    let message = found["message"].as_str().unwrap_or_default().to_lowercase();
    let has = |words: &Value| words.as_str().is_some_and(|words| message.contains(&words.to_lowercase()));
    let all =
        |words: &Value| words.is_null() || has(words) || words.as_array().is_some_and(|words| words.iter().all(has));
    let any = |words: &Value| words.is_null() || words.as_array().is_some_and(|words| words.iter().any(has));
    ["kind", "status", "code", "retryAfter"].iter().all(|name| allows(&wanted[*name], &found[*name]))
        && (wanted["kind_not"].is_null() || !allows(&wanted["kind_not"], &found["kind"]))
        && all(&wanted["message"])
        && any(&wanted["message_any"])
}

/// What of `expect` does not hold.
fn mismatches(expect: &Value, run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |name: &str, is_right: bool| {
        if !is_right {
            wrong.push(name.to_owned())
        }
    };
    let report: Value = serde_json::from_str(&run.outcome.report_json()).expect("a report is JSON");
    let first = &report["attempts"][0]["failure"];
    match expect.get("first") {
        Some(Value::Null) => check("first", first.is_null()),
        Some(wanted) => check("first", is_failure(wanted, first)),
        None => {}
    }
    let asked: Vec<String> = run.asked().iter().map(|models| models.join(",")).collect();
    let accounts: Vec<&str> =
        run.sent.iter().map(|request| if account(request) == "upstream" { "a" } else { account(request) }).collect();
    check("asked", expect["asked"].is_null() || expect["asked"] == json!(asked) || expect["asked"] == json!(accounts));
    check("requests", holds(&expect["requests"], run.sent.len() as u64));
    if let [first, second, ..] = run.sent_at[..] {
        check(
            "gap_ms",
            expect["gap_ms"].is_null()
                || holds(&expect["gap_ms"], second - first - 12)
                || holds(&expect["gap_ms"], second - first),
        );
    }
    check(
        "cost",
        expect["cost"].is_null()
            || (report["cost"].as_f64().unwrap_or(-1.0) - expect["cost"].as_f64().unwrap_or_default()).abs() < 1e-12,
    );
    check("error", run.kind().is_none() || !expect["error"].is_null());
    check("text", expect["text"].is_null() || expect["text"] == json!(run.text));
    let bodies = run.bodies();
    for (name, body) in [("first_request", bodies.first()), ("last_request", bodies.last())] {
        let names = |list: &str| expect[name][list].as_array().cloned().unwrap_or_default();
        let has = |field: &Value| body.is_some_and(|body| body.get(field.as_str().unwrap_or_default()).is_some());
        check(name, names("has").iter().all(has) && !names("lacks").iter().any(has));
    }
    if let Some(Value::Object(error)) = expect.get("error") {
        let failure = run.outcome.result.as_ref().err().map(|failure| failure.to_json()).unwrap_or("{}".into());
        check("error", is_failure(&json!(error), &serde_json::from_str(&failure).expect("JSON")));
    }
    wrong
}

#[test]
fn every_case_is_right() {
    let cases: Vec<Value> = serde_json::from_str(&fixture("expected.json")).expect("the list of cases");
    let mut checked = 0;
    for case in cases.iter().filter(|case| case["how"] != "reader" && GROUPS.iter().any(|group| case["kind"] == *group))
    {
        let (run, expect) = (run(case), &case["expect"]);
        let mut alternatives = vec![expect.clone()];
        if let Some(each) = expect["either"].as_array() {
            alternatives = each.clone();
        }
        let wrong: Vec<_> = alternatives.iter().map(|expect| mismatches(expect, &run)).collect();
        assert!(
            wrong.iter().any(Vec::is_empty),
            "{}: {wrong:?} in {}, text {:?}",
            case["id"],
            run.outcome.report_json(),
            run.text
        );
        checked += 1;
    }
    assert!(checked >= 10, "{checked} cases");
}
