//! A client: its default options, and what it remembers between calls.

use std::rc::Rc;

use js_sys::{Object, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::driver::Driver;
use super::error::{ChatError, throw};
use super::memory::Memory;
use super::options::{Host, Plan, Purpose, copy, has_own_model, merge, options_of, set};
use super::page::property;
use super::promise::promise;
use super::stream::ChatStream;
use crate::Failure;

/// The default options of a client, its breakers and its model info.
#[wasm_bindgen]
#[derive(Clone, Debug, Default)]
pub struct Client {
    defaults: Object,
    memory: Rc<Memory>,
}

#[wasm_bindgen]
impl Client {
    /// As the function [`chat`](super::exports::chat), with this client's defaults.
    pub fn chat(&self, messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
        self.complete(Purpose::Chat, messages, options, caller)
    }

    /// As the function [`chat_with_fallback`](super::exports::chat_with_fallback), with this client's defaults.
    #[wasm_bindgen(js_name = chatWithFallback)]
    pub fn chat_with_fallback(&self, messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
        self.complete(Purpose::Completion, messages, options, caller)
    }

    /// As the function [`chat_streaming`](super::exports::chat_streaming), with this client's defaults.
    #[wasm_bindgen(js_name = chatStreaming)]
    pub fn chat_streaming(&self, messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
        let driver = self.start(Purpose::Stream, messages, options, caller);
        promise(async move {
            let driver = driver?;
            driver.settled(true).await?;
            Ok(ChatStream::from(driver).into())
        })
    }
}

impl Client {
    pub(super) fn new(defaults: Object) -> Self {
        Self { defaults, memory: Rc::default() }
    }

    pub(super) fn defaults(&self) -> &Object {
        &self.defaults
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    fn complete(&self, purpose: Purpose, messages: JsValue, options: JsValue, caller: Option<ChatError>) -> Promise {
        let driver = self.start(purpose, messages, options, caller);
        promise(async move { driver?.completion().await })
    }

    fn start(
        &self,
        purpose: Purpose,
        messages: JsValue,
        options: JsValue,
        caller: Option<ChatError>,
    ) -> Result<Rc<Driver>, JsValue> {
        let options = options_of(options).map(|options| {
            let options = copy(&options);
            set(&options, "messages", &messages);
            if purpose == Purpose::Chat {
                set(&options, "model", &self.first_model(&options));
            }
            options
        });
        let driver = options.and_then(|options| self.begin(purpose, &options, caller.clone()));
        driver.map_err(|failure| throw(caller, &failure))
    }

    /// Begins a call with these options.
    ///
    /// # Errors
    /// A failure of kind `invalidRequest`, if an option is wrong.
    pub(super) fn begin(
        &self,
        purpose: Purpose,
        options: &Object,
        caller: Option<ChatError>,
    ) -> Result<Rc<Driver>, Box<Failure>> {
        let merged = merge(&self.defaults, options)?;
        let host = Host::read(&merged, caller)?;
        let plan = Plan::read(purpose, &merged, has_own_model(purpose, options))?;
        Ok(Driver::begin(Rc::clone(&self.memory), plan, host))
    }

    /// The model of a call that asks one model only: the call's own, else the first of a chain.
    fn first_model(&self, options: &Object) -> JsValue {
        let first = |options: &Object| property(&property(options, "models"), "0");
        let choices =
            [property(options, "model"), first(options), property(&self.defaults, "model"), first(&self.defaults)];
        choices.into_iter().find(|model| !model.is_undefined() && !model.is_null()).unwrap_or_default()
    }
}
