//! The events of a stream (platform.claude.com/docs/en/build-with-claude/streaming).
//!
//! Blocks do not overlap, their indexes rise from 0 without gaps, and each ends exactly once
//! (`anthropics/anthropic-sdk-typescript` `src/lib/MessageStream.ts`). One `message_start` comes first, and one
//! `message_stop` or one `error` comes last.

use super::super::blocks::{Block, BlockKind, Step};
use super::super::frame::{event, push_event};
use super::super::ids::Ids;
use super::super::marks::with_own;
use super::Context;
use super::message::{End, Form, content_block, is_citation, other_fields, redacted, signature, usage};
use crate::json::{Json, Object};

/// The event that keeps a connection alive. Clients accept it anywhere.
pub const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";

/// The fields of a message that its writer knows.
pub(super) const HEAD: [&str; 8] = ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"];

/// The answer so far, and its events that were not given.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) context: Context,
    pub(super) ids: Ids,
    pub(super) id: String,
    pub(super) model: String,
    /// The number of blocks that have begun.
    pub(super) begun: u64,
    /// How the open block stands in the message. Its issuer may become known after its beginning.
    pub(super) form: Form,
    /// The id of the open call.
    pub(super) call: String,
    /// The JSON texts of the content blocks, for a message in one piece.
    pub(super) content: Option<Vec<String>>,
    pub(super) has_begun: bool,
    /// The JSON text of the message at its beginning, where the upstream speaks the client's own protocol; else empty.
    pub(super) own: String,
    pub(super) end: End,
    /// The JSON text of the chat usage; empty before.
    pub(super) usage: String,
    /// The events that were not given yet.
    pub(super) sse: String,
}

impl Page {
    pub(super) fn new(context: Context, seed: u64) -> Self {
        let mut ids = Ids::new(seed);
        let (id, model) = (ids.mint("msg_"), context.model.clone());
        Self {
            context,
            ids,
            id,
            model,
            begun: 0,
            form: Form::Hidden,
            call: String::new(),
            content: None,
            has_begun: false,
            own: String::new(),
            end: End::default(),
            usage: String::new(),
            sse: String::new(),
        }
    }

    /// The fields of a message up to its content.
    pub(super) fn head(&self, content: &str) -> Object {
        let mut message = Object::default();
        message.text("id", &self.id).text("type", "message").text("role", "assistant").text("model", &self.model);
        message.raw("content", content);
        message
    }

    pub(super) fn usage(&self) -> String {
        usage(Json::or_null(&self.usage), self.context.prompt_tokens)
    }

    pub(super) fn begin(&mut self) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        let mut message = self.head("[]");
        let own = Json::or_null(&self.own);
        message.raw("stop_reason", "null").raw("stop_sequence", "null");
        message.raw("usage", &with_own(&self.usage(), own.get("usage"))).fields(&other_fields(own, &HEAD));
        push_event(&mut self.sse, "message_start", event("message_start").raw("message", &message.end()));
        self.sse.push_str(PING);
    }

    pub(super) fn write(&mut self, step: Step<'_>) {
        match step {
            Step::Begin(block) => self.begin_block(block),
            Step::Grow(block, text, _) => self.grow(block, text),
            Step::Annotate(block, at) => self.cite(&block.annotations[at]),
            Step::Event(delta) => {
                let mut data = event("content_block_delta");
                push_event(
                    &mut self.sse,
                    "content_block_delta",
                    data.whole("index", self.begun.saturating_sub(1)).raw("delta", delta),
                );
            }
            // A message has no blocks with parts.
            Step::EndPart(block) | Step::End(block, _) => self.end_block(block),
        }
    }

    fn begin_block(&mut self, block: &Block) {
        self.form = Form::of(block, self.context.shows_thinking);
        self.call = match self.form {
            Form::ToolUse if block.id.is_empty() => self.ids.mint("toolu_"),
            _ => block.id.clone(),
        };
        if !matches!(self.form, Form::Hidden | Form::Redacted) {
            self.start(&content_block(self.form, block, &self.call, false));
        }
    }

    fn start(&mut self, block: &str) {
        let mut data = event("content_block_start");
        push_event(&mut self.sse, "content_block_start", data.whole("index", self.begun).raw("content_block", block));
        self.begun += 1;
    }

    /// The first piece of a block says what it contains, where the block has begun by a mark.
    fn take_form(&mut self, block: &Block) {
        if block.own.is_some() {
            self.form = Form::of(block, true);
        }
    }

    fn grow(&mut self, block: &Block, text: &str) {
        self.take_form(block);
        match self.form {
            Form::Text => self.delta("text_delta", "text", text),
            Form::Thinking => self.delta("thinking_delta", "thinking", text),
            Form::ToolUse => self.delta("input_json_delta", "partial_json", text),
            Form::Redacted | Form::Hidden | Form::Whole => {}
        }
    }

    fn delta(&mut self, kind: &str, field: &str, text: &str) {
        let mut data = event("content_block_delta");
        data.whole("index", self.begun - 1).open("delta", "{").text("type", kind).text(field, text).close("}");
        push_event(&mut self.sse, "content_block_delta", &mut data);
    }

    /// A citation of Messages has positions in a document of the request, so those of other protocols have no form here.
    fn cite(&mut self, citation: &str) {
        if is_citation(citation) && self.begun > 0 {
            let mut data = event("content_block_delta");
            data.whole("index", self.begun - 1).open("delta", "{").text("type", "citations_delta");
            push_event(&mut self.sse, "content_block_delta", data.raw("citation", citation).close("}"));
        }
    }

    fn end_block(&mut self, block: &Block) {
        self.end.has_call |= block.kind == BlockKind::Call;
        self.end.has_refusal |= block.kind == BlockKind::Refusal;
        self.take_form(block);
        match self.form {
            Form::Hidden => return,
            Form::Redacted if redacted(block).is_empty() => return,
            Form::Redacted => self.start(&content_block(self.form, block, "", true)),
            Form::Thinking => {
                // The SDK replaces a signature instead of adding to it, so the signature comes in one piece.
                let signature = signature(block);
                if !signature.is_empty() {
                    self.delta("signature_delta", "signature", &signature);
                }
            }
            Form::Text | Form::ToolUse | Form::Whole => {}
        }
        if let Some(content) = &mut self.content {
            content.push(content_block(self.form, block, &self.call, true));
        }
        let mut data = event("content_block_stop");
        push_event(&mut self.sse, "content_block_stop", data.whole("index", self.begun - 1));
    }
}
