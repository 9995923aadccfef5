//! Model info that a call waits for before it begins: context windows for a long prompt, prices for a bound on cost.

use std::rc::Rc;

use js_sys::Object;
use wasm_bindgen::JsValue;
use web_sys::AbortController;

use super::Driver;
use crate::browser::memory::Memory;
use crate::browser::options::{Plan, set};
use crate::browser::page::call;
use crate::browser::promise::{settle, spawn};
use crate::text::{cut, text};
use crate::upstream::Dialect;
use crate::{Json, Millis};

/// How long a call waits for model info, in milliseconds: the call can be made without it.
pub(super) const PATIENCE: Millis = 1_500;

/// The requests for model info that are under way.
#[derive(Debug)]
pub(super) struct Lookups {
    controller: AbortController,
    pending: usize,
}

impl Lookups {
    /// Starts a request for each of `urls`; `None` if there is none.
    pub(super) fn start(driver: &Rc<Driver>, urls: Vec<String>) -> Option<Self> {
        if urls.is_empty() {
            return None;
        }
        let controller = AbortController::new().ok()?;
        let pending = urls.len();
        for url in urls {
            let init = Object::new();
            set(&init, "signal", &controller.signal());
            let answer = driver.fetch().call2(&JsValue::UNDEFINED, &url.into(), &init);
            let driver = Rc::clone(driver);
            spawn(async move { driver.end_lookup(read(answer).await.ok().as_deref()) });
        }
        Some(Self { controller, pending })
    }

    /// Notes that one request has ended; true if it was the last.
    pub(super) fn end_one(&mut self) -> bool {
        self.pending -= 1;
        self.pending == 0
    }
}

/// Nobody waits for the rest.
impl Drop for Lookups {
    fn drop(&mut self) {
        self.controller.abort();
    }
}

async fn read(answer: Result<JsValue, JsValue>) -> Result<String, JsValue> {
    let response = settle(answer).await?;
    let text = settle(call(&response, "text", &JsValue::UNDEFINED)).await?;
    Ok(text.as_string().unwrap_or_default())
}

/// The URLs of the info that `plan` needs and `memory` lacks. Only OpenRouter has such pages.
pub(super) fn list_wanted(memory: &Memory, plan: &Plan) -> Vec<String> {
    let Plan { request, policy, upstreams } = plan;
    // A bound on cost needs prices, whatever the size of the prompt.
    let is_bounded = policy.max_cost.is_some() || policy.max_price != (None, None);
    let judge = policy.judge.iter().filter(|_| is_bounded).map(|judge| &judge.model);
    let models = request.models.iter().chain(judge).map(String::as_str);
    let Some(upstream) = upstreams.iter().find(|upstream| upstream.dialect == Dialect::OpenRouter) else {
        return Vec::new();
    };
    let catalog = memory.catalog.borrow();
    let models = catalog.unknown_models(models, request.prompt, is_bounded);
    models.into_iter().map(|model| text!(&upstream.url, "/models/", cut(model, b':').0, "/endpoints")).collect()
}

/// Reads the body of such a page.
pub(super) fn learn(memory: &Memory, body: &str) {
    if let Some(body) = Json::parse(body) {
        memory.catalog.borrow_mut().add_endpoints(body);
    }
}
