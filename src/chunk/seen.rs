//! What a chunk brings.

use crate::json::Json;

/// What has been seen of an answer, or of a chunk of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen(u8);

impl Seen {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// Text, an image or sound: something to show.
    pub const CONTENT: Self = Self(1);
    /// Reasoning.
    pub const REASONING: Self = Self(2);
    /// A piece of a tool call.
    pub const TOOL_CALL: Self = Self(4);
    /// A piece of a refusal in the field made for it.
    pub const REFUSAL: Self = Self(8);
    /// Any of these.
    pub const ANSWER: Self = Self(15);
    /// A finish reason in other words than OpenAI's.
    pub const FOREIGN: Self = Self(16);
    /// An error, or a choice that ended in one.
    pub const ERROR: Self = Self(32);

    /// Some of `what` has been seen.
    pub fn has(self, what: Self) -> bool {
        self.0 & what.0 != 0
    }

    /// `more` has been seen too.
    pub fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }
}

/// What one chunk brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brought<'a> {
    /// Of the answer.
    pub seen: Seen,
    /// The error that it carries, beside the choices or in one of them; null without one.
    pub error: Json<'a>,
    /// The bytes by which the text of choice 0 grew.
    pub(super) text: usize,
    /// The bytes and the fields by which anything grew or shrank.
    pub(super) changed: usize,
    /// It is the delta of choice 0 that is fed.
    pub(super) is_first: bool,
}

impl Default for Brought<'_> {
    fn default() -> Self {
        Self { seen: Seen::NOTHING, error: Json::NULL, text: 0, changed: 0, is_first: false }
    }
}

impl Brought<'_> {
    /// It was text of choice 0, and nothing else: not even the name of a field.
    pub(crate) fn is_only_text(&self) -> bool {
        self.text > 0 && self.changed == self.text && self.error.is_null()
    }
}
