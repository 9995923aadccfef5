//! What outlives a call: who has failed lately, and what is known of models.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::AbortSignal;

use super::option::Plan;
use super::session::Session;
use super::state::Host;
use crate::{Breakers, Catalog};

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

    /// Begins a call. `handed` is the JSON of `{ask, page, options}`; `fetch` takes a URL and what goes with it. An
    /// option that is wrong makes a session that has failed.
    pub fn open(
        &self,
        handed: &str,
        fetch: Function,
        signal: Option<AbortSignal>,
        on_attempt: Option<Function>,
    ) -> Session {
        Session::begin(self.0.clone(), Plan::read(handed), Host { fetch, signal, on_attempt })
    }
}
