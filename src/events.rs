//! A stream of one attempt: bytes become chunks that wait for the reader, and an answer that grows.

use std::borrow::Cow;

use crate::Millis;
use crate::chunk::{Accumulator, Chunks, Seen, content_text, with_openai_finish_reasons};
use crate::failure::{Failure, Kind, in_answer};
use crate::json::{Json, Object};
use crate::request::{ChatRequest, UsageChunk};
use crate::sse::{Decoder, Event};
use crate::verdict::{Beginning, beginning};

/// The largest event, in bytes: images travel in events too.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

/// What the machine asks of a request when it reads its stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    usage_chunk: UsageChunk,
    wants_reasoning: bool,
    /// Text that begins like a refusal is held back until it is clear that it is none.
    holds_refusals: bool,
}

impl Reading {
    /// Every chunk as it came.
    pub(crate) fn everything() -> Self {
        Self { usage_chunk: UsageChunk::AsSent, wants_reasoning: true, holds_refusals: false }
    }

    pub(crate) fn new(request: &ChatRequest, holds_refusals: bool) -> Self {
        Self { usage_chunk: request.usage_chunk, wants_reasoning: request.wants_reasoning, holds_refusals }
    }
}

/// The state of one stream.
#[derive(Debug)]
pub(crate) struct Events {
    reading: Reading,
    decoder: Decoder,
    pub(crate) answer: Accumulator,
    /// Chunks that the reader has not got yet.
    pub(crate) waiting: Chunks,
    /// The chunk with the usage, kept back until the report is complete.
    usage_chunk: Option<String>,
    /// Something has come that another model could not take back once it is shown.
    pub(crate) meaningful: bool,
    /// The model is alive: text, reasoning or a tool call has come.
    pub(crate) alive: bool,
    /// An event has come since this was last reset; comments do not count.
    pub(crate) heard: bool,
    /// `[DONE]` has come.
    pub(crate) done: bool,
    /// Events that were no JSON.
    pub(crate) malformed: u32,
    /// The stream said that it failed, or cannot be read on.
    pub(crate) failure: Option<Failure>,
}

impl Events {
    pub(crate) fn new(reading: Reading) -> Self {
        Self {
            reading,
            decoder: Decoder::new(LARGEST_EVENT),
            answer: Accumulator::default(),
            waiting: Chunks::default(),
            usage_chunk: None,
            meaningful: false,
            alive: false,
            heard: false,
            done: false,
            malformed: 0,
            failure: None,
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn feed(&mut self, bytes: &[u8], wall: Millis) {
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(LARGEST_EVENT));
        let fed = decoder.feed(bytes, |event| match event {
            Event::Data(data) => self.take(data, wall),
            Event::Comment(comment) => self.take_comment(comment),
        });
        self.decoder = decoder;
        if fed.is_err() && self.failure.is_none() {
            self.failure = Some(Failure::new(Kind::BadResponse, "an event of the stream is larger than 16 MiB"));
        }
    }

    /// An edge tells in a comment what it knows before the first chunk.
    fn take_comment(&mut self, comment: &str) {
        if let Some(report) = comment.strip_prefix("failsoft ").and_then(Json::parse) {
            self.answer.note_report(report);
        }
    }

    fn take(&mut self, data: &str, wall: Millis) {
        if self.done || self.failure.is_some() {
            return;
        }
        self.heard = true;
        if data.trim() == "[DONE]" {
            self.done = true;
            return;
        }
        match Json::parse(data).filter(|chunk| chunk.is_object()) {
            Some(chunk) => self.take_chunk(chunk, wall),
            None => self.malformed += 1,
        }
    }

    /// Takes a chunk.
    pub(crate) fn take_chunk(&mut self, chunk: Json<'_>, wall: Millis) {
        // What the chunk says beside an error counts for the report: usage, metadata, the partial text.
        let seen = self.answer.feed(chunk);
        if let Some(error) = error_in(chunk) {
            self.failure = Some(in_answer(error, wall));
            return;
        }
        self.alive |= seen.content || seen.reasoning || seen.tool_call || seen.refusal;
        self.meaningful |= self.shows(seen);
        if is_usage(chunk) && self.reading.usage_chunk != UsageChunk::AsSent {
            self.usage_chunk = Some(chunk.raw().into());
            return;
        }
        if let Some(text) = first_text(chunk) {
            self.waiting.push_text(&text);
        }
        match with_openai_finish_reasons(chunk) {
            Some(mapped) => self.waiting.push(&mapped),
            None => self.waiting.push(chunk.raw()),
        }
    }

    /// Takes a completion that came in one piece.
    pub(crate) fn take_completion(&mut self, completion: Json<'_>, wall: Millis) {
        self.failure = error_in(completion).map(|error| in_answer(error, wall));
        self.answer.feed(completion);
    }

    fn shows(&self, seen: Seen) -> bool {
        if seen.tool_call || (seen.reasoning && self.reading.wants_reasoning) {
            return true;
        }
        let held = self.reading.holds_refusals;
        let text = self.answer.text();
        // Blank text may be all that comes: it is not an answer yet.
        seen.content && !text.trim().is_empty() && !(held && beginning(text) != Beginning::Clear)
            || (seen.content && text.is_empty())
            || (seen.refusal && !held)
    }

    /// The usage chunk with `report` in it, if the reader gets one.
    pub(crate) fn annotate(&mut self, report: &str) {
        let Some(chunk) = self.usage_chunk.take() else { return };
        if self.reading.usage_chunk == UsageChunk::Annotated {
            let mut json = Object::default();
            json.fields(&chunk).raw("failsoft", report);
            self.waiting.push(&json.end());
        }
    }
}

/// The error that a chunk or a body carries: beside the choices or in one of them.
pub(crate) fn error_in(answer: Json<'_>) -> Option<Json<'_>> {
    let present = |error: &Json<'_>| !error.is_null();
    let choices = answer.get("choices");
    Some(answer.get("error"))
        .filter(present)
        .or_else(|| choices.items().map(|choice| choice.get("error")).find(present))
        .or_else(|| choices.items().find(|choice| choice.get("finish_reason").is("error")))
}

fn is_usage(chunk: Json<'_>) -> bool {
    chunk.get("usage").is_object() && chunk.get("choices").items().next().is_none()
}

fn first_text(chunk: Json<'_>) -> Option<Cow<'_, str>> {
    let first = chunk.get("choices").items().find(|choice| choice.get("index").whole().unwrap_or(0) == 0)?;
    content_text(first.get("delta").get("content"))
}
