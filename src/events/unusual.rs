//! Events that are no chunk as JSON and the protocol define it, and what is done about them.

use super::Events;
use crate::Millis;
use crate::chunk::{Chunks, Seen};
use crate::failure::in_answer;
use crate::json::{Halves, Json, Object, patched, quoted, repaired};
use crate::text::{is_blank, split};

impl Events {
    /// Takes the data of an event that is no chunk as JSON defines it.
    #[cold]
    pub(super) fn take_other(&mut self, data: &str, wall: Millis) {
        if data.trim_ascii() == "[DONE]" {
            self.done = true;
            self.repeat.forget();
            if let Some(chunk) = self.answer.end_calls() {
                self.waiting.push(&chunk);
            }
            return self.end();
        }
        if is_blank(data) {
            return;
        }
        let repaired = repaired(data, &mut self.halves);
        let json = repaired.as_deref().map_or(Json::NULL, Json::or_null);
        if json.is_object() {
            let shown = self.redacted(json);
            self.take_chunk(shown.as_deref().map_or(json, Json::or_null), wall);
            self.repeat.forget();
        } else if json.items().any(Json::is_object) {
            json.items().for_each(|chunk| self.take(chunk.raw(), wall));
        } else if data.contains('\n') && split(data, b'\n').any(is_whole) {
            split(data, b'\n').for_each(|line| self.take(line, wall));
        } else {
            self.had_event = true;
            self.malformed += 1;
        }
    }

    /// Takes chunks that came without the framing of events: a JSON list, or one chunk on each line.
    pub(crate) fn take_chunks(&mut self, text: &str, wall: Millis) {
        let list = Json::or_null(text);
        if list.is_array() {
            list.items().for_each(|chunk| self.take(chunk.raw(), wall));
        } else {
            let without_field =
                |line: &'_ str| line.trim_ascii_start().strip_prefix("data:").unwrap_or(line).to_owned();
            split(text, b'\n').for_each(|line| self.take(&without_field(line), wall));
        }
        self.answer.settle_calls();
    }

    /// Takes the data of an event with the name `error`.
    #[cold]
    pub(super) fn take_error(&mut self, data: &str, wall: Millis) {
        let json = Json::or_null(data);
        let is_chunk = !json.get("error").is_null() || json.get("choices").is_array();
        if self.done || self.failure.is_some() || is_chunk {
            return self.take(data, wall);
        }
        self.had_event = true;
        self.seen.add(Seen::ERROR);
        let text = quoted(data);
        let error = if json.is_object() || json.is_string() { json } else { Json::or_null(&text) };
        self.failure = Some(in_answer(error, wall));
    }

    /// Replaces the text of a whole answer that no reader has seen, in its chunks too.
    pub(crate) fn replace_text(&mut self, text: String) {
        self.end();
        let mut chunks = Chunks::default();
        for chunk in self.waiting.iter().map(Json::or_null) {
            let mut patch = Object::default();
            patch.open("choices", "[");
            for choice in chunk.get("choices").items() {
                let delta = choice.get("delta");
                let is_piece =
                    choice.get("index").whole().unwrap_or(0) == 0 && !delta.get("content").is_null_or_empty();
                let mut changes = Object::default();
                if is_piece {
                    // The first piece gets all of the text.
                    let piece = if chunks.text().is_empty() { &*text } else { "" };
                    let mut content = Object::default();
                    changes.raw("delta", &patched(delta.raw(), &content.text("content", piece).end()));
                    chunks.push_text(piece);
                }
                patch.item(&patched(choice.raw(), &changes.end()));
            }
            chunks.push(&patched(chunk.raw(), &patch.close("]").end()));
        }
        self.waiting = chunks;
        self.answer.set_text(text);
    }
}

/// `data` is a whole event.
pub(super) fn is_whole(data: &str) -> bool {
    let is_repaired = |json: String| Json::or_null(&json).is_object();
    data.trim_ascii() == "[DONE]"
        || Json::parse(data).is_some()
        || repaired(data, &mut Halves::default()).is_some_and(is_repaired)
}
