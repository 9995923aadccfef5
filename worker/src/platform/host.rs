//! The platform's functions: its clock, `fetch`, ids, variables, and the functions of glue.js.

use std::cell::Cell;

use failsoft::Millis;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStream, Request, RequestInit};

#[wasm_bindgen]
extern "C" {
    /// The global `fetch`. It throws at once if `url` is no URL.
    #[wasm_bindgen(catch)]
    pub(crate) fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub(crate) fn random_uuid() -> String;

    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub(crate) fn log(line: &str);

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);
}

#[wasm_bindgen(module = "/src/platform/glue.js")]
extern "C" {
    /// Hands JavaScript the function that it notifies tasks with, and the names of the headers that it reads of a client's
    /// request and of an upstream's response, a line each. Returns the number of the next task.
    pub(crate) fn connect(notify: &JsValue, request_headers: &str, response_headers: &str) -> u32;

    /// Polls the task when the code that runs now has returned.
    #[wasm_bindgen(js_name = wakeSoon)]
    pub(crate) fn wake_soon(task: u32);

    #[wasm_bindgen(js_name = setTimer)]
    pub(crate) fn set_timer(wait: f64, task: u32, slot: u32) -> JsValue;

    /// Method, URL and headers of a request: see [`values`].
    #[wasm_bindgen(js_name = readHead)]
    pub(crate) fn read_head(request: &Request) -> String;

    pub(crate) fn watch(promise: &Promise, task: u32, slot: u32);

    #[wasm_bindgen(js_name = readBody)]
    pub(crate) fn read_body(of: &Request, task: u32, slot: u32);

    #[wasm_bindgen(js_name = sendToObject)]
    pub(crate) fn send_to_object(
        namespace: &JsValue,
        name: &str,
        message: &str,
        time_limit: u32,
        may_repeat: bool,
    ) -> Promise;

    #[wasm_bindgen(js_name = isWithinRate)]
    pub(crate) fn is_within_rate(env: &JsValue, name: &str, key: &str) -> Promise;

    /// Copies a `Uint8Array` into the memory of WebAssembly.
    #[wasm_bindgen(js_name = toBytes)]
    pub(crate) fn to_bytes(value: &JsValue) -> Vec<u8>;

    /// True if the client has disconnected already.
    #[wasm_bindgen(js_name = watchDisconnect)]
    pub(crate) fn watch_disconnect(request: &Request, task: u32, slot: u32) -> bool;

    #[derive(Debug)]
    pub(crate) type ChunkReader;

    /// An error if the body has another reader.
    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new(stream: &ReadableStream, size: u32) -> Result<ChunkReader, JsValue>;

    #[wasm_bindgen(method)]
    pub(crate) fn read(this: &ChunkReader, task: u32, slot: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn take(this: &ChunkReader) -> Option<Vec<u8>>;

    #[wasm_bindgen(method)]
    pub(crate) fn release(this: &ChunkReader);

    #[derive(Debug)]
    pub(crate) type Exchange;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new(context: &JsValue, task: u32) -> Exchange;

    #[wasm_bindgen(method)]
    pub(crate) fn answer(this: &Exchange, status: u16, head: &str, body: &JsValue);

    #[wasm_bindgen(method)]
    pub(crate) fn leave(this: &Exchange);

    #[derive(Debug)]
    pub(crate) type Output;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new(task: u32) -> Output;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn readable(this: &Output) -> ReadableStream;

    #[wasm_bindgen(method)]
    pub(crate) fn write(this: &Output, bytes: &[u8], task: u32, slot: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn pipe(this: &Output, body: &ReadableStream, task: u32, slot: u32);

    /// An error if something else writes to the stream.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &Output) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method)]
    pub(crate) fn abort(this: &Output) -> Promise;

    #[derive(Debug)]
    pub(crate) type UpstreamFetch;

    /// An error if `fetch` throws at once, because `url` is no URL.
    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new(url: &str, head: &str, body: &str, task: u32, slot: u32) -> Result<UpstreamFetch, JsValue>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &UpstreamFetch) -> Option<ReadableStream>;

    /// The result is `undefined` if the body has more than `limit` bytes.
    #[wasm_bindgen(method, js_name = readBody)]
    pub(crate) fn read_body_whole(this: &UpstreamFetch, limit: u32, task: u32, slot: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn abort(this: &UpstreamFetch);
}

/// Stands for a header that is missing: no value can be the same.
const ABSENT: &str = "\r";

/// The values that JavaScript joined, a line each.
pub(crate) fn values(lines: &str) -> impl Iterator<Item = Option<&str>> {
    lines.split('\n').map(|value| Some(value).filter(|value| *value != ABSENT))
}

/// The text of a variable or secret. A variable that is JSON in wrangler.jsonc comes as an object.
pub(crate) fn variable(env: &JsValue, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &name.into()).ok().filter(|value| !value.is_undefined())?;
    value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok()?.as_string())
}

thread_local! {
    /// The time of the step that runs now.
    static STEP_TIME: Cell<Option<Millis>> = const { Cell::new(None) };
}

/// Milliseconds since 1970. The platform's clock stands still while code runs. It moves when something arrives or a timer
/// fires, and these are the points in time at which a call learns something.
pub(crate) fn now() -> Millis {
    STEP_TIME.get().unwrap_or_else(|| js_sys::Date::now() as Millis)
}

/// Runs `act` at one point in time: the clock is read once.
pub(crate) fn at_one_time<T>(act: impl FnOnce() -> T) -> T {
    STEP_TIME.set(Some(js_sys::Date::now() as Millis));
    let done = act();
    STEP_TIME.set(None);
    done
}

/// A seed for a call's random pauses.
pub(crate) fn seed() -> u64 {
    (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64
}

/// A random number from 0 up to 1.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// The message of a thrown value.
pub(crate) fn message(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => thrown.as_string().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn an_empty_header_is_not_a_missing_header() {
        assert_eq!(values("a\n\r\n\nb").collect::<Vec<_>>(), [Some("a"), None, Some(""), Some("b")]);
    }
}
