//! The owner's endpoints that need the whole edge: stored routes, stored answers, samples of calls, and experiments. Client keys and
//! the pause are in `access::admin`.

pub(crate) mod cache;
pub(crate) mod experiments;
pub(crate) mod routes;
pub(crate) mod samples;
mod statistics;

use serde_json::json;

use crate::http::api_error::{ApiError, Code};
use crate::ledger::database;
use crate::platform::host;

/// The error for a database that does not answer.
fn unavailable(error: worker::Error) -> ApiError {
    host::log(&json!({"event": "routes", "error": database::reason(&error)}).to_string());
    let message = "the database does not answer, or lacks tables: `wrangler d1 migrations apply failsoft`";
    ApiError::new(Code::RoutesUnavailable, message)
}
