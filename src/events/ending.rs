//! The end of an answer, which is held until it is clear that nothing went wrong.
//!
//! Some upstreams send a finish reason with every chunk, or too early. So a chunk that brings text and a finish reason becomes
//! two: the reader gets the text at once, and the reason is held. If more of the answer follows, the reason meant nothing. From
//! then on, the reason of a chunk with text is no end until the body ends.

use crate::chunk::{Chunks, Seen};
use crate::json::{Json, Object, patched};

/// The chunk that ends the answer, and those behind it.
#[derive(Debug, Default)]
pub(super) struct Ending {
    chunks: Chunks,
    /// A finish reason has meant nothing.
    has_resumed: bool,
    /// The last finish reason came with a piece of the answer.
    has_piece: bool,
}

impl Ending {
    /// The answer has ended, whatever becomes of its body.
    pub(super) fn is_certain(&self) -> bool {
        let is_doubtful = self.has_resumed && self.has_piece;
        !self.chunks.is_empty() && !is_doubtful
    }

    /// Holds `chunk`, behind which the answer has a finish reason. What `chunk` adds to the answer goes to `waiting`.
    pub(super) fn put(&mut self, chunk: Json<'_>, seen: Seen, waiting: &mut Chunks) {
        let has_piece = seen.has(Seen::ANSWER) && seen.has(Seen::REASON);
        if seen.has(Seen::REASON) {
            self.has_piece = has_piece;
        }
        if has_piece {
            waiting.push(&changed(chunk, &["finish_reason", "native_finish_reason"], "null", true));
            self.chunks.push(&changed(chunk, &["delta"], "{}", false));
        } else {
            self.chunks.push(chunk.raw());
        }
    }

    /// More of the answer has come: the finish reasons so far meant nothing.
    #[cold]
    pub(super) fn resume(&mut self, waiting: &mut Chunks) {
        self.has_resumed = true;
        for chunk in std::mem::take(&mut self.chunks).iter() {
            waiting.push(&changed(Json::or_null(chunk), &["finish_reason", "native_finish_reason"], "null", false));
        }
    }

    /// Gives the reader the end of the answer.
    pub(super) fn give(&mut self, waiting: &mut Chunks) {
        waiting.append(&mut self.chunks);
    }
}

/// `chunk` with `value` for the fields `names` of its choices. `is_begun`: the usage comes in another chunk.
fn changed(chunk: Json<'_>, names: &[&str], value: &str, is_begun: bool) -> String {
    let mut patch = Object::default();
    if is_begun {
        patch.raw("usage", "null");
    }
    patch.open("choices", "[");
    for choice in chunk.get("choices").items() {
        let mut fields = Object::default();
        for (key, field) in choice.fields() {
            fields.entry(key, if names.contains(&key.word()) { value } else { field.raw() });
        }
        patch.item(&fields.end());
    }
    patched(chunk.raw(), &patch.close("]").end())
}
