//! Events that repeat the last event with another text. Nearly all events of a stream do, and they are read without reading
//! JSON.
//!
//! An event becomes the pattern only if it was read in full and changed nothing except this text. So the rest of a repeated
//! event changes nothing either: a field that keeps its first value has it already, a field that takes the last value has it
//! too, and no field grows, or the first event would have made it grow. Any other event becomes the pattern, or ends the
//! repetition.

use super::LARGEST_EVENT;
use crate::chunk::Chunks;
use crate::json::{Json, Pattern};

const FIELD: &[u8] = b"data: ";
const END: &[u8] = b"\n\n";

/// The event that the next ones may repeat.
#[derive(Debug, Default)]
pub(super) struct Repeat(Pattern);

impl Repeat {
    /// From now on, no event is a repetition.
    pub(super) fn forget(&mut self) {
        self.0 = Pattern::default();
    }

    /// From now on, a repetition is an event that differs from `data` only in `text`, a string in it. If `text` is no string,
    /// no event is a repetition.
    pub(super) fn remember(&mut self, data: &str, text: Json<'_>) {
        self.0 = if data.contains('\n') { Pattern::default() } else { Pattern::of(data, text) };
    }

    /// Takes repetitions off the beginning of `rest`, and adds them to `chunks`.
    pub(super) fn take_all(&self, rest: &mut &[u8], chunks: &mut Chunks) {
        while let Some(data) = rest.strip_prefix(FIELD)
            && let Some((end, length)) = self.0.find(data)
            && data[length..].starts_with(END)
            && FIELD.len() + length <= LARGEST_EVENT
            && self.take(&data[..length], end, chunks).is_some()
        {
            *rest = &data[length + END.len()..];
        }
    }

    /// Adds the event with this `data` to `chunks`, if it is a repetition.
    pub(super) fn take_one(&self, data: &str, chunks: &mut Chunks) -> bool {
        let found = self.0.find(data.as_bytes()).filter(|(_, length)| *length == data.len());
        found.and_then(|(end, _)| self.take(data.as_bytes(), end, chunks)).is_some()
    }

    /// Adds a repetition whose text ends at `end`, if the text is a valid string. The rest is as in the pattern.
    fn take(&self, data: &[u8], end: usize, chunks: &mut Chunks) -> Option<()> {
        let string = std::str::from_utf8(data.get(self.0.start() - 1..end + 1)?).ok()?;
        let text = Pattern::unquoted(string)?;
        chunks.push_pieces(self.0.around(string), &text);
        Some(())
    }
}
