//! failsoft keeps an LLM chat answering: model fallback, soft-failure detection and an honest streaming reader for
//! OpenRouter and any OpenAI-compatible API.
//!
//! This crate is the core: pure, without I/O, a clock, randomness or async. A host (the page, the Worker at the edge, or a
//! test) owns a [`Call`], performs its actions, and reports what happened:
//!
//! ```text
//!            Action: Send, Read, Yield, Relay, Cancel, Wait, Done
//!          ┌───────────────────────────────────────────────────────▶ host: fetch, timers, the reader
//!   Call ──┤
//!          └◀─────────────────────────────────────────────────────── host
//!            Input: Head, Bytes, End, Failed, Woken, Aborted
//! ```
//!
//! A whole call. The first model is overloaded, and the second answers:
//!
//! ```
//! use std::sync::Arc;
//! use failsoft::{Action, Breakers, Call, Catalog, ChatRequest, Dialect, Context, Headers, Input, Json, Policy, Upstream};
//!
//! let body = r#"{
//!     "models": ["openai/gpt-4o", "openai/gpt-4o-mini"],
//!     "messages": [{"role": "user", "content": "Hello?"}]
//! }"#;
//! let request = ChatRequest::read(Json::parse(body).unwrap())?;
//! let upstreams = vec![Upstream::new(Dialect::OpenAi, "https://api.example/v1", Some("sk-…".into()))];
//! let (catalog, mut breakers) = (Catalog::default(), Breakers::default());
//! let context = Context { upstreams: Arc::new(upstreams), catalog: &catalog, breakers: &mut breakers };
//! let mut call = Call::new(request, Arc::default(), context, 7, 1_000);
//!
//! let Action::Send { attempt, request } = call.poll(1_000) else { panic!() };
//! assert!(request.body.contains(r#""model":"openai/gpt-4o""#));
//! call.handle(1_020, Input::Head { attempt, status: 503, headers: Headers::default() });
//! let Action::Read { attempt } = call.poll(1_020) else { panic!() };
//! call.handle(1_021, Input::End { attempt });
//!
//! let Action::Send { attempt, request } = call.poll(1_021) else { panic!() };
//! assert!(request.body.contains(r#""model":"openai/gpt-4o-mini""#));
//! call.handle(1_050, Input::Head { attempt, status: 200, headers: Headers::default() });
//! let Action::Read { attempt } = call.poll(1_050) else { panic!() };
//! let answer = br#"{"model": "openai/gpt-4o-mini", "choices": [{"index": 0, "message": {"content": "Yes?"}, "finish_reason": "stop"}]}"#;
//! call.handle(1_400, Input::Bytes { attempt, bytes: answer });
//! let Action::Read { attempt } = call.poll(1_400) else { panic!() };
//! call.handle(1_400, Input::End { attempt });
//!
//! let Action::Done(outcome) = call.poll(1_400) else { panic!() };
//! assert!(outcome.report.fallback && outcome.report.attempts.len() == 2);
//! assert!(outcome.result.unwrap().completion().contains(r#""content": "Yes?""#));
//! # Ok::<(), Box<failsoft::Invalid>>(())
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`call`] | the state machine, with a diagram of its states: takeover, retry, recovery, the commit point |
//! | `chain` | the models of a call, and why a model leaves the chain |
//! | `attempt`, `resume` | one request in flight; where a new answer resumes the text of a stream that broke |
//! | [`request`], [`upstream`], [`http`] | the caller's request; where it goes; what the host sends |
//! | `lane` | how a stream reaches the reader after the commit point |
//! | [`sse`], `events`, [`chunk`], [`reader`] | from bytes to events, chunks and an answer |
//! | [`failure`] | the table of failure kinds; status codes and the peculiarities of providers; `Retry-After` |
//! | [`verdict`], [`schema`], `judge` | the rules for an answer that arrived with a 200; what is a refusal; the score of a judge |
//! | `shape` | the shape in which a client reads answers and errors: OpenAI's or OpenRouter's |
//! | [`policy`], [`breaker`], [`catalog`], [`tokens`] | limits; which models have to rest; what is known about models; the size of a prompt |
//! | `protocol` | Responses and Messages, with the feature `protocols` |
//! | `redaction` | answers without what belongs to the owner of an upstream's key |
//! | [`report`], `role`, `usd` | what happened; what an attempt is for; amounts of money |
//! | `stored` | answers that a cache stores, with the feature `protocols` |
//! | `repeats` | failed calls that an SDK repeats, answered from memory |
//! | [`json`], `text`, `date`, [`invalid`], `near_miss` | basic modules: JSON in place, strings, dates, errors of input, near misses |
//!
//! No two modules import each other (`tests/architecture.rs`).

mod attempt;
pub mod breaker;
#[cfg(feature = "browser")]
pub mod browser;
pub mod call;
pub mod catalog;
mod chain;
pub mod chunk;
mod date;
mod events;
pub mod failure;
pub mod http;
pub mod invalid;
pub mod json;
mod judge;
mod lane;
mod learned;
mod near_miss;
pub mod policy;
#[cfg(feature = "protocols")]
pub mod protocol;
pub mod reader;
mod redaction;
mod repeats;
pub mod report;
pub mod request;
mod resume;
mod role;
pub mod schema;
mod shape;
pub mod sse;
#[cfg(feature = "protocols")]
mod stored;
mod text;
pub mod tokens;
pub mod upstream;
mod usage;
mod usd;
pub mod verdict;

pub use attempt::AttemptId;
pub use breaker::Breakers;
#[cfg(feature = "protocols")]
pub use call::Turn;
pub use call::{Action, Answer, Call, Disclosure, Input, Outcome};
pub use catalog::Catalog;
pub use chain::Context;
pub use chunk::Chunks;
pub use failure::{Failure, Kind};
pub use http::{Headers, HttpRequest};
pub use invalid::Invalid;
pub use json::Json;
pub use lane::Lane;
pub use policy::Policy;
pub use repeats::Repeats;
pub use report::Report;
pub use request::ChatRequest;
pub use role::Role;
pub use shape::Shape;
#[cfg(feature = "protocols")]
pub use stored::{is_worth_storing, replay};
pub use upstream::{Dialect, Upstream};
pub use usd::Usd;

/// Milliseconds. A point in time is in milliseconds since the UNIX epoch.
pub type Millis = u64;
