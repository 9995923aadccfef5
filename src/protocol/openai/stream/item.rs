//! The items of an answer, and their pieces.

use super::super::super::chunk_writer::LONGEST_NAME;
use super::super::answer::annotation;
use super::{LONG_ID, Page};
use crate::json::{Json, Object, array, quoted};

/// An item of the answer.
#[derive(Debug)]
pub(super) struct Item {
    /// Its place in the output.
    pub(super) at: u64,
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
    /// A mark has begun it.
    pub(super) has_mark: bool,
    /// The parts that have begun.
    pub(super) parts: usize,
    is_over: bool,
}

impl Page {
    /// The place in `items` of the item that `event` is about.
    pub(super) fn item(&mut self, event: Json<'_>) -> usize {
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
            has_mark: false,
            parts: 0,
            is_over: false,
        });
        self.items.len() - 1
    }

    /// Takes what `given` says about an item and no event before it said. A call begins when it has a name.
    pub(super) fn describe(&mut self, at: usize, given: Json<'_>) {
        let (id, format) = (given.get("id"), given.get("format"));
        if id.raw().len() > LONGEST_NAME {
            return self.fail(Json::or_null(LONG_ID));
        }
        self.mark_item(at, given);
        let item = &mut self.items[at];
        if item.id.is_empty() && id.is_string() {
            item.id = id.raw().into();
        }
        if format.is_string() && format.raw().len() <= LONGEST_NAME {
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
    pub(super) fn take_text(&mut self, event: Json<'_>, name: &str, text: Json<'_>) {
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

    pub(super) fn annotate(&mut self, event: Json<'_>, given: Json<'_>) {
        let at = self.item(event);
        self.items[at].has_content = true;
        let mut delta = self.marks(at, "annotation", given);
        delta.maybe_raw("annotations", annotation(given).map(|annotation| array([annotation])).as_deref());
        let delta = delta.end();
        if delta != "{}" {
            self.chunks.delta(&delta);
        }
    }

    pub(super) fn take_arguments(&mut self, event: Json<'_>, text: Json<'_>) {
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
    pub(super) fn take_reasoning(&mut self, event: Json<'_>, name: &str, text: Json<'_>) {
        if !text.is_string() || text.is("") {
            return;
        }
        let at = self.item(event);
        self.items[at].has_content = true;
        let mut delta = Object::default();
        self.write_reasoning(at, name, text, &mut delta);
        self.chunks.delta(&delta.end());
    }

    pub(super) fn write_reasoning(&self, at: usize, name: &str, text: Json<'_>, delta: &mut Object) {
        let detail = self.detail(at, name, text);
        delta.raw("reasoning", text.raw()).raw("reasoning_details", &array([detail]));
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
    pub(super) fn end_item(&mut self, event: Json<'_>, item: Json<'_>) {
        let at = self.item(event);
        self.describe(at, item);
        if self.is_over || std::mem::replace(&mut self.items[at].is_over, true) {
            return;
        }
        let (is_missing, parts) = (!self.items[at].has_content, self.items[at].parts);
        match item.get("type").word() {
            "message" => {
                for (place, part) in item.get("content").items().enumerate().filter(|_| is_missing) {
                    if place >= parts {
                        self.begin_part(event, part, false);
                    }
                    self.take_text(event, "content", part.get("text"));
                    self.take_text(event, "refusal", part.get("refusal"));
                    part.get("annotations").items().for_each(|annotation| self.annotate(event, annotation));
                    self.mark(event, "end_part", part);
                }
            }
            "function_call" if is_missing => self.take_arguments(event, item.get("arguments")),
            "custom_tool_call" if is_missing => self.take_arguments(event, item.get("input")),
            "reasoning" => self.end_reasoning(event, at, item),
            // What a tool of the vendor did has no form in chat. Its text follows.
            _ => {}
        }
        self.mark(event, "end", item);
    }

    fn end_reasoning(&mut self, event: Json<'_>, at: usize, item: Json<'_>) {
        if !self.items[at].has_content {
            let parts = self.items[at].parts;
            let summary = item.get("summary").items().enumerate().map(|(place, part)| ("summary", place > 0, part));
            let texts = item.get("content").items().map(|part| ("text", false, part));
            for (place, (name, is_next, part)) in summary.chain(texts).enumerate() {
                if place >= parts {
                    self.begin_part(event, part, is_next);
                }
                self.take_reasoning(event, name, part.get("text"));
                self.mark(event, "end_part", part);
            }
        }
        for (name, field) in [("signature", "signature"), ("data", "encrypted_content")] {
            let value = item.get(field);
            if value.is_string() && !value.is("") {
                let detail = self.detail(at, name, value);
                self.chunks.item("reasoning_details", &detail);
            }
        }
    }
}

/// Chat's name for what a call sends.
fn content_of(kind: &str) -> &'static str {
    if kind == "custom" { "input" } else { "arguments" }
}
