//! The kill switch: the owner pauses the edge, and within seconds no isolate starts a call. Running calls finish.
//!
//! The object of the edge knows whether the edge is paused. An isolate remembers the answer for a short time. A call that finds
//! the answer old waits for a new one, so an isolate that was idle does not start a call while the edge is paused.

use std::cell::Cell;

use failsoft::Millis;
use worker::Env;

use super::client::{AccountClient, unavailable};
use super::message::{Answer, Message};
use super::shared_budget::EDGE;
use crate::config::{Access, Config};
use crate::http::api_error::{ApiError, Code};
use crate::platform::executor::boxed;
use crate::platform::host;

/// How long an isolate relies on an answer, in milliseconds. A pause reaches every isolate within this time.
const AGE: Millis = 3_000;

/// When a client may try again while the edge is paused, in milliseconds.
const RETRY_AFTER: Millis = 60_000;

/// Since when the edge is paused, if it is.
pub(crate) type Pause = Option<Millis>;

thread_local! {
    /// The last answer of the object, and when this isolate asked for it.
    static KNOWN: Cell<Option<(Millis, Pause)>> = const { Cell::new(None) };
}

/// Refuses a call while the edge is paused. Without the secret `ADMIN_TOKEN` nobody can pause the edge.
///
/// # Errors
/// The edge is paused, or its object does not say whether it is.
pub(crate) async fn check_pause(config: &Config, env: &Env) -> Result<(), ApiError> {
    let Access::Keys(ways) = &config.access else { return Ok(()) };
    if ways.admin.is_none() {
        return Ok(());
    }
    let now = host::now();
    let known = KNOWN.get().filter(|(asked, _)| now < asked + AGE);
    let pause = match known {
        Some((_, pause)) => pause,
        None => boxed(AccountClient::new(env).read_pause()).await?,
    };
    if pause.is_none() {
        return Ok(());
    }
    let mut error =
        ApiError::new(Code::Paused, "the owner has paused this edge; running calls finish, and no new call starts");
    error.retry_after = Some(RETRY_AFTER);
    Err(error)
}

impl AccountClient {
    /// Pauses the edge, or resumes it. Returns since when it is paused.
    pub(crate) async fn set_pause(&self, is_paused: bool) -> Result<Pause, ApiError> {
        self.ask_pause(&Message::SetPause { since: is_paused.then(host::now) }).await
    }

    /// Asks since when the edge is paused.
    pub(crate) async fn read_pause(&self) -> Result<Pause, ApiError> {
        self.ask_pause(&Message::ReadPause).await
    }

    async fn ask_pause(&self, message: &Message) -> Result<Pause, ApiError> {
        // The answer is as old as the question.
        let asked = host::now();
        match self.send(EDGE, message).await {
            Ok(Answer::Pause(pause)) => {
                KNOWN.set(Some((asked, pause)));
                Ok(pause)
            }
            Ok(_) | Err(_) => Err(unavailable()),
        }
    }
}
