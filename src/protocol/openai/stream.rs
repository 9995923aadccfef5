//! The events of a stream, and the response object, as the chunks of a chat completion (`ResponseStreamEvent` in
//! `openai/openai-openapi` `openapi.yaml`).
//!
//! Each item is also taken from its last event, and the whole answer from the response that ends the stream, as far as their
//! pieces did not come: some servers send fewer events (BerriAI/litellm#24445, BerriAI/litellm#22102).

use super::super::chunk_writer::ChunkWriter;
use super::answer::{annotation, end, usage};
use crate::json::{Json, Object, array, quoted};
use crate::sse::{Decoder, Event, TooLarge};

/// The largest event, in bytes.
const LARGEST_EVENT: usize = 32 * 1024 * 1024;

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
    calls: u64,
    has_begun: bool,
    is_over: bool,
}

/// An item of the answer.
#[derive(Debug)]
struct Item {
    /// Its place in the output.
    at: u64,
    /// Of a call, its place among the calls.
    call: u64,
    /// The field in which chat has the call. Empty for another item, and until an event says what the item is.
    kind: &'static str,
    /// What came of a call before its name: the inside of a JSON string.
    early: String,
    /// The JSON texts of the id and the format of its reasoning. Without an id, the first is empty.
    id: String,
    format: String,
    /// A piece of its content has come.
    has_content: bool,
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
        Self { chunks, is_native, format, items: Vec::new(), calls: 0, has_begun: false, is_over: false }
    }

    fn take(&mut self, event: Json<'_>) {
        if self.is_over {
            return;
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
            "output_text.annotation.added" => self.annotate(event.get("annotation")),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => self.take_arguments(event, delta),
            // Chat has one text for all parts of a summary.
            "reasoning_summary_part.added" if event.get("summary_index").whole() > Some(0) => {
                self.take_reasoning(event, "summary", Json::or_null(r#""\n\n""#));
            }
            "reasoning_summary_text.delta" => self.take_reasoning(event, "summary", delta),
            "reasoning_text.delta" => self.take_reasoning(event, "text", delta),
            "completed" | "incomplete" | "failed" => self.end(event.get("response")),
            "error" => {
                let error = event.get("error");
                self.fail(if error.is_object() { error } else { event });
            }
            // What may come later, and what tools at the vendor report: clients ignore unknown events.
            _ => {}
        }
    }

    fn begin(&mut self, response: Json<'_>) {
        self.chunks.set_head(response.get("id"), response.get("model"));
        if !std::mem::replace(&mut self.has_begun, true) {
            self.chunks.delta(r#"{"role":"assistant","content":""}"#);
        }
    }

    /// The place in `items` of the item that `event` is about.
    fn item(&mut self, event: Json<'_>) -> usize {
        let at = event.get("output_index").whole().unwrap_or_default();
        if let Some(known) = self.items.iter().position(|item| item.at == at) {
            return known;
        }
        self.items.push(Item {
            at,
            call: 0,
            kind: "",
            early: String::new(),
            id: String::new(),
            format: quoted(self.format),
            has_content: false,
            is_over: false,
        });
        self.items.len() - 1
    }

    /// Takes what `given` says about an item and no event before it said. A call begins when it has a name.
    fn describe(&mut self, at: usize, given: Json<'_>) {
        let (item, format) = (&mut self.items[at], given.get("format"));
        if item.id.is_empty() && given.get("id").is_string() {
            item.id = given.get("id").raw().into();
        }
        if format.is_string() {
            item.format = format.raw().into();
        }
        let kind = match given.get("type").word() {
            "function_call" => "function",
            "custom_tool_call" => "custom",
            _ => return,
        };
        if !item.kind.is_empty() {
            return;
        }
        (item.kind, item.call, item.has_content) = (kind, self.calls, !item.early.is_empty());
        self.calls += 1;
        let early = ["\"", &std::mem::take(&mut item.early), "\""].concat();
        let mut json = Object::default();
        json.whole("index", item.call).raw("id", given.get("call_id").raw()).text("type", kind);
        json.open(kind, "{").raw("name", given.get("name").raw()).raw(content_of(kind), &early).close("}");
        self.chunks.item("tool_calls", &json.end());
    }

    /// A piece of a text: of the answer, or of a refusal.
    fn take_text(&mut self, event: Json<'_>, name: &str, text: Json<'_>) {
        let at = self.item(event);
        self.items[at].has_content = true;
        let logprobs = event.get("logprobs");
        if logprobs.is_empty() {
            return self.chunks.text(name, text);
        }
        let mut choice = Object::default();
        choice.raw("delta", &Object::default().raw(name, text.raw()).end()).raw("finish_reason", "null");
        choice.open("logprobs", "{").raw("content", logprobs.raw()).close("}");
        self.chunks.choice(&choice.end());
    }

    fn annotate(&mut self, given: Json<'_>) {
        if let Some(annotation) = annotation(given, self.is_native) {
            self.chunks.item("annotations", &annotation);
        }
    }

    fn take_arguments(&mut self, event: Json<'_>, text: Json<'_>) {
        let at = self.item(event);
        let item = &mut self.items[at];
        if !text.is_string() || text.is("") {
            return;
        }
        if item.kind.is_empty() {
            return item.early.push_str(text.word());
        }
        item.has_content = true;
        let mut json = Object::default();
        json.whole("index", item.call).open(item.kind, "{").raw(content_of(item.kind), text.raw()).close("}");
        self.chunks.item("tool_calls", &json.end());
    }

    /// A piece of reasoning: of its `summary`, or of its `text`.
    fn take_reasoning(&mut self, event: Json<'_>, name: &str, text: Json<'_>) {
        if !text.is_string() || text.is("") {
            return;
        }
        let at = self.item(event);
        self.items[at].has_content = true;
        let detail = self.detail(at, name, text);
        self.chunks
            .delta(&Object::default().raw("reasoning", text.raw()).raw("reasoning_details", &array([detail])).end());
    }

    /// The JSON text of an item of `reasoning_details` with one field.
    fn detail(&self, at: usize, name: &str, value: Json<'_>) -> String {
        let item = &self.items[at];
        let kind = match name {
            "summary" => "reasoning.summary",
            "data" => "reasoning.encrypted",
            _ => "reasoning.text",
        };
        let mut json = Object::default();
        json.text("type", kind).raw(name, value.raw());
        json.maybe_raw("id", (!item.id.is_empty()).then_some(&item.id));
        json.raw("format", &item.format).whole("index", item.at).end()
    }

    /// The item is whole. Gives what did not come in pieces.
    fn end_item(&mut self, event: Json<'_>, item: Json<'_>) {
        let at = self.item(event);
        self.describe(at, item);
        if std::mem::replace(&mut self.items[at].is_over, true) {
            return;
        }
        let is_missing = !self.items[at].has_content;
        match item.get("type").word() {
            "message" => {
                for part in item.get("content").items().filter(|_| is_missing) {
                    self.take_text(event, "content", part.get("text"));
                    self.take_text(event, "refusal", part.get("refusal"));
                    part.get("annotations").items().for_each(|annotation| self.annotate(annotation));
                }
            }
            "function_call" if is_missing => self.take_arguments(event, item.get("arguments")),
            "custom_tool_call" if is_missing => self.take_arguments(event, item.get("input")),
            "function_call" | "custom_tool_call" => {}
            "reasoning" => self.end_reasoning(event, at, item),
            _ if self.is_native => self.chunks.item("native", item.raw()),
            // What a tool of the vendor did. Its text follows.
            _ => {}
        }
    }

    fn end_reasoning(&mut self, event: Json<'_>, at: usize, item: Json<'_>) {
        if !self.items[at].has_content {
            for (place, part) in item.get("summary").items().enumerate() {
                if place > 0 {
                    self.take_reasoning(event, "summary", Json::or_null(r#""\n\n""#));
                }
                self.take_reasoning(event, "summary", part.get("text"));
            }
            item.get("content").items().for_each(|part| self.take_reasoning(event, "text", part.get("text")));
        }
        for (name, field) in [("signature", "signature"), ("data", "encrypted_content")] {
            let value = item.get(field);
            if value.is_string() && !value.is("") {
                let detail = self.detail(at, name, value);
                self.chunks.item("reasoning_details", &detail);
            }
        }
    }

    /// The answer is over. Gives the items that did not come.
    fn end(&mut self, response: Json<'_>) {
        self.begin(response);
        for (at, item) in response.get("output").items().enumerate() {
            let event = Object::default().whole("output_index", at as u64).end();
            self.end_item(Json::or_null(&event), item);
        }
        let used = response.get("usage");
        if response.get("status").is("failed") {
            if used.is_object() {
                self.chunks.usage(&usage(used));
            }
            return self.fail(response.get("error"));
        }
        self.is_over = true;
        self.chunks.choice(&end(response, self.calls > 0));
        if used.is_object() {
            self.chunks.usage(&usage(used));
        }
        self.chunks.end();
    }

    fn fail(&mut self, error: Json<'_>) {
        self.is_over = true;
        self.chunks.error(if error.is_object() { error.raw() } else { r#"{"message":"the response failed"}"# });
    }
}

/// Chat's name for what a call sends.
fn content_of(kind: &str) -> &'static str {
    if kind == "custom" { "input" } else { "arguments" }
}
