//! `/admin/routes`: lists, shows, makes, changes, compares and deletes routes, and goes back to an earlier version.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/routes` | all routes, also those of the configuration |
//! | `POST /admin/routes` | makes a route from `{"name", "route", "note", "force"}` |
//! | `GET /admin/routes/NAME` | one route, with the header `ETag` |
//! | `PUT /admin/routes/NAME` | makes a new version from `{"route", "note", "force", "split"}`; needs the header `If-Match` |
//! | `PATCH /admin/routes/NAME` | changes `{"version", "split"}`; needs the header `If-Match` |
//! | `POST /admin/routes/NAME/rollback` | makes `{"version"}` the current one again; without it, ends the split, or takes the version before |
//! | `DELETE /admin/routes/NAME` | deletes the route; its versions stay |
//! | `GET /admin/routes/NAME/versions`, `…/versions/N` | the versions; one of them |
//! | `GET /admin/routes/NAME/diff/A/B` | what differs between two versions |
//! | `POST /admin/routes/NAME/dry-run` | what the route would do with `{"request", "version" or "route", "key"}`; see `dry_run.rs` |
//! | `GET /admin/routes/NAME/comparison`, `…/comparison/A/B` | how the calls of two versions went |
//!
//! Every change is one statement of the database, which does nothing if somebody else has changed the route in the meantime.

mod action;
mod changing;
mod check;
mod comparison;
mod diff;
mod dry_run;
mod reading;

use std::ops::Deref;

use failsoft::Json;
use serde_json::{Value, json};

pub(super) use action::{Action, read_action};
use action::{no_version, not_found};
use check::{Finding, Known};

use super::unavailable;
use crate::access::admin::AdminRequest;
use crate::catalog;
use crate::config::{Config, Route, read_stored_route};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::ledger::database;
use crate::platform::executor::boxed;
use crate::platform::host;
use crate::routes::store::{self, StoredRoute};

/// A request about routes.
struct RouteRequest<'a>(&'a AdminRequest<'a>);

impl<'a> Deref for RouteRequest<'a> {
    type Target = AdminRequest<'a>;

    fn deref(&self) -> &AdminRequest<'a> {
        self.0
    }
}

/// Answers a request.
pub(super) async fn answer(action: Action<'_>, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    if !database::exists(request.env) {
        let message = "stored routes need the database (LEDGER); without it, routes are those of the configuration";
        return Err(ApiError::new(Code::RoutesUnavailable, message));
    }
    let request = RouteRequest(request);
    match action {
        Action::List => boxed(request.list()).await,
        Action::Create => boxed(request.create()).await,
        Action::Show(name) => boxed(request.show(name)).await,
        Action::Publish(name) => boxed(request.publish_next(name)).await,
        Action::Change(name) => boxed(request.change(name)).await,
        Action::RollBack(name) => boxed(request.roll_back(name)).await,
        Action::Delete(name) => boxed(request.delete(name)).await,
        Action::Versions(name) => boxed(request.list_versions(name)).await,
        Action::Version(name, version) => boxed(request.show_version(name, version)).await,
        Action::Diff(name, from, to) => boxed(request.show_diff(name, from, to)).await,
        Action::DryRun(name) => boxed(request.dry_run(name)).await,
        Action::Compare(name, versions) => boxed(request.compare(name, versions)).await,
    }
}

impl RouteRequest<'_> {
    /// The route of the configuration with this name.
    fn find_deployed(&self, name: &str) -> Option<&Route> {
        self.config.route(name).map(std::rc::Rc::as_ref).filter(|route| route.version.is_none())
    }

    /// The stored route `name`.
    async fn read(&self, name: &str) -> Result<StoredRoute, ApiError> {
        let stored = store::read(self.env, name).await.map_err(unavailable)?;
        stored.filter(|stored| stored.current.is_some()).ok_or_else(not_found)
    }

    async fn read_version(&self, name: &str, version: u64) -> Result<store::Version, ApiError> {
        store::version(self.env, name, version).await.map_err(unavailable)?.ok_or_else(no_version)
    }

    /// What a list shows of a stored route.
    fn summary(&self, stored: &StoredRoute) -> Value {
        let mut row = json!({
            "name": stored.name,
            "source": "stored",
            "version": stored.current,
            "split": stored.second.as_ref().map(|(version, split)| show_split(*version, split)),
            "latest": stored.latest,
            "etag": etag(stored.changed),
            "changedAt": stored.at / 1_000,
            "changedBy": stored.admin,
        });
        if self.find_deployed(&stored.name).is_some() {
            row["problem"] = "the configuration has a route of this name, which counts".into();
        }
        row
    }

    /// The answer with a route, and with what a check found.
    fn reply_with(&self, status: u16, stored: &StoredRoute, findings: &[Finding]) -> Reply {
        let mut shown = self.summary(stored);
        shown["route"] = parse(&stored.text);
        let version = (stored.name.as_str(), stored.current.unwrap_or_default());
        let given = Json::parse(&stored.text).unwrap_or(Json::NULL);
        match read_stored_route(self.config, "route", version, given) {
            Ok(route) => {
                shown["models"] = with_known(self.config, None, |known| check::describe_models(&route, known)).into();
            }
            Err(invalid) => shown["problem"] = invalid.to_string().into(),
        }
        if !findings.is_empty() {
            shown["findings"] = findings.iter().map(Finding::to_json).collect();
        }
        let mut reply = Reply::json(status, shown);
        reply.headers.push(("etag", etag(stored.changed)));
        reply
    }
}

/// Calls `act` with what is known about models.
fn with_known<T>(config: &Config, long_prompt: Option<u64>, act: impl FnOnce(&Known<'_>) -> T) -> T {
    catalog::with(|catalog| act(&Known { config, catalog, long_prompt, now: host::now() }))
}

/// The split of the version `version`, whose text is stored, with its date in seconds.
fn show_split(version: u64, text: &str) -> Value {
    let mut shown = parse(text);
    shown["version"] = version.into();
    shown["since"] = (shown["since"].as_u64().unwrap_or_default() / 1_000).into();
    shown
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn etag(changed: u64) -> String {
    ["\"", &changed.to_string(), "\""].concat()
}
