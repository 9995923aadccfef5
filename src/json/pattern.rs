//! What JSON texts have in common that differ in one string.
//!
//! ```text
//! {"id":"gen-1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
//! └─────────────────────── before ───────────────────────┘   └──────── after ────────┘
//! ```
//!
//! What begins as the pattern does is in a string then; the next quote without a backslash ends it; and if the text goes
//! on as the pattern does, it is the same JSON but for that string.

use std::borrow::Cow;

use super::{Json, plain};
use crate::text::begins;

/// A JSON text around one of its strings; empty, if there is nothing to compare with.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    /// Up to the quote that begins the string.
    before: String,
    /// From the quote that ends it.
    after: String,
}

impl Pattern {
    /// The pattern of `text` around `string`, which is a piece of it.
    pub(crate) fn of(text: &str, string: Json<'_>) -> Self {
        let start = (string.raw().as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        let end = start.wrapping_add(string.word().len()).wrapping_add(1);
        match (text.get(..start.wrapping_add(1)), text.get(end..)) {
            (Some(before), Some(after)) if string.is_string() => Self { before: before.into(), after: after.into() },
            _ => Self::default(),
        }
    }

    /// Where the string ends, without its quote, and where the text does, if `bytes` begin with such a text. Its escapes
    /// are not looked at.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let mut end = self.before.len();
        if end == 0 || !begins(bytes, self.before.as_bytes()) {
            return None;
        }
        loop {
            end += plain(bytes.get(end..)?);
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => return None,
            }
        }
        if begins(&bytes[end..], self.after.as_bytes()) { Some((end, end + self.after.len())) } else { None }
    }

    /// What `string`, found in a text, says; with its quotes. Without escapes, it is what it says.
    pub(crate) fn said(string: &str) -> Option<Cow<'_, str>> {
        let inside = &string[1..string.len() - 1];
        if plain(inside.as_bytes()) == inside.len() { Some(inside.into()) } else { Json::or_null(string).text() }
    }

    /// The pieces of the text whose string is `string`, with its quotes.
    pub(crate) fn around<'a>(&'a self, string: &'a str) -> [&'a str; 3] {
        [&self.before, &string[1..], &self.after[1..]]
    }

    /// Where the string begins, without its quote.
    pub(crate) fn start(&self) -> usize {
        self.before.len()
    }
}
