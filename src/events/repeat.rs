//! Events that repeat the last one in everything but the text: nearly all of a stream. They need no JSON to be read.
//!
//! Why that is sound: an event is learnt from only if it was read in full and changed nothing but this text. What lies
//! around the text says the same in the next event, to the state that it has left behind: what stays with its first
//! value has it, what takes the last has it too, and nothing of it grows, or the event would have made it grow. Whatever
//! else is read in between is learnt from anew, or ends the repetition.

use super::LARGEST_EVENT;
use crate::chunk::Chunks;
use crate::json::{Json, Pattern};

const FIELD: &[u8] = b"data: ";
const END: &[u8] = b"\n\n";

/// The event that others may repeat.
#[derive(Debug, Default)]
pub(super) struct Repeat(Pattern);

impl Repeat {
    /// From now on nothing is a repetition.
    pub(super) fn forget(&mut self) {
        self.0 = Pattern::default();
    }

    /// From now on a repetition is what differs from `data` in nothing but `text`, a string in it; without one, nothing is.
    pub(super) fn learn(&mut self, data: &str, text: Json<'_>) {
        self.0 = if data.contains('\n') { Pattern::default() } else { Pattern::of(data, text) };
    }

    /// Takes the events at the beginning of `rest` that are repetitions, and adds them to `chunks`.
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

    /// Adds the event whose whole `data` that is to `chunks`, if it is a repetition.
    pub(super) fn take_one(&self, data: &str, chunks: &mut Chunks) -> bool {
        let found = self.0.find(data.as_bytes()).filter(|(_, length)| *length == data.len());
        found.and_then(|(end, _)| self.take(data.as_bytes(), end, chunks)).is_some()
    }

    /// Adds a repetition, whose text ends at `end`, if it is right in that too. All else in it is as it was.
    fn take(&self, data: &[u8], end: usize, chunks: &mut Chunks) -> Option<()> {
        let string = std::str::from_utf8(data.get(self.0.start() - 1..end + 1)?).ok()?;
        let text = Pattern::said(string)?;
        chunks.push_pieces(self.0.around(string), &text);
        Some(())
    }
}
