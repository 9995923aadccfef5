//! The `fetch` for SDKs (openai, @langchain/openai, ai, @openrouter/sdk): chat completions go through a client. What else an edge
//! answers goes to the client's edge (`forward.rs`), and all other requests pass untouched.

use std::rc::Rc;

use js_sys::{Function, Object, Promise, global};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Response, ResponseInit};

use super::client::Client;
use super::driver::Driver;
use super::error::{envelope, throw};
use super::memory::Identity;
use super::options::{Purpose, plain_headers, set};
use super::page::{call, property, require};
use super::promise::{promise, settle};
use super::shape::shape_of;
use super::stream::ChatStream;
use super::timer::now;
use super::values::parse;
use crate::Failure;
use crate::failure::Kind;
use crate::json::decimal;
use crate::shape::Shape;
use crate::text::{cut, find, text};
use crate::upstream::Dialect;

#[wasm_bindgen(raw_module = "./stream.js")]
extern "C" {
    /// The bytes of a stream's server-sent events, as a body.
    #[wasm_bindgen(catch, js_name = toBody)]
    fn to_body(stream: ChatStream) -> Result<JsValue, JsValue>;
}

/// A chat request of an SDK.
pub(super) struct SdkRequest {
    url: String,
    body: Object,
    headers: Object,
    signal: JsValue,
}

/// The headers in which SDKs send a key.
const KEYS: [&str; 4] = ["authorization", "api-key", "x-api-key", "x-goog-api-key"];

