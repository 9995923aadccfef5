//! What a client remembers between calls.

use std::cell::{Cell, RefCell};

use wasm_bindgen::JsValue;
use web_sys::console;

use crate::{Breakers, Catalog, Repeats};

/// The most warnings that a client gives once each.
const MOST_WARNINGS: usize = 8;

/// The most failures that a client remembers for the repetitions of SDKs.
const MOST_FAILURES: usize = 16;

/// What makes two requests of an SDK the same call: the URL, the key, and the text of the body.
pub(super) type Identity = (String, String, JsValue);

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) breakers: RefCell<Breakers>,
    pub(super) catalog: RefCell<Catalog>,
    /// How many calls in a row another model than the first answered.
    pub(super) fallbacks_in_a_row: Cell<u32>,
    /// The calls of SDKs that failed.
    pub(super) repeats: RefCell<Repeats<Identity>>,
    warnings: RefCell<Vec<String>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            breakers: RefCell::default(),
            catalog: RefCell::default(),
            fallbacks_in_a_row: Cell::default(),
            repeats: RefCell::new(Repeats::new(MOST_FAILURES, u32::MAX)),
            warnings: RefCell::default(),
        }
    }
}

impl Memory {
    /// Warns the developer, once about each matter.
    pub(super) fn warn_once(&self, warning: String) {
        let is_new = {
            let warnings = self.warnings.borrow();
            warnings.len() < MOST_WARNINGS && !warnings.contains(&warning)
        };
        if is_new {
            let shown = JsValue::from_str(&warning);
            self.warnings.borrow_mut().push(warning);
            console::warn_1(&shown);
        }
    }
}
