//! The chunks of a stream, and the answer that is their sum.
//!
//! The reader tolerates common mistakes of providers: `content` as a list of parts, a missing `index`, tool calls that share
//! an index or lack one, finish reasons outside OpenAI's set, a role in every chunk, usage in a chunk of its own or not.
//!
//! | file | contents |
//! |---|---|
//! | `growing_value.rs`, `growing_value/grow.rs`, `field.rs` | a JSON value that grows piece by piece; how the pieces of each field become one value |
//! | `bounds.rs` | the most that is read of an answer |
//! | `tool_call.rs` | which tool call a piece belongs to, and what it adds to the call |
//! | `content_parts.rs` | a `content` that is a list of parts |
//! | `finish_reason.rs` | what a vendor's finish reason means |
//! | `end.rs` | what comes behind a finish reason; tool calls once no piece follows |
//! | `contents.rs` | which parts of an answer a chunk has |
//! | `openai_shape.rs` | chunks of another shape, changed to OpenAI's |
//! | `chunks.rs` | chunks on their way to the reader |
//! | `short_json.rs` | chunks as short JSON for JavaScript |

pub(crate) mod bounds;
mod chunks;
mod content_parts;
mod contents;
mod end;
mod field;
mod finish_reason;
mod growing_value;
mod openai_shape;
mod short_json;
#[cfg(test)]
mod tests;
mod tool_call;

use std::cell::Cell;

use crate::json::{Fields, Json, Object, patched};
use crate::text::is_blank;
use crate::usd::Usd;
pub use chunks::Chunks;
pub use contents::{Contents, Seen};
pub use finish_reason::openai_finish_reason;
use growing_value::Node;
pub(crate) use openai_shape::as_chunk;
use openai_shape::openai_shaped;
pub use short_json::Brief;

/// The sum of the chunks of a stream: the completion so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Accumulator {
    completion: Node,
    /// The bytes that the last chunk added to the text of choice 0.
    fresh: usize,
    /// A choice has had a finish reason.
    has_reason: bool,
    /// The bytes of arguments that may be read again, to find out whether they are whole.
    readable: usize,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self { completion: Node::completion(), fresh: 0, has_reason: false, readable: bounds::READABLE }
    }
}

