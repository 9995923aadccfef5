//! Breakers that all isolates share, and that no request waits for.
//!
//! ```text
//!  isolate ── Local ── admits, learns by itself ──▶ calls
//!               │  ▲
//!       message │  │ answer            behind a response, never before it
//!               ▼  │
//!             Object ── Shared ── rows in its storage
//! ```
//!
//! An isolate decides by what it remembers. Behind a call it tells one Durable Object what the call taught, and takes
//! over what all others have told. So a model that is down costs a few calls in all, not a few for each isolate.
//!
//! Who may probe a model that is open is up to the object: it hands the probe to one isolate, with an answer. An isolate
//! that has not got it leaves the model alone. The probe goes to an isolate that has wanted the model lately and is not
//! expected back before the time has come, so that whoever has it also comes by to use it.
//!
//! Without the object, or while it cannot be reached, an isolate goes on with what it sees itself.

mod local;
mod message;
mod object;
mod shared;

pub(crate) use local::{Local, onlooker};
pub(crate) use message::Message;
pub(crate) use object::Link;

use std::cell::RefCell;

use failsoft::Millis;

/// A copy of what all isolates know is renewed behind a call when it is older than this, in milliseconds.
const AGE: Millis = 1_000;

thread_local! {
    static KNOWN: RefCell<(failsoft::Breakers, Local)> = RefCell::default();
}

/// Calls `act` with the breakers that this isolate knows, and with what it knows about other isolates.
pub(crate) fn with_known<T>(act: impl FnOnce(&mut failsoft::Breakers, &mut Local) -> T) -> T {
    KNOWN.with_borrow_mut(|(breakers, local)| act(breakers, local))
}
