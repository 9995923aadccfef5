//! `/admin/samples`: how many texts of calls are kept, and their deletion. No request shows a text.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/samples` | how many samples each route has |
//! | `DELETE /admin/samples` | deletes all |
//! | `DELETE /admin/samples/routes/NAME`, `…/accounts/NAME` | deletes those of a route, or of an account |

use percent_encoding::percent_decode_str;
use serde_json::json;
use worker::Env;

use crate::access::admin::{Sender, check_purpose, check_scope};
use crate::admin::unavailable;
use crate::config::{Config, Scope};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::http::request_head::RequestHead;
use crate::samples::store::{self, Which};

const SAMPLES: &str = "/admin/samples";

/// Whether `path` is one of `/admin/samples`.
pub(crate) fn is_about_samples(path: &str) -> bool {
    path.strip_prefix(SAMPLES).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request of `sender`.
pub(crate) async fn answer(
    sender: &Sender<'_>,
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    check_purpose(sender, request, head, config)?;
    let rest = head.path.trim_end_matches('/').strip_prefix(SAMPLES).unwrap_or_default();
    let decoded = percent_decode_str(rest).decode_utf8_lossy();
    let which = match (decoded.strip_prefix("/routes/"), decoded.strip_prefix("/accounts/")) {
        (Some(name), _) => Which::Route(name),
        (_, Some(name)) => Which::Account(name),
        _ if rest.is_empty() => Which::All,
        _ => return Err(ApiError::new(Code::UnknownUrl, "this URL does not exist; GET /admin/samples lists samples")),
    };
    match (head.method.as_str(), which) {
        ("GET", Which::All) => {
            check_scope(sender.admin, Scope::Read)?;
            Ok(Reply::json(200, list(store::list(env).await.map_err(unavailable)?)))
        }
        ("DELETE", which) => {
            check_scope(sender.admin, Scope::Routes)?;
            let deleted = store::delete(env, which).await.map_err(unavailable)?;
            Ok(Reply::json(200, json!({"deleted": deleted})))
        }
        (_, Which::All) => Err(ApiError::wrong_method("GET, DELETE")),
        _ => Err(ApiError::wrong_method("DELETE")),
    }
}
