//! The `fetch` for SDKs (openai, @langchain/openai, ai): chat completions go through a client, all else passes untouched.

use std::rc::Rc;

use js_sys::{Function, JSON, Object, Promise, global};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, Response, ResponseInit};

use super::client::Client;
use super::driver::Driver;
use super::error::{envelope, throw};
use super::options::{Purpose, plain_headers, set};
use super::page::{call, property};
use super::promise::{promise, settle};
use super::stream::ChatStream;
use super::values::parse;
use crate::Failure;
use crate::failure::Kind;
use crate::json::decimal;
use crate::text::cut;

#[wasm_bindgen(raw_module = "./stream.js")]
extern "C" {
    /// The bytes of a stream's server-sent events, as a body.
    #[wasm_bindgen(js_name = toBody)]
    fn to_body(stream: ChatStream) -> ReadableStream;
}

/// A chat request of an SDK.
struct SdkRequest {
    url: String,
    body: Object,
    headers: Object,
    signal: JsValue,
}

/// A `fetch` through `client`.
pub(super) fn through(client: Client) -> Function {
    let fetch = move |input: JsValue, init: JsValue| -> Promise {
        let client = client.clone();
        promise(async move {
            let mut body = JsValue::UNDEFINED;
            if is_chat(&input, &init) {
                let text = settle(body_text(&input, &init)).await?.as_string().unwrap_or_default();
                body = parse(text.strip_prefix('\u{feff}').unwrap_or(&text));
            }
            if !body.is_object() {
                return settle(client.pass(&input, &init)).await;
            }
            let request = SdkRequest::new(&input, &init, body.unchecked_into())?;
            let streams = property(&request.body, "stream").is_truthy();
            match client.begin(Purpose::Wire, &client.options_for(request), None) {
                Ok(driver) => {
                    let settled = driver.settled(streams).await;
                    respond(driver, settled, streams)
                }
                Err(failure) => failure_response(&failure),
            }
        })
    };
    Closure::<dyn Fn(JsValue, JsValue) -> Promise>::new(fetch).into_js_value().unchecked_into()
}

/// The field `name` of `init`, else of `input`, which is then a `Request`.
fn either(input: &JsValue, init: &JsValue, name: &str) -> JsValue {
    let value = property(init, name);
    if value.is_undefined() || value.is_null() { property(input, name) } else { value }
}

/// The URL of a string, a `Request` or a `URL`.
fn url_of(input: &JsValue) -> String {
    let url = input.as_string().or_else(|| property(input, "url").as_string());
    url.or_else(|| property(input, "href").as_string()).unwrap_or_default()
}

/// `fetch(input, init)` would ask for a chat completion.
fn is_chat(input: &JsValue, init: &JsValue) -> bool {
    let method = either(input, init, "method").as_string().unwrap_or_default();
    method.eq_ignore_ascii_case("post") && cut(&url_of(input), b'?').0.ends_with("/chat/completions")
}

/// The text of the body. The web's own class reads a body in any of its forms.
fn body_text(input: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
    let body = property(init, "body");
    if body.is_string() {
        return Ok(body);
    }
    if body.is_undefined() && property(input, "text").is_function() {
        // A `Request` has the method, too.
        return call(input, "text", &JsValue::UNDEFINED);
    }
    let response = Response::new_with_opt_readable_stream_and_init(Some(body.unchecked_ref()), &ResponseInit::new())?;
    call(&response, "text", &JsValue::UNDEFINED)
}

impl SdkRequest {
    fn new(input: &JsValue, init: &JsValue, body: Object) -> Result<Self, JsValue> {
        let headers = plain_headers(&either(input, init, "headers")).map_err(|failure| throw(None, &failure))?;
        Ok(Self { url: url_of(input), body, headers, signal: either(input, init, "signal") })
    }
}

