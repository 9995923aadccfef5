//! The events of a stream (`ResponseStreamEvent` in `openai/openai-openapi` `openapi.yaml`).
//!
//! Every item is announced before its pieces, has one id and one `output_index`, and is in the last event only if it was
//! announced: `openai/openai-node` `src/internal/responses/response-accumulator.ts` throws otherwise. Exactly one event ends
//! the stream.

use super::super::blocks::{Block, Blocks, Step};
use super::super::frame::{event, push_event};
use super::super::ids::Ids;
use super::Context;
use super::items::{ItemIds, ItemKind, annotation, begun, custom_input, empty_part, part, whole};
use super::object::{self, Contents, Head, Status};
use crate::chunk::{Chunks, as_chunk};
use crate::failure::Failure;
use crate::json::{Json, Object, array};

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
    head: Head,
    ids: Ids,
    /// The number of events so far.
    sequence: u64,
    /// The JSON texts of the items that have ended.
    items: Vec<String>,
    open: ItemIds,
    /// The open item has a part.
    has_part: bool,
    has_begun: bool,
    finish_reason: String,
    /// The JSON text of the chat usage; empty before.
    usage: String,
    /// The events that were not given yet.
    sse: String,
}

impl Writer {
    /// A writer whose ids come from `seed`. `created` is in seconds since the UNIX epoch.
    pub fn new(context: Context, seed: u64, created: u64) -> Self {
        let mut ids = Ids::new(seed);
        let head = Head { id: object::id(&ids.mint("")), created, completed: None, model: context.model.clone() };
        let page = Page {
            context,
            head,
            ids,
            sequence: 0,
            items: Vec::new(),
            open: ItemIds::default(),
            has_part: false,
            has_begun: false,
            finish_reason: String::new(),
            usage: String::new(),
            sse: String::new(),
        };
        Self { blocks: Blocks::default(), page }
    }

    /// The id of the response.
    pub fn id(&self) -> &str {
        &self.page.head.id
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

    /// Says when the answer is whole, in seconds since the UNIX epoch. Call it before the last events or the whole response.
    pub fn complete_at(&mut self, seconds: u64) {
        self.page.head.completed = Some(seconds);
    }

    /// The answer is whole. Returns the last events. `report` is the JSON text of the response's field `failsoft`.
    pub fn finish(&mut self, report: Option<&str>) -> String {
        let status = self.end_blocks();
        self.page.end(status, None, report, None);
        std::mem::take(&mut self.page.sse)
    }

    /// The answer failed. Returns the last events. What came so far stays in the response.
    pub fn fail(&mut self, failure: &Failure, report: Option<&str>) -> String {
        let page = &mut self.page;
        page.begin();
        let partial = self.blocks.open().map(|block| {
            let kind = ItemKind::of(block, &page.context);
            whole(kind, block, &page.open, "incomplete", &page.context)
        });
        page.end(Status::Failed, partial, report, Some(failure));
        std::mem::take(&mut page.sse)
    }

    /// The JSON text of the response object for a chat completion.
    pub(in crate::protocol) fn take_completion(mut self, completion: Json<'_>, report: Option<&str>) -> String {
        self.read(Json::or_null(&as_chunk(completion)));
        let status = self.end_blocks();
        self.page.object(status, None, report)
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
            page.head.model = model.map_or_else(|| page.head.model.clone(), Into::into);
            page.begin();
        }
        let reason = choice.get("finish_reason").text().unwrap_or_default();
        if !reason.is_empty() {
            page.finish_reason = reason.into();
        }
        self.blocks.take(choice);
    }

    fn end_blocks(&mut self) -> Status {
        let page = &mut self.page;
        page.begin();
        self.blocks.advance(true, &mut |step| page.write(step));
        Status::of(&page.finish_reason)
    }
}

impl Page {
    fn begin(&mut self) {
        if !self.has_begun {
            self.has_begun = true;
            let response = self.object(Status::InProgress, None, None);
            for name in ["response.created", "response.in_progress"] {
                self.push(event(name).raw("response", &response), name);
            }
        }
    }

    fn end(&mut self, status: Status, partial: Option<String>, report: Option<&str>, failure: Option<&Failure>) {
        self.items.extend(partial);
        let response = self.object(status, failure, report);
        self.push(event(status.event()).raw("response", &response), status.event());
        // Some clients overlook the response that failed, and take the text so far for the whole answer
        // (langchain-ai/langchainjs `libs/providers/langchain-openai/src/converters/responses.ts`). The SDKs of OpenAI
        // raise an error at this event.
        if let Some(failure) = failure {
            self.push(&mut object::error_event(failure), "error");
        }
    }

    fn object(&self, status: Status, failure: Option<&Failure>, report: Option<&str>) -> String {
        let usage = if status == Status::InProgress {
            "null".into()
        } else {
            object::usage(Json::or_null(&self.usage), self.context.prompt_tokens)
        };
        let contents = Contents { status, items: &self.items, usage: &usage, failure, report };
        object::write(&self.head, &self.context, &contents)
    }

    fn push(&mut self, data: &mut Object, name: &str) {
        data.whole("sequence_number", self.sequence);
        self.sequence += 1;
        push_event(&mut self.sse, name, data);
    }

    /// The data of an event about the open item.
    fn item_event(&self, name: &str) -> Object {
        let mut data = event(name);
        data.text("item_id", &self.open.item).whole("output_index", self.items.len() as u64);
        data
    }

