//! A stream of one attempt: bytes become chunks that wait for the reader, and an answer that grows.

use std::borrow::Cow;

use crate::Millis;
use crate::chunk::{Accumulator, Chunks, Seen, content_text, with_openai_finish_reasons};
use crate::failure::{Failure, Kind, in_answer};
use crate::json::{Json, Object};
use crate::request::UsageChunk;
use crate::sse::{Decoder, Event};

/// The largest event, in bytes: images travel in events too.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

/// The state of one stream.
#[derive(Debug)]
pub(crate) struct Events {
    /// What becomes of the chunk with the usage.
    usage: UsageChunk,
    decoder: Decoder,
    pub(crate) answer: Accumulator,
    /// Chunks that the reader has not got yet.
    pub(crate) waiting: Chunks,
    /// From the one that ends the answer on: kept back until it is clear that nothing went wrong.
    ending: Chunks,
    /// The bytes of the answer's text that are among the chunks.
    pub(crate) shown: usize,
    /// The chunk with the usage, kept back until the report is complete.
    usage_chunk: Option<String>,
    /// What has come.
    pub(crate) seen: Seen,
    /// An event has come since this was last reset; comments do not count.
    pub(crate) heard: bool,
    /// `[DONE]` has come.
    pub(crate) done: bool,
    /// Events that were no JSON.
    pub(crate) malformed: u32,
    /// The stream said that it failed, or cannot be read on.
    pub(crate) failure: Option<Box<Failure>>,
}

impl Events {
    pub(crate) fn new(usage: UsageChunk) -> Self {
        Self {
            usage,
            decoder: Decoder::new(LARGEST_EVENT),
            answer: Accumulator::default(),
            waiting: Chunks::default(),
            ending: Chunks::default(),
            shown: 0,
            usage_chunk: None,
            seen: Seen::default(),
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
            return self.end();
        }
        match Json::parse(data).filter(|chunk| chunk.is_object()) {
            Some(chunk) => self.take_chunk(chunk, wall),
            None => self.malformed += 1,
        }
    }

    /// Takes a chunk.
    pub(crate) fn take_chunk(&mut self, chunk: Json<'_>, wall: Millis) {
        // What the chunk says beside an error counts for the report: usage, metadata, the partial text.
        self.answer.feed(chunk, &mut self.seen);
        if let Some(error) = error_in(chunk) {
            self.failure = Some(in_answer(error, wall));
            return;
        }
        if is_usage(chunk) && self.usage != UsageChunk::AsSent {
            self.usage_chunk = Some(chunk.raw().into());
            return;
        }
        self.shown = self.answer.text().len();
        let chunks = if self.answer.is_finished() { &mut self.ending } else { &mut self.waiting };
        if let Some(text) = first_text(chunk) {
            chunks.push_text(&text);
        }
        match with_openai_finish_reasons(chunk) {
            Some(mapped) => chunks.push(&mapped),
            None => chunks.push(chunk.raw()),
        }
    }

    /// The answer has ended, and whatever comes behind that cannot change it.
    pub(crate) fn is_ending(&self) -> bool {
        !self.ending.is_empty()
    }

    /// Nothing has gone wrong: the end is the reader's too.
    pub(crate) fn end(&mut self) {
        self.waiting.append(&mut self.ending);
    }

    /// Takes a completion that came in one piece.
    pub(crate) fn take_completion(&mut self, completion: Json<'_>, wall: Millis) {
        self.failure = error_in(completion).map(|error| in_answer(error, wall));
        self.answer.feed(completion, &mut self.seen);
    }

    /// Text, reasoning or a tool call has come.
    pub(crate) fn is_alive(&self) -> bool {
        let Seen { content, reasoning, tool_call, refusal } = self.seen;
        content || reasoning || tool_call || refusal
    }

    /// The usage chunk with `report` in it, if the reader gets one.
    pub(crate) fn annotate(&mut self, report: &str) {
        let Some(chunk) = self.usage_chunk.take() else { return };
        if self.usage == UsageChunk::Annotated {
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
