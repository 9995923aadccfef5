//! The stream of one attempt: its bytes become chunks for the reader, and an answer that grows.

mod ending;
mod repeat;
#[cfg(test)]
mod tests;
mod unusual;

use crate::Millis;
use crate::chunk::{Accumulator, Chunks, Contents, Seen, bounds};
use crate::failure::{Failure, Kind, in_answer, in_place_of_answer, is_error};
use crate::json::{Fields, Halves, Json, Object, patched};
use crate::redaction::Redaction;
use crate::report::Report;
use crate::request::UsageChunk;
use crate::sse::{Decoder, Event};
use crate::text::text;
use ending::Ending;
use repeat::Repeat;
use unusual::is_whole;

/// The largest event, in bytes: large images travel in events too.
const LARGEST_EVENT: usize = 32 * 1024 * 1024;

/// The state of one stream.
#[derive(Debug)]
pub(crate) struct Events {
    /// What becomes of the chunk with the usage.
    usage: UsageChunk,
    decoder: Decoder,
    /// Characters of which one half has come.
    halves: Halves,
    repeat: Repeat,
    pub(crate) answer: Accumulator,
    /// The answer's text has room for this many more bytes.
    room: usize,
    /// Chunks that the reader does not have yet.
    pub(crate) waiting: Chunks,
    /// The chunk that ends the answer, and those behind it. They are held until it is clear that nothing went wrong.
    ending: Ending,
    /// The bytes of the answer's text that are in chunks so far.
    pub(crate) shown: usize,
    /// The chunk with the usage, held until the report is complete.
    usage_chunk: Option<String>,
    /// The parts of an answer that have come.
    pub(crate) seen: Seen,
    /// The model has shown that it is at work since this was last reset: the answer grew or ended. Comments do not count, and
    /// neither do events without content.
    pub(crate) had_event: bool,
    /// `[DONE]` has come.
    pub(crate) done: bool,
    /// The number of events that were not JSON.
    pub(crate) malformed: u32,
    /// The stream reported a failure, or the rest of it cannot be read.
    pub(crate) failure: Option<Box<Failure>>,
    /// What is removed from the chunks.
    pub(crate) redaction: Option<Redaction>,
}

impl Events {
    pub(crate) fn new(usage: UsageChunk) -> Self {
        Self {
            usage,
            decoder: Decoder::tolerant(LARGEST_EVENT, is_whole),
            halves: Halves::default(),
            repeat: Repeat::default(),
            answer: Accumulator::default(),
            room: 0,
            waiting: Chunks::default(),
            ending: Ending::default(),
            shown: 0,
            usage_chunk: None,
            seen: Seen::NOTHING,
            had_event: false,
            done: false,
            malformed: 0,
            failure: None,
            redaction: None,
        }
    }

    /// `answer`, a completion or a chunk, without what its reader may not have; `None` if the reader may have all of it.
    pub(crate) fn redacted(&mut self, answer: Json<'_>) -> Option<String> {
        self.redaction.as_mut().filter(|_| !cfg!(feature = "browser"))?.of_answer(answer)
    }

    /// Something was removed from the answer.
    pub(crate) fn has_removed(&self) -> bool {
        let redaction = self.redaction.as_ref().filter(|_| !cfg!(feature = "browser"));
        redaction.is_some_and(|redaction| redaction.has_removed)
    }

