//! `/admin/cache`: counts and removes stored answers. Nobody can read them here.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/cache` | for each route, how many answers are stored, and their bytes |
//! | `DELETE /admin/cache` | removes all of them |
//! | `DELETE /admin/cache/routes/NAME` | those of a route, in all its versions |
//! | `DELETE /admin/cache/accounts/NAME` | those of an account, as the list of calls names it |

use percent_encoding::percent_decode_str;
use serde_json::json;
use worker::Env;

use crate::access::admin::{Sender, check_purpose, check_scope};
use crate::cache::{CacheClient, Which};
use crate::config::{Config, Scope};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::http::request_head::RequestHead;
use crate::platform::host;

const CACHE: &str = "/admin/cache";

/// Whether `path` is one of `/admin/cache`.
pub(crate) fn is_about_cache(path: &str) -> bool {
    path.strip_prefix(CACHE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request of `sender`.
pub(crate) async fn answer(
    sender: &Sender<'_>,
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let path = head.path.trim_end_matches('/').strip_prefix(CACHE).unwrap_or_default();
    let decode = |name: &str| percent_decode_str(name).decode_utf8_lossy().into_owned();
    let (route, account) = (path.strip_prefix("/routes/").map(decode), path.strip_prefix("/accounts/").map(decode));
    let which = match (&route, &account) {
        (Some(route), _) => Which::OfRoute(route),
        (_, Some(account)) => Which::OfAccount(account),
        _ if path.is_empty() => Which::All,
        _ => {
            let message = "this URL does not exist; DELETE /admin/cache removes all stored answers";
            return Err(ApiError::new(Code::UnknownUrl, message));
        }
    };
    check_purpose(sender, request, head, config)?;
    let client = CacheClient::new(env);
    match &*head.method {
        "DELETE" => {
            check_scope(sender.admin, Scope::Routes)?;
            let removed = client.remove(which).await.map_err(unavailable)?;
            Ok(Reply::json(200, json!({"removed": removed})))
        }
        "GET" if path.is_empty() => {
            check_scope(sender.admin, Scope::Read)?;
            let stored = client.list().await.map_err(unavailable)?;
            let row = |(route, [answers, bytes]): (String, [u64; 2])| json!({"route": route, "answers": answers, "bytes": bytes});
            Ok(Reply::json(200, list(stored.into_iter().map(row).collect())))
        }
        _ => Err(ApiError::wrong_method(if path.is_empty() { "GET, DELETE" } else { "DELETE" })),
    }
}

fn unavailable(error: worker::Error) -> ApiError {
    host::log(&json!({"event": "cache", "error": error.to_string()}).to_string());
    ApiError::new(Code::CacheUnavailable, "some stored answers may be left: an object does not answer; try again")
}
