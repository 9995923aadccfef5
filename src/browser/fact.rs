//! Facts about the models of a chain that a large prompt may overflow, asked for before the call begins.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, RequestInit, Response};

use super::now;
use super::state::Inner;
use crate::{Dialect, Json, Millis};

/// How long a call waits for facts: it can be made without them.
const PATIENCE: Millis = 1_500;

/// Learns what the catalog lacks. What does not come in time is done without.
pub(super) async fn gather(inner: &Rc<Inner>) {
    let wanted = wanted(inner);
    let Ok(controller) = AbortController::new() else { return };
    let missing = Rc::new(Cell::new(wanted.len()));
    for url in wanted {
        let init = RequestInit::new();
        init.set_signal(Some(&controller.signal()));
        let asked = inner.host.fetch.call2(&JsValue::UNDEFINED, &JsValue::from_str(&url), &init);
        let (inner, missing) = (inner.clone(), missing.clone());
        spawn_local(async move {
            let _ = learn(&inner, asked).await;
            missing.set(missing.get() - 1);
            inner.wake.wake();
        });
    }
    let until = now() + PATIENCE;
    while missing.get() > 0 && now() < until && !inner.state.borrow().aborted {
        inner.timer.set(until);
        inner.wake.woken().await;
    }
    controller.abort();
    inner.timer.clear();
}

/// The URLs of the facts that are missing. Only OpenRouter has such pages.
fn wanted(inner: &Inner) -> Vec<String> {
    let state = inner.state.borrow();
    let Some(plan) = state.plan.as_ref().filter(|plan| plan.upstream.dialect == Dialect::OpenRouter) else {
        return Vec::new();
    };
    let catalog = inner.memory.catalog.borrow();
    let models = catalog.wanting(plan.request.models.iter().map(String::as_str), plan.request.prompt);
    let base = |model: &str| model.split(':').next().unwrap_or_default().to_owned();
    models.into_iter().map(|model| [&plan.upstream.url, "/models/", &base(model), "/endpoints"].concat()).collect()
}

async fn learn(inner: &Inner, asked: Result<JsValue, JsValue>) -> Result<(), JsValue> {
    let response: Response = JsFuture::from(Promise::resolve(&asked?)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    if let Some(body) = Json::parse(&text) {
        inner.memory.catalog.borrow_mut().learn_endpoints(body);
    }
    Ok(())
}