    /// Takes the next bytes of the body. `wall` is the time now, for a failure that names a date.
    pub(crate) fn feed(&mut self, bytes: &[u8], wall: Millis) {
        // The text can grow in place while no chunk lies behind it in memory.
        if self.room < bytes.len() {
            self.room = self.answer.reserve(bytes.len());
        }
        self.room = self.room.saturating_sub(bytes.len());
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(LARGEST_EVENT));
        let (mut rest, mut fed) = (bytes, Ok(()));
        while !rest.is_empty() && fed.is_ok() {
            if decoder.is_between() {
                self.take_repeats(&mut rest);
            }
            fed = decoder.step(&mut rest, &mut |event| self.take_event(event, wall));
        }
        self.decoder = decoder;
        if fed.is_err() && self.failure.is_none() {
            self.failure = Some(Failure::new(Kind::BadResponse, "an event of the stream is larger than 32 MiB"));
        }
    }

    /// The body has ended as its protocol says, which also ends its last event.
    pub(crate) fn finish(&mut self, wall: Millis) {
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(LARGEST_EVENT));
        // What is larger than the limit is no whole event.
        let _ = decoder.finish(&mut |event| self.take_event(event, wall));
        self.answer.settle_calls();
    }

    fn take_event(&mut self, event: Event<'_>, wall: Millis) {
        match event {
            Event::Data(data) => self.take(data, wall),
            Event::Error(data) => self.take_error(data, wall),
            Event::Comment(comment) => self.take_comment(comment),
        }
    }

    /// Takes the events at the beginning of `rest` that repeat the last one.
    fn take_repeats(&mut self, rest: &mut &[u8]) {
        let before = self.waiting.text().len();
        self.repeat.take_all(rest, &mut self.waiting);
        self.add_repeats(before);
    }

    /// Adds to the answer what repeated events added to the waiting chunks, whose text had `before` bytes.
    fn add_repeats(&mut self, before: usize) {
        let text = &self.waiting.text()[before..];
        if !text.is_empty() {
            self.had_event = true;
            self.answer.push_text(text);
            self.shown += text.len();
        }
    }

    /// An edge sends its report in a comment before the first chunk.
    fn take_comment(&mut self, comment: &str) {
        if let Some(report) = comment.strip_prefix("failsoft ").and_then(Json::parse) {
            self.answer.set_report(report);
        }
    }

    fn take(&mut self, data: &str, wall: Millis) {
        if self.done || self.failure.is_some() {
            return;
        }
        let before = self.waiting.text().len();
        if self.repeat.take_one(data, &mut self.waiting) {
            return self.add_repeats(before);
        }
        let chunk = Json::parse_in_pairs(data).unwrap_or(Json::NULL);
        if chunk.is_object() {
            let shown = self.redacted(chunk);
            let text = self.take_chunk(shown.as_deref().map_or(chunk, Json::or_null), wall);
            // What was removed from an event must be removed from the next one, too.
            self.repeat.remember(data, if shown.is_some() { Json::NULL } else { text });
        } else {
            self.take_other(data, wall);
        }
    }

    /// Takes a chunk. Returns its text, if it contains nothing else and the answer goes on, so that the next event may repeat
    /// the chunk with another text.
    pub(crate) fn take_chunk<'a>(&mut self, chunk: Json<'a>, wall: Millis) -> Json<'a> {
        let fields = &Fields::of(chunk);
        let contents = self.take_completion(fields, wall);
        if self.failure.is_some() {
            return Json::NULL;
        }
        if self.usage != UsageChunk::AsSent && is_usage(fields) {
            self.usage_chunk = Some(chunk.raw().into());
            return Json::NULL;
        }
        self.shown = self.answer.text().len();
        if contents.seen.has(Seen::RESUMED) {
            self.ending.resume(&mut self.waiting);
        }
        self.waiting.push_text(self.answer.fresh_text());
        let is_finished = self.answer.is_finished();
        let is_other = contents.seen.has(Seen::FOREIGN) || contents.seen.has(Seen::MESSAGE);
        if is_finished || is_other {
            let shaped = if is_other { self.answer.openai_shaped(chunk, &contents) } else { String::new() };
            let chunk = if shaped.is_empty() { chunk } else { Json::or_null(&shaped) };
            // Nothing follows a completion that came in one piece.
            if is_finished && !self.done {
                self.ending.put(chunk, contents.seen, &mut self.waiting);
            } else {
                self.waiting.push(chunk.raw());
            }
            return Json::NULL;
        }
        self.waiting.push(chunk.raw());
        if !contents.is_only_text() {
            return Json::NULL;
        }
        let choice = fields.get("choices").items().next().unwrap_or(Json::NULL);
        let content = choice.get("delta").get("content");
        if content.is(self.answer.fresh_text()) { content } else { Json::NULL }
    }

    /// The answer has a finish reason. What comes behind it cannot change the answer.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.is_certain()
    }

    /// Nothing went wrong: gives the reader the end of the answer.
    pub(crate) fn end(&mut self) {
        self.ending.give(&mut self.waiting);
    }

    /// Takes a completion that came in one piece.
    pub(crate) fn take_completion<'a>(&mut self, completion: &Fields<'a>, wall: Millis) -> Contents<'a> {
        // The report also needs what stands beside an error: usage, metadata, the partial text.
        let contents = self.answer.feed_fields(completion);
        if contents.seen.has(Seen::ERROR) {
            self.failure = Some(if contents.error.is_null() && !contents.native_reason.is_null() {
                broken_off(contents.native_reason)
            } else {
                in_answer(contents.error, wall)
            });
        } else if is_error(completion) {
            self.failure = Some(in_place_of_answer(completion, wall));
        } else if contents.seen.has(Seen::TOO_MANY) && bounds::APPLY {
            self.failure = Some(Failure::new(Kind::BadResponse, bounds::EXCEEDED));
        }
        let work = [Seen::ANSWER, Seen::REASON, Seen::ERROR];
        self.had_event |= work.into_iter().any(|part| contents.seen.has(part));
        self.seen.add(contents.seen);
        contents
    }

    /// Checks that no tool call has a hole, once no piece follows.
    ///
    /// # Errors
    /// If a call has no name, if its arguments are not JSON, or if an event is missing that may have been a part of a call.
    pub(crate) fn check_calls(&self) -> Result<(), Box<Failure>> {
        let answer = &self.answer;
        if answer.has_broken_call() {
            // The output limit is the cause, and no other model is to blame for it.
            let kind = if answer.finish_reason() == Some("length") { Kind::Length } else { Kind::BadResponse };
            return Err(Failure::new(kind, "a tool call of the answer is not complete"));
        }
        if self.malformed > 0 && answer.has_tool_call() {
            let message = "an event of the stream was unreadable, and a part of a tool call may be missing";
            return Err(Failure::new(Kind::BadResponse, message));
        }
        Ok(())
    }

    /// Text, reasoning or a tool call has come.
    pub(crate) fn is_alive(&self) -> bool {
        self.seen.has(Seen::ANSWER)
    }

    /// Adds the usage chunk with `report` in it, if the reader gets one.
    pub(crate) fn annotate(&mut self, report: &Report) {
        let Some(chunk) = self.usage_chunk.take() else { return };
        if self.usage == UsageChunk::Annotated {
            let mut patch = Object::default();
            self.waiting.push(&patched(&chunk, &patch.raw("failsoft", &report.to_json(None)).end()));
        }
    }
}

/// The failure of an answer that ended with a finish reason of an engine that gave up.
#[cold]
fn broken_off(reason: Json<'_>) -> Box<Failure> {
    let word = reason.text().unwrap_or(reason.raw().into());
    let mut failure = Failure::new(Kind::ServerError, text!("the upstream broke off its answer: ", &word));
    failure.code = Some(word.into_owned());
    failure
}

fn is_usage(chunk: &Fields<'_>) -> bool {
    chunk.get("usage").is_object() && chunk.get("choices").is_empty()
}
