//! A JSON value that grows piece by piece.

mod grow;

use super::bounds;
use super::contents::Seen;
use super::field::known;
use crate::json::{Json, push_quoted};
use crate::text::reserve;

/// A value that may grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    /// Its name as a field of an object, as a JSON string contains it.
    name: String,
    kind: Kind,
    /// The text or JSON text of a value without nodes. Of a long list, the JSON texts of the items behind its nodes.
    text: String,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// JSON text, as it came. Empty, if no value has come.
    #[default]
    Json,
    Text,
    Fields,
    Items,
}

/// These fields are `null` without a value. Other fields are left out then.
const NULLABLE: [&str; 4] = ["content", "refusal", "logprobs", "finish_reason"];

/// A field whose name begins with this character is not written.
pub(super) const HIDDEN: char = '#';

impl Node {
    /// A completion before its first piece.
    pub(super) fn completion() -> Self {
        let mut node = Self::default();
        node.set_field("object", "chat.completion");
        node
    }

    /// A new object of the list `name`, before its first piece.
    pub(super) fn new_item(name: &str) -> Self {
        let mut node = Self { kind: Kind::Fields, ..Self::default() };
        if name == "choices" {
            node.slot("index").push_text("0");
            let message = node.slot("message");
            message.set_field("role", "assistant");
            message.slot("content");
            message.slot("refusal");
            node.slot("logprobs");
            node.slot("finish_reason");
        }
        node
    }

    /// A new call of the kind `function` or `custom`, whose content is the field `content`, before its first piece.
    pub(super) fn new_call(kind: &str, content: &str) -> Self {
        let mut node = Self { kind: Kind::Fields, ..Self::default() };
        node.set_field("id", "");
        node.set_field("type", kind);
        let called = node.slot(kind);
        called.set_field("name", "");
        called.set_field(content, "");
        node
    }

    /// Sets the field `name` to `text`.
    pub(super) fn set_field(&mut self, name: &str, text: &str) {
        let field = self.slot(name);
        field.kind = Kind::Text;
        field.push_text(text);
    }

    fn of(value: Json<'_>) -> Self {
        let mut node = Self::default();
        node.set(value);
        node
    }

