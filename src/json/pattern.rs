//! A pattern of JSON texts that differ in one string.
//!
//! ```text
//! {"id":"gen-1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}
//! └─────────────────────── before ───────────────────────┘   └──────── after ────────┘
//! ```
//!
//! A text that begins with `before` is inside a string then. The next quote without a backslash ends the string. If the rest
//! of the text is `after`, the text is the same JSON except for the string.

use std::borrow::Cow;

use super::{Json, plain};
use crate::text::begins;

/// A JSON text around one of its strings. Empty, if there is no pattern.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    /// The text up to and with the quote that begins the string.
    before: String,
    /// The text from the quote that ends the string.
    after: String,
}

impl Pattern {
    /// The pattern of `text` around `string`, which is a part of `text`.
    pub(crate) fn of(text: &str, string: Json<'_>) -> Self {
        let start = (string.raw().as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        let end = start.wrapping_add(string.word().len()).wrapping_add(1);
        match (text.get(..start.wrapping_add(1)), text.get(end..)) {
            (Some(before), Some(after)) if string.is_string() => Self { before: before.into(), after: after.into() },
            _ => Self::default(),
        }
    }

    /// If `bytes` begin with a text of this pattern: where its string ends, without the quote, and where the text ends. The
    /// escapes in the string are not checked.
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

    /// The text of `string`, which is written with its quotes. Without escapes, the text is not copied.
    pub(crate) fn unquoted(string: &str) -> Option<Cow<'_, str>> {
        let inside = &string[1..string.len() - 1];
        if plain(inside.as_bytes()) == inside.len() {
            Some(inside.into())
        } else {
            Json::parse_in_pairs(string)?.text()
        }
    }

    /// The three pieces of a text of this pattern with `string`, which is written with its quotes.
    pub(crate) fn around<'a>(&'a self, string: &'a str) -> [&'a str; 3] {
        [&self.before, &string[1..], &self.after[1..]]
    }

    /// Where the string begins, without the quote.
    pub(crate) fn start(&self) -> usize {
        self.before.len()
    }
}
