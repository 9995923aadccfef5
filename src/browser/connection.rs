//! One request on its way, and the body that it brings.

use std::rc::Rc;

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestInit, Response};

use super::state::Inner;
use crate::failure::Kind;
use crate::http::READ_HEADERS;
use crate::{AttemptId, Failure, HttpRequest, Input};

/// A body, as the host can read it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// No response yet.
    Awaited,
    /// Chunk by chunk.
    Stream(ReadableStreamDefaultReader),
    /// In one piece: some hosts, React Native's for one, cannot do better.
    Text(Response),
    /// Nothing is left.
    Spent,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) attempt: AttemptId,
    pub(super) body: Body,
    controller: AbortController,
}

impl Connection {
    /// Closes it. A read that is under way ends.
    pub(super) fn close(self) {
        self.controller.abort();
        if let Body::Stream(reader) = self.body {
            // A `fetch` of the caller's own may not heed the signal.
            ignore(reader.cancel());
        }
    }
}

/// Sends `request`.
pub(super) fn open(inner: &Rc<Inner>, attempt: AttemptId, request: &HttpRequest) {
    let sent = send(inner, attempt, request);
    let inner = inner.clone();
    spawn_local(async move {
        let answered = match sent {
            Ok(promise) => JsFuture::from(Promise::resolve(&promise)).await,
            Err(thrown) => Err(thrown),
        };
        match answered {
            Ok(response) => take_response(&inner, attempt, response.unchecked_into()),
            Err(thrown) => inner.fail(attempt, thrown),
        }
        inner.advance();
    });
}

fn send(inner: &Rc<Inner>, attempt: AttemptId, request: &HttpRequest) -> Result<JsValue, JsValue> {
    let controller = AbortController::new()?;
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    for (name, value) in &request.extra_headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(&request.body));
    init.set_signal(Some(&controller.signal()));
    inner.state.borrow_mut().connection = Some(Connection { attempt, body: Body::Awaited, controller });
    inner.host.fetch.call2(&JsValue::UNDEFINED, &JsValue::from_str(&request.url), &init)
}

fn take_response(inner: &Rc<Inner>, attempt: AttemptId, response: Response) {
    let reader = response.body().map(|body| body.get_reader().unchecked_into::<ReadableStreamDefaultReader>());
    let (status, headers) = (response.status(), response.headers());
    let seen = READ_HEADERS.iter().filter_map(|name| Some((*name, headers.get(name).ok()??))).collect();
    let body = reader.map_or(Body::Text(response), Body::Stream);
    let unwanted = match &mut inner.state.borrow_mut().connection {
        Some(connection) if connection.attempt == attempt => {
            connection.body = body;
            None
        }
        _ => Some(body),
    };
    if let Some(Body::Stream(reader)) = unwanted {
        return ignore(reader.cancel());
    }
    inner.handle(Input::Head { attempt, status, headers: seen });
}

/// Reads one chunk, as the machine has allowed.
pub(super) fn read(inner: &Rc<Inner>) {
    let (attempt, body) = {
        let mut state = inner.state.borrow_mut();
        let Some(attempt) = state.read.take() else { return };
        let Some(connection) = &mut state.connection else { return };
        let whole = matches!(connection.body, Body::Text(_));
        let body = if whole { std::mem::replace(&mut connection.body, Body::Spent) } else { connection.body.clone() };
        (attempt, body)
    };
    let inner = inner.clone();
    spawn_local(async move {
        match next_bytes(&body).await {
            Ok(Some(bytes)) => inner.handle(Input::Bytes { attempt, bytes: &bytes }),
            Ok(None) => inner.handle(Input::End { attempt }),
            Err(thrown) => inner.fail(attempt, thrown),
        }
        inner.advance();
    });
}

async fn next_bytes(body: &Body) -> Result<Option<Vec<u8>>, JsValue> {
    match body {
        Body::Awaited | Body::Spent => Ok(None),
        Body::Text(response) => {
            let text = JsFuture::from(response.text()?).await?;
            Ok(text.as_string().map(String::into_bytes))
        }
        Body::Stream(reader) => {
            let result = JsFuture::from(reader.read()).await?;
            if Reflect::get(&result, &JsValue::from_str("done"))?.is_truthy() {
                return Ok(None);
            }
            Ok(Some(bytes_of(Reflect::get(&result, &JsValue::from_str("value"))?)))
        }
    }
}

/// A chunk is bytes; hand-made streams bring strings too.
fn bytes_of(chunk: JsValue) -> Vec<u8> {
    chunk.as_string().map_or_else(|| Uint8Array::new(&chunk).to_vec(), String::into_bytes)
}

impl Inner {
    /// What `fetch` or a reader threw, as the failure of an attempt.
    pub(super) fn fail(&self, attempt: AttemptId, thrown: JsValue) {
        let mut message = String::from("the connection failed");
        for error in [&thrown, &property(&thrown, "cause")] {
            if let Some(said) = property(error, "message").as_string().filter(|said| !said.is_empty()) {
                message.extend([": ", &said]);
            }
        }
        self.state.borrow_mut().thrown = Some(thrown);
        self.handle(Input::Failed { attempt, failure: Failure::new(Kind::Network, message) });
    }
}

fn property(value: &JsValue, name: &str) -> JsValue {
    if value.is_object() { Reflect::get(value, &name.into()).unwrap_or_default() } else { JsValue::UNDEFINED }
}

/// Lets a promise end as it likes: without this, its rejection would be reported as unhandled.
fn ignore(promise: Promise) {
    spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}

pub(super) fn function(closure: &Closure<dyn FnMut()>) -> &Function {
    closure.as_ref().unchecked_ref()
}
