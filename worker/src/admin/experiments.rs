//! Experiments: whether a cheaper variant of a stored route keeps the quality. The variant answers samples again, and a judge compares
//! both answers blind and in both orders.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/routes/NAME/experiments` | the experiments of a route, the newest first |
//! | `POST /admin/routes/NAME/experiments` | begins one: see `plan.rs` |
//! | `GET /admin/routes/NAME/experiments/ID` | its state, and what it has shown so far |
//! | `POST /admin/routes/NAME/experiments/ID/stop` | stops it; what it has shown stays |
//! | `DELETE /admin/routes/NAME/experiments/ID` | ends and deletes it |
//!
//! ```text
//!  writing ──▶ control ──▶ running ──▶ done          writing: a model writes a shorter prompt; other variants begin at control
//!     └───────────┴───────────┴──────▶ stopped       control: does the judge find answers that are worse for certain?
//! ```
//!
//! A Durable Object runs an experiment, one sample at a time (`object.rs`), and the rows in the database are its state. So an experiment
//! needs no open page, and goes on after a restart where it was. A step that is lost is made again. An experiment is an account with its
//! budget: calls are held and settled like those of clients.

mod action;
mod begin;
mod called;
mod evidence;
mod object;
mod pair;
mod plan;
mod replay;
mod step;
mod store;
mod writer;

use serde_json::{Value, json};
use worker::Env;

pub(super) use action::{Action, read_action};
use evidence::{Evidence, Pair};
use store::Experiment;

use crate::access::admin::AdminRequest;
use crate::admin::unavailable;
use crate::config::Config;
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::ledger::database;
use crate::platform::executor::boxed;
use crate::platform::host;

/// Answers a request.
pub(super) async fn answer(action: Action<'_>, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    let (config, env) = (request.config, request.env);
    if !database::exists(env) {
        return Err(ApiError::new(Code::RoutesUnavailable, "experiments need the database (LEDGER)"));
    }
    match action {
        Action::List(route) => {
            let found = store::list(env, route).await.map_err(unavailable)?;
            Ok(Reply::json(200, list(found.iter().map(|experiment| experiment.summary()).collect())))
        }
        Action::Begin(route) => {
            let id = boxed(begin::begin(request, route)).await?;
            object::wake(env, &id).await;
            show(config, env, &find(env, route, &id).await?, 201).await
        }
        Action::Show(route, id) => show(config, env, &find(env, route, id).await?, 200).await,
        Action::Stop(route, id) => {
            find(env, route, id).await?;
            store::change_state(env, id, "stopped", Some("admin")).await.map_err(unavailable)?;
            show(config, env, &find(env, route, id).await?, 200).await
        }
        Action::Delete(route, id) => {
            find(env, route, id).await?;
            store::delete(env, id).await.map_err(unavailable)?;
            Ok(Reply::json(200, json!({"id": id, "deleted": true})))
        }
    }
}

/// Lets all experiments go on that are not over: the object of one may have been lost, or never started.
pub(crate) async fn wake_all(env: &Env) {
    if !database::exists(env) {
        return;
    }
    match store::unfinished(env).await {
        Ok(ids) => {
            for id in ids {
                object::wake(env, &id).await;
            }
        }
        Err(error) => log("", &database::reason(&error)),
    }
}

fn log(id: &str, error: &str) {
    host::log(&json!({"event": "experiment", "id": id, "error": error}).to_string());
}

async fn find(env: &Env, route: &str, id: &str) -> Result<Experiment, ApiError> {
    let found = store::find(env, id).await.map_err(unavailable)?;
    found.filter(|found| found.route == route).ok_or_else(|| {
        let message = "the route has no such experiment; GET /admin/routes/NAME/experiments lists the experiments";
        ApiError::new(Code::RouteNotFound, message)
    })
}

async fn show(config: &Config, env: &Env, experiment: &Experiment, status: u16) -> Result<Reply, ApiError> {
    let replays = store::replays(env, &experiment.id).await.map_err(unavailable)?;
    let mut shown = experiment.summary();
    let variant = store::open_variant(config, experiment).await;
    shown["variant"] = variant.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::Null));
    let count = |outcome: &str| replays.iter().filter(|replay| replay.outcome.as_deref() == Some(outcome)).count();
    let spent = experiment.spent(&replays);
    shown["progress"] = json!({
        "samples": replays.len(), "judged": count("judged"), "failed": count("failed"), "silent": count("silent"),
        "gone": count("gone"), "rounds": replays.iter().map(|replay| replay.rounds).sum::<u64>(),
    });
    shown["spentUsd"] = (spent / 1e12).into();
    let pairs: Vec<Pair> = replays.iter().map(store::Replay::pair).collect();
    let controls: Vec<i64> = replays.iter().filter_map(|replay| replay.control).collect();
    let plan = &experiment.plan;
    let (margin, tries) = (plan.margin as f64 / 100.0, plan.tries as f64);
    let is_done = experiment.state == "done";
    let evidence = Evidence { pairs: &pairs, controls: &controls, margin, tries, is_done, spent };
    shown["result"] = evidence.to_json();
    Ok(Reply::json(status, shown))
}
