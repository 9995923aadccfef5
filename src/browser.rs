//! The core as the JavaScript of a page drives it. Numbers, text and bytes go in and out; nothing is called from here,
//! so calls may overlap and callbacks may call back. What went wrong is the end of a session, told as JSON.
//!
//! ```text
//!  pkg-template/call.js                      here                       the core
//!  fetch, timers, abort, readers ── Client.open ──▶ Plan ──▶ Session ── poll, handle ──▶ Call
//!                            poll ──▶ a step;  say ──▶ its text
//!                            head, bytes, end, failed, abort ──▶ what happened
//! ```
//!
//! Everything lives behind the feature `browser`.

#[cfg(target_family = "wasm")]
mod allocator;
mod plan;
mod session;

pub use session::{Client, Session};

use wasm_bindgen::prelude::wasm_bindgen;

use crate::spelling::closest;
use crate::{Json, tokens};

/// The one of the names behind the first that is closest to it, if one is close enough to be worth naming; else empty.
/// `names` are separated by commas.
#[wasm_bindgen(js_name = nearMiss)]
pub fn near_miss(names: &[u8]) -> String {
    let names = String::from_utf8_lossy(names);
    let (word, known) = names.split_once(',').unwrap_or_default();
    closest(word, known.split(',')).unwrap_or_default().into()
}

/// The tokens of a text or of messages, given as JSON, about.
#[wasm_bindgen(js_name = estimateTokens)]
pub fn estimate_tokens(json: &[u8]) -> f64 {
    let json = Json::parse_bytes(json).unwrap_or(Json::NULL);
    let tokens = match json.text() {
        Some(text) => tokens::estimate(&text),
        None => tokens::estimate_request(json, Json::NULL, Json::NULL),
    };
    tokens as f64
}
