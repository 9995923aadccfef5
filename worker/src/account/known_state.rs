//! What this isolate knows of the owner's decisions for the whole edge: a pause, revoked sessions, and the number of the last
//! change of a stored route. Running calls finish.
//!
//! The object of the edge knows the decisions. An isolate remembers them for a short time. A request that finds them old waits
//! for new ones, so an isolate that was idle does not start a call while the edge is paused.

use std::cell::RefCell;

use failsoft::Millis;
use worker::Env;

use super::client::{AccountClient, unavailable};
use super::edge_state::EdgeState;
use super::message::{Answer, Message};
use super::shared_budget::EDGE;
use crate::config::{Access, Config};
use crate::http::api_error::{ApiError, Code};
use crate::platform::executor::boxed;
use crate::platform::host;

/// How long an isolate relies on an answer, in milliseconds. A decision reaches every isolate within this time.
const AGE: Millis = 3_000;

/// When a client may try again while the edge is paused, in milliseconds.
const RETRY_AFTER: Millis = 60_000;

thread_local! {
    /// The last answer of the object, and when this isolate asked for it.
    static KNOWN: RefCell<Option<(Millis, EdgeState)>> = const { RefCell::new(None) };
}

/// Refuses a call while the edge is paused.
///
/// # Errors
/// The edge is paused, or its object does not say whether it is.
pub(crate) async fn check_pause(config: &Config, env: &Env) -> Result<(), ApiError> {
    let Access::Keys(ways) = &config.access else { return Ok(()) };
    // Without an admin nobody can pause the edge.
    if ways.admins.is_empty() || with_state(env, |state| state.pause).await?.is_none() {
        return Ok(());
    }
    let mut error =
        ApiError::new(Code::Paused, "the owner has paused this edge; running calls finish, and no new call starts");
    error.retry_after = Some(RETRY_AFTER);
    Err(error)
}

/// Whether the session with the id `name` is revoked, or the device's key whose object has this name.
///
/// # Errors
/// The object of the edge does not answer.
pub(crate) async fn is_session_revoked(name: &str, env: &Env) -> Result<bool, ApiError> {
    with_state(env, |state| state.is_revoked(name)).await
}

/// The number of the last change of a stored route. 0: no route is stored.
///
/// # Errors
/// The object of the edge does not answer.
pub(crate) async fn last_route_change(config: &Config, env: &Env) -> Result<u64, ApiError> {
    if config.may_store_routes() { with_state(env, |state| state.routes).await } else { Ok(0) }
}

/// Calls `read` with decisions that are new enough.
async fn with_state<T>(env: &Env, read: impl FnOnce(&EdgeState) -> T) -> Result<T, ApiError> {
    let now = host::now();
    let is_known = KNOWN.with_borrow(|known| known.as_ref().is_some_and(|(asked, _)| now < asked + AGE));
    if !is_known {
        boxed(AccountClient::new(env).send_to_edge(&Message::ReadState)).await?;
    }
    KNOWN.with_borrow(|known| known.as_ref().map(|(_, state)| read(state)).ok_or_else(unavailable))
}

impl AccountClient {
    /// Pauses the edge, or resumes it. Returns since when it is paused.
    pub(crate) async fn set_pause(&self, is_paused: bool) -> Result<Option<Millis>, ApiError> {
        self.send_to_edge(&Message::SetPause { since: is_paused.then(host::now) }).await
    }

    /// Asks since when the edge is paused.
    pub(crate) async fn read_pause(&self) -> Result<Option<Millis>, ApiError> {
        self.send_to_edge(&Message::ReadState).await
    }

    /// Announces the change `number` of a stored route to all isolates.
    pub(crate) async fn announce_routes(&self, number: u64) -> Result<(), ApiError> {
        self.send_to_edge(&Message::AnnounceRoutes { number }).await.map(drop)
    }

    /// Revokes the session with the id `name`, or the sessions of a device's key, whose object has this name.
    ///
    /// # Errors
    /// Too many sessions are revoked, or the object does not answer.
    pub(crate) async fn revoke_sessions(&self, name: &str) -> Result<(), ApiError> {
        self.send_to_edge(&Message::RevokeSession { id: name.into() }).await.map(drop)
    }

    /// Sends `message` to the object of the edge, and remembers the state in its answer. Returns since when the edge is paused.
    async fn send_to_edge(&self, message: &Message) -> Result<Option<Millis>, ApiError> {
        // The answer is as old as the question.
        let asked = host::now();
        match self.send(EDGE, message).await {
            Ok(Answer::State(state)) => {
                let pause = state.pause;
                KNOWN.set(Some((asked, state)));
                Ok(pause)
            }
            Ok(Answer::Full) => {
                let message = "too many sessions are revoked; a new SESSION_SECRET revokes all sessions";
                Err(ApiError::new(Code::TooManySessions, message))
            }
            Ok(_) | Err(_) => Err(unavailable()),
        }
    }
}
