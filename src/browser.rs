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

#[cfg(target_family = "wasm")]
mod allocator;
mod client;
mod connection;
mod fact;
mod option;
mod session;
mod state;
mod timer;
mod wake;

pub use client::Client;
pub use session::{Form, Session, Step};

use wasm_bindgen::prelude::wasm_bindgen;

use crate::tokens::Prompt;
use crate::{Json, Millis};

/// What is wrong with the first of `names` (a JSON array) that is no option, if there is one.
#[wasm_bindgen(js_name = unknownOption)]
pub fn unknown_option(names: &str) -> Option<String> {
    let names = Json::parse(names).unwrap_or(Json::NULL);
    names.items().find_map(|name| Some(option::unknown(&name.text()?)?.sentence()))
}

/// The tokens of a text or of messages, given as JSON, as `model` counts them, about.
#[wasm_bindgen(js_name = estimateTokens)]
pub fn estimate_tokens(json: &str, model: &str) -> f64 {
    let json = Json::parse(json).unwrap_or(Json::NULL);
    let prompt = match json.text() {
        Some(text) => Prompt::text(&text),
        None => Prompt::chat(json, Json::NULL, Json::NULL),
    };
    prompt.tokens(model) as f64
}

fn now() -> Millis {
    js_sys::Date::now() as Millis
}
