//! The `fetch` for SDKs (openai, @langchain/openai, ai): chat completions go through a client, all else passes untouched.

use js_sys::{Function, JSON, Object, Promise};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Headers, ReadableStream, Request, Response, ResponseInit};

use super::client::Client;
use super::error::{envelope, throw};
use super::options::{Purpose, copy, plain_headers, prepend, set};
use super::page::property;
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
        future_to_promise(async move {
            match SdkRequest::read(&input, &init).await? {
                Some(request) => client.answer(request).await,
                None => pass(&client, &input, &init).await,
            }
        })
    };
    Closure::<dyn Fn(JsValue, JsValue) -> Promise>::new(fetch).into_js_value().unchecked_into()
}

/// Sends a request that is no chat completion as it is.
async fn pass(client: &Client, input: &JsValue, init: &JsValue) -> Result<JsValue, JsValue> {
    let own = property(client.defaults(), "fetch");
    let fetch = if own.is_function() { own } else { property(&js_sys::global(), "fetch") };
    let answer = fetch.unchecked_ref::<Function>().call2(&JsValue::UNDEFINED, input, init)?;
    JsFuture::from(Promise::resolve(&answer)).await
}

impl SdkRequest {
    /// The request that `fetch(input, init)` would send, if it is a chat completion.
    async fn read(input: &JsValue, init: &JsValue) -> Result<Option<Self>, JsValue> {
        let request = input.dyn_ref::<Request>();
        let text = |value: JsValue| value.as_string();
        let from_both = |name| {
            Some(property(init, name)).filter(|value| !value.is_undefined()).unwrap_or_else(|| property(input, name))
        };
        let url = match request {
            Some(request) => request.url(),
            None => String::from(input.unchecked_ref::<Object>().to_string()),
        };
        let method = text(property(init, "method")).or_else(|| request.map(Request::method)).unwrap_or_default();
        if !method.eq_ignore_ascii_case("post") || !is_chat(&url) {
            return Ok(None);
        }
        let body = property(init, "body");
        let source = match request {
            Some(request) if body.is_undefined() => request.text()?,
            _ => {
                // The web's own class reads a body in any of its forms.
                Response::new_with_opt_readable_stream(Some(body.unchecked_ref()))?.text()?
            }
        };
        let source = JsFuture::from(source).await?.as_string().unwrap_or_default();
        let Ok(body) = JSON::parse(&source) else { return Ok(None) };
        let headers = plain_headers(&from_both("headers")).map_err(|failure| throw(&failure))?;
        Ok(Some(Self { url, body: body.unchecked_into(), headers, signal: from_both("signal") }))
    }
}

fn is_chat(url: &str) -> bool {
    cut(url, b'?').0.ends_with("/chat/completions")
}

impl Client {
    /// The response to a chat request of an SDK: a failure is a response, too, with its status.
    async fn answer(&self, request: SdkRequest) -> Result<JsValue, JsValue> {
        let streams = property(&request.body, "stream").is_truthy();
        let driver = match self.begin(Purpose::Wire, &self.options_for(request)) {
            Ok(driver) => driver,
            Err(failure) => return Ok(failure_response(&failure)?.into()),
        };
        let settled = if streams { driver.committed().await } else { driver.completion().await.map(drop) };
        if let Err(error) = settled {
            let failure = driver.failure().unwrap_or_else(|| Failure::new(Kind::Aborted, ""));
            if failure.kind != Kind::Aborted {
                return Ok(failure_response(&failure)?.into());
            }
            // An abort is no answer: the SDK expects what `fetch` would have thrown.
            let reason = property(&error, "cause");
            return Err(if reason.is_undefined() { error } else { reason });
        }
        let report = driver.report();
        let headers = Headers::new()?;
        headers.set("x-failsoft-model", &property(&report, "model").as_string().unwrap_or_default())?;
        headers.set("x-failsoft-attempts", &decimal(count(&property(&report, "attempts"))))?;
        if streams {
            headers.set("content-type", "text/event-stream; charset=utf-8")?;
            headers.set("cache-control", "no-cache")?;
            let body = to_body(ChatStream::from(driver));
            return Ok(Response::new_with_opt_readable_stream_and_init(Some(&body), &init(200, &headers))?.into());
        }
        headers.set("content-type", "application/json")?;
        let completion = driver.completion().await?;
        let json = JSON::stringify(&completion)?;
        Ok(Response::new_with_opt_str_and_init(json.as_string().as_deref(), &init(200, &headers))?.into())
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
        set(&options, "body", &chained(body, defaults));
        options
    }
}

/// The request's own model first, then the client's chain.
fn chained(body: Object, defaults: &Object) -> Object {
    if property(&body, "models").is_truthy() {
        return body;
    }
    let (default, listed) = (property(defaults, "model"), property(defaults, "models"));
    let models = if listed.is_undefined() { js_sys::Array::of1(&default).into() } else { listed };
    if let Some(chain) = prepend(&property(&body, "model"), &models) {
        let chain = chain.filter(&mut |model: JsValue, _, _| model.is_truthy());
        set(&body, "models", &chain);
        set(&body, "model", &JsValue::UNDEFINED);
    }
    body
}

/// Without what an SDK says about itself or the body: across origins, each would be one more header for CORS to refuse.
fn own_headers(headers: &Object) -> Object {
    let own = copy(headers);
    for name in Object::keys(headers).iter().filter_map(|name| name.as_string()) {
        let is_dropped = ["authorization", "accept", "user-agent"].contains(&&*name)
            || ["content-", "x-stainless-"].iter().any(|start| name.starts_with(start));
        if is_dropped {
            set(&own, &name, &JsValue::UNDEFINED);
        }
    }
    parse(&JSON::stringify(&own).map(String::from).unwrap_or_default()).unchecked_into()
}

fn count(attempts: &JsValue) -> u64 {
    property(attempts, "length").as_f64().unwrap_or_default() as u64
}

fn init(status: u16, headers: &Headers) -> ResponseInit {
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(headers);
    init
}

/// The response that tells an OpenAI client of a failure.
fn failure_response(failure: &Failure) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    // failsoft has retried and fallen back. Retries of the SDK would multiply these.
    headers.set("x-should-retry", "false")?;
    if let Some(wait) = failure.retry_after {
        headers.set("retry-after-ms", &decimal(wait))?;
        headers.set("retry-after", &decimal(wait.div_ceil(1_000)))?;
    }
    Response::new_with_opt_str_and_init(Some(&envelope(failure)), &init(failure.http_status(), &headers))
}
