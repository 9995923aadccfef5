//! Chunks as blocks: pieces of text, reasoning and tool calls that do not overlap.
//!
//! A chunk may hold reasoning and text at once (BerriAI/litellm#36327), and the pieces of parallel calls may alternate. In
//! Messages a block ends before the next one begins, and clients of Responses read such a stream most reliably. So a block
//! waits until the block before it is complete: text once something else follows, a call once its arguments are whole JSON.
//!
//! Where the upstream speaks the protocol of the client, marks say where a block begins and ends (`marks.rs`).

mod block;

use std::collections::BTreeSet;

use super::marks::{NATIVE, Own};
use super::reasoning::{Detail, EndedDetails, text_of};
use crate::json::Json;
use crate::text::is_blank;
pub(super) use block::{Block, BlockKind};

/// What becomes of a block.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// It begins.
    Begin(&'a Block),
    /// It grows by a text, with the log probabilities of the text.
    Grow(&'a Block, &'a str, &'a [String]),
    /// Its annotation at this place has come.
    Annotate(&'a Block, usize),
    /// An event about it has come that chat has no form for, as JSON text.
    Event(&'a str),
    /// It ends, and the next block is another part of the same item.
    EndPart(&'a Block),
    /// It ends. True, if it is the last block of the answer.
    End(&'a Block, bool),
}

/// The blocks of an answer.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// The places of the calls among the blocks.
    calls: Vec<usize>,
    /// The block that is open, or begins next.
    current: usize,
    /// What the reasoning of blocks before the last one has beside its text.
    details: EndedDetails,
    /// The JSON texts of the annotations so far, in chat's shape.
    annotations: BTreeSet<String>,
}

impl Blocks {
    /// Takes the `choice` of a chunk.
    pub(super) fn take(&mut self, choice: Json<'_>) {
        let delta = choice.get("delta");
        let marks = delta.get(NATIVE);
        if !marks.is_empty() {
            return marks.items().for_each(|mark| self.take_mark(mark));
        }
        self.take_reasoning(delta);
        let content = delta.get("content").text().unwrap_or_default();
        if !content.is_empty() {
            self.last_of(BlockKind::Text).text.push_str(&content);
        }
        let logprobs = choice.at("logprobs.content");
        if !content.is_empty() && !logprobs.is_empty() {
            self.last_of(BlockKind::Text).logprobs.extend(logprobs.items().map(|item| item.raw().into()));
        }
        let refusal = delta.get("refusal").text().unwrap_or_default();
        if !refusal.is_empty() {
            self.last_of(BlockKind::Refusal).text.push_str(&refusal);
        }
        for annotation in delta.get("annotations").items() {
            self.take_annotation(annotation);
        }
        for (at, piece) in delta.get("tool_calls").items().enumerate() {
            let custom = piece.get("custom");
            let called = if custom.is_object() { custom } else { piece.get("function") };
            self.take_call(piece, called, piece.get("index").whole().unwrap_or(at as u64));
        }
        // The form of a single call before there were lists of calls.
        let call = delta.get("function_call");
        if call.is_object() {
            self.take_call(Json::NULL, call, 0);
        }
    }

    /// The block that is open, if one is.
    pub(super) fn open(&self) -> Option<&Block> {
        self.blocks.get(self.current).filter(|block| block.has_begun)
    }

    /// Gives what can be given now. `is_over`: no piece follows.
    pub(super) fn advance(&mut self, is_over: bool, each: &mut dyn FnMut(Step<'_>)) {
        while self.current < self.blocks.len() {
            let next = self.blocks.get(self.current + 1);
            let (is_last, is_continued) = (next.is_none(), next.is_some_and(Block::continues));
            let block = &mut self.blocks[self.current];
            let ends = is_over || block.is_closed || !is_last && block.is_complete();
            if ends && block.kind == BlockKind::Call && !block.is_custom && is_blank(&block.text) {
                // Clients parse the arguments, and an empty text is no JSON.
                block.text.push_str("{}");
            }
            block.give(ends, each);
            if !ends {
                return;
            }
            block.is_closed = true;
            each(if is_continued { Step::EndPart(block) } else { Step::End(block, is_last) });
            self.current += 1;
        }
    }

    fn take_mark(&mut self, mark: Json<'_>) {
        let at = mark.get("at").whole().unwrap_or_default();
        let Some((name, value)) = mark.fields().next() else { return };
        if let Some(kind) = [("begin", BlockKind::Open), ("foreign", BlockKind::Foreign)]
            .iter()
            .find_map(|(known, kind)| name.is(known).then_some(*kind))
        {
            return self.push(Block { own: Some(Own::new(at, value)), ..Block::new(kind, 0) });
        }
        let is_it = |block: &Block| !block.is_closed && block.own.as_ref().is_some_and(|own| own.at == at);
        let Some(place) = self.blocks.iter().rposition(is_it) else { return };
        let block = &mut self.blocks[place];
        let (is_plain, own) = (block.kind == BlockKind::Open && block.text.is_empty(), block.own.as_mut());
        let Some(own) = own else { return };
        match name.word() {
            "part" | "foreign_part" => {
                let kind = if name.is("part") { BlockKind::Open } else { BlockKind::Foreign };
                if is_plain && own.part.is_empty() {
                    own.begin_part(value);
                    block.kind = kind;
                } else {
                    block.is_closed = true;
                    let mut own = Own { at, continues: true, ..Own::default() };
                    own.begin_part(value);
                    self.insert(place + 1, Block { own: Some(own), ..Block::new(kind, 0) });
                }
            }
            "end_part" => own.part_end = value.raw().into(),
            "annotation" => block.annotations.push(value.raw().into()),
            "event" => own.events.push(value.raw().into()),
            "end" => {
                own.end = value.raw().into();
                block.is_closed = true;
            }
            _ => {}
        }
    }

    /// Adds a block behind all others.
    fn push(&mut self, block: Block) {
        if let Some(last) = self.blocks.last().filter(|last| last.kind == BlockKind::Reasoning) {
            self.details.add(&last.detail);
        }
        self.blocks.push(block);
    }

    fn insert(&mut self, place: usize, block: Block) {
        if place == self.blocks.len() {
            return self.push(block);
        }
        if block.kind == BlockKind::Reasoning {
            self.details.add(&block.detail);
        }
        self.blocks.insert(place, block);
        self.calls.iter_mut().filter(|at| **at >= place).for_each(|at| *at += 1);
    }

    /// The last block, if a piece of this kind belongs to it, else a new one.
    fn last_of(&mut self, kind: BlockKind) -> &mut Block {
        if !self.blocks.last().is_some_and(|block| block.takes(kind)) {
            self.push(Block::new(kind, 0));
        }
        let at = self.blocks.len() - 1;
        let block = &mut self.blocks[at];
        block.kind = kind;
        block
    }

    /// Takes the reasoning of a delta. OpenRouter sends its text twice: as `reasoning` and in `reasoning_details`.
    fn take_reasoning(&mut self, delta: Json<'_>) {
        let details = delta.get("reasoning_details");
        let has_text = |item: Json<'_>| !text_of(item).is_empty();
        if !details.items().any(has_text) {
            let plain = ["reasoning", "reasoning_content"].map(|name| delta.get(name).text().unwrap_or_default());
            if let Some(text) = plain.iter().find(|text| !text.is_empty()) {
                self.last_of(BlockKind::Reasoning).text.push_str(text);
            }
        }
        for item in details.items() {
            self.take_detail(item);
        }
    }

    fn take_detail(&mut self, item: Json<'_>) {
        let text = text_of(item);
        let is_its_last =
            |last: &Block| last.takes(BlockKind::Reasoning) && (last.own.is_some() || last.detail.matches(item));
        let is_new = !self.blocks.last().is_some_and(is_its_last);
        if is_new {
            // A signature behind the end of its text cannot be added to it any more. A signature without a text is of
            // thinking that is not shown.
            let is_its = |block: &Block| block.kind == BlockKind::Reasoning && block.detail.matches(item);
            let has_text = self.details.matches(item) || self.blocks.last().is_some_and(is_its);
            let has_signature = !has_text && !item.get("signature").is_null_or_empty();
            if text.is_empty() && item.get("data").is_null_or_empty() && !has_signature {
                return;
            }
            self.push(Block::new(BlockKind::Reasoning, 0));
        }
        let block = self.last_of(BlockKind::Reasoning);
        block.detail.take(item);
        block.text.push_str(&text);
    }

    /// Some upstreams repeat the list of annotations in every chunk.
    fn take_annotation(&mut self, annotation: Json<'_>) {
        if self.annotations.insert(annotation.raw().into()) {
            self.last_of(BlockKind::Text).annotations.push(annotation.raw().into());
        }
    }

    fn take_call(&mut self, piece: Json<'_>, function: Json<'_>, index: u64) {
        let known = self.calls.iter().copied().find(|at| self.blocks[*at].index == index);
        let at = known.unwrap_or_else(|| {
            if !self.blocks.last().is_some_and(|last| last.kind == BlockKind::Open && !last.is_closed) {
                self.push(Block::new(BlockKind::Call, index));
            }
            let at = self.blocks.len() - 1;
            self.calls.push(at);
            at
        });
        let block = &mut self.blocks[at];
        (block.kind, block.index) = (BlockKind::Call, index);
        block.is_custom |= piece.get("custom").is_object();
        if block.id.is_empty() {
            block.id = piece.get("id").text().unwrap_or_default().into();
        }
        if !block.has_begun || block.name.is_empty() {
            block.name.push_str(&function.get("name").text().unwrap_or_default());
        }
        let arguments = function.get(if block.is_custom { "input" } else { "arguments" });
        match arguments.text() {
            Some(text) => block.text.push_str(&text),
            None if arguments.is_null() => {}
            None => block.text.push_str(arguments.raw()),
        }
        // Google's form of a signature (ai.google.dev/gemini-api/docs/thought-signatures). It stands before its call, which has one.
        let signature = piece.at("extra_content.google.thought_signature").text().unwrap_or_default();
        if signature.is_empty() || std::mem::replace(&mut block.is_signed, true) {
            return;
        }
        let is_known = |last: &Block| last.detail.data == signature;
        if !self.details.has_data(&signature) && !self.blocks.last().is_some_and(is_known) {
            let block = &self.blocks[at];
            let detail = Detail::of_call(&block.id, &signature);
            let place = if block.has_begun { self.blocks.len() } else { at };
            self.insert(place, Block { detail, ..Block::new(BlockKind::Reasoning, 0) });
        }
    }
}
