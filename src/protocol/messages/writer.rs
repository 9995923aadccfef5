//! The events of a stream (platform.claude.com/docs/en/build-with-claude/streaming).
//!
//! Blocks do not overlap, their indexes rise from 0 without gaps, and each ends exactly once
//! (`anthropics/anthropic-sdk-typescript` `src/lib/MessageStream.ts`). One `message_start` comes first, and one
//! `message_stop` or one `error` comes last.

use super::super::blocks::{Block, BlockKind, Blocks, Step};
use super::super::frame::{event, push_event};
use super::super::ids::Ids;
use super::message::{End, Form, content_block, is_citation, redacted, signature, usage};
use super::{Context, error};
use crate::chunk::{Chunks, as_chunk};
use crate::failure::Failure;
use crate::json::{Json, Object, array};

/// The event that keeps a connection alive. Clients accept it anywhere.
pub const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";

/// Writes the answer to one request.
#[derive(Debug)]
pub struct Writer {
    blocks: Blocks,
    page: Page,
}

/// Everything but the blocks.
#[derive(Debug)]
struct Page {
    context: Context,
    ids: Ids,
    id: String,
    model: String,
    /// The number of blocks that have begun.
    begun: u64,
    /// How the open block stands in the message. Its issuer may become known after its beginning.
    form: Form,
    /// The id of the open call.
    call: String,
    /// The JSON texts of the content blocks, for a message in one piece.
    content: Option<Vec<String>>,
    has_begun: bool,
    end: End,
    /// The JSON text of the chat usage; empty before.
    usage: String,
    /// The events that were not given yet.
    sse: String,
}

impl Writer {
    /// A writer whose ids come from `seed`.
    pub fn new(context: Context, seed: u64) -> Self {
        let mut ids = Ids::new(seed);
        let (id, model) = (ids.mint("msg_"), context.model.clone());
        let page = Page {
            context,
            ids,
            id,
            model,
            begun: 0,
            form: Form::Hidden,
            call: String::new(),
            content: None,
            has_begun: false,
            end: End::default(),
            usage: String::new(),
            sse: String::new(),
        };
        Self { blocks: Blocks::default(), page }
    }

    /// The id of the message.
    pub fn id(&self) -> &str {
        &self.page.id
    }

    /// Takes chunks. Returns the events for them.
    pub fn take(&mut self, chunks: &Chunks) -> String {
        let mut sse = String::new();
        for chunk in chunks.iter() {
            sse.push_str(&self.take_chunk(Json::or_null(chunk)));
        }
        sse
    }

    /// Takes one chunk. Returns the events for it.
    pub fn take_chunk(&mut self, chunk: Json<'_>) -> String {
        self.read(chunk);
        let page = &mut self.page;
        self.blocks.advance(false, &mut |step| page.write(step));
        std::mem::take(&mut page.sse)
    }

    /// The answer is whole. Returns the last events. `report` is the JSON text of the field `failsoft` of the last event but
    /// one.
    pub fn finish(&mut self, report: Option<&str>) -> String {
        self.end_blocks();
        let page = &mut self.page;
        let mut data = event("message_delta");
        data.open("delta", "{");
        page.end.write(&mut data);
        data.close("}").raw("usage", &page.usage()).maybe_raw("failsoft", report);
        push_event(&mut page.sse, "message_delta", &mut data);
        push_event(&mut page.sse, "message_stop", &mut event("message_stop"));
        std::mem::take(&mut page.sse)
    }

    /// The answer failed. Returns the last event: an error, because a stream that just ends would look whole.
    pub fn fail(&mut self, failure: &Failure) -> String {
        let mut sse = String::from("event: error\ndata: ");
        sse.extend([&*error::failure(failure, None), "\n\n"]);
        sse
    }

    /// The JSON text of the message for a chat completion.
    pub(in crate::protocol) fn take_completion(mut self, completion: Json<'_>, report: Option<&str>) -> String {
        self.page.content = Some(Vec::new());
        self.read(Json::or_null(&as_chunk(completion)));
        self.end_blocks();
        let mut message = self.page.head(&array(self.page.content.iter().flatten()));
        self.page.end.write(&mut message);
        message.raw("usage", &self.page.usage()).maybe_raw("failsoft", report).end()
    }

    fn read(&mut self, chunk: Json<'_>) {
        let page = &mut self.page;
        let usage = chunk.get("usage");
        if usage.is_object() {
            page.usage = usage.raw().into();
        }
        // Azure's first chunk has no choices and no model (pydantic/pydantic-ai#164).
        let is_first = |choice: &Json<'_>| choice.get("index").whole().unwrap_or_default() == 0;
        let Some(choice) = chunk.get("choices").items().find(is_first) else { return };
        if !page.has_begun {
            let model = chunk.get("model").text().filter(|model| !model.is_empty());
            page.model = model.map_or_else(|| page.model.clone(), Into::into);
            page.begin();
        }
        for (field, name) in [
            (&mut page.end.reason, "finish_reason"),
            (&mut page.end.native, "native_finish_reason"),
            (&mut page.end.sequence, "stop_sequence"),
        ] {
            let value = choice.get(name).text().unwrap_or_default();
            if !value.is_empty() {
                *field = value.into();
            }
        }
        self.blocks.take(choice);
    }

    fn end_blocks(&mut self) {
        let page = &mut self.page;
        page.begin();
        self.blocks.advance(true, &mut |step| page.write(step));
    }
}

impl Page {
    /// The fields of a message up to its content.
    fn head(&self, content: &str) -> Object {
        let mut message = Object::default();
        message.text("id", &self.id).text("type", "message").text("role", "assistant").text("model", &self.model);
        message.raw("content", content);
        message
    }

    fn usage(&self) -> String {
        usage(Json::or_null(&self.usage), self.context.prompt_tokens)
    }

    fn begin(&mut self) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        let mut message = self.head("[]");
        message.raw("stop_reason", "null").raw("stop_sequence", "null").raw("usage", &self.usage());
        push_event(&mut self.sse, "message_start", event("message_start").raw("message", &message.end()));
        self.sse.push_str(PING);
    }

    fn write(&mut self, step: Step<'_>) {
        match step {
            Step::Begin(block) => self.begin_block(block),
            Step::Grow(_, text, _) => self.grow(text),
            Step::Annotate(block, at) => self.cite(&block.annotations[at]),
            Step::End(block, _) => self.end_block(block),
        }
    }

    fn begin_block(&mut self, block: &Block) {
        self.end.has_call |= block.kind == BlockKind::Call;
        self.end.has_refusal |= block.kind == BlockKind::Refusal;
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

    fn grow(&mut self, text: &str) {
        match self.form {
            Form::Text => self.delta("text_delta", "text", text),
            Form::Thinking => self.delta("thinking_delta", "thinking", text),
            Form::ToolUse => self.delta("input_json_delta", "partial_json", text),
            Form::Redacted | Form::Hidden | Form::Native => {}
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
            Form::Text | Form::ToolUse | Form::Native => {}
        }
        if let Some(content) = &mut self.content {
            content.push(content_block(self.form, block, &self.call, true));
        }
        let mut data = event("content_block_stop");
        push_event(&mut self.sse, "content_block_stop", data.whole("index", self.begun - 1));
    }
}
