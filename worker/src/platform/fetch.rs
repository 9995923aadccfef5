//! The one HTTP client for everything but calls to models: catalogs, key sets, Turnstile, Play Integrity, costs, spans,
//! alerts.
//!
//! No request follows a redirect: a request may carry a secret, and its answer may be trusted because of its host. Every
//! request has a time limit, and every answer a size limit.

use core::fmt;

use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortSignal, Headers, ReadableStream, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit,
    RequestRedirect, Response,
};

use crate::platform::host;

/// The most bytes of an answer. OpenRouter's catalog has about one million.
const LARGEST: usize = 8 * 1024 * 1024;

/// Milliseconds until an answer must be complete, unless a request sets another limit.
const TIME_LIMIT: u32 = 10_000;

/// A request that is not sent yet.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<&'a str>,
    time_limit: u32,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The request has a header that HTTP cannot carry, or the connection failed, or the time limit passed. The message is
    /// the platform's.
    Unreachable(String),
    /// The status is not 2xx.
    Status(u16),
    TooLarge,
    NotText,
}

impl<'a> Request<'a> {
    pub(crate) fn get(url: &'a str) -> Self {
        Self { url, headers: Vec::new(), body: None, time_limit: TIME_LIMIT }
    }

    /// Posts the JSON text `json`.
    pub(crate) fn post(url: &'a str, json: &'a str) -> Self {
        Self { body: Some(json), ..Self::get(url) }.header("content-type", "application/json")
    }

    /// Posts `form`, whose values are encoded already.
    pub(crate) fn post_form(url: &'a str, form: &'a str) -> Self {
        Self { body: Some(form), ..Self::get(url) }.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn headers(mut self, headers: &'a [(String, String)]) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self
    }

    /// Sets the time limit, in milliseconds.
    pub(crate) fn within(mut self, time_limit: u32) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Sends the request, and reads the answer's body.
    pub(crate) async fn text(self) -> Result<String, Fault> {
        match self.send().await?.body() {
            Some(body) => read(&body).await,
            None => Ok(String::new()),
        }
    }

    /// Sends the request. Nobody wants the answer's body.
    pub(crate) async fn deliver(self) -> Result<(), Fault> {
        discard(self.send().await?.body()).await;
        Ok(())
    }

    async fn send(self) -> Result<Response, Fault> {
        let headers = Headers::new()?;
        for (name, value) in self.headers {
            headers.set(name, value)?;
        }
        let init = RequestInit::new();
        init.set_headers(&headers);
        if let Some(body) = self.body {
            init.set_method("POST");
            init.set_body(&JsValue::from_str(body));
        }
        init.set_signal(Some(&AbortSignal::timeout_with_u32(self.time_limit)));
        init.set_redirect(RequestRedirect::Manual);
        let response: Response = JsFuture::from(host::fetch(self.url, &init)?).await?.unchecked_into();
        if response.ok() {
            return Ok(response);
        }
        discard(response.body()).await;
        Err(Fault::Status(response.status()))
    }
}

/// Reads a body as UTF-8, up to the size limit.
async fn read(body: &ReadableStream) -> Result<String, Fault> {
    let reader = ReadableStreamDefaultReader::new(body)?;
    let mut bytes = Vec::new();
    loop {
        let result: ReadableStreamReadResult = JsFuture::from(reader.read()).await?.unchecked_into();
        if result.get_done().unwrap_or(false) {
            return String::from_utf8(bytes).map_err(|_| Fault::NotText);
        }
        let chunk: Uint8Array = result.get_value().unchecked_into();
        if bytes.len() + chunk.length() as usize > LARGEST {
            let _ = JsFuture::from(reader.cancel()).await;
            return Err(Fault::TooLarge);
        }
        bytes.extend(chunk.to_vec());
    }
}

/// Closes a body that nobody reads: an open body would hold the connection.
async fn discard(body: Option<ReadableStream>) {
    if let Some(body) = body {
        let _ = JsFuture::from(body.cancel()).await;
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(message) => f.write_str(message),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLarge => write!(f, "the answer has more than {LARGEST} bytes"),
            Self::NotText => f.write_str("the answer is not UTF-8"),
        }
    }
}

impl From<JsValue> for Fault {
    fn from(thrown: JsValue) -> Self {
        Self::Unreachable(host::message(&thrown))
    }
}
