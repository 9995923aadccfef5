//! The core in a page: `fetch`, timers and abort around [`Call`](crate::Call), and what JavaScript may call.
//!
//! ```text
//!  JavaScript                        here                                   the core
//!  api.js ── Client.open ──▶ Options ──▶ Session ── poll, handle ──▶ Call
//!              drive()  ◀──  until chunks wait, or the end
//!              next(), bytes(), take()  ◀──▶  the short way of a committed stream: one chunk in, one string out
//! ```
//!
//! Nothing here throws: what went wrong is the outcome of a session, a tagged value. Nothing is borrowed while code of
//! the page runs, so calls may overlap and callbacks may call back. Everything lives behind the feature `browser`.

mod client;
mod connection;
mod fact;
mod option;
mod session;
mod signal;
mod state;
mod tell;
mod timer;

pub use client::Client;
pub use session::{Form, Session, Step};

use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Millis, tokens};

/// What is wrong with the first of `names` (a JSON array) that is no option, if there is one.
#[wasm_bindgen(js_name = unknownOption)]
pub fn unknown_option(names: &str) -> Option<String> {
    let names: Vec<Value> = serde_json::from_str(names).unwrap_or_default();
    names.iter().filter_map(Value::as_str).find_map(|name| Some(option::unknown(name)?.to_string()))
}

/// The tokens of a text or of messages, given as JSON, about.
#[wasm_bindgen(js_name = estimateTokens)]
pub fn estimate_tokens(json: &str) -> f64 {
    let tokens = match serde_json::from_str(json) {
        Ok(Value::String(text)) => tokens::estimate(&text),
        Ok(Value::Array(messages)) => tokens::estimate_request(&messages, None, None),
        _ => 0,
    };
    tokens as f64
}

fn now() -> Millis {
    js_sys::Date::now() as Millis
}
