//! A response as data: what is written, when, and how it ends. A fault is a response that differs from the healthy one.

use std::time::Duration;

use serde_json::Value;

/// Everything that happens on the wire in answer to one request.
#[derive(Debug)]
pub(crate) struct Response {
    /// The steps before the head. Only pauses make sense here.
    pub(crate) before: Vec<Step>,
    /// `None`: the connection ends without a status line.
    pub(crate) head: Option<Head>,
    pub(crate) body: Vec<Step>,
    pub(crate) ending: Ending,
    /// The response contains a fault, so the connection closes after it.
    pub(crate) faulted: bool,
    /// The connection closes although the response contains no fault.
    pub(crate) close: bool,
}

#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) framing: Framing,
}

/// How the end of the body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
}

#[derive(Debug)]
pub(crate) enum Step {
    /// One write with a flush: one chunk of a chunked body.
    Write {
        bytes: Vec<u8>,
        /// The completion tokens that the client has received with these bytes, for the charge of an aborted stream.
        tokens: u64,
    },
    Pause(Duration),
    /// The same bytes repeatedly, the first time after one interval.
    Repeat {
        bytes: Vec<u8>,
        tokens: u64,
        every: Duration,
        times: u64,
    },
    /// Nothing, until the client leaves.
    Silence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The body ends as the framing promises: a chunked body gets its terminator.
    Whole,
    /// The connection is closed normally (FIN) before the promised end.
    Short,
    /// The connection is reset (RST).
    Reset,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=UTF-8";
pub(crate) const SSE: &str = "text/event-stream";

impl Response {
    /// A complete body with its length.
    pub(crate) fn sized(status: u16, content_type: &'static str, bytes: Vec<u8>) -> Self {
        let head = Head { status, content_type, headers: Vec::new(), framing: Framing::Length(bytes.len()) };
        Self {
            before: Vec::new(),
            head: Some(head),
            body: vec![Step::write(bytes)],
            ending: Ending::Whole,
            faulted: false,
            close: false,
        }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::sized(status, JSON, value.to_string().into_bytes())
    }

    /// An event stream in chunks.
    pub(crate) fn stream(body: Vec<Step>) -> Self {
        let head = Head { status: 200, content_type: SSE, headers: Vec::new(), framing: Framing::Chunked };
        Self { before: Vec::new(), head: Some(head), body, ending: Ending::Whole, faulted: false, close: false }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        if let Some(head) = &mut self.head {
            head.headers.push((name, value));
        }
        self
    }

    pub(crate) fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    pub(crate) fn after(mut self, step: Step) -> Self {
        self.before.push(step);
        self
    }

    pub(crate) fn headless(mut self) -> Self {
        self.head = None;
        self.body.clear();
        self
    }

    /// Whether the connection closes after this response.
    pub(crate) fn closes(&self) -> bool {
        self.faulted || self.close || self.ending != Ending::Whole
    }

    /// Whether the head announces the close. A break is not announced: with `connection: close` in the head, Node's
    /// fetch accepts a body that ends too early as complete, even after a reset.
    pub(crate) fn announces_close(&self) -> bool {
        self.close || (self.faulted && self.ending == Ending::Whole)
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }
}

impl Step {
    /// Bytes without a completion token.
    pub(crate) fn write(bytes: Vec<u8>) -> Self {
        Self::Write { bytes, tokens: 0 }
    }
}
