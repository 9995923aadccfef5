//! A stream of one attempt: bytes become chunks that wait for the reader, and an answer that grows.

mod repeat;

use crate::Millis;
use crate::chunk::{Accumulator, Brought, Chunks, Seen, openai_shaped};
use crate::failure::{Failure, Kind, in_answer};
use crate::json::{Fields, Json, Object, patched};
use crate::report::Report;
use crate::request::UsageChunk;
use crate::sse::{Decoder, Event};
use repeat::Repeat;

/// The largest event, in bytes: images travel in events too.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

/// The state of one stream.
#[derive(Debug)]
pub(crate) struct Events {
    /// What becomes of the chunk with the usage.
    usage: UsageChunk,
    decoder: Decoder,
    repeat: Repeat,
    pub(crate) answer: Accumulator,
    /// There is room for what so many bytes say.
    room: usize,
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
            repeat: Repeat::default(),
            answer: Accumulator::default(),
            room: 0,
            waiting: Chunks::default(),
            ending: Chunks::default(),
            shown: 0,
            usage_chunk: None,
            seen: Seen::NOTHING,
            heard: false,
            done: false,
            malformed: 0,
            failure: None,
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn feed(&mut self, bytes: &[u8], wall: Millis) {
        // While no chunk lies in memory behind it.
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
            fed = decoder.step(&mut rest, &mut |event| match event {
                Event::Data(data) => self.take(data, wall),
                Event::Comment(comment) => self.take_comment(comment),
            });
        }
        self.decoder = decoder;
        if fed.is_err() && self.failure.is_none() {
            self.failure = Some(Failure::new(Kind::BadResponse, "an event of the stream is larger than 16 MiB"));
        }
    }

    /// Takes the events at the beginning of `rest` that repeat the last one.
    fn take_repeats(&mut self, rest: &mut &[u8]) {
        let (before, length) = (self.waiting.text().len(), rest.len());
        self.repeat.take_all(rest, &mut self.waiting);
        // One that says nothing is an event all the same.
        self.heard |= rest.len() < length;
        self.note_repeats(before);
    }

    /// The text of the chunks that wait has grown from so many bytes by what repeats said.
    fn note_repeats(&mut self, before: usize) {
        let text = &self.waiting.text()[before..];
        if !text.is_empty() {
            self.answer.say(text);
            self.shown += text.len();
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
        let before = self.waiting.text().len();
        if self.repeat.take_one(data, &mut self.waiting) {
            return self.note_repeats(before);
        }
        if data.trim_ascii() == "[DONE]" {
            self.done = true;
            self.repeat.forget();
            return self.end();
        }
        let chunk = Json::or_null(data);
        if chunk.is_object() {
            let text = self.take_chunk(chunk, wall);
            self.repeat.learn(data, text);
        } else {
            self.malformed += 1;
        }
    }

    /// Takes a chunk. The text in it, if it brought nothing else and the answer goes on: the next may repeat it.
    pub(crate) fn take_chunk<'a>(&mut self, chunk: Json<'a>, wall: Millis) -> Json<'a> {
        let fields = &Fields::of(chunk);
        let brought = self.take_completion(fields, wall);
        if self.failure.is_some() {
            return Json::NULL;
        }
        if self.usage != UsageChunk::AsSent && is_usage(fields) {
            self.usage_chunk = Some(chunk.raw().into());
            return Json::NULL;
        }
        self.shown = self.answer.text().len();
        let chunks = if self.answer.is_finished() { &mut self.ending } else { &mut self.waiting };
        chunks.push_text(self.answer.fresh_text());
        if brought.seen.has(Seen::FOREIGN) {
            chunks.push(&openai_shaped(chunk, false));
            return Json::NULL;
        }
        chunks.push(chunk.raw());
        if self.answer.is_finished() || !brought.is_only_text() {
            return Json::NULL;
        }
        let choice = fields.get("choices").items().next().unwrap_or(Json::NULL);
        let content = choice.get("delta").get("content");
        if content.is(self.answer.fresh_text()) { content } else { Json::NULL }
    }

    /// The answer has ended, and whatever comes behind that cannot change it.
    pub(crate) fn is_ending(&self) -> bool {
        !self.ending.is_empty()
    }

    /// Nothing has gone wrong: the end is the reader's too.
    pub(crate) fn end(&mut self) {
        if self.is_ending() {
            self.waiting.append(&mut self.ending);
        }
    }

    /// Takes a completion that came in one piece.
    pub(crate) fn take_completion<'a>(&mut self, completion: &Fields<'a>, wall: Millis) -> Brought<'a> {
        // What it says beside an error counts for the report: usage, metadata, the partial text.
        let brought = self.answer.take(completion);
        if brought.seen.has(Seen::ERROR) {
            self.failure = Some(in_answer(brought.error, wall));
        }
        self.seen.add(brought.seen);
        brought
    }

    /// Text, reasoning or a tool call has come.
    pub(crate) fn is_alive(&self) -> bool {
        self.seen.has(Seen::ANSWER)
    }

    /// The usage chunk with `report` in it, if the reader gets one.
    pub(crate) fn annotate(&mut self, report: &Report) {
        let Some(chunk) = self.usage_chunk.take() else { return };
        if self.usage == UsageChunk::Annotated {
            let mut patch = Object::default();
            self.waiting.push(&patched(&chunk, &patch.raw("failsoft", &report.to_json(None)).end()));
        }
    }
}

fn is_usage(chunk: &Fields<'_>) -> bool {
    chunk.get("usage").is_object() && chunk.get("choices").is_empty()
}

#[cfg(test)]
mod tests {
    use super::Events;
    use crate::request::UsageChunk;

    #[test]
    fn an_event_that_repeats_and_says_nothing_is_heard() {
        let event = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        let mut events = Events::new(UsageChunk::AsSent);
        events.feed(event("a").repeat(3).as_bytes(), 0);
        events.heard = false;
        events.feed(event("").as_bytes(), 0);
        assert!(events.heard);
        assert_eq!((events.answer.text(), events.waiting.iter().count()), ("aaa", 4));
    }

    #[test]
    fn an_event_in_another_shape_than_openais_is_not_repeated_as_it_came() {
        let event = r#"data: {"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{},"finish_reason":"SAFETY"}]}"#;
        let mut events = Events::new(UsageChunk::AsSent);
        events.feed(format!("{event}\n\n").repeat(4).as_bytes(), 0);
        let shaped = |chunk: &str| chunk.contains(r#""finish_reason":"content_filter""#);
        assert_eq!(events.waiting.iter().filter(|chunk| shaped(chunk)).count(), 4);
    }
}
