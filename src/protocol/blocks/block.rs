//! One block: what it contains, and what of it was given.

use super::super::marks::Own;
use super::super::reasoning::Detail;
use super::Step;
use crate::chunk::bounds::{READABLE, READABLE_PER_BYTE};
use crate::json::Json;

/// What a block contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum BlockKind {
    Reasoning,
    Text,
    Refusal,
    Call,
    /// A mark has begun it, and its first piece will say what it contains.
    Open,
    /// A mark has begun it, and chat has no form for its contents.
    Foreign,
}

/// One block of an answer.
#[derive(Clone, Debug)]
pub(in crate::protocol) struct Block {
    pub(in crate::protocol) kind: BlockKind,
    /// What marks say about it.
    pub(in crate::protocol) own: Option<Own>,
    /// Nothing can be added to it.
    pub(super) is_closed: bool,
    /// The text so far. Of a call, its arguments.
    pub(in crate::protocol) text: String,
    /// The bytes of the text that were given.
    pub(super) given: usize,
    /// Of a call, its place in the list of calls.
    pub(super) index: u64,
    /// Of a call. Empty until the upstream names it.
    pub(in crate::protocol) id: String,
    /// Of a call.
    pub(in crate::protocol) name: String,
    /// Of a call: it calls a custom tool, whose input is any text.
    pub(in crate::protocol) is_custom: bool,
    /// Of a call: its signature has come.
    pub(super) is_signed: bool,
    pub(in crate::protocol) detail: Detail,
    /// The JSON texts of annotations, in chat's shape.
    pub(in crate::protocol) annotations: Vec<String>,
    pub(super) given_annotations: usize,
    /// The JSON texts of log probabilities.
    pub(in crate::protocol) logprobs: Vec<String>,
    pub(super) given_logprobs: usize,
    pub(super) has_begun: bool,
    /// The length of the text when it was last found to be incomplete.
    pub(super) incomplete_at: Option<usize>,
    /// The bytes that were read to find out whether it is complete.
    pub(super) reread: usize,
}

impl Block {
    pub(super) fn new(kind: BlockKind, index: u64) -> Self {
        Self {
            kind,
            own: None,
            is_closed: false,
            text: String::new(),
            given: 0,
            index,
            id: String::new(),
            name: String::new(),
            is_custom: false,
            is_signed: false,
            detail: Detail::default(),
            annotations: Vec::new(),
            given_annotations: 0,
            logprobs: Vec::new(),
            given_logprobs: 0,
            has_begun: false,
            incomplete_at: None,
            reread: 0,
        }
    }

    /// A piece of this kind belongs to it, if it is the last block.
    pub(super) fn takes(&self, kind: BlockKind) -> bool {
        !self.is_closed && (self.kind == kind || self.kind == BlockKind::Open)
    }

    /// It is another part of the item of the block before it.
    pub(super) fn continues(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.continues)
    }

    /// No piece of it can follow, because another block has begun. Arguments whose every piece seems to be the last one would cause
    /// work out of proportion, so they are read again only as long as that is a few times their size. Beyond, they end with the answer.
    pub(super) fn is_complete(&mut self) -> bool {
        if self.kind != BlockKind::Call || self.is_custom {
            return true;
        }
        let may_read = self.reread <= READABLE + READABLE_PER_BYTE * self.text.len();
        if self.incomplete_at == Some(self.text.len()) || !may_read {
            return false;
        }
        let text = self.text.trim_end();
        let seems_complete = text.ends_with('}');
        self.reread += if seems_complete { self.text.len() } else { self.text.len() - text.len() };
        let is_complete = seems_complete && Json::parse(&self.text).is_some();
        self.incomplete_at = Some(self.text.len());
        is_complete
    }

    /// Gives what was not given. A call begins with its name; its arguments may come before.
    pub(super) fn give(&mut self, ends: bool, each: &mut dyn FnMut(Step<'_>)) {
        if !self.has_begun {
            let is_known = self.kind != BlockKind::Call || self.own.is_some();
            let begins = ends || is_known || !self.name.is_empty() && !self.text.is_empty();
            if !begins {
                return;
            }
            self.has_begun = true;
            each(Step::Begin(self));
        }
        if self.given < self.text.len() {
            each(Step::Grow(self, &self.text[self.given..], &self.logprobs[self.given_logprobs..]));
            self.given = self.text.len();
            self.given_logprobs = self.logprobs.len();
        }
        while self.given_annotations < self.annotations.len() {
            each(Step::Annotate(self, self.given_annotations));
            self.given_annotations += 1;
        }
        let events = self.own.as_mut().map(|own| std::mem::take(&mut own.events));
        events.iter().flatten().for_each(|event| each(Step::Event(event)));
    }
}
