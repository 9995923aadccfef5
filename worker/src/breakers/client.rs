//! The client of the breakers' object, and what this isolate knows about the breakers.

use std::cell::RefCell;

use failsoft::Breakers;
use serde_json::json;
use worker::Env;

use super::isolate::IsolateState;
use super::message::Message;
use crate::platform::host;
use crate::platform::object::Objects;

/// The binding of the object.
const BINDING: &str = "BREAKERS";
/// The name of the one object that all isolates share.
const NAME: &str = "breakers";

thread_local! {
    static KNOWN: RefCell<(Breakers, IsolateState)> = RefCell::default();
}

/// Calls `act` with the breakers that this isolate knows, and with what it knows about other isolates.
pub(crate) fn with_known<T>(act: impl FnOnce(&mut Breakers, &mut IsolateState) -> T) -> T {
    KNOWN.with_borrow_mut(|(breakers, state)| act(breakers, state))
}

/// The client of the breakers' object. Without the binding there is no object.
#[derive(Debug)]
pub(crate) struct BreakerClient(Option<Objects>);

impl BreakerClient {
    pub(crate) fn new(env: &Env) -> Self {
        Self(Objects::bound(env, BINDING))
    }

    /// The state of each breaker, as a JSON array of `{"name", "failures"}` for one that is closed and `{"name", "wait"}` for one
    /// that is still open for `wait` milliseconds. Without an object the array is empty. The message is an empty report, which
    /// changes nothing.
    ///
    /// # Errors
    /// The object does not answer.
    pub(crate) async fn list(&self) -> worker::Result<String> {
        match &self.0 {
            Some(objects) => objects.send_text(NAME, "{}").await,
            None => Ok("[]".into()),
        }
    }

    /// Sends `message`, and applies the answer to what this isolate knows.
    pub(crate) async fn report(&self, Message { number, text }: Message) {
        let Some(objects) = &self.0 else { return };
        let answer = objects.send_text(NAME, &text).await;
        let is_lost =
            with_known(|breakers, state| state.apply_answer(breakers, number, answer.as_deref().ok(), host::now()));
        if let (true, Err(error)) = (is_lost, answer) {
            host::log(&json!({"event": "breakers", "shared": false, "error": error.to_string()}).to_string());
        }
    }
}
