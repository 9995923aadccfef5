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
//! | `client`, `memory` | a client: its default options, and what it remembers between calls |
//! | `options`, `upstreams`, `values` | from JavaScript's options to a request, a policy and upstreams |
//! | `driver`, `driver/state`, `driver/finish` | performs the actions of one [`Call`](crate::Call) and reports what happened; its states; its end |
//! | `driver/requests`, `driver/connection`, `driver/lookup`, `timer` | the I/O of a call: requests, model info, the one timer |
//! | `stream`, `driver/outbox` | the streamed answer, and the promises of its reader |
//! | `fetch`, `forward`, `shape` | the `fetch` for SDKs; what goes to an edge as it is; what a strict SDK accepts |
//! | `error`, `misuse`, `callbacks` | `ChatError`; wrong options; `onAttempt`, `onFallback` and the warning |
//! | `page`, `promise` | what a page can know of itself; promises |
//!
//! The JavaScript beside this (`pkg-template/`) loads the module and adds what Rust cannot express: `class ChatError
//! extends Error` and the async iterators.

mod allocator;
mod callbacks;
mod client;
mod driver;
mod error;
pub mod exports;
mod fetch;
mod forward;
mod memory;
mod misuse;
mod options;
mod page;
mod promise;
mod shape;
mod stream;
mod timer;
mod upstreams;
mod values;

pub use client::Client;
pub use driver::Form;
pub use stream::ChatStream;
