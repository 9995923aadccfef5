//! `/admin`: what owners may do. A request takes one path, so no endpoint can forget a check:
//!
//! ```text
//!  admit ──▶ read ──▶ authorize ──▶ answer ──▶ audit log, if the request changes something
//!    │         │          │
//!    │ 401     │ 404, 405 │ 403: the scope, or a page that may not use the session
//! ```
//!
//! An endpoint gets an [`AdminRequest`], which only `authorize` makes. The dashboard's figures are in `ops::dashboard`; client keys,
//! admin sessions and the pause are in `access::admin`; what needs the whole edge is here.

pub(crate) mod experiments;
mod routes;
mod statistics;
mod stores;

use std::rc::Rc;

use serde_json::json;
use worker::Env;

use crate::access::admin::{self as owner, AdminRequest, admit};
use crate::config::{Config, Scope};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::ledger::database;
use crate::ops::{audit, dashboard};
use crate::platform::executor::boxed;
use crate::platform::host;

/// What a request asks for.
enum Action<'a> {
    View(dashboard::View),
    Experiment(experiments::Action<'a>),
    Route(routes::Action<'a>),
    Store(stores::Action),
    /// Client keys, sessions, and the pause.
    Owner(owner::Action<'a>),
}

impl<'a> Action<'a> {
    /// Decides what a request asks for. The error for a wrong request names what is right.
    fn read(method: &str, path: &'a str) -> Result<Self, ApiError> {
        if let Some(view) = dashboard::read_view(method, path)? {
            return Ok(Self::View(view));
        }
        // Experiments are below routes.
        if let Some(action) = experiments::read_action(method, path)? {
            return Ok(Self::Experiment(action));
        }
        if let Some(action) = routes::read_action(method, path)? {
            return Ok(Self::Route(action));
        }
        if let Some(action) = stores::read_action(method, path)? {
            return Ok(Self::Store(action));
        }
        owner::read_action(method, path).map(Self::Owner)
    }

    /// The scope that the sender needs; nothing, if every admin may ask for this.
    fn scope(&self) -> Option<Scope> {
        match self {
            Self::View(_) => Some(Scope::Read),
            Self::Experiment(action) => Some(action.scope()),
            Self::Route(action) => Some(action.scope()),
            Self::Store(action) => Some(action.scope()),
            Self::Owner(action) => action.scope(),
        }
    }

    /// Whether a request that is no `GET` changes something.
    fn changes(&self) -> bool {
        match self {
            Self::Route(action) => action.changes(),
            Self::View(_) | Self::Experiment(_) | Self::Store(_) | Self::Owner(_) => true,
        }
    }

    async fn answer(self, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
        match self {
            Self::View(view) => dashboard::answer(view, &request.request.url(), request.config, request.env).await,
            Self::Experiment(action) => experiments::answer(action, request).await,
            Self::Route(action) => routes::answer(action, request).await,
            Self::Store(action) => stores::answer(action, request).await,
            Self::Owner(action) => owner::answer(action, request).await,
        }
    }
}

/// Answers a request to `/admin`.
pub(crate) async fn answer(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Rc<Config>,
    env: &Env,
) -> Result<Reply, ApiError> {
    let sender = admit(config, request, &head.caller, env).await?;
    let action = Action::read(&head.method, &head.path);
    let reads = matches!(head.method.as_str(), "GET" | "HEAD");
    let is_recorded = !reads && action.as_ref().map_or(true, Action::changes);
    let answer = async {
        let action = action?;
        let request = sender.authorize(action.scope(), request, head, config, env)?;
        boxed(action.answer(&request)).await
    };
    let answer = answer.await;
    if is_recorded {
        audit::record(env, sender.admin, head, &answer).await;
    }
    answer
}

/// The error for a database that does not answer.
fn unavailable(error: worker::Error) -> ApiError {
    host::log(&json!({"event": "routes", "error": database::reason(&error)}).to_string());
    let message = "the database does not answer, or lacks tables: `wrangler d1 migrations apply failsoft`";
    ApiError::new(Code::RoutesUnavailable, message)
}

#[cfg(test)]
mod tests {
    use super::{Action, Scope};

    #[test]
    fn each_request_needs_its_scope_and_the_audit_log_has_what_changes_something() {
        let (read, keys, routes) = (Some(Scope::Read), Some(Scope::Keys), Some(Scope::Routes));
        for (method, path, scope, changes) in [
            ("GET", "/admin/overview", read, true),
            ("GET", "/admin/routes/a/experiments", read, true),
            ("POST", "/admin/routes/a/experiments/x/stop", routes, true),
            ("DELETE", "/admin/routes/a/experiments/x", routes, true),
            ("POST", "/admin/routes/a/dry-run", read, false),
            ("PUT", "/admin/routes/a", routes, true),
            ("DELETE", "/admin/cache", routes, true),
            ("GET", "/admin/samples", read, true),
            ("POST", "/admin/keys", keys, true),
            ("POST", "/admin/pause", routes, true),
            ("POST", "/admin/session", None, true),
        ] {
            let action = Action::read(method, path).expect(path);
            assert_eq!((action.scope(), action.changes()), (scope, changes), "{method} {path}");
        }
        for (method, path, status) in [
            ("POST", "/admin/overview", 405),
            ("GET", "/admin", 404),
            ("GET", "/admin/keysx", 404),
            ("PUT", "/admin/cache", 405),
        ] {
            let error = Action::read(method, path).err().expect(path);
            assert_eq!(error.code.status(), status, "{method} {path}");
        }
    }
}