    /// The field `name`, which is added if it is missing.
    pub(super) fn slot(&mut self, name: &str) -> &mut Self {
        self.kind = Kind::Fields;
        let at = self.find(name).unwrap_or_else(|| {
            self.nodes.push(Self { name: name.into(), ..Self::default() });
            self.nodes.len() - 1
        });
        &mut self.nodes[at]
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|field| field.name == name)
    }

    /// Replaces the value.
    pub(super) fn set(&mut self, value: Json<'_>) {
        self.text.clear();
        self.kind = Kind::Json;
        if value.is_string() {
            self.push_string(value);
        } else if !value.is_null() {
            self.text.push_str(value.raw());
        }
    }

    /// Replaces the value with a text.
    pub(super) fn set_text(&mut self, text: String) {
        self.kind = Kind::Text;
        self.text = text;
    }

    /// Makes room for `length` more bytes of text. Returns the room that there is then.
    pub(super) fn reserve(&mut self, length: usize) -> usize {
        reserve(&mut self.text, length);
        self.text.capacity() - self.text.len()
    }

    /// Adds `text` to a text.
    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds the text of `value`, if it is a string.
    fn push_string(&mut self, value: Json<'_>) {
        if let Some(more) = value.text() {
            self.kind = Kind::Text;
            self.text.push_str(&more);
        }
    }

    /// [`Node::push_text`] into a value that becomes a text.
    pub(super) fn push_text_as(&mut self, text: &str) {
        if !text.is_empty() {
            self.kind = Kind::Text;
            self.text.push_str(text);
        }
    }

    /// Adds what a text has behind the text so far. A text that does not begin with the text so far is a piece.
    fn push_repeated(&mut self, value: Json<'_>) {
        let text = value.text().unwrap_or_default();
        if !self.text.starts_with(&*text) {
            let new = text.strip_prefix(&*self.text).unwrap_or(&text).to_owned();
            self.push_text_as(&new);
        }
    }

    pub(super) fn is(&self, value: Json<'_>) -> bool {
        match self.kind {
            Kind::Text => value.is(&self.text),
            // Without a value, it is `null`.
            _ => self.text == if value.is_null() { "" } else { value.raw() },
        }
    }

    /// The field `name`.
    pub(super) fn get(&self, name: &str) -> &Self {
        static EMPTY: Node = Node { name: String::new(), kind: Kind::Json, text: String::new(), nodes: Vec::new() };
        self.find(name).map_or(&EMPTY, |at| &self.nodes[at])
    }

    /// It has more than `most` fields or items, where that is a bound.
    pub(super) fn has_more_than(&self, most: usize) -> bool {
        bounds::APPLY && self.nodes.len() > most
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> &[Self] {
        &self.nodes
    }

    pub(super) fn items_mut(&mut self) -> &mut [Self] {
        &mut self.nodes
    }

    /// Adds an item to a list. Returns its place.
    pub(super) fn push_item(&mut self, item: Self) -> usize {
        self.kind = Kind::Items;
        self.nodes.push(item);
        self.nodes.len() - 1
    }

    /// The text so far.
    pub(super) fn text(&self) -> &str {
        if self.kind == Kind::Text { &self.text } else { "" }
    }

    /// The bytes that the fields of this message have which are parts of an answer.
    pub(super) fn answer_size(&self) -> usize {
        let is_part = |node: &&Self| known(&node.name).is_some_and(|field| field.part.has(Seen::ANSWER));
        self.nodes.iter().filter(is_part).map(Self::whole_size).sum()
    }

    /// The bytes of its text and of all texts in it, and the number of all nodes in it.
    fn whole_size(&self) -> usize {
        self.size() + self.nodes.iter().map(Self::whole_size).sum::<usize>()
    }

    /// Takes the value of the field `name`, and leaves the field without a value.
    pub(super) fn take(&mut self, name: &str) -> Self {
        let empty = Self { name: name.into(), ..Self::default() };
        std::mem::replace(self.slot(name), empty)
    }

    /// The bytes of its text, or the number of its nodes.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.nodes.len()
    }

    /// The value, if it is kept as it came.
    pub(super) fn json(&self) -> Json<'_> {
        Json::or_null(&self.text)
    }

    /// Adds its JSON text to `json`, as the field `name` or as an item of the list `name`.
    pub(super) fn write(&self, name: &str, json: &mut String) {
        match self.kind {
            Kind::Json => json.push_str(self.json().raw()),
            Kind::Text => push_quoted(json, &self.text),
            Kind::Items => {
                json.push('[');
                for (at, item) in self.nodes.iter().enumerate() {
                    json.push_str(if at == 0 { "" } else { "," });
                    item.write(name, json);
                }
                if bounds::APPLY {
                    json.push_str(&self.text);
                }
                json.push(']');
            }
            Kind::Fields => {
                let calls = self.get("tool_calls").size() > 0;
                json.push('{');
                for field in &self.nodes {
                    let is_nullable = NULLABLE.contains(&&*field.name);
                    // The index of a tool call only belongs to its pieces. Beside a tool call, an empty text is `null`.
                    let is_empty = field.size() == 0 && (field.kind == Kind::Json || is_nullable && calls);
                    let is_hidden = name == "tool_calls" && field.name == "index" || field.name.starts_with(HIDDEN);
                    if is_empty && !is_nullable || is_hidden {
                        continue;
                    }
                    if !json.ends_with('{') {
                        json.push(',');
                    }
                    json.push('"');
                    json.push_str(&field.name);
                    json.push_str("\":");
                    if is_empty {
                        json.push_str("null");
                    } else {
                        field.write(&field.name, json);
                    }
                }
                json.push('}');
            }
        }
    }
}
