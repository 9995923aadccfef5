//! What the client gets, and when: one JSON answer, or a stream whose headers wait for the first text, but not for ever.

use std::task::Poll;

use failsoft::{Chunks, Failure, Millis, Outcome, Report};
use futures_channel::oneshot;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::http::reply::{Body, EVENT_STREAM, Reply, error_event, report_comment};
use crate::platform::executor::Executor;
use crate::platform::host;
use crate::platform::output::Out;

/// A stream says something at least this often, in milliseconds. Proxies close a connection that is silent for long, and a
/// client that closed its end is often noticed only by writing to it.
const KEEP_ALIVE: Millis = 5_000;
const KEEP_ALIVE_COMMENT: &[u8] = b": failsoft keep-alive\n\n";

/// The client's side of a call.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Takes the response to the handler that waits for it; gone once it has.
    respond: Option<oneshot::Sender<Reply>>,
    bell: Executor,
    out: Option<Out>,
    /// When to send headers, then comments. Never for an answer in one piece, nor beside a body that goes over natively.
    due: Option<Millis>,
    /// The report has been told.
    committed: bool,
}

impl Delivery {
    /// To a client that waits until `headers_at` for a stream to begin; for an answer in one piece there is no such time.
    pub(crate) fn new(bell: &Executor, respond: oneshot::Sender<Reply>, headers_at: Option<Millis>) -> Self {
        Self { respond: Some(respond), bell: bell.clone(), out: None, due: headers_at, committed: false }
    }

    /// When this side has something to do by itself.
    pub(crate) fn due(&self) -> Millis {
        self.due.unwrap_or(Millis::MAX)
    }

    /// Is the write, or the pipe, that is under way over? See [`Out::poll`].
    pub(crate) fn poll(&mut self) -> Poll<Result<(), JsValue>> {
        self.out.as_mut().map_or(Poll::Ready(Ok(())), Out::poll)
    }

    /// Sends the headers of a stream, or a comment, if it is time.
    pub(crate) fn keep_alive(&mut self, now: Millis, report: &Report) {
        if self.due() > now {
            return;
        }
        let busy = self.out.as_ref().is_some_and(|out| !out.is_idle());
        if busy {
            self.due = Some(now + KEEP_ALIVE);
        } else {
            self.write(KEEP_ALIVE_COMMENT, report);
        }
    }

    /// Starts to give `chunks`; with the first of them, what is known of the call.
    pub(crate) fn give(&mut self, chunks: &Chunks, report: &Report) {
        let mut text = self.commit(report);
        text.push_str(&chunks.to_sse());
        self.write(text.as_bytes(), report);
    }

    /// Starts to give the bytes that were `held` back.
    pub(crate) fn give_held(&mut self, held: &[u8], report: &Report) {
        let text = self.commit(report);
        self.write(&[text.as_bytes(), held].concat(), report);
    }

    /// Lets the rest of a body follow.
    pub(crate) fn pipe(&mut self, body: &ReadableStream) {
        self.due = None;
        if let Some(out) = &mut self.out {
            out.pipe(body);
        }
    }

    /// The comment that goes before the first chunk.
    fn commit(&mut self, report: &Report) -> String {
        if std::mem::replace(&mut self.committed, true) {
            return String::new();
        }
        report_comment(&report.to_json(None))
    }

    fn write(&mut self, bytes: &[u8], report: &Report) {
        if let Some(out) = self.open(report) {
            out.write(bytes);
            self.due = Some(host::now() + KEEP_ALIVE);
        }
    }

    /// The stream, whose headers are sent now if they have not been.
    fn open(&mut self, report: &Report) -> Option<&mut Out> {
        if self.out.is_none()
            && let Some(respond) = self.respond.take()
        {
            let (out, body) = Out::open(&self.bell);
            let reply = Reply::new(200, EVENT_STREAM, Body::Stream(body)).told(report);
            // A handler that is not there any more has no client either, which the signal tells.
            let _ = respond.send(reply);
            self.out = Some(out);
        }
        self.out.as_mut()
    }

    /// Starts to write how the call ended; an answer in one piece is given here.
    pub(crate) fn conclude(&mut self, outcome: Outcome, streams: bool) {
        let report = outcome.report;
        match (outcome.result, self.out.is_some() || streams) {
            (Ok(answer), false) => {
                let completion = answer.completion_with(&report.to_json(None));
                self.respond(|| Reply::json(200, completion).told(&report));
            }
            (Ok(_), true) => {
                let text = [&report_comment(&report.to_json(None)), "data: [DONE]\n\n"].concat();
                self.write(text.as_bytes(), &report);
            }
            (Err(failure), _) => self.fail(&failure, &report),
        }
    }

    fn fail(&mut self, failure: &Failure, report: &Report) {
        match &mut self.out {
            Some(out) => out.write(error_event(failure, &report.to_json(None)).as_bytes()),
            None => self.respond(|| Reply::failed(failure, report)),
        }
    }

    fn respond(&mut self, reply: impl FnOnce() -> Reply) {
        if let Some(respond) = self.respond.take() {
            let _ = respond.send(reply());
        }
    }

    /// Ends the stream, if there is one: as its protocol says, or so that nobody takes it for whole.
    pub(crate) async fn end(self, properly: bool) {
        match self.out {
            Some(out) if properly => out.close().await,
            Some(out) => out.abort().await,
            None => {}
        }
    }
}
