//! Promises of JavaScript and futures of Rust.

use std::future::Future;
use std::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// The promise of what `future` gives. Boxed, so that the package holds the code of a promise once, not for each future.
pub(super) fn promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    fn of(future: Boxed<Result<JsValue, JsValue>>) -> Promise {
        future_to_promise(future)
    }
    of(Box::pin(future))
}

/// Runs `future` behind what runs now.
pub(super) fn spawn(future: impl Future<Output = ()> + 'static) {
    fn run(future: Boxed<()>) {
        spawn_local(future);
    }
    run(Box::pin(future));
}

/// What `value` comes to, a promise or a value.
pub(super) async fn settle(value: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::resolve(&value?)).await
}
