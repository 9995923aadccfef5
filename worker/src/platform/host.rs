//! What the platform offers: its clock, `fetch`, ids, and streams of bytes.

use std::cell::Cell;

use failsoft::Millis;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStream, Request, RequestInit};

#[wasm_bindgen]
extern "C" {
    /// The global `fetch`. What it throws at once, a URL that is none, is an error too.
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
    /// What JavaScript rings by from now on; the number of the next task.
    pub(crate) fn tune(ring: &JsValue) -> u32;

    pub(crate) fn soon(task: u32);

    pub(crate) fn alarm(wait: f64, task: u32, slot: u32) -> JsValue;

    pub(crate) fn head(request: &Request) -> String;

    pub(crate) fn settled(promise: &Promise, task: u32, slot: u32);

    pub(crate) fn whole(of: &Request, task: u32, slot: u32);

    pub(crate) fn ask(namespace: &JsValue, name: &str, message: &str, patience: u32) -> Promise;

    pub(crate) fn bytes(value: &JsValue) -> Vec<u8>;

    pub(crate) fn listen(request: &Request, task: u32, slot: u32) -> bool;

    #[derive(Debug)]
    pub(crate) type Chunks;

    /// A body that somebody else reads is an error.
    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new(stream: &ReadableStream, most: u32) -> Result<Chunks, JsValue>;

    #[wasm_bindgen(method)]
    pub(crate) fn read(this: &Chunks, task: u32, slot: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn take(this: &Chunks) -> Option<Vec<u8>>;

    #[wasm_bindgen(method)]
    pub(crate) fn release(this: &Chunks);

    #[derive(Debug)]
    pub(crate) type Exchange;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new(context: &JsValue, task: u32) -> Exchange;

    #[wasm_bindgen(method)]
    pub(crate) fn answer(this: &Exchange, status: u16, head: &str, body: &JsValue);

    #[wasm_bindgen(method)]
    pub(crate) fn leave(this: &Exchange);

    #[derive(Debug)]
    pub(crate) type Out;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new(task: u32) -> Out;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn readable(this: &Out) -> ReadableStream;

    #[wasm_bindgen(method)]
    pub(crate) fn write(this: &Out, bytes: &[u8], task: u32, slot: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn pipe(this: &Out, body: &ReadableStream, task: u32, slot: u32);

    /// What somebody else writes to is an error.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn close(this: &Out) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method)]
    pub(crate) fn abort(this: &Out) -> Promise;

    #[derive(Debug)]
    pub(crate) type Sending;

    /// What `fetch` throws at once, because of a URL that is none, is an error too.
    #[wasm_bindgen(constructor, catch)]
    pub(crate) fn new(url: &str, head: &str, body: &str, task: u32, slot: u32) -> Result<Sending, JsValue>;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Sending) -> Option<ReadableStream>;

    #[wasm_bindgen(method, js_name = whole)]
    pub(crate) fn read_whole(this: &Sending, task: u32, slot: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn abort(this: &Sending);
}

/// What stands for a header that is not there.
const ABSENT: &str = "\r";

/// The values of headers, a line each.
pub(crate) fn values(lines: &str) -> impl Iterator<Item = Option<&str>> {
    lines.split('\n').map(|value| Some(value).filter(|value| *value != ABSENT))
}

/// The text of a variable or secret. wrangler.jsonc may hold JSON as it is; then it comes as an object.
pub(crate) fn variable(env: &JsValue, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &name.into()).ok().filter(|value| !value.is_undefined())?;
    value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok()?.as_string())
}

thread_local! {
    /// What the clock said, while it stands still.
    static STANDING: Cell<Option<Millis>> = const { Cell::new(None) };
}

/// Milliseconds since 1970. Here the clock stands still while code runs and moves when something arrives or a timer
/// fires: exactly the points at which a call is told what happened.
pub(crate) fn now() -> Millis {
    STANDING.get().unwrap_or_else(|| js_sys::Date::now() as Millis)
}

/// Acts at one point in time: the clock is asked once for all that is done.
pub(crate) fn at_once<T>(act: impl FnOnce() -> T) -> T {
    STANDING.set(Some(js_sys::Date::now() as Millis));
    let done = act();
    STANDING.set(None);
    done
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

#[cfg(test)]
mod tests {
    use super::values;
    use failsoft::http::READ_HEADERS;

    #[test]
    fn the_glue_reads_the_headers_that_the_core_does_in_the_same_order() {
        let glue = include_str!("glue.js");
        let list =
            glue.split_once("const OF_ANSWER = [").and_then(|(_, rest)| rest.split_once(']')).expect("the list").0;
        let named: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
        assert_eq!(named, READ_HEADERS);
    }

    #[test]
    fn a_header_that_is_empty_is_there() {
        assert_eq!(values("a\n\r\n\nb").collect::<Vec<_>>(), [Some("a"), None, Some(""), Some("b")]);
    }
}
