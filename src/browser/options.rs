//! The options of a call: each name and type is checked here, before anything is sent.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, Headers};

use super::error::ChatError;
use super::misuse::misuse;
use super::page::{property, require};
use super::upstreams;
use super::values::stringify;
use crate::invalid::{Invalid, Section};
use crate::json::{Json, Object as JsonObject};
use crate::near_miss::closest;
use crate::policy::{Recover, Retry, Soft, Timeouts};
use crate::request::{ChatRequest, UsageChunk, fields, own_models_first};
use crate::text::{split, text};
use crate::upstream::{Dialect, Upstream};
use crate::{Failure, Millis, Policy};

/// The options that are failsoft's own, beside the fields of a chat request.
const OPTIONS: &str = "apiKey app baseURL body dangerouslyAllowBrowser dialect edge feature fetch headers onAttempt \
                       onFallback policy signal token upstreams";

/// The options that stay in JavaScript, because JSON cannot carry them.
const LIVE: [&str; 4] = ["fetch", "signal", "onAttempt", "onFallback"];

/// The function of the package that reads the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `chat`: one model, no fallback.
    Chat,
    /// `chatWithFallback`.
    Completion,
    /// `chatStreaming`.
    Stream,
    /// `createFetch`: an SDK speaks OpenAI's protocol, and its request says whether it wants a stream.
    Wire,
}

/// What a call needs to begin.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) request: ChatRequest,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) policy: Policy,
}

/// What a call uses of the page: functions and a signal.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) fetch: Function,
    /// The response that the caller fetched already. Nothing is sent then.
    pub(super) given: Option<JsValue>,
    pub(super) signal: Option<AbortSignal>,
    pub(super) on_attempt: Option<Function>,
    pub(super) on_fallback: Option<Function>,
    /// The error that the call rejects with, made where the call was made.
    pub(super) caller: Option<ChatError>,
}

/// `value` as options; a call without options has none.
///
/// # Errors
/// If the value is no object.
pub(super) fn options_of(value: JsValue) -> Result<Object, Box<Failure>> {
    if value.is_undefined() {
        return Ok(Object::new());
    }
    if !is_object(&value) {
        return Err(misuse("the options must be an object"));
    }
    Ok(value.unchecked_into())
}

/// The options of one call over the defaults of its client.
///
/// # Errors
/// If `headers` are none that HTTP can carry.
pub(super) fn merge(defaults: &Object, options: &Object) -> Result<Object, Box<Failure>> {
    let merged = copy(defaults);
    Object::assign(&merged, options);
    for name in ["policy", "body"] {
        let (default, own) = (property(defaults, name), property(options, name));
        if is_object(&default) && is_object(&own) {
            let both = copy(default.unchecked_ref());
            set(&merged, name, &Object::assign(&both, own.unchecked_ref()));
        }
    }
    let headers = [property(defaults, "headers"), property(options, "headers")];
    let headers = [plain_headers(&headers[0])?, plain_headers(&headers[1])?];
    set(&merged, "headers", &Object::assign(&headers[0], &headers[1]));
    Ok(merged)
}

/// The call names a model of its own and no chain: the model comes first, and the chain of its client follows. An SDK's
/// request names it in its body.
pub(super) fn has_own_model(purpose: Purpose, options: &Object) -> bool {
    let body = property(options, "body");
    let place: &JsValue = if purpose == Purpose::Wire { &body } else { options };
    property(place, "model").is_truthy() && !property(place, "models").is_truthy()
}

/// Headers in any of their forms as a plain object. The web's own class knows which are valid.
///
/// # Errors
/// If HTTP cannot carry them, or the host has no `Headers`. The message repeats no value, because the value may be a key.
pub(super) fn plain_headers(headers: &JsValue) -> Result<Object, Box<Failure>> {
    require("Headers")?;
    let headers = if headers.is_null() { &JsValue::UNDEFINED } else { headers };
    let list = headers_from(headers).map_err(|_| misuse("`headers` has a name or value that HTTP cannot carry"))?;
    Ok(Object::from_entries(&list).unwrap_or_default())
}

fn headers_from(given: &JsValue) -> Result<Headers, JsValue> {
    Headers::new_with_record_from_str_to_str(given.unchecked_ref())
}

impl Host {
    /// The host of a stream that the caller fetched.
    pub(super) fn given(response: JsValue, caller: Option<ChatError>) -> Self {
        let fetch = JsValue::UNDEFINED.unchecked_into();
        Self { fetch, given: Some(response), signal: None, on_attempt: None, on_fallback: None, caller }
    }

