//! The page's host: what the npm package exports, written with wasm-bindgen over the browser's own `fetch`.
//!
//! ```text
//!  exports ─▶ client ─▶ options ─▶ driver ─┬─ Action ──▶ connection ─▶ fetch, reader
//!                                          ├─ Action ──▶ timer
//!                                          ◀─ Input ──── connection, timer, signal
//!                                          └─ chunks ──▶ stream ─▶ the reader's promises
//! ```
//!
//! | file | contents |
//! |---|---|
//! | `exports` | the functions of the package |
//! | `client` | a client: its default options, and what it remembers between calls |
//! | `options`, `upstreams`, `values` | from JavaScript's options to a request, a policy and upstreams |
//! | `driver` | performs the actions of one [`Call`](crate::Call) and reports what happened |
//! | `connection`, `timer`, `catalog` | the I/O of a call: requests, the one timer, model info |
//! | `stream` | the streamed answer |
//! | `fetch` | the `fetch` for SDKs |
//! | `error`, `callbacks`, `page`, `promise` | `ChatError`; `onAttempt`, `onFallback` and the warning; what a page can know of itself; promises |
//!
//! The JavaScript beside this (`pkg-template/`) loads the module and adds what Rust cannot express: `class ChatError
//! extends Error` and the async iterators.

mod allocator;
mod callbacks;
mod catalog;
mod client;
mod connection;
mod driver;
mod error;
pub mod exports;
mod fetch;
mod options;
mod page;
mod promise;
mod stream;
mod timer;
mod upstreams;
mod values;

pub use client::Client;
pub use stream::{ChatStream, Form};
