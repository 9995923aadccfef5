//! What a chunk contains.

use std::cell::Cell;

use crate::json::Json;

/// A set of parts of an answer: those that have come so far, or those that one chunk has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen(u16);

impl Seen {
    /// The empty set.
    pub const NOTHING: Self = Self(0);
    /// Text, an image or sound.
    pub const CONTENT: Self = Self(1);
    /// Reasoning.
    pub const REASONING: Self = Self(2);
    /// A piece of a tool call.
    pub const TOOL_CALL: Self = Self(4);
    /// A piece of the field `refusal`.
    pub const REFUSAL: Self = Self(8);
    /// Any of these.
    pub const ANSWER: Self = Self(15);
    /// Something in another shape than OpenAI's.
    pub const FOREIGN: Self = Self(16);
    /// An error, or a choice that ended in one.
    pub const ERROR: Self = Self(32);
    /// A finish reason.
    pub const REASON: Self = Self(64);
    /// A piece of the answer of a choice that had a finish reason before.
    pub const RESUMED: Self = Self(128);
    /// A message in the place of a delta.
    pub const MESSAGE: Self = Self(256);
    /// More parts than an answer may have.
    pub(crate) const TOO_MANY: Self = Self(512);

    /// The set has a part of `other`.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set is empty.
    pub(crate) fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// Adds the parts of `more`.
    pub fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }
}

/// What one chunk contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    /// The parts of an answer that it has.
    pub seen: Seen,
    /// Its error, beside the choices or in a choice; `null` without an error.
    pub error: Json<'a>,
    /// The bytes that it adds to the text of choice 0.
    pub(super) text: usize,
    /// The bytes and the fields by which it changes the answer.
    pub(super) changed: usize,
    /// While reading: this is the delta of choice 0.
    pub(super) is_first: bool,
    /// While reading: this is a message, which may repeat what came before, and not a delta.
    pub(super) is_message: bool,
    /// The vendor's finish reason, if OpenAI has another word for its meaning.
    pub(crate) native_reason: Json<'a>,
    /// The pieces of tool calls that a reader of chunks would put in the wrong place.
    pub(super) misplaced: Vec<Misplaced>,
    /// While reading: the bytes of arguments that may still be read again, to find out whether they are whole.
    pub(super) readable: Cell<usize>,
}

/// A piece of a tool call whose index or id contradicts the call that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// Where the text of the piece lies in memory.
    pub(super) address: usize,
    /// The place of its call in the list.
    pub(super) at: usize,
    /// It begins the call.
    pub(super) is_new: bool,
    /// Its arguments repeat what came before.
    pub(super) is_repetition: bool,
}

impl Default for Contents<'_> {
    fn default() -> Self {
        Self {
            seen: Seen::NOTHING,
            error: Json::NULL,
            text: 0,
            changed: 0,
            is_first: false,
            is_message: false,
            native_reason: Json::NULL,
            misplaced: Vec::new(),
            readable: Cell::new(0),
        }
    }
}

impl Contents<'_> {
    /// It adds text of choice 0 and changes nothing else.
    pub(crate) fn is_only_text(&self) -> bool {
        self.text > 0 && self.changed == self.text && self.error.is_null()
    }
}
