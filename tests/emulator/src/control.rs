//! `/emulator/…`: what a test sees and steers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fault::{FAULTS, Fault};
use crate::http::Request;
use crate::log::{Awaited, Entry};
use crate::play::Play;
use crate::state::State;

/// How long a waiting request waits when it does not say.
const WAIT_MS: u64 = 2_000;

pub(crate) async fn answer(state: &State, request: &Request, path: &str) -> Play {
    match (request.method.as_str(), path) {
        ("GET", "log") => log(state, request).await,
        ("DELETE", "log") => {
            state.clear();
            Play::sized(204, "text/plain", Vec::new())
        }
        ("PUT", "script") => script(state, &request.body_json()),
        ("PUT", "hold") => held(state, true),
        ("DELETE", "hold") => held(state, false),
        ("GET", "generations") => Play::json(200, &Value::Array(state.ledger.all())),
        ("GET", "faults") => Play::json(200, &FAULTS.iter().map(Fault::to_json).collect()),
        _ => refused(
            404,
            "paths here: log (GET, DELETE), script (PUT), hold (PUT, DELETE), generations (GET), faults (GET)",
        ),
    }
}

/// `?wait=OUTCOME[&n=N][&ms=MS]` answers once request N, or any, is so far; 408 if that takes too long.
async fn log(state: &State, request: &Request) -> Play {
    let Some(name) = request.query("wait") else { return Play::json(200, &entries(state)) };
    let Some(awaited) = Awaited::parse(&name) else {
        return refused(400, "wait is one of arrived, finished, pending, sent, clientGone, faulted");
    };
    let number = |name: &str| request.query(name).map(|text| text.parse::<u64>()).transpose();
    let (Ok(n), Ok(ms)) = (number("n"), number("ms")) else {
        return refused(400, "n and ms are whole numbers");
    };
    let time = Duration::from_millis(ms.unwrap_or(WAIT_MS));
    if state.log.wait(n, awaited, time).await {
        return Play::json(200, &entries(state));
    }
    let message = format!("not {name} within {} ms", time.as_millis());
    Play::json(408, &json!({ "error": { "code": 408, "message": message }, "log": entries(state) }))
}

fn entries(state: &State) -> Value {
    state.log.entries().iter().map(Entry::to_json).collect()
}

fn held(state: &State, held: bool) -> Play {
    state.hold(held);
    Play::sized(204, "text/plain", Vec::new())
}

fn script(state: &State, body: &Value) -> Play {
    let steps = body["steps"].as_array().and_then(|steps| steps.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let (Some(model), Some(steps)) = (body["model"].as_str(), steps) else {
        return refused(400, "a script is {\"model\": \"…\", \"steps\": [\"healthy\", \"server-error\", …]}");
    };
    match state.script(model, &steps) {
        Ok(()) => Play::json(200, &json!({ "model": model, "steps": steps })),
        Err(error) => refused(400, &error.to_string()),
    }
}

fn refused(status: u16, message: &str) -> Play {
    Play::json(status, &json!({ "error": { "code": status, "message": message } }))
}