    /// The functions and the signal among the options of a call.
    ///
    /// # Errors
    /// If an option has the wrong type, or the host has no `fetch`.
    pub(super) fn read(options: &Object, caller: Option<ChatError>) -> Result<Self, Box<Failure>> {
        let fetch = match function(options, "fetch")? {
            Some(fetch) => fetch,
            None => function(&js_sys::global(), "fetch")?
                .ok_or_else(|| misuse("this host has no `fetch`; give one with the option `fetch`"))?,
        };
        Ok(Self {
            fetch,
            given: None,
            signal: signal(property(options, "signal"))?,
            on_attempt: function(options, "onAttempt")?,
            on_fallback: function(options, "onFallback")?,
            caller,
        })
    }
}

#[inline(never)]
fn function(options: &Object, name: &str) -> Result<Option<Function>, Box<Failure>> {
    let value = property(options, name);
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    value.dyn_into().map(Some).map_err(|_| misuse(text!("`", name, "` must be a function")))
}

/// Judged by its shape, because a polyfill or another realm has a class of its own.
fn signal(value: JsValue) -> Result<Option<AbortSignal>, Box<Failure>> {
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    if property(&value, "addEventListener").is_function() && property(&value, "aborted").as_bool().is_some() {
        return Ok(Some(value.unchecked_into()));
    }
    Err(misuse("`signal` must be an AbortSignal"))
}

impl Plan {
    /// Reads the merged options of a call.
    ///
    /// # Errors
    /// A sentence with the path of the option that is wrong.
    pub(super) fn read(purpose: Purpose, options: &Object, has_own_model: bool) -> Result<Self, Box<Failure>> {
        check_names(options)?;
        let json = stringify(data_of(options)?.as_ref())?;
        let options = Json::parse(&json).ok_or_else(|| misuse("the options nest deeper than 128 levels"))?;
        Ok(Self::from_json(purpose, options, has_own_model)?)
    }

    fn from_json(purpose: Purpose, options: Json<'_>, has_own_model: bool) -> Result<Self, Box<Invalid>> {
        let options = Section::object("", options)?;
        let upstreams = upstreams::read(&options)?;
        let mut policy = Policy::default();
        policy.set(options.get("policy"))?;
        let request = request_json(purpose, &options, &upstreams, has_own_model)?;
        let mut request = ChatRequest::read(Json::or_null(&request))?;
        let sends_usage_unasked = upstreams.iter().any(|upstream| upstream.dialect == Dialect::OpenAi);
        if purpose == Purpose::Wire && sends_usage_unasked && !request.asks_for_usage() {
            request.usage_chunk = UsageChunk::Hidden;
        }
        Ok(Self { request, upstreams, policy })
    }

    /// The plan for a response that is there already: one attempt, no rule and no clock; the reader sees all that comes.
    pub(super) fn parse() -> Result<Self, Box<Failure>> {
        const NEVER: Millis = Millis::MAX / 4;
        let policy = Policy {
            attempts: 1,
            timeouts: Timeouts { headers: Some(NEVER), first_token: Some(NEVER), idle: NEVER, total: NEVER },
            retry: Retry { same: 0, max_wait: 0, base: 0, cap: 0 },
            on_content_filter: Soft::Accept,
            empty: Soft::Accept,
            reasoning_only: Soft::Accept,
            refusal: Soft::Accept,
            invalid_json: Soft::Accept,
            recover: Recover::Error,
            ..Policy::default()
        };
        let request = r#"{"model":"-","messages":[{"role":"user"}],"stream":true,"include_reasoning":true}"#;
        let mut request = ChatRequest::read(Json::or_null(request))?;
        request.as_it_comes = true;
        Ok(Self { request, upstreams: vec![Upstream::new(Dialect::OpenAi, "", None)], policy })
    }
}

/// Refuses an option that nobody knows: a misspelt option would be lost without notice.
fn check_names(options: &Object) -> Result<(), Box<Failure>> {
    let known = || fields::names().chain(split(OPTIONS, b' '));
    for name in Object::keys(options).iter().filter_map(|name| name.as_string()) {
        if known().any(|known| known == name) {
            continue;
        }
        let problem = match closest(&name, &mut known()) {
            Some(near) => text!("is not a known field; did you mean `", near, "`?"),
            None => "is not a known option; a field that only the upstream knows goes into `body`".into(),
        };
        return Err(Invalid::new(name, problem).into());
    }
    Ok(())
}

