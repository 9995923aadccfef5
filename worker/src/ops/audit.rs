//! The audit log: who changed what with `/admin`, in the log and in the table `audit` of the ledger's database.

use serde_json::json;
use worker::Env;

use crate::config::Admin;
use crate::http::api_error::ApiError;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::ledger::database;
use crate::platform::host;

/// The most bytes of a path. Every path that changes something is shorter.
const LONGEST: usize = 100;

/// Records a request of `admin` that changed something, or tried to.
pub(crate) async fn record(env: &Env, admin: &Admin, head: &RequestHead, answer: &Result<Reply, ApiError>) {
    let status = answer.as_ref().map_or_else(|error| error.code.status(), |reply| reply.status);
    let path: String = head.path.chars().take(LONGEST).collect();
    let name = admin.name.as_str();
    let line =
        json!({"event": "admin", "id": head.id, "admin": name, "method": head.method, "path": path, "status": status});
    host::log(&line.to_string());
    if !database::exists(env) {
        return;
    }
    let insert = "INSERT INTO audit (at, admin, request, method, path, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (at, status) = (host::now() as f64, f64::from(status));
    let (request, method) = (head.id.as_str(), head.method.as_str());
    let values = [at.into(), name.into(), request.into(), method.into(), path.into(), status.into()];
    // The change has happened already, so the answer does not depend on this row. The log has the same line.
    if let Err(error) = database::query(env, insert, &values).await {
        host::log(&json!({"event": "audit", "error": database::reason(&error)}).to_string());
    }
}