impl Accumulator {
    /// Adds a chunk, or a whole completion, whose `message` has the shape of a `delta`.
    pub fn feed<'a>(&mut self, chunk: Json<'a>) -> Contents<'a> {
        self.feed_fields(&Fields::of(chunk))
    }

    /// [`Accumulator::feed`], for a chunk whose fields are found already.
    pub(crate) fn feed_fields<'a>(&mut self, chunk: &Fields<'a>) -> Contents<'a> {
        let mut contents = Contents { readable: Cell::new(self.readable), ..Contents::default() };
        if self.has_reason {
            self.feed_behind_reason(chunk, &mut contents);
        } else {
            self.completion.feed(chunk, &mut contents);
        }
        self.has_reason |= contents.seen.has(Seen::REASON);
        if !contents.misplaced.is_empty() {
            self.name_calls();
        }
        self.fresh = contents.text;
        if bounds::APPLY {
            self.readable = contents.readable.get().saturating_add(bounds::READABLE_PER_BYTE * contents.changed);
        }
        contents
    }

    /// `chunk`, the last one that was added, in OpenAI's shape.
    pub(crate) fn openai_shaped(&self, chunk: Json<'_>, contents: &Contents<'_>) -> String {
        openai_shaped(chunk, contents, self.choices(), self.fresh_text())
    }

    /// Keeps the report of an edge, which came beside the chunks.
    pub(crate) fn set_report(&mut self, report: Json<'_>) {
        self.completion.slot("failsoft").set(report);
    }

    /// The model that the answer names.
    pub fn model(&self) -> Option<&str> {
        self.word("model")
    }

    /// The provider that the answer names.
    pub fn provider(&self) -> Option<&str> {
        self.word("provider")
    }

    /// The answer's id.
    pub fn id(&self) -> Option<&str> {
        self.word("id")
    }

    fn word(&self, name: &str) -> Option<&str> {
        some(self.completion.get(name).text())
    }

    /// The usage, if it has come.
    pub fn usage(&self) -> Json<'_> {
        self.completion.get("usage").json()
    }

    /// The field `name`, which is not one of OpenAI's.
    pub(crate) fn field(&self, name: &str) -> Json<'_> {
        self.completion.get(name).json()
    }

    /// The field `name` of the first choice, which is not one of OpenAI's.
    pub(crate) fn choice_field(&self, name: &str) -> Json<'_> {
        self.choices().first().map_or(Json::NULL, |choice| choice.get(name).json())
    }

    /// OpenRouter's metadata about the way of this answer.
    pub fn metadata(&self) -> Json<'_> {
        self.completion.get("openrouter_metadata").json()
    }

    /// The report of an edge.
    pub fn report(&self) -> Json<'_> {
        self.completion.get("failsoft").json()
    }

    /// The text of the first choice so far.
    pub fn text(&self) -> &str {
        self.message_text("content")
    }

    /// The text that the last chunk added to choice 0.
    pub(crate) fn fresh_text(&self) -> &str {
        let text = self.text();
        text.get(text.len().saturating_sub(self.fresh)..).unwrap_or_default()
    }

    /// Makes room for `length` more bytes of the first choice's text. Returns the room that there is then.
    pub(crate) fn reserve(&mut self, length: usize) -> usize {
        self.choices_mut().first_mut().map_or(0, |choice| choice.slot("message").slot("content").reserve(length))
    }

    /// Adds `text` to the first choice.
    pub(crate) fn push_text(&mut self, text: &str) {
        if let Some(choice) = self.choices_mut().first_mut() {
            choice.slot("message").slot("content").push_text(text);
        }
    }

    /// Replaces the text of the first choice.
    pub(crate) fn set_text(&mut self, text: String) {
        if let Some(choice) = self.choices_mut().first_mut() {
            choice.slot("message").slot("content").set_text(text);
        }
    }

    /// Removes the finish reason, and the text beyond the first `shown` bytes.
    pub(crate) fn reopen(&mut self, shown: usize) {
        let text = self.text().get(..shown).unwrap_or_default().to_owned();
        self.set_text(text);
        if let Some(choice) = self.choices_mut().first_mut() {
            choice.slot("finish_reason").set(Json::NULL);
            choice.slot("native_finish_reason").set(Json::NULL);
        }
    }

    /// The field `refusal` of the first choice.
    pub fn refusal(&self) -> &str {
        self.message_text("refusal")
    }

    fn message_text(&self, name: &str) -> &str {
        self.choices().first().map_or("", |choice| choice.get("message").get(name).text())
    }

    /// Why the first choice ended.
    pub fn finish_reason(&self) -> Option<&str> {
        some(self.choices().first()?.get("finish_reason").text())
    }

    /// Every choice that began has a finish reason.
    pub fn is_finished(&self) -> bool {
        let choices = self.choices();
        !choices.is_empty() && choices.iter().all(|choice| choice.get("finish_reason").size() > 0)
    }

    /// No choice has text, a tool call, an image or sound.
    pub fn is_blank(&self) -> bool {
        let is_empty = |choice: &Node| is_blank(choice.get("message").get("content").text());
        self.choices().iter().all(is_empty) && !self.has(&["tool_calls", "function_call", "images", "audio"])
    }

    /// Some choice has reasoning.
    pub fn has_reasoning(&self) -> bool {
        self.has(&["reasoning", "reasoning_details"])
    }

    /// Some choice has a tool call.
    pub fn has_tool_call(&self) -> bool {
        self.has(&["tool_calls", "function_call"])
    }

    /// It has one choice, with text and nothing else, so another answer could go on with it.
    pub(crate) fn is_text(&self) -> bool {
        let is_first = self.choices().iter().all(|choice| choice.get("index").json().whole() == Some(0));
        is_first && !self.has(&["tool_calls", "function_call", "images", "audio", "refusal"])
    }

    /// Some message has one of these fields.
    fn has(&self, names: &[&str]) -> bool {
        let has = |choice: &Node| names.iter().any(|name| choice.get("message").get(name).size() > 0);
        self.choices().iter().any(has)
    }

    /// Adds the usage of `other`.
    pub(crate) fn add_usage(&mut self, other: &Self) {
        let all = sum(self.usage(), other.usage());
        self.completion.slot("usage").set(Json::or_null(&all));
    }

    /// A chunk of this answer with `text`.
    pub(crate) fn chunk(&self, text: &str, model: Option<&str>) -> String {
        let mut json = self.head(model);
        json.item("{").whole("index", 0).open("delta", "{").text("content", text).close("}");
        json.raw("finish_reason", "null").close("}").close("]").end()
    }

    /// The chunk that ends this answer with the finish reason of `last`.
    pub(crate) fn end_chunk(&self, last: &Self) -> String {
        self.end_chunk_with(last.model(), last.finish_reason().unwrap_or("stop"))
    }

    fn end_chunk_with(&self, model: Option<&str>, reason: &str) -> String {
        let mut json = self.head(model);
        json.item("{").whole("index", 0).raw("delta", "{}");
        json.text("finish_reason", reason).close("}").close("]").end()
    }

    /// The chunk with the usage, and `report` beside it. `last` is the answer that goes on with this one.
    pub(crate) fn usage_chunk(&self, last: &Self, report: Option<&str>) -> Option<String> {
        let usage = self.usage().as_object()?;
        Some(self.head(last.model()).close("]").raw("usage", usage.raw()).maybe_raw("failsoft", report).end())
    }

    /// The beginning of a chunk of this answer, up to its choices.
    fn head(&self, model: Option<&str>) -> Object {
        let mut json = Object::default();
        json.text("object", "chat.completion.chunk");
        for name in ["id", "created", "system_fingerprint", "service_tier"] {
            let value = self.completion.get(name);
            if value.size() > 0 {
                let mut text = String::new();
                value.write(name, &mut text);
                json.raw(name, &text);
            }
        }
        json.maybe_text("model", model).open("choices", "[");
        json
    }

    /// The JSON text of the answer as OpenAI's completion object.
    pub fn completion(&self) -> String {
        let mut json = String::new();
        self.completion.write("", &mut json);
        json
    }

    fn choices(&self) -> &[Node] {
        self.completion.get("choices").items()
    }

    fn choices_mut(&mut self) -> &mut [Node] {
        self.completion.slot("choices").items_mut()
    }
}

/// The sum of two objects of numbers. Numbers that both have are added, also in objects inside; other fields are kept.
fn sum(one: Json<'_>, other: Json<'_>) -> String {
    let mut json = Object::default();
    for (name, value) in one.fields() {
        let more = other.get(name.word());
        let both = match (value.trillionths(), more.trillionths()) {
            (Some(one), Some(other)) => Usd(one).plus(Usd(other)).decimal(),
            _ if value.is_object() && more.is_object() => sum(value, more),
            _ => value.raw().into(),
        };
        json.entry(name, &both);
    }
    patched(other.raw(), &json.end())
}

fn some(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}