/// A `fetch` through `client`.
pub(super) fn through(client: Client) -> Function {
    let fetch = move |input: JsValue, init: JsValue| -> Promise {
        let client = client.clone();
        promise(async move { client.answer(&input, &init).await })
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

/// The path of `url`, which may be relative.
pub(super) fn path_of(url: &str) -> &str {
    let url = cut(cut(url, b'#').0, b'?').0;
    let after_scheme = find(url, "://").map_or(url, |at| &url[at + 3..]);
    &after_scheme[cut(after_scheme, b'/').0.len()..]
}

/// The text of the body. The web's own class reads a body in any of its forms.
pub(super) fn body_text(input: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
    let body = property(init, "body");
    if body.is_string() {
        return Ok(body);
    }
    if body.is_undefined() && property(input, "text").is_function() {
        // A `Request`. The request itself stays unread, because it may have to pass through.
        return call(&call(input, "clone", &JsValue::UNDEFINED)?, "text", &JsValue::UNDEFINED);
    }
    let response = Response::new_with_opt_readable_stream_and_init(Some(body.unchecked_ref()), &ResponseInit::new())?;
    call(&response, "text", &JsValue::UNDEFINED)
}

impl SdkRequest {
    pub(super) fn new(url: String, input: &JsValue, init: &JsValue, body: Object) -> Result<Self, JsValue> {
        let headers = plain_headers(&either(input, init, "headers")).map_err(|failure| throw(None, &failure))?;
        Ok(Self { url, body, headers, signal: either(input, init, "signal") })
    }

    /// Names the call; `body` is the text of the body.
    fn identity(&self, body: JsValue) -> Identity {
        let keys = KEYS.iter().filter_map(|name| property(&self.headers, name).as_string()).collect();
        (self.url.clone(), keys, body)
    }
}

/// The response to a chat request of an SDK: a failure is a response, too, with its status.
fn respond(driver: Rc<Driver>, settled: Result<(), JsValue>, streams: bool, shape: Shape) -> Result<JsValue, JsValue> {
    if let (Err(error), Some(failure)) = (settled, driver.failure()) {
        if failure.kind != Kind::Aborted {
            return failure_response(&failure, shape);
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
        // A proxy that compresses, or that buffers as nginx does, would hold events back.
        set(&headers, "cache-control", &"no-cache, no-transform".into());
        set(&headers, "x-accel-buffering", &"no".into());
        driver.set_shape(shape);
        return response(&to_body(ChatStream::from(driver))?, 200, &headers);
    }
    set(&headers, "content-type", &"application/json".into());
    let completion = driver.completion_text().unwrap_or_default();
    response(&shape.completion(completion, now()).into(), 200, &headers)
}

fn response(body: &JsValue, status: u16, headers: &Object) -> Result<JsValue, JsValue> {
    require("Response").map_err(|failure| throw(None, &failure))?;
    let init = Object::new();
    set(&init, "status", &status.into());
    set(&init, "headers", headers);
    Ok(Response::new_with_opt_readable_stream_and_init(Some(body.unchecked_ref()), init.unchecked_ref())?.into())
}

/// The response that tells an OpenAI client of a failure.
pub(super) fn failure_response(failure: &Failure, shape: Shape) -> Result<JsValue, JsValue> {
    let headers = Object::new();
    set(&headers, "content-type", &"application/json".into());
    // failsoft has retried and fallen back. Retries of the SDK would multiply these.
    set(&headers, "x-should-retry", &"false".into());
    if let Some(wait) = failure.retry_after {
        set(&headers, "retry-after-ms", &decimal(wait).into());
        set(&headers, "retry-after", &decimal(wait.div_ceil(1_000)).into());
    }
    response(&envelope(failure, shape).into(), failure.http_status(), &headers)
}

impl Client {
    /// What `fetch(input, init)` of an SDK gives.
    async fn answer(&self, input: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
        let method = either(input, init, "method").as_string().unwrap_or_default();
        let is_post = method.eq_ignore_ascii_case("post");
        let url = url_of(input);
        if let Some(endpoint) = self.edge_endpoint(&url).filter(|_| is_post) {
            return self.forward(endpoint, url, input, init).await;
        }
        let (mut text, mut body) = (JsValue::UNDEFINED, JsValue::UNDEFINED);
        if is_post && path_of(&url).ends_with("/chat/completions") {
            text = settle(body_text(input, init)).await?;
            let json = text.as_string().unwrap_or_default();
            body = parse(json.strip_prefix('\u{feff}').unwrap_or(&json));
        }
        if !body.is_object() {
            if is_post {
                self.warn_of_pass(&url);
            }
            return settle(self.pass(input, init)).await;
        }
        let request = SdkRequest::new(url, input, init, body.unchecked_into())?;
        let identity = request.identity(text);
        self.complete_for_sdk(request, identity).await
    }

    async fn complete_for_sdk(&self, request: SdkRequest, identity: Identity) -> Result<JsValue, JsValue> {
        let shape = shape_of(&request.url, &request.headers);
        let repeats = &self.memory().repeats;
        let known = repeats.borrow_mut().find(&identity, now());
        if let Some(failure) = known {
            return failure_response(&failure, shape);
        }
        let streams = property(&request.body, "stream").is_truthy();
        match self.begin(Purpose::Wire, &self.options_for(request), None) {
            Ok(driver) => {
                let settled = driver.settled(streams).await;
                let failure = driver.failure().filter(|failure| failure.is_repeated_by_sdks());
                repeats.borrow_mut().record(identity, failure.as_deref(), now());
                respond(driver, settled, streams, shape)
            }
            Err(failure) => failure_response(&failure, shape),
        }
    }

    /// Sends a request that is no chat completion as it is.
    fn pass(&self, input: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
        let own = property(self.defaults(), "fetch");
        let fetch = if own.is_function() { own } else { property(&global(), "fetch") };
        fetch.unchecked_ref::<Function>().call2(&JsValue::UNDEFINED, input, init)
    }

    /// Whoever expects a fallback for a request to `url` should know that there is none.
    fn warn_of_pass(&self, url: &str) {
        self.memory().warn_once(text!(
            "failsoft: POST ",
            path_of(url),
            " passes through to the address of the SDK: without fallback, retries, timeouts and checks of the answer. \
             createFetch handles chat completions only; let the SDK use them where it can"
        ));
    }

    /// The options of a call for this request.
    pub(super) fn options_for(&self, request: SdkRequest) -> Object {
        let SdkRequest { url, body, headers, signal } = request;
        let options = Object::new();
        let defaults = self.defaults();
        let has_address = ["edge", "baseURL", "upstreams"].iter().any(|name| property(defaults, name).is_truthy());
        // A key goes nowhere that it was not meant for. The client's key is for the client's address, which is OpenRouter's
        // if the client names none; an SDK's key is for the address of the SDK.
        let has_key = property(defaults, "apiKey").is_truthy();
        let is_own_key = has_address || has_key && Dialect::of_url(&url) == Dialect::OpenRouter;
        if !has_address {
            set(&options, "baseURL", &(&*url).into());
            if !is_own_key {
                set(&options, "apiKey", &JsValue::UNDEFINED);
            }
            if has_key && !is_own_key {
                self.memory().warn_once(text!(
                    "failsoft: the client's `apiKey` is not sent to the address of the SDK, ",
                    cut(&url, b'?').0,
                    "; if the key is for this address, name the address in the client's `baseURL`"
                ));
            }
        }
        set(&options, "headers", &own_headers(&headers, !is_own_key));
        if !signal.is_undefined() && !signal.is_null() {
            set(&options, "signal", &signal);
        }
        set(&options, "body", &body);
        options
    }
}

/// Without what an SDK says about itself or the body: across origins, each would be one more header for CORS to refuse.
fn own_headers(headers: &Object, with_key: bool) -> Object {
    let own = Object::new();
    for name in Object::keys(headers).iter().filter_map(|name| name.as_string()) {
        let is_dropped = ["accept", "user-agent"].contains(&&*name)
            || !with_key && KEYS.contains(&&*name)
            || ["content-", "x-stainless-"].iter().any(|start| name.starts_with(start));
        if !is_dropped {
            set(&own, &name, &property(headers, &name));
        }
    }
    own
}
