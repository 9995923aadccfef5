//! What outlives a call, and what needs none.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::session::Session;
use crate::text::of;
use crate::tokens::Prompt;
use crate::{Breakers, Catalog, Json};

/// Who has failed lately, and what is known of models.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) breakers: RefCell<Breakers>,
    pub(super) catalog: RefCell<Catalog>,
}

/// The memory of a client object.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Client(Rc<Memory>);

#[wasm_bindgen]
impl Client {
    /// A client that remembers nothing yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans a call, which begins when it is first polled. `handed` is the JSON that `plan.rs` reads,
    /// `seed` a random number from 0 to 2^53. What is wrong with it ends the call.
    pub fn open(&self, handed: &[u8], seed: f64) -> Session {
        Session::plan(self.0.clone(), handed, seed as u64)
    }

    /// Learns facts from the body of a page that the session wanted.
    pub fn learn(&self, page: &[u8]) {
        if let Some(body) = Json::parse_bytes(page) {
            self.0.catalog.borrow_mut().learn_endpoints(body);
        }
    }

    /// The tokens of a text or of messages, given as JSON, as `model` counts them, about.
    #[wasm_bindgen(js_name = estimateTokens)]
    pub fn estimate_tokens(json: &[u8], model: &[u8]) -> f64 {
        let json = Json::parse_bytes(json).unwrap_or(Json::NULL);
        let prompt = match json.text() {
            Some(text) => Prompt::text(&text),
            None => Prompt::chat(json, Json::NULL, Json::NULL),
        };
        prompt.tokens(of(model).unwrap_or_default()) as f64
    }
}