    /// The data of an event about the part of the open item.
    fn part_event(&self, kind: ItemKind, name: &str) -> Object {
        let mut data = self.item_event(name);
        data.whole(if kind == ItemKind::Reasoning { "summary_index" } else { "content_index" }, 0);
        data
    }

    fn write(&mut self, step: Step<'_>) {
        match step {
            Step::Begin(block) => self.begin_item(block),
            Step::Grow(block, text, logprobs) => self.grow(block, text, logprobs),
            Step::Annotate(block, at) => {
                let name = "response.output_text.annotation.added";
                let mut data = self.part_event(ItemKind::Text, name);
                data.whole("annotation_index", at as u64);
                data.raw("annotation", &annotation(Json::or_null(&block.annotations[at])));
                self.push(&mut data, name);
            }
            Step::End(block, is_last) => self.end_item(block, is_last),
        }
    }

    fn begin_item(&mut self, block: &Block) {
        let kind = ItemKind::of(block, &self.context);
        // What only the issuer can read is bound to the issuer's id. Clients throw where an id comes twice.
        let id = &block.detail.id;
        let is_own = id.starts_with("rs_") && !self.items.iter().any(|item| item.contains(&**id));
        self.open.item = if is_own { id.clone() } else { self.ids.mint(kind.prefix()) };
        self.open.call = if block.id.is_empty() { self.ids.mint("call_") } else { block.id.clone() };
        self.has_part = false;
        let name = "response.output_item.added";
        let mut data = event(name);
        data.whole("output_index", self.items.len() as u64).raw("item", &begun(kind, block, &self.open));
        self.push(&mut data, name);
        if kind == ItemKind::Text || kind == ItemKind::Refusal {
            self.begin_part(kind);
        }
    }

    fn begin_part(&mut self, kind: ItemKind) {
        self.has_part = true;
        let is_summary = kind == ItemKind::Reasoning;
        let name = if is_summary { "response.reasoning_summary_part.added" } else { "response.content_part.added" };
        let mut data = self.part_event(kind, name);
        self.push(data.raw("part", &empty_part(kind)), name);
    }

    fn grow(&mut self, block: &Block, text: &str, logprobs: &[String]) {
        let kind = ItemKind::of(block, &self.context);
        let name = match kind {
            ItemKind::Text => "response.output_text.delta",
            ItemKind::Refusal => "response.refusal.delta",
            ItemKind::Reasoning => "response.reasoning_summary_text.delta",
            ItemKind::Function => "response.function_call_arguments.delta",
            ItemKind::Custom if block.is_custom => "response.custom_tool_call_input.delta",
            // Its input is a part of the arguments, which have to be whole.
            ItemKind::Custom | ItemKind::Native => return,
        };
        let is_call = matches!(kind, ItemKind::Function | ItemKind::Custom);
        if !is_call && !self.has_part {
            self.begin_part(kind);
        }
        let mut data = if is_call { self.item_event(name) } else { self.part_event(kind, name) };
        data.text("delta", text);
        if kind == ItemKind::Text {
            data.raw("logprobs", &array(logprobs));
        }
        self.push(&mut data, name);
    }

    fn end_item(&mut self, block: &Block, is_last: bool) {
        let kind = ItemKind::of(block, &self.context);
        let is_cut = is_last && matches!(Status::of(&self.finish_reason), Status::Incomplete(_));
        let status = if is_cut { "incomplete" } else { "completed" };
        match kind {
            ItemKind::Text => self.end_part(kind, block, "response.output_text.done", "response.content_part.done"),
            ItemKind::Refusal => self.end_part(kind, block, "response.refusal.done", "response.content_part.done"),
            ItemKind::Reasoning if self.has_part => {
                let names = ("response.reasoning_summary_text.done", "response.reasoning_summary_part.done");
                self.end_part(kind, block, names.0, names.1);
            }
            ItemKind::Reasoning | ItemKind::Native => {}
            ItemKind::Function => {
                let name = "response.function_call_arguments.done";
                let mut data = self.item_event(name);
                self.push(data.text("arguments", &block.text).text("name", &block.name), name);
            }
            ItemKind::Custom => self.end_input(block),
        }
        let item = whole(kind, block, &self.open, status, &self.context);
        let name = "response.output_item.done";
        self.push(event(name).whole("output_index", self.items.len() as u64).raw("item", &item), name);
        self.items.push(item);
    }

    fn end_part(&mut self, kind: ItemKind, block: &Block, text_name: &str, part_name: &str) {
        let mut data = self.part_event(kind, text_name);
        data.text(if kind == ItemKind::Refusal { "refusal" } else { "text" }, &block.text);
        if kind == ItemKind::Text {
            data.raw("logprobs", &array(&block.logprobs));
        }
        self.push(&mut data, text_name);
        let mut data = self.part_event(kind, part_name);
        self.push(data.raw("part", &part(kind, block)), part_name);
    }

    fn end_input(&mut self, block: &Block) {
        let input = custom_input(block);
        let names =
            [("response.custom_tool_call_input.delta", "delta"), ("response.custom_tool_call_input.done", "input")];
        // The pieces of an input that is no part of arguments have come.
        for (name, field) in names.into_iter().skip(usize::from(block.is_custom)) {
            let mut data = self.item_event(name);
            self.push(data.text(field, &input), name);
        }
    }
}
