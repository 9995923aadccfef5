//! The client of the accounts' objects: sends messages from an isolate to the object of an account or a route.

use std::time::Duration;

use failsoft::Millis;
use serde_json::json;
use worker::{Delay, Env};

use super::limits::Limits;
use super::message::{Answer, Message};
use crate::config::{ACCOUNTS, Account};
use crate::http::api_error::{ApiError, Code};
use crate::platform::host;
use crate::platform::object::Objects;

/// How long the object waits after the longest time of a call before it settles the call itself, in milliseconds.
pub(super) const MARGIN: Millis = 30_000;
/// Pauses before a message that did not arrive is sent again, in milliseconds.
pub(super) const PAUSES: [Millis; 3] = [1_000, 4_000, 15_000];

/// The client of the accounts' objects. Without the binding there are no objects.
#[derive(Clone, Debug)]
pub(crate) struct AccountClient(Option<Objects>);

impl AccountClient {
    pub(crate) fn new(env: &Env) -> Self {
        Self(Objects::bound(env, ACCOUNTS))
    }

    /// A client without objects.
    #[cfg(test)]
    pub(super) fn unbound() -> Self {
        Self(None)
    }

    pub(super) fn is_bound(&self) -> bool {
        self.0.is_some()
    }

    /// Asks how much of its limits `account` has used. Returns JSON text.
    pub(crate) async fn fetch_usage(&self, account: &Account) -> Result<String, ApiError> {
        match self.send(&account.name, &Message::Usage { limits: Limits::from(&account.budget) }).await {
            Ok(Answer::Usage(text)) => Ok(text),
            _ => Err(unavailable()),
        }
    }

    /// Counts a refused call against the minute limit of `account`, if it has one. Returns the error if the limit is used up.
    pub(crate) async fn count_refusal(&self, account: &Account) -> Option<ApiError> {
        account.budget.requests.minute?;
        match self.send(&account.name, &Message::Refuse { limits: Limits::from(&account.budget) }).await {
            Ok(Answer::Exceeded(exceeded)) => Some(exceeded.to_error("account")),
            // The call is refused in any case.
            Ok(_) | Err(_) => None,
        }
    }

    /// Sends `message` to the object `name`.
    pub(super) async fn send(&self, name: &str, message: &Message) -> worker::Result<Answer> {
        self.0.as_ref().ok_or("the binding ACCOUNTS is missing")?.send(name, message).await
    }

    /// Sends `message`, and sends it again after each of the [`PAUSES`] until it arrives. For messages behind a response,
    /// which may take their time.
    pub(super) async fn send_until_it_arrives(&self, name: &str, message: &Message) {
        let mut pauses = PAUSES.iter();
        while let Err(error) = self.send(name, message).await {
            let Some(pause) = pauses.next() else {
                // The object settles the hold when the hold expires.
                return host::log(&json!({"event": "account", "told": false, "error": error.to_string()}).to_string());
            };
            Delay::from(Duration::from_millis(*pause)).await;
        }
    }
}

/// The error where the object of an account with a budget does not answer.
pub(super) fn unavailable() -> ApiError {
    let message = "the budget of this account cannot be checked at the moment, so the call was not made; try again";
    let mut error = ApiError::new(Code::BudgetUnavailable, message);
    error.retry_after = Some(1_000);
    error
}
