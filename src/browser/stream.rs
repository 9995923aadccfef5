//! The streamed answer, and the promises of whoever reads it.

use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::driver::{Driver, Form, Outbox, Pull};
use super::error::ChatError;
use super::options::{Host, Plan};
use super::page::property;
use super::promise::promise;
use crate::Failure;

/// A streamed answer.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ChatStream(Rc<Driver>);

#[wasm_bindgen]
impl ChatStream {
    /// What happened so far.
    #[wasm_bindgen(getter)]
    pub fn failsoft(&self) -> JsValue {
        self.0.report()
    }

    /// The usage, once the stream has ended, if the upstream sent it.
    #[wasm_bindgen(getter)]
    pub fn usage(&self) -> JsValue {
        self.0.completion_now().map(|completion| property(&completion, "usage")).unwrap_or_default()
    }

    /// Settles a promise with what the next chunk of the network brings, as the result of an iterator. Reads may overlap;
    /// each gets its own piece.
    pub fn next(&self, form: Form, settle: Function) {
        self.0.serve(|outbox| outbox.pulls.push_back(Pull { form, settle }));
    }

    /// Reads to the end, unless that was done, and gives the completion that the chunks add up to.
    #[wasm_bindgen(js_name = finalCompletion)]
    pub fn final_completion(&self) -> Promise {
        self.0.serve(Outbox::drain);
        let driver = Rc::clone(&self.0);
        promise(async move { driver.completion().await })
    }

    /// Ends the request. A pending read sees the end.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// The call is over.
    #[wasm_bindgen(getter, js_name = isOver)]
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }
}

impl ChatStream {
    /// The reader of a response that the caller fetched.
    ///
    /// # Errors
    /// If `response` is neither a `Response` nor a `ReadableStream`, or somebody else reads it.
    pub(super) fn parse(response: JsValue, caller: Option<ChatError>) -> Result<Self, Box<Failure>> {
        let plan = Plan::parse()?;
        Ok(Self(Driver::planned(Rc::default(), plan, Host::given(response, caller))))
    }
}

impl From<Rc<Driver>> for ChatStream {
    fn from(driver: Rc<Driver>) -> Self {
        Self(driver)
    }
}
