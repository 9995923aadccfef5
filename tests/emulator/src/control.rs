//! `/emulator/…`: the log and the controls for tests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fault::{FAULTS, Fault};
use crate::http::Request;
use crate::log::{Condition, Entry};
use crate::response::Response;
use crate::state::State;

/// The default of `ms` in a waiting request.
const WAIT_MS: u64 = 2_000;

pub(crate) async fn answer(state: &State, request: &Request, path: &str) -> Response {
    match (request.method.as_str(), path) {
        ("GET", "log") => log(state, request).await,
        ("DELETE", "log") => {
            state.clear();
            Response::sized(204, "text/plain", Vec::new())
        }
        ("PUT", "script") => script(state, &request.body_json()),
        ("PUT", "hold") => set_hold(state, true),
        ("DELETE", "hold") => set_hold(state, false),
        ("GET", "generations") => Response::json(200, &Value::Array(state.ledger.all())),
        ("GET", "open") => Response::json(200, &open(state)),
        ("GET", "faults") => Response::json(200, &FAULTS.iter().map(Fault::to_json).collect()),
        _ => error(
            404,
            "paths here: log (GET, DELETE), script (PUT), hold (PUT, DELETE), generations, open, faults (GET)",
        ),
    }
}

/// With `?wait=OUTCOME[&n=N][&ms=MS]`, answers when request N, or any, has this outcome; with 408 after MS.
async fn log(state: &State, request: &Request) -> Response {
    let Some(name) = request.query("wait") else { return Response::json(200, &entries(state)) };
    let Some(condition) = Condition::parse(&name) else {
        return error(400, "wait is one of arrived, finished, pending, sent, clientGone, faulted");
    };
    let number = |name: &str| request.query(name).map(|text| text.parse::<u64>()).transpose();
    let (Ok(n), Ok(ms)) = (number("n"), number("ms")) else {
        return error(400, "n and ms are whole numbers");
    };
    let time = Duration::from_millis(ms.unwrap_or(WAIT_MS));
    if state.log.wait(n, condition, time).await {
        return Response::json(200, &entries(state));
    }
    let message = format!("not {name} within {} ms", time.as_millis());
    Response::json(408, &json!({ "error": { "code": 408, "message": message }, "log": entries(state) }))
}

/// What is open, without the connection of the request that asks.
fn open(state: &State) -> Value {
    json!({ "connections": state.open_connections().saturating_sub(1), "requests": state.log.count_pending() })
}

fn entries(state: &State) -> Value {
    state.log.entries().iter().map(Entry::to_json).collect()
}

fn set_hold(state: &State, is_held: bool) -> Response {
    state.hold(is_held);
    Response::sized(204, "text/plain", Vec::new())
}

fn script(state: &State, body: &Value) -> Response {
    let steps = body["steps"].as_array().and_then(|steps| steps.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let (Some(model), Some(steps)) = (body["model"].as_str(), steps) else {
        return error(400, "a script is {\"model\": \"…\", \"steps\": [\"healthy\", \"server-error\", …]}");
    };
    match state.script(model, &steps) {
        Ok(()) => Response::json(200, &json!({ "model": model, "steps": steps })),
        Err(problem) => error(400, &problem.to_string()),
    }
}

fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "code": status, "message": message } }))
}
