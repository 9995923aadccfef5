//! Calls that an SDK repeats. Some SDKs send a failed request again, whatever `x-should-retry` says: the AI SDK twice,
//! LangChain six times, @openrouter/sdk for an hour. failsoft has asked all models of the chain already, so a repetition gets
//! the same failure from memory.

use wasm_bindgen::JsValue;

use crate::{Failure, Millis};

/// A repetition comes within this time, in milliseconds. The pauses of an SDK grow, so the time grows with them.
const FIRST_PAUSE: Millis = 10_000;

/// After this time, in milliseconds, the models are asked again in any case.
const LONGEST: Millis = 130_000;

/// failsoft itself waits this long for a model, in milliseconds. A longer wait is for the SDK: after the wait, the call is new.
const SHORT_WAIT: Millis = 2_000;

/// The most failures that a client remembers.
const MOST: usize = 16;

/// What makes two requests of an SDK the same call: the URL, the key, and the text of the body.
pub(super) type Identity = (String, String, JsValue);

/// A call that failed, and its repetitions.
#[derive(Debug)]
struct Repeat {
    call: Identity,
    began_at: Millis,
    /// When the models were last asked.
    asked_at: Millis,
    /// When the failure was last given.
    given_at: Millis,
    failure: Box<Failure>,
}

/// The failures of calls that an SDK may repeat.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<Repeat>);

impl Repeats {
    /// The failure of `call`, if the call is a repetition. Its wait is what is left of the wait.
    pub(super) fn find(&mut self, call: &Identity, now: Millis) -> Option<Box<Failure>> {
        self.0.retain(|repeat| repeat.goes_on(now));
        let repeat = self.0.iter_mut().find(|repeat| repeat.call == *call)?;
        let age = now.saturating_sub(repeat.asked_at);
        if age >= repeat.wait().unwrap_or(LONGEST).min(LONGEST) {
            return None;
        }
        repeat.given_at = now;
        let mut failure = repeat.failure.clone();
        failure.retry_after = failure.retry_after.map(|wait| wait.saturating_sub(age));
        Some(failure)
    }

    /// Notes how `call` ended.
    pub(super) fn record(&mut self, call: Identity, failure: Option<&Failure>, now: Millis) {
        let known = self.0.iter().position(|repeat| repeat.call == call).map(|at| self.0.remove(at));
        let Some(failure) = failure.filter(|failure| failure.is_repeated_by_sdks()) else { return };
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        let began_at = known.map_or(now, |known| known.began_at);
        self.0.push(Repeat { call, began_at, asked_at: now, given_at: now, failure: Box::new(failure.clone()) });
    }
}

impl Repeat {
    /// The wait that is left to the SDK.
    fn wait(&self) -> Option<Millis> {
        self.failure.retry_after.filter(|wait| *wait > SHORT_WAIT)
    }

    /// The next repetition may still come.
    fn goes_on(&self, now: Millis) -> bool {
        let pause =
            FIRST_PAUSE.max(3 * self.given_at.saturating_sub(self.began_at)).max(self.wait().unwrap_or_default());
        now.saturating_sub(self.given_at) <= pause
    }
}
