//! Events that repeat the last one in everything but the text: nearly all of a stream. They need no JSON to be read.
//!
//! ```text
//! data: {"id":"gen-1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
//! └────────────────────────── before ─────────────────────────┘   └────────── after ────────┘
//! ```
//!
//! Why that is sound: an event is learnt from only if it was read in full and changed nothing but this text. What lies
//! around the text says the same in the next event, to the state that it has left behind: what stays with its first
//! value has it, what takes the last has it too, and nothing of it grows, or the event would have made it grow. Whatever
//! else is read in between is learnt from anew, or ends the repetition.

use std::borrow::Cow;

use super::LARGEST_EVENT;
use crate::chunk::Chunks;
use crate::json::{Json, plain};

const FIELD: &str = "data: ";
const END: &str = "\n\n";

/// What an event has around its text; empty, where there is nothing to repeat.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    /// With the field's name, and up to the quote that begins the text.
    before: String,
    /// From the quote that ends it, with the line ends behind it.
    after: String,
}

impl Repeat {
    /// From now on nothing is a repetition.
    pub(super) fn forget(&mut self) {
        self.before.clear();
    }

    /// From now on a repetition is what differs from `data` in nothing but `text`, a string in it; without one, nothing is.
    pub(super) fn learn(&mut self, data: &str, text: Json<'_>) {
        self.forget();
        let start = (text.raw().as_ptr() as usize).wrapping_sub(data.as_ptr() as usize);
        let end = start.wrapping_add(text.raw().len());
        if text.is_string()
            && !data.contains('\n')
            && let (Some(before), Some(after)) = (data.get(..=start), data.get(end - 1..))
        {
            self.before = [FIELD, before].concat();
            self.after = [after, END].concat();
        }
    }

    /// Takes the events at the beginning of `rest` that are repetitions, and adds them to `chunks`.
    pub(super) fn take_all(&self, rest: &mut &[u8], chunks: &mut Chunks) {
        while let Some(length) = self.take(rest, &self.before, &self.after, chunks) {
            *rest = &rest[length..];
        }
    }

    /// Adds the event whose whole `data` that is to `chunks`, if it is a repetition.
    pub(super) fn take_one(&self, data: &str, chunks: &mut Chunks) -> bool {
        let before = self.before.strip_prefix(FIELD).unwrap_or_default();
        let after = self.after.strip_suffix(END).unwrap_or_default();
        let length = data.len();
        data.ends_with(after) && self.take(data.as_bytes(), before, after, chunks) == Some(length)
    }

    /// Takes what begins with `before`, a text and `after`; gives its length.
    fn take(&self, bytes: &[u8], before: &str, after: &str, chunks: &mut Chunks) -> Option<usize> {
        if before.is_empty() || !begins(bytes, before.as_bytes()) {
            return None;
        }
        let start = before.len();
        let (mut end, mut is_plain) = (start, true);
        loop {
            end += plain(bytes.get(end..)?);
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    end += 2;
                }
                _ => return None,
            }
        }
        if !begins(&bytes[end..], after.as_bytes()) || end > LARGEST_EVENT {
            return None;
        }
        let inside = std::str::from_utf8(&bytes[start..end]).ok()?;
        let text = if is_plain { Cow::Borrowed(inside) } else { unquoted(&bytes[start - 1..=end])? };
        let before = before.strip_prefix(FIELD).unwrap_or(before);
        chunks.push_pieces([before, inside, after.strip_suffix(END).unwrap_or(after)], &text);
        Some(end + after.len())
    }
}

/// The text of a JSON string.
fn unquoted(string: &[u8]) -> Option<Cow<'_, str>> {
    Json::parse_bytes(string)?.text()
}

/// `bytes` begin with `known`. Eight at a time: a library that is built for size compares byte by byte.
fn begins(bytes: &[u8], known: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..known.len()) else { return false };
    let (ours, theirs) = (known.chunks_exact(8), bytes.chunks_exact(8));
    ours.remainder() == theirs.remainder() && ours.zip(theirs).all(|(ours, theirs)| word(ours) == word(theirs))
}

fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}
