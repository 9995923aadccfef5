//! Replies to a client: status, headers and body, and the shapes that a body can have.

use failsoft::{Failure, Millis, Report};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::http::api_error::{ApiError, Code};

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// SDKs wait this long at most before they try again, in milliseconds.
const LONGEST_RETRY: Millis = 60_000;

/// A reply. It is plain data until it is sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    /// The code of the error, if the edge refused the request.
    pub(crate) refused: Option<Code>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Empty,
    Text(String),
    Stream(ReadableStream),
}

impl Reply {
    pub(crate) fn new(status: u16, kind: &str, body: Body) -> Self {
        // A proxy must not store the reply, compress it, or collect it before it passes it on.
        let headers = vec![("content-type", kind.to_owned()), ("cache-control", "no-store, no-transform".to_owned())];
        Self { status, headers, body, refused: None }
    }

    /// A reply with the JSON text `body`.
    pub(crate) fn json(status: u16, body: impl ToString) -> Self {
        Self::new(status, JSON, Body::Text(body.to_string()))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty, refused: None }
    }

    /// The reply to a call that failed before anything was sent to the client. `report` is JSON text.
    pub(crate) fn failed(failure: &Failure, report: &str) -> Self {
        let mut reply = Self::json(failure.http_status(), envelope(failure, report));
        // The edge has made all retries that make sense. SDKs would multiply them.
        reply.headers.push(("x-should-retry", "false".into()));
        if let Some(wait) = failure.retry_after {
            reply.headers.push(("retry-after", wait.div_ceil(1_000).to_string()));
        }
        reply
    }

    /// Adds the headers that describe the call.
    pub(crate) fn with_report(mut self, report: &Report) -> Self {
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
        reply.refused = Some(error.code);
        let wait = error.retry_after;
        let should_retry = wait.is_some_and(|wait| wait <= LONGEST_RETRY);
        reply.headers.push(("x-should-retry", should_retry.to_string()));
        reply.headers.extend(wait.map(|wait| ("retry-after", wait.div_ceil(1_000).to_string())));
        reply.headers.extend(error.allow.map(|methods| ("allow", methods.to_owned())));
        reply
    }
}

/// OpenAI's error envelope, with the report beside the error.
fn envelope(failure: &Failure, report: &str) -> String {
    ["{\"error\":", &failure.to_openai(), ",\"failsoft\":", report, "}"].concat()
}

/// The event that ends a failed stream: OpenAI's error envelope with the report. No `[DONE]` follows.
pub(crate) fn error_event(failure: &Failure, report: &str) -> String {
    ["data: ", &envelope(failure, report), "\n\n"].concat()
}

/// The comment with the report. The package reads it, and other readers skip comments.
pub(crate) fn report_comment(report: &str) -> String {
    // A report is one line.
    [": failsoft ", report, "\n\n"].concat()
}

/// The reply of an edge whose configuration is missing or wrong.
pub(crate) fn not_configured() -> Reply {
    let message = "this edge is not set up: GET /healthz says what is missing";
    ApiError::new(Code::NotConfigured, message).into()
}

/// OpenAI's list object.
pub(crate) fn list(data: Vec<Value>) -> Value {
    json!({"object": "list", "data": data})
}
