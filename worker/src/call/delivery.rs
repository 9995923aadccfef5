//! Delivery: what the client gets, and when. The answer is one piece of JSON, or a stream whose headers wait for the first
//! text, up to a time limit.

use std::future::poll_fn;
use std::task::Poll;

use failsoft::protocol::{Protocol, Writer};
use failsoft::{Chunks, Failure, Millis, Outcome, Report};
use futures_channel::oneshot;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::call::disclosure::{conceal_answer, conceal_failure, conceal_report};
use crate::http::api_error::{ApiError, ErrorForm};
use crate::http::reply::{Body, EVENT_STREAM, Reply, join_comments, report_comment};
use crate::platform::disconnect::Disconnect;
use crate::platform::executor::Executor;
use crate::platform::host;
use crate::platform::output::Output;
use crate::platform::timer::Timer;

/// The longest silence of a stream, in milliseconds. Proxies close a connection that is silent for long, and often only a
/// write notices that a client has closed its end.
const KEEP_ALIVE: Millis = 5_000;
/// One line, and no empty line behind it: the comment belongs to the block of the next event. Some clients take a comment with an
/// empty line behind it for an event without data.
const KEEP_ALIVE_COMMENT: &[u8] = b": failsoft keep-alive\n";

/// Sends the reply of a call, or the error with which the edge refuses the call.
pub(crate) type Respond = oneshot::Sender<Result<Reply, ApiError>>;

/// The form of what the client gets.
#[derive(Debug)]
pub(crate) struct Form {
    /// How the client reads errors.
    pub(crate) errors: ErrorForm,
    /// Writes the answer. `None` for chat completions, which the core itself writes.
    pub(crate) writer: Option<Writer>,
    /// For a client that does not see what is behind the answer.
    pub(crate) concealed: Option<Concealed>,
}

/// The client's side of a call.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Sends the reply to the handler. `None` once the reply is sent.
    respond: Option<Respond>,
    executor: Executor,
    output: Option<Output>,
    /// When to send the headers, and later the next comment. `None` for an answer in one piece, and while a body goes to the
    /// client natively.
    due: Option<Millis>,
    /// The comment with the report was sent.
    is_committed: bool,
    form: Form,
}

/// What a client sees that does not see what is behind its answers.
#[derive(Debug)]
pub(crate) struct Concealed {
    /// The model that the client asked for.
    pub(crate) asked: String,
    /// What the client should know about its own request.
    pub(crate) warnings: Vec<String>,
}

impl Delivery {
    /// A stream sends its headers at `headers_at` at the latest. `None` is for an answer in one piece.
    pub(crate) fn new(executor: &Executor, respond: Respond, headers_at: Option<Millis>, form: Form) -> Self {
        let executor = executor.clone();
        Self { respond: Some(respond), executor, output: None, due: headers_at, is_committed: false, form }
    }

    /// The report as the client may see it.
    fn report_json(&self, report: &Report) -> String {
        match &self.form.concealed {
            Some(concealed) => conceal_report(report, &concealed.warnings),
            None => report.to_json(None),
        }
    }

    /// Adds the headers that describe the call, if the client may see them.
    fn describe(&self, reply: Reply, report: &Report) -> Reply {
        match &self.form.concealed {
            Some(concealed) => reply.with_warnings(&concealed.warnings),
            None => reply.with_report(report),
        }
    }

    /// The client has the headers of a stream.
    pub(crate) fn has_begun(&self) -> bool {
        self.output.is_some()
    }

    /// When [`Delivery::keep_alive`] has something to do.
    pub(crate) fn due(&self) -> Millis {
        self.due.unwrap_or(Millis::MAX)
    }

    /// Ready when the write or the pipe is over: see [`Output::poll`].
    pub(crate) fn poll(&mut self) -> Poll<Result<(), JsValue>> {
        self.output.as_mut().map_or(Poll::Ready(Ok(())), Output::poll)
    }

    /// Waits until the client has taken everything that was written or piped. Returns false if the client is gone, or has not
    /// taken everything by `until`.
    pub(crate) async fn wait_until_taken(
        &mut self,
        disconnect: &mut Disconnect,
        timer: &mut Timer,
        until: Millis,
    ) -> bool {
        poll_fn(|_| {
            if let Poll::Ready(ended) = self.poll() {
                return Poll::Ready(ended.is_ok());
            }
            if disconnect.has_happened() {
                return Poll::Ready(false);
            }
            timer.poll_until(until).map(|()| false)
        })
        .await
    }

    /// Sends the headers of a stream, or a comment, if the time has come.
    pub(crate) fn keep_alive(&mut self, now: Millis, report: &Report) {
        if self.due() > now {
            return;
        }
        let is_busy = self.output.as_ref().is_some_and(|output| !output.is_idle());
        if is_busy {
            self.due = Some(now + KEEP_ALIVE);
        } else {
            self.write(KEEP_ALIVE_COMMENT, report);
        }
    }

