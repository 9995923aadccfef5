//! Answers, as plain data until the last moment.

use failsoft::{Failure, Millis, Report};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::http::api_error::{ApiError, Code};

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// What may be tried again after so long is tried again by SDKs, which wait no longer. In milliseconds.
const SOON: Millis = 60_000;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Empty,
    Text(String),
    Stream(ReadableStream),
}

impl Reply {
    pub(crate) fn new(status: u16, kind: &str, body: Body) -> Self {
        // Nobody between here and the client should keep it, pack it, or wait for more of it.
        let headers = vec![("content-type", kind.to_owned()), ("cache-control", "no-store, no-transform".to_owned())];
        Self { status, headers, body }
    }

    /// An answer whose body is the JSON text `body`.
    pub(crate) fn json(status: u16, body: impl ToString) -> Self {
        Self::new(status, JSON, Body::Text(body.to_string()))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    /// The end of a call that failed before anything was sent.
    pub(crate) fn failed(failure: &Failure, report: &Report) -> Self {
        let envelope = envelope(failure, &report.to_json(None));
        let mut reply = Self::json(failure.http_status(), envelope).told(report);
        // What SDKs would do again has been done here.
        reply.headers.push(("x-should-retry", "false".into()));
        if let Some(wait) = failure.retry_after {
            reply.headers.push(("retry-after", wait.div_ceil(1_000).to_string()));
        }
        reply
    }

    /// With what a client may want to know before it reads the body.
    pub(crate) fn told(mut self, report: &Report) -> Self {
        self.headers.push(("x-failsoft-attempts", report.attempts.len().to_string()));
        let model = report.model.as_ref().filter(|model| model.bytes().all(|byte| byte.is_ascii_graphic()));
        self.headers.extend(model.map(|model| ("x-failsoft-model", model.clone())));
        self
    }
}

impl From<Body> for JsValue {
    fn from(body: Body) -> Self {
        match body {
            Body::Empty => Self::NULL,
            Body::Text(text) => text.into(),
            Body::Stream(stream) => stream.into(),
        }
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let mut reply = Self::json(error.code.status(), error.to_openai());
        let wait = error.retry_after;
        let soon = wait.is_some_and(|wait| wait <= SOON);
        reply.headers.push(("x-should-retry", soon.to_string()));
        reply.headers.extend(wait.map(|wait| ("retry-after", wait.div_ceil(1_000).to_string())));
        reply.headers.extend(error.allow.map(|methods| ("allow", methods.to_owned())));
        reply
    }
}

/// OpenAI's error envelope, with what happened beside it.
fn envelope(failure: &Failure, report: &str) -> String {
    ["{\"error\":", &failure.to_openai(), ",\"failsoft\":", report, "}"].concat()
}

/// The event that ends a stream which failed: OpenAI's envelope, what happened, and no `[DONE]` after it.
pub(crate) fn error_event(failure: &Failure, report: &str) -> String {
    ["data: ", &envelope(failure, report), "\n\n"].concat()
}

/// The comment that tells our own reader what happened; any other passes over it.
pub(crate) fn report_comment(report: &str) -> String {
    // A report is one line.
    [": failsoft ", report, "\n\n"].concat()
}

/// What is wrong with this edge, for those who call it.
pub(crate) fn not_configured() -> Reply {
    let message = "this edge is not set up: GET /healthz says what is missing";
    ApiError::new(Code::NotConfigured, message).into()
}

/// The shape of a list.
pub(crate) fn list(data: Vec<Value>) -> Value {
    json!({"object": "list", "data": data})
}
