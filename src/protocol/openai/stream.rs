//! The events of a stream, and the response object, as the chunks of a chat completion (`ResponseStreamEvent` in
//! `openai/openai-openapi` `openapi.yaml`).
//!
//! Each item is also taken from its last event, and the whole answer from the response that ends the stream, as far as their
//! pieces did not come: some servers send fewer events (BerriAI/litellm#24445, BerriAI/litellm#22102).

mod item;
mod own;

use super::super::chunk_writer::ChunkWriter;
use super::super::marks::NATIVE;
use super::super::response_fields::own_fields;
use super::answer::{end, usage};
use crate::json::{Json, Object};
use crate::sse::{Decoder, Event, TooLarge};
use item::Item;

/// The largest event, in bytes.
const LARGEST_EVENT: usize = 32 * 1024 * 1024;

/// The most items of an answer, and the most parts of them. Each event is compared with all of them.
const MOST_ITEMS: usize = 1_024;

const TOO_MANY_ITEMS: &str = r#"{"message":"the answer has more than 1024 items or parts"}"#;
/// Every piece of an item has its id, which the upstream must get back as it was.
const LONG_ID: &str = r#"{"message":"the id of an item of the answer is longer than 1024 bytes"}"#;

/// Turns the bytes of a stream of Responses into those of a stream of chunks.
#[derive(Debug)]
pub struct Translator {
    decoder: Decoder,
    page: Page,
}

#[derive(Debug)]
struct Page {
    chunks: ChunkWriter,
    /// The client speaks Responses: it gets items that chat has no form for.
    is_native: bool,
    /// The format of encrypted reasoning that names none.
    format: &'static str,
    items: Vec<Item>,
    /// The number of parts of all items.
    parts: usize,
    calls: u64,
    has_begun: bool,
    is_over: bool,
}

/// The chunks for a response in one piece: the JSON text of a list. `None`, if `response` is none: then it may be an error.
/// `created` is in seconds since the UNIX epoch. With `is_native`, the client gets items that chat has no form for, too. `format` is
/// that of encrypted reasoning that names none.
pub fn chunks(response: Json<'_>, created: u64, is_native: bool, format: &'static str) -> Option<String> {
    if !response.get("object").is("response") && !response.get("output").is_array() {
        return None;
    }
    let mut page = Page::new(ChunkWriter::items(created), is_native, format);
    page.end(response);
    let list = page.chunks.take();
    Some(["[", list.trim_end_matches(','), "]"].concat())
}

impl Translator {
    /// A translator of one stream. `created` is in seconds since the UNIX epoch. With `is_native`, the client gets items that chat
    /// has no form for, too. `format` is that of encrypted reasoning that names none.
    pub fn new(created: u64, is_native: bool, format: &'static str) -> Self {
        Self { decoder: Decoder::new(LARGEST_EVENT), page: Page::new(ChunkWriter::events(created), is_native, format) }
    }

    /// Takes the next bytes, cut anywhere. Returns server-sent events with chunks.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        let page = &mut self.page;
        let fed = self.decoder.feed(bytes, |event| match event {
            Event::Data(data) | Event::Error(data) => page.take(Json::or_null(data)),
            Event::Comment(comment) => page.chunks.comment(comment),
        });
        if let Err(TooLarge { .. }) = fed {
            page.chunks.error(r#"{"message":"an event of the stream is larger than 32 MiB"}"#);
        }
        page.chunks.take()
    }
}

impl Page {
    fn new(chunks: ChunkWriter, is_native: bool, format: &'static str) -> Self {
        Self { chunks, is_native, format, items: Vec::new(), parts: 0, calls: 0, has_begun: false, is_over: false }
    }

    fn take(&mut self, event: Json<'_>) {
        if self.is_over {
            return;
        }
        if self.has_too_many_items() {
            return self.fail(Json::or_null(TOO_MANY_ITEMS));
        }
        let kind = event.get("type").word();
        let delta = event.get("delta");
        match kind.strip_prefix("response.").unwrap_or(kind) {
            "created" | "in_progress" | "queued" => self.begin(event.get("response")),
            "output_item.added" => {
                let at = self.item(event);
                self.describe(at, event.get("item"));
            }
            "output_item.done" => self.end_item(event, event.get("item")),
            "output_text.delta" => self.take_text(event, "content", delta),
            "refusal.delta" => self.take_text(event, "refusal", delta),
            "output_text.annotation.added" => self.annotate(event, event.get("annotation")),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => self.take_arguments(event, delta),
            "content_part.added" | "reasoning_summary_part.added" => {
                let is_next = event.get("summary_index").whole() > Some(0);
                self.begin_part(event, event.get("part"), is_next);
            }
            "content_part.done" | "reasoning_summary_part.done" => self.mark(event, "end_part", event.get("part")),
            "reasoning_summary_text.delta" => self.take_reasoning(event, "summary", delta),
            "reasoning_text.delta" => self.take_reasoning(event, "text", delta),
            "completed" | "incomplete" | "failed" => self.end(event.get("response")),
            "error" => {
                let error = event.get("error");
                self.fail(if error.is_object() { error } else { event });
            }
            // What may come later, and what tools at the vendor report: OpenAI's SDK throws at an event that it does not know
            // (`openai/openai-node` `src/internal/responses/response-accumulator.ts`). The item at its end has all of it.
            _ => {}
        }
    }

    fn begin(&mut self, response: Json<'_>) {
        self.chunks.set_head(response.get("id"), response.get("model"));
        if !std::mem::replace(&mut self.has_begun, true) {
            if self.is_native && response.is_object() {
                self.chunks.mark("head", &own_fields(response), 0);
            }
            self.chunks.delta(r#"{"role":"assistant","content":""}"#);
        }
    }

    /// The answer is over. Gives the items that did not come.
    fn end(&mut self, response: Json<'_>) {
        self.begin(response);
        for (at, item) in response.get("output").items().enumerate().take(MOST_ITEMS + 1) {
            let event = Object::default().whole("output_index", at as u64).end();
            self.end_item(Json::or_null(&event), item);
        }
        if self.has_too_many_items() {
            self.fail(Json::or_null(TOO_MANY_ITEMS));
        }
        if self.is_over {
            return;
        }
        let used = response.get("usage");
        if response.get("status").is("failed") {
            if used.is_object() {
                self.chunks.usage(&usage(used));
            }
            return self.fail(response.get("error"));
        }
        self.is_over = true;
        if self.is_native {
            let whole = Object::default().raw("whole", response.raw()).text("format", self.format).end();
            self.chunks.item(NATIVE, &whole);
        }
        self.chunks.choice(&end(response, self.calls > 0));
        if used.is_object() {
            self.chunks.usage(&usage(used));
        }
        self.chunks.end();
    }

    pub(super) fn has_too_many_items(&self) -> bool {
        self.items.len() > MOST_ITEMS || self.parts > MOST_ITEMS
    }

    fn fail(&mut self, error: Json<'_>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.chunks.error(if error.is_object() { error.raw() } else { r#"{"message":"the response failed"}"# });
    }
}
