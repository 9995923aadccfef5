//! What the platform offers: its clock, `fetch`, ids, and streams of bytes.

use failsoft::Millis;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{RequestInit, TransformStream};

#[wasm_bindgen]
extern "C" {
    /// The global `fetch`. What it throws at once, a URL that is none, is an error too.
    #[wasm_bindgen(catch)]
    pub(crate) fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub(crate) fn random_uuid() -> String;

    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub(crate) fn log(line: &str);

    /// Bytes go through it without JavaScript, and a write waits for the reader.
    #[wasm_bindgen(extends = TransformStream)]
    #[derive(Debug)]
    pub(crate) type IdentityTransformStream;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new() -> IdentityTransformStream;
}

/// The text of a variable or secret. wrangler.jsonc may hold JSON as it is; then it comes as an object.
pub(crate) fn variable(env: &JsValue, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &name.into()).ok().filter(|value| !value.is_undefined())?;
    value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok()?.as_string())
}

/// Milliseconds since 1970. Here the clock stands still while code runs and moves when something arrives or a timer
/// fires: exactly the points at which a call is told what happened.
pub(crate) fn now() -> Millis {
    js_sys::Date::now() as Millis
}

/// A seed for a call's random pauses.
pub(crate) fn seed() -> u64 {
    (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64
}

/// From 0 up to 1.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// What a thrown value says.
pub(crate) fn message(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => thrown.as_string().unwrap_or_default(),
    }
}
