//! Breakers that all isolates share. No request waits for another isolate.
//!
//! ```text
//!  isolate ── IsolateState and breakers ──▶ calls
//!               │  ▲
//!       message │  │ answer        behind a response, never before it
//!               ▼  │
//!             object ── SharedBreakers ── rows in its storage
//! ```
//!
//! An isolate decides by what it knows. After a call, it reports the outcomes to one Durable Object and learns what the
//! other isolates reported. So a model that is down costs a few calls in all, and not a few calls in each isolate.
//!
//! The object decides which isolate may probe a model whose breaker is open: its answer gives the probe to one isolate,
//! and the others leave the model out. The probe goes to an isolate that wanted the model recently and will not send
//! another message before the wait is over, so that the isolate with the probe also uses it.
//!
//! If the object is missing or does not answer, an isolate goes on with what it sees itself.

mod client;
mod isolate;
mod message;
mod object;
mod shared;
mod witnesses;

pub(crate) use client::{BreakerClient, with_known};
pub(crate) use isolate::without_probes;
pub(crate) use message::Message;

use failsoft::Millis;

/// How old the known states of the shared breakers may be before a call refreshes them after its end, in milliseconds.
const AGE: Millis = 1_000;
