//! Experiments: whether a cheaper variant of a stored route keeps the quality. The variant answers samples again, and a judge compares
//! both answers blind and in both orders.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/routes/NAME/experiments` | the experiments of a route, the newest first |
//! | `POST /admin/routes/NAME/experiments` | begins one: see `plan.rs` |
//! | `GET /admin/routes/NAME/experiments/ID` | its state, and what it has shown so far |
//! | `POST /admin/routes/NAME/experiments/ID/step` | goes on by one sample |
//! | `DELETE /admin/routes/NAME/experiments/ID` | ends and deletes it |
//!
//! ```text
//!  writing ──▶ control ──▶ running ──▶ done          writing: a model writes a shorter prompt; other variants begin at control
//!     └───────────┴───────────┴──────▶ stopped       control: does the judge find answers that are worse for certain?
//! ```
//!
//! Each step is a request of its own, so no request runs longer than the platform allows, and an experiment goes on after a restart
//! where it was. A step that is lost is made again. An experiment is an account with its budget: calls are held and settled like those
//! of clients.

mod action;
mod evidence;
mod pair;
mod plan;
mod replay;
mod step;
mod store;
mod writer;

use std::ops::Deref;

use serde_json::{Value, json};

pub(super) use action::{Action, read_action};
use evidence::{Evidence, Pair};
use store::Experiment;

use crate::access::admin::AdminRequest;
use crate::admin::unavailable;
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::ledger::database;
use crate::platform::exchange::Exchange;
use crate::platform::executor::boxed;

/// The most experiments of a route.
const MOST: usize = 100;

/// A request about experiments. Its calls go on beside the response.
struct Request<'a> {
    request: &'a AdminRequest<'a>,
    exchange: &'a Exchange,
}

impl<'a> Deref for Request<'a> {
    type Target = AdminRequest<'a>;

    fn deref(&self) -> &AdminRequest<'a> {
        self.request
    }
}

/// Answers a request.
pub(super) async fn answer(
    action: Action<'_>,
    request: &AdminRequest<'_>,
    exchange: &Exchange,
) -> Result<Reply, ApiError> {
    let request = Request { request, exchange };
    let env = request.env;
    if !database::exists(env) {
        return Err(ApiError::new(Code::RoutesUnavailable, "experiments need the database (LEDGER)"));
    }
    match action {
        Action::List(route) => {
            let found = store::list(env, route).await.map_err(unavailable)?;
            Ok(Reply::json(200, list(found.iter().map(|experiment| experiment.summary()).collect())))
        }
        Action::Begin(route) => boxed(request.begin(route)).await,
        Action::Show(route, id) => boxed(request.show(route, id, 200)).await,
        Action::Step(route, id) => boxed(request.step(route, id)).await,
        Action::Delete(route, id) => {
            request.find(route, id).await?;
            store::delete(env, id).await.map_err(unavailable)?;
            Ok(Reply::json(200, json!({"id": id, "deleted": true})))
        }
    }
}

impl Request<'_> {
    async fn find(&self, route: &str, id: &str) -> Result<Experiment, ApiError> {
        let found = store::find(self.env, id).await.map_err(unavailable)?;
        found.filter(|found| found.route == route).ok_or_else(|| {
            let message = "the route has no such experiment; GET /admin/routes/NAME/experiments lists the experiments";
            ApiError::new(Code::RouteNotFound, message)
        })
    }

    async fn show(&self, route: &str, id: &str, status: u16) -> Result<Reply, ApiError> {
        let experiment = self.find(route, id).await?;
        let replays = store::replays(self.env, id).await.map_err(unavailable)?;
        let mut shown = experiment.summary();
        let variant = store::open_variant(self.config, &experiment).await;
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
}
