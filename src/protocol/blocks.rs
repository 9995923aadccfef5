//! Chunks as blocks: pieces of text, reasoning and tool calls that do not overlap.
//!
//! A chunk may hold reasoning and text at once (BerriAI/litellm#36327), and the pieces of parallel calls may alternate. In
//! Messages a block ends before the next one begins, and clients of Responses read such a stream most reliably. So a block
//! waits until the block before it is complete: text once something else follows, a call once its arguments are whole JSON.

use super::reasoning::Detail;
use crate::json::Json;
use crate::text::is_blank;

/// What a block contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Reasoning,
    Text,
    Refusal,
    Call,
    /// An item or a block of the upstream that chat has no form for, for a client of the same protocol. It comes in one piece.
    Native,
}

/// One block of an answer.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// The text so far. Of a call, its arguments. Of what is native, its JSON text.
    pub(super) text: String,
    /// The bytes of the text that were given.
    given: usize,
    /// Of a call, its place in the list of calls.
    index: u64,
    /// Of a call. Empty until the upstream names it.
    pub(super) id: String,
    /// Of a call.
    pub(super) name: String,
    /// Of a call: it calls a custom tool, whose input is any text.
    pub(super) is_custom: bool,
    pub(super) detail: Detail,
    /// The JSON texts of annotations, in chat's shape.
    pub(super) annotations: Vec<String>,
    given_annotations: usize,
    /// The JSON texts of log probabilities.
    pub(super) logprobs: Vec<String>,
    given_logprobs: usize,
    has_begun: bool,
    /// The length of the text when it was last found to be incomplete.
    incomplete_at: Option<usize>,
}

/// What becomes of a block.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// It begins.
    Begin(&'a Block),
    /// It grows by a text, with the log probabilities of the text.
    Grow(&'a Block, &'a str, &'a [String]),
    /// Its annotation at this place has come.
    Annotate(&'a Block, usize),
    /// It ends. True, if it is the last block of the answer.
    End(&'a Block, bool),
}

/// The blocks of an answer.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// The block that is open, or begins next.
    current: usize,
}

impl Blocks {
    /// Takes the `choice` of a chunk.
    pub(super) fn take(&mut self, choice: Json<'_>) {
        let delta = choice.get("delta");
        self.take_reasoning(delta);
        for item in delta.get("native").items() {
            self.blocks.push(Block { text: item.raw().into(), ..Block::new(BlockKind::Native, 0) });
        }
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
            let is_last = self.current + 1 == self.blocks.len();
            let block = &mut self.blocks[self.current];
            let ends = is_over || !is_last && block.is_complete();
            if ends && block.kind == BlockKind::Call && !block.is_custom && is_blank(&block.text) {
                // Clients parse the arguments, and an empty text is no JSON.
                block.text.push_str("{}");
            }
            block.give(ends, each);
            if !ends {
                return;
            }
            each(Step::End(block, is_last));
            self.current += 1;
        }
    }

    /// The last block, if it has this kind, else a new one.
    fn last_of(&mut self, kind: BlockKind) -> &mut Block {
        if self.blocks.last().is_none_or(|block| block.kind != kind) {
            self.blocks.push(Block::new(kind, 0));
        }
        let at = self.blocks.len() - 1;
        &mut self.blocks[at]
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
        let is_new =
            !self.blocks.last().is_some_and(|last| last.kind == BlockKind::Reasoning && last.detail.matches(item));
        if is_new {
            // A signature behind the end of its text cannot be added to it any more. A signature without a text is of
            // thinking that is not shown.
            let is_its = |block: &Block| block.kind == BlockKind::Reasoning && block.detail.matches(item);
            let has_signature = !item.get("signature").is_null_or_empty() && !self.blocks.iter().any(is_its);
            if text.is_empty() && item.get("data").is_null_or_empty() && !has_signature {
                return;
            }
            self.blocks.push(Block::new(BlockKind::Reasoning, 0));
        }
        let block = self.last_of(BlockKind::Reasoning);
        block.detail.take(item);
        block.text.push_str(&text);
    }

    /// Some upstreams repeat the list of annotations in every chunk.
    fn take_annotation(&mut self, annotation: Json<'_>) {
        let is_known = self.blocks.iter().any(|block| block.annotations.iter().any(|known| known == annotation.raw()));
        if !is_known {
            self.last_of(BlockKind::Text).annotations.push(annotation.raw().into());
        }
    }

    fn take_call(&mut self, piece: Json<'_>, function: Json<'_>, index: u64) {
        let is_it = |block: &Block| block.kind == BlockKind::Call && block.index == index;
        let at = self.blocks.iter().position(is_it).unwrap_or_else(|| {
            self.blocks.push(Block::new(BlockKind::Call, index));
            self.blocks.len() - 1
        });
        let block = &mut self.blocks[at];
        block.is_custom |= piece.get("custom").is_object();
        if block.id.is_empty() {
            block.id = piece.get("id").text().unwrap_or_default().into();
        }
        if !block.has_begun {
            block.name.push_str(&function.get("name").text().unwrap_or_default());
        }
        let arguments = function.get(if block.is_custom { "input" } else { "arguments" });
        match arguments.text() {
            Some(text) => block.text.push_str(&text),
            None if arguments.is_null() => {}
            None => block.text.push_str(arguments.raw()),
        }
    }
}

impl Block {
    fn new(kind: BlockKind, index: u64) -> Self {
        Self {
            kind,
            text: String::new(),
            given: 0,
            index,
            id: String::new(),
            name: String::new(),
            is_custom: false,
            detail: Detail::default(),
            annotations: Vec::new(),
            given_annotations: 0,
            logprobs: Vec::new(),
            given_logprobs: 0,
            has_begun: false,
            incomplete_at: None,
        }
    }

    /// No piece of it can follow, because another block has begun.
    fn is_complete(&mut self) -> bool {
        if self.kind != BlockKind::Call || self.is_custom {
            return true;
        }
        if self.incomplete_at == Some(self.text.len()) || !self.text.trim_end().ends_with('}') {
            return false;
        }
        let is_complete = Json::parse(&self.text).is_some();
        self.incomplete_at = Some(self.text.len());
        is_complete
    }

    /// Gives what was not given. A call begins with its name; its arguments may come before.
    fn give(&mut self, ends: bool, each: &mut dyn FnMut(Step<'_>)) {
        if !self.has_begun {
            let begins = ends || self.kind != BlockKind::Call || !self.name.is_empty() && !self.text.is_empty();
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
    }
}

/// The readable text of an item of `reasoning_details`.
fn text_of(item: Json<'_>) -> std::borrow::Cow<'_, str> {
    let text = item.get("text").text().filter(|text| !text.is_empty());
    text.or_else(|| item.get("summary").text()).unwrap_or_default()
}