    /// Starts to write `chunks`.
    pub(crate) fn write_chunks(&mut self, chunks: &Chunks, report: &Report) {
        let mut text = self.commit(report);
        let (shape, now) = (self.form.errors.shape, host::now());
        match (&mut self.form.writer, &self.form.concealed) {
            (None, None) => text.push_str(&shape.events(chunks, now)),
            (None, Some(concealed)) => chunks.iter().for_each(|chunk| {
                let shown = shape.chunk(conceal_answer(chunk, &concealed.asked), now);
                text.extend(["data: ", &shown, "\n\n"]);
            }),
            (Some(writer), None) => chunks.iter().for_each(|chunk| text.push_str(&writer.take_chunk(chunk))),
            (Some(writer), Some(concealed)) => chunks.iter().for_each(|chunk| {
                text.push_str(&writer.take_chunk(&conceal_answer(chunk, &concealed.asked)));
            }),
        }
        self.write(text.as_bytes(), report);
    }

    /// Starts to write the bytes that came before the commit point.
    pub(crate) fn write_held(&mut self, held: &[u8], report: &Report) {
        let text = self.commit(report);
        self.write(&[text.as_bytes(), &join_comments(held)].concat(), report);
    }

    /// Passes the rest of a body to the client natively.
    pub(crate) fn pipe(&mut self, body: &ReadableStream) {
        self.due = None;
        if let Some(output) = &mut self.output {
            output.pipe(body);
        }
    }

    /// The comment with the report, which goes before the first chunk.
    fn commit(&mut self, report: &Report) -> String {
        if std::mem::replace(&mut self.is_committed, true) {
            return String::new();
        }
        report_comment(&self.report_json(report))
    }

    fn write(&mut self, bytes: &[u8], report: &Report) {
        if let Some(output) = self.open(report) {
            output.write(bytes);
            self.due = Some(host::now() + KEEP_ALIVE);
        }
    }

    /// The stream. Sends its headers, unless they are sent.
    fn open(&mut self, report: &Report) -> Option<&mut Output> {
        if self.output.is_none()
            && let Some(respond) = self.respond.take()
        {
            let (output, body) = Output::open(&self.executor);
            let reply = self.describe(Reply::new(200, EVENT_STREAM, Body::Stream(body)), report);
            // If the handler is gone, so is the client, and the disconnect says so.
            let _ = respond.send(Ok(reply));
            self.output = Some(output);
        }
        self.output.as_mut()
    }

    /// Starts to write the end of the call. An answer in one piece is sent here as a whole.
    pub(crate) fn conclude(&mut self, outcome: Outcome, streams: bool) {
        let report = outcome.report;
        if let Some(writer) = &mut self.form.writer {
            writer.complete_at(host::now() / 1_000);
        }
        match (outcome.result, self.output.is_some() || streams) {
            (Ok(answer), false) => {
                let json = self.report_json(&report);
                let completion = answer.completion_with(&json);
                let shown = match &self.form.concealed {
                    None => completion,
                    Some(concealed) => conceal_answer(&completion, &concealed.asked),
                };
                let shown = match self.form.writer.take() {
                    // Vectors have the same shape everywhere.
                    None if self.form.errors.protocol == Protocol::Embeddings => shown,
                    None => self.form.errors.shape.completion(shown, host::now()),
                    Some(writer) => writer.answer(&shown, &json),
                };
                self.respond(|delivery| delivery.describe(Reply::json(200, shown), &report));
            }
            (Ok(_), true) => {
                let json = self.report_json(&report);
                let text = match &mut self.form.writer {
                    None => [&report_comment(&json), "data: [DONE]\n\n"].concat(),
                    Some(writer) => writer.finish(&json),
                };
                self.write(text.as_bytes(), &report);
            }
            (Err(failure), _) => self.fail(&failure, &report),
        }
    }

    fn fail(&mut self, failure: &Failure, report: &Report) {
        let json = self.report_json(report);
        let concealed = self.form.concealed.is_some().then(|| conceal_failure(failure));
        let failure = concealed.as_deref().unwrap_or(failure);
        match &mut self.output {
            Some(output) => {
                let event = match &mut self.form.writer {
                    None => error_event(&self.form, failure, report, &json),
                    Some(writer) => writer.fail(failure, &json),
                };
                output.write(event.as_bytes());
            }
            None => {
                self.respond(|delivery| delivery.describe(Reply::failed(failure, &json, &delivery.form.errors), report))
            }
        }
    }

    fn respond(&mut self, reply: impl FnOnce(&Self) -> Reply) {
        if let Some(respond) = self.respond.take() {
            let _ = respond.send(Ok(reply(self)));
        }
    }

    /// Ends the stream, if there is one. If the answer is not `whole`, breaks the connection.
    pub(crate) async fn end(self, whole: bool) {
        match self.output {
            Some(output) if whole => output.close().await,
            Some(output) => output.abort().await,
            None => {}
        }
    }
}

/// The event that ends a failed stream of chunks, with the report `json`. No `[DONE]` follows.
fn error_event(form: &Form, failure: &Failure, report: &Report, json: &str) -> String {
    let model = form.concealed.as_ref().map(|concealed| concealed.asked.as_str());
    let model = model.or(report.model.as_deref()).unwrap_or_default();
    let id = report.attempts.iter().rev().find_map(|attempt| attempt.generation_id.as_deref());
    let mut event = form.errors.shape.error_event(failure, id.unwrap_or_default(), model, host::now());
    ["data: ", &event.raw("failsoft", json).end(), "\n\n"].concat()
}
