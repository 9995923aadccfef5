//! The stores whose entries an owner counts and deletes, and nobody reads: `/admin/cache` has stored answers, `/admin/samples` texts of
//! calls.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/cache` | for each route, how many answers are stored, their bytes, and for how long an answer is given |
//! | `GET /admin/samples` | for each route, how many samples there are, and until when |
//! | `DELETE` of one of both | deletes all of them |
//! | `DELETE …/routes/NAME` | those of a route, in all its versions |
//! | `DELETE …/accounts/NAME` | those of an account, as the list of calls names it |

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::unavailable;
use crate::access::admin::AdminRequest;
use crate::cache::CacheClient;
use crate::config::{Scope, Selection};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::platform::host;
use crate::samples::store as samples;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Answers,
    Samples,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    List(Store),
    Delete(Store, Selection),
}

impl Store {
    const ALL: [Self; 2] = [Self::Answers, Self::Samples];

    fn path(self) -> &'static str {
        match self {
            Self::Answers => "/admin/cache",
            Self::Samples => "/admin/samples",
        }
    }

    async fn list(self, request: &AdminRequest<'_>) -> Result<Vec<Value>, ApiError> {
        match self {
            Self::Answers => list_answers(request).await,
            Self::Samples => samples::list(request.env).await.map_err(unavailable),
        }
    }

    /// Returns how many there were.
    async fn delete(self, selection: &Selection, request: &AdminRequest<'_>) -> Result<u64, ApiError> {
        match self {
            Self::Answers => CacheClient::new(request.env).remove(selection).await.map_err(silent),
            Self::Samples => samples::delete(request.env, selection).await.map_err(unavailable),
        }
    }
}

impl Action {
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::List(_) => Scope::Read,
            Self::Delete(..) => Scope::Routes,
        }
    }
}

/// Decides what a request asks for. Returns nothing if it is about something else.
pub(super) fn read_action(method: &str, path: &str) -> Result<Option<Action>, ApiError> {
    let path = path.trim_end_matches('/');
    let below = |store: Store| path.strip_prefix(store.path()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some((store, rest)) = Store::ALL.into_iter().find_map(|store| Some((store, below(store)?))) else {
        return Ok(None);
    };
    let name = |before: &str| Some(percent_decode_str(rest.strip_prefix(before)?).decode_utf8_lossy().into_owned());
    let selection = match (name("/routes/"), name("/accounts/")) {
        (Some(route), _) => Selection::Route(route),
        (_, Some(account)) => Selection::Account(account),
        _ if rest.is_empty() => Selection::All,
        _ => {
            let message = ["this URL does not exist; GET ", store.path(), " shows what is stored"].concat();
            return Err(ApiError::new(Code::UnknownUrl, message));
        }
    };
    match (method, selection) {
        ("GET", Selection::All) => Ok(Some(Action::List(store))),
        ("DELETE", selection) => Ok(Some(Action::Delete(store, selection))),
        (_, Selection::All) => Err(ApiError::wrong_method("GET, DELETE")),
        _ => Err(ApiError::wrong_method("DELETE")),
    }
}

pub(super) async fn answer(action: Action, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    Ok(match action {
        Action::List(store) => Reply::json(200, list(store.list(request).await?)),
        Action::Delete(store, selection) => {
            Reply::json(200, json!({"deleted": store.delete(&selection, request).await?}))
        }
    })
}

/// A row for each route that stores its answers, and for each other one of which some are left: then `lifetime` is null.
async fn list_answers(request: &AdminRequest<'_>) -> Result<Vec<Value>, ApiError> {
    let mut stored = CacheClient::new(request.env).list().await.map_err(silent)?;
    for (name, _) in request.config.caches() {
        if stored.iter().all(|(route, _)| route != name) {
            stored.push((name.into(), [0, 0]));
        }
    }
    let row = |(route, [answers, bytes]): (String, [u64; 2])| {
        let of_route = request.config.caches().filter(|(name, _)| *name == route);
        let lifetime = of_route.map(|(_, lifetime)| lifetime / 1_000).max();
        json!({"route": route, "answers": answers, "bytes": bytes, "lifetime": lifetime})
    };
    Ok(stored.into_iter().map(row).collect())
}

/// The error for an object of the cache that does not answer.
fn silent(error: worker::Error) -> ApiError {
    host::log(&json!({"event": "cache", "error": error.to_string()}).to_string());
    ApiError::new(Code::CacheUnavailable, "some stored answers may be left: an object does not answer; try again")
}

#[cfg(test)]
mod tests {
    use super::{Action, Scope, Selection, Store, read_action};

    #[test]
    fn both_stores_have_the_same_requests() {
        for (base, store) in [("/admin/cache", Store::Answers), ("/admin/samples", Store::Samples)] {
            let read = |method: &str, rest: &str| {
                read_action(method, &[base, rest].concat()).map_err(|error| error.code.status())
            };
            let delete = |selection| Ok(Some(Action::Delete(store, selection)));
            assert_eq!(read("GET", "/"), Ok(Some(Action::List(store))));
            assert_eq!(read("DELETE", ""), delete(Selection::All));
            assert_eq!(read("DELETE", "/routes/a%20b/"), delete(Selection::Route("a b".into())));
            assert_eq!(read("DELETE", "/accounts/key:web%2F1"), delete(Selection::Account("key:web/1".into())));
            for (method, rest, status) in
                [("POST", "", 405), ("GET", "/routes/a", 405), ("DELETE", "/routes", 404), ("GET", "/all", 404)]
            {
                assert_eq!(read(method, rest), Err(status), "{method} {base}{rest}");
            }
            assert_eq!(read("GET", "x"), Ok(None));
            assert!(Action::List(store).scope() == Scope::Read);
            assert!(Action::Delete(store, Selection::All).scope() == Scope::Routes);
        }
    }
}