/// The response to a chat request of an SDK: a failure is a response, too, with its status.
fn respond(driver: Rc<Driver>, settled: Result<(), JsValue>, streams: bool) -> Result<JsValue, JsValue> {
    if let (Err(error), Some(failure)) = (settled, driver.failure()) {
        if failure.kind != Kind::Aborted {
            return failure_response(&failure);
        }
        // An abort is no answer: the SDK expects what `fetch` would have thrown.
        let reason = property(&error, "cause");
        return Err(if reason.is_undefined() { error } else { reason });
    }
    let report = driver.report();
    let headers = Object::new();
    set(&headers, "x-failsoft-model", &property(&report, "model").as_string().unwrap_or_default().into());
    set(&headers, "x-failsoft-attempts", &property(&property(&report, "attempts"), "length"));
    if streams {
        set(&headers, "content-type", &"text/event-stream; charset=utf-8".into());
        set(&headers, "cache-control", &"no-cache".into());
        return response(&to_body(ChatStream::from(driver)), 200, &headers);
    }
    set(&headers, "content-type", &"application/json".into());
    let completion = driver.completion_now().unwrap_or_default();
    let json = JSON::stringify(&completion)?;
    response(&json, 200, &headers)
}

fn response(body: &JsValue, status: u16, headers: &Object) -> Result<JsValue, JsValue> {
    let init = Object::new();
    set(&init, "status", &status.into());
    set(&init, "headers", headers);
    Ok(Response::new_with_opt_readable_stream_and_init(Some(body.unchecked_ref()), init.unchecked_ref())?.into())
}

/// The response that tells an OpenAI client of a failure.
fn failure_response(failure: &Failure) -> Result<JsValue, JsValue> {
    let headers = Object::new();
    set(&headers, "content-type", &"application/json".into());
    // failsoft has retried and fallen back. Retries of the SDK would multiply these.
    set(&headers, "x-should-retry", &"false".into());
    if let Some(wait) = failure.retry_after {
        set(&headers, "retry-after-ms", &decimal(wait).into());
        set(&headers, "retry-after", &decimal(wait.div_ceil(1_000)).into());
    }
    response(&envelope(failure).into(), failure.http_status(), &headers)
}

impl Client {
    /// Sends a request that is no chat completion as it is.
    fn pass(&self, input: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
        let own = property(self.defaults(), "fetch");
        let fetch = if own.is_function() { own } else { property(&global(), "fetch") };
        fetch.unchecked_ref::<Function>().call2(&JsValue::UNDEFINED, input, init)
    }

    /// The options of a call for this request.
    fn options_for(&self, request: SdkRequest) -> Object {
        let SdkRequest { url, body, headers, signal } = request;
        let options = Object::new();
        let defaults = self.defaults();
        // Address and key come both from the client, or both from the SDK: a key goes nowhere it was not meant for.
        if ["edge", "baseURL", "apiKey", "upstreams"].iter().all(|name| property(defaults, name).is_falsy()) {
            set(&options, "baseURL", &cut(&url, b'?').0.into());
            let key = property(&headers, "authorization").as_string().unwrap_or_default();
            let key = key.get(..7).filter(|start| start.eq_ignore_ascii_case("bearer ")).map_or(&*key, |_| &key[7..]);
            if !key.is_empty() {
                set(&options, "apiKey", &key.into());
            }
        }
        set(&options, "headers", &own_headers(&headers));
        if !signal.is_undefined() && !signal.is_null() {
            set(&options, "signal", &signal);
        }
        set(&options, "body", &body);
        options
    }
}

/// Without what an SDK says about itself or the body: across origins, each would be one more header for CORS to refuse.
fn own_headers(headers: &Object) -> Object {
    let own = Object::new();
    for name in Object::keys(headers).iter().filter_map(|name| name.as_string()) {
        let is_dropped = ["authorization", "accept", "user-agent"].contains(&&*name)
            || ["content-", "x-stainless-"].iter().any(|start| name.starts_with(start));
        if !is_dropped {
            set(&own, &name, &property(headers, &name));
        }
    }
    own
}
