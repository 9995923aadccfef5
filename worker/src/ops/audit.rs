//! The audit log: what the owner changed with `/admin`, in the log and in the table `audit` of the ledger's database.

use serde_json::json;
use worker::Env;

use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::ledger::database;
use crate::platform::host;

/// The most bytes of a path. Every path that changes something is shorter.
const LONGEST: usize = 100;

/// Records a request to `/admin` that changed something, or tried to. A request without the admin token is no action of the
/// owner, and requests that only read change nothing.
pub(crate) async fn record(env: &Env, head: &RequestHead, answer: &Result<Reply, ApiError>) {
    let is_owners = !answer.as_ref().is_err_and(|error| is_stranger(error.code));
    if !is_owners || matches!(head.method.as_str(), "GET" | "HEAD") {
        return;
    }
    let status = answer.as_ref().map_or_else(|error| error.code.status(), |reply| reply.status);
    let path: String = head.path.chars().take(LONGEST).collect();
    let line = json!({"event": "admin", "id": head.id, "method": head.method, "path": path, "status": status});
    host::log(&line.to_string());
    if !database::exists(env) {
        return;
    }
    let insert = "INSERT INTO audit (at, request, method, path, status) VALUES (?1, ?2, ?3, ?4, ?5)";
    let at = host::now() as f64;
    let values =
        [at.into(), head.id.as_str().into(), head.method.as_str().into(), path.into(), f64::from(status).into()];
    // The change has happened already, so the answer does not depend on this row. The log has the same line.
    if let Err(error) = database::query(env, insert, &values).await {
        host::log(&json!({"event": "audit", "error": database::reason(&error)}).to_string());
    }
}

fn is_stranger(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidAdminToken
            | Code::TooManyAttempts
            | Code::AdminNotSetUp
            | Code::OriginNotAllowed
            | Code::UnknownUrl
    )
}
