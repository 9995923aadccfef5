//! Replies to a client: status, headers and body, and the shapes that a body can have.

use failsoft::{Failure, Millis, Report};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::http::api_error::{ApiError, Code, ErrorForm};

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

/// SDKs wait this long at most before they try again, in milliseconds.
const LONGEST_RETRY: Millis = 60_000;

/// The longest value of a header that a client's own words are part of.
const LONGEST_VALUE: usize = 1_000;

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
    pub(crate) fn failed(failure: &Failure, report: &str, form: &ErrorForm) -> Self {
        let body = form.protocol.error_body(failure, form.shape, report, &form.id);
        let mut reply = Self::json(failure.http_status(), body);
        // The edge has made all retries that make sense. SDKs would multiply them.
        reply.headers.push(("x-should-retry", "false".into()));
        if let Some(wait) = failure.retry_after {
            reply.headers.push(("retry-after", wait.div_ceil(1_000).to_string()));
        }
        reply
    }

    /// The reply to a request that the edge refuses.
    pub(crate) fn refused(error: &ApiError, form: &ErrorForm) -> Self {
        let mut reply = Self::json(error.code.status(), error.body(form));
        reply.refused = Some(error.code);
        let wait = error.retry_after;
        let should_retry = wait.is_some_and(|wait| wait <= LONGEST_RETRY);
        reply.headers.push(("x-should-retry", should_retry.to_string()));
        reply.headers.extend(wait.map(|wait| ("retry-after", wait.div_ceil(1_000).to_string())));
        reply.headers.extend(error.allow.map(|methods| ("allow", methods.to_owned())));
        reply
    }

    /// Adds the headers that describe the call.
    pub(crate) fn with_report(mut self, report: &Report) -> Self {
        self.headers.push(("x-failsoft-attempts", report.attempts.len().to_string()));
        let model = report.model.as_ref().filter(|model| model.bytes().all(|byte| byte.is_ascii_graphic()));
        self.headers.extend(model.map(|model| ("x-failsoft-model", model.clone())));
        if report.from_cache {
            self.headers.push(("x-failsoft-cache", "hit".into()));
        }
        self.with_warnings(&report.warnings)
    }

    /// Adds the header that warns the client.
    pub(crate) fn with_warnings(mut self, warnings: &[String]) -> Self {
        if !warnings.is_empty() {
            self.headers.push(("x-failsoft-warnings", header_value(&warnings.join(" | "))));
        }
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

/// `text` as the value of a header: printable ASCII, of at most [`LONGEST_VALUE`] bytes.
fn header_value(text: &str) -> String {
    let is_plain = |character: char| character == ' ' || character.is_ascii_graphic();
    text.chars().take(LONGEST_VALUE).map(|character| if is_plain(character) { character } else { '?' }).collect()
}

/// The comment with the report, a line in the block of the next event. The package reads it, and other readers skip comments.
pub(crate) fn report_comment(report: &str) -> String {
    // A report is one line.
    [": failsoft ", report, "\n"].concat()
}

/// `events` of an upstream, whose comments become lines of the block of the next event. Some clients take a comment with an empty
/// line behind it for an event without data.
pub(crate) fn join_comments(events: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(events.len());
    let mut is_after_comments = false;
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        let is_empty = matches!(line, b"\n" | b"\r\n");
        if is_empty && is_after_comments {
            continue;
        }
        let begins_block = joined.is_empty() || joined.ends_with(b"\n\n") || joined.ends_with(b"\n\r\n");
        is_after_comments = line.first() == Some(&b':') && (begins_block || is_after_comments);
        joined.extend_from_slice(line);
    }
    joined
}

/// The error of an edge whose configuration is missing or wrong.
pub(crate) fn not_configured() -> ApiError {
    ApiError::new(Code::NotConfigured, "this edge is not set up: GET /healthz says what is missing")
}

/// OpenAI's list object.
pub(crate) fn list(data: Vec<Value>) -> Value {
    json!({"object": "list", "data": data})
}

#[cfg(test)]
mod tests {
    use super::{Reply, join_comments};

    #[test]
    fn a_warning_in_a_header_is_one_short_line_of_ascii() {
        let warn = |text: &str| Reply::empty(200).with_warnings(&[text.into(), "b".into()]).headers.pop();
        let header = |value: &str| Some(("x-failsoft-warnings", value.to_owned()));
        assert_eq!(warn("`a` é\r\nx: 1\u{0}"), header("`a` ???x: 1? | b"));
        assert_eq!(warn(&"x".repeat(2_000)), header(&"x".repeat(1_000)));
        assert_eq!(Reply::empty(200).with_warnings(&[]).headers, []);
    }

    #[test]
    fn a_comment_becomes_a_line_of_the_next_block_and_events_stay_as_they_are() {
        for (events, expected) in [
            (": 1\n\n: 2\n\ndata: 1\n\n", ": 1\n: 2\ndata: 1\n\n"),
            (":\r\n\r\ndata: 1\r\n\r\n: x\r\n\r\ndata: 2", ":\r\ndata: 1\r\n\r\n: x\r\ndata: 2"),
            (
                "data: 1\n: inside\ndata: 2\n: at the end\n\ndata: 3\n\n",
                "data: 1\n: inside\ndata: 2\n: at the end\n\ndata: 3\n\n",
            ),
            (": before\ndata: 1\n\n\n", ": before\ndata: 1\n\n\n"),
            ("data: 1\n\n: not compl", "data: 1\n\n: not compl"),
            ("data: : 1\n\n", "data: : 1\n\n"),
        ] {
            assert_eq!(String::from_utf8(join_comments(events.as_bytes())).expect("text"), expected, "{events:?}");
        }
    }
}
