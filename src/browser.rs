//! The core as the JavaScript of a page drives it. Numbers, text and bytes go in and out; nothing is called from here,
//! so calls may overlap and callbacks may call back. What went wrong is the end of a session, told as JSON.
//!
//! ```text
//!  pkg-template/call.js                          here                     the core
//!  fetch, timers, abort, readers ──▶ open ──▶ Client ──▶ Session ──▶ Call
//!                                ──▶ poll, say, tell ───────┘   poll, handle
//! ```
//!
//! Everything lives behind the feature `browser`.

#[cfg(target_family = "wasm")]
mod allocator;
mod client;
mod plan;
mod session;

pub use client::Client;
pub use session::Session;