/// The options that JSON can carry; each upstream's headers as a plain object.
fn data_of(options: &Object) -> Result<Object, Box<Failure>> {
    let data = copy(options);
    for name in LIVE {
        set(&data, name, &JsValue::UNDEFINED);
    }
    if let Some(upstreams) = property(options, "upstreams").dyn_ref::<Array>() {
        let rows = Array::new();
        for row in upstreams.iter() {
            rows.push(&upstream_data(row)?);
        }
        set(&data, "upstreams", &rows);
    }
    Ok(data)
}

fn upstream_data(row: JsValue) -> Result<JsValue, Box<Failure>> {
    let headers = property(&row, "headers");
    if headers.is_undefined() {
        return Ok(row);
    }
    let data = copy(row.unchecked_ref());
    let headers = plain_headers(&headers)?;
    set(&data, "headers", &headers);
    Ok(data.into())
}

/// The body of the chat request: the fields among the options, then those of `body`, which nobody checks.
fn request_json(
    purpose: Purpose,
    options: &Section<'_>,
    upstreams: &[Upstream],
    has_own_model: bool,
) -> Result<String, Box<Invalid>> {
    let body = options.section("body")?;
    let is_wire = purpose == Purpose::Wire;
    if !is_wire && purpose != Purpose::Stream && options.get("stream").flag() == Some(true) {
        return Err(options.wrong("stream", "is not for this function; call `chatStreaming`"));
    }
    let policy = options.get("policy");
    // An edge performs the fallback itself and needs to know the policy.
    let sends_policy = policy.is_object() && upstreams.iter().any(|upstream| upstream.dialect == Dialect::Edge);
    let is_model = |name: Json<'_>| name.is("model") || name.is("models");
    // SDKs insist on a model: an empty one is none.
    let is_given = |value: Json<'_>| !(value.is_null() || is_wire && value.is(""));
    let names_chain = has_own_model && purpose != Purpose::Chat && (is_wire || !is_given(body.get("models")));
    let chain = if names_chain { full_chain(options, body.get("model"), is_wire) } else { Vec::new() };
    let is_sent = |name: Json<'_>, value: Json<'_>| {
        let is_decided = (name.is("stream") && !is_wire) || (name.is("failsoft") && sends_policy);
        !is_decided && (!is_model(name) || (chain.is_empty() && is_given(value)))
    };
    // A field of `body` replaces an option of the same name.
    let in_body: Vec<_> = body.fields().filter(|(name, value)| is_sent(*name, *value)).collect();
    let is_option = |name: Json<'_>| {
        let text = name.text().unwrap_or_default();
        let is_dropped = purpose == Purpose::Chat && text == "models";
        !is_dropped && fields::find(&text).is_some() && !in_body.iter().any(|(known, _)| known.is(&text))
    };
    let mut json = JsonObject::default();
    for (name, value) in options
        .fields()
        .filter(|(name, value)| is_option(*name) && is_sent(*name, *value))
        .chain(in_body.iter().copied())
    {
        json.entry(name, value.raw());
    }
    json.maybe_texts("models", &chain);
    if sends_policy {
        json.raw("failsoft", policy.raw());
    }
    if !is_wire {
        json.flag("stream", purpose == Purpose::Stream);
    }
    if ["model", "models"].iter().all(|name| options.get(name).is_null() && !is_given(body.get(name))) {
        json.maybe_texts("models", &upstreams[0].models);
    }
    Ok(json.end())
}

/// The models of a call that names one of its own; empty, if an entry of the client's chain is no string.
fn full_chain(options: &Section<'_>, in_body: Json<'_>, is_wire: bool) -> Vec<String> {
    let (model, models) = (options.get("model"), options.get("models"));
    if !models.items().all(Json::is_string) {
        return Vec::new();
    }
    // An SDK's own model is in the body. Then `model` is the client's default, which a chain replaces.
    let own = if is_wire { in_body } else { model };
    let default = if is_wire && models.is_null() { model } else { Json::NULL };
    let texts: Vec<_> = [own, default].into_iter().chain(models.items()).filter_map(Json::text).collect();
    own_models_first(texts.iter().map(|text| &**text), [])
}

fn is_object(value: &JsValue) -> bool {
    value.is_object() && !Array::is_array(value)
}

/// A shallow copy.
#[inline(never)]
pub(super) fn copy(object: &Object) -> Object {
    Object::assign(&Object::new(), object)
}

/// Sets a property of an object that was made here: this cannot fail.
#[inline(never)]
pub(super) fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}
