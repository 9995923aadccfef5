//! A JSON value that grows piece by piece.

use super::contents::{Contents, Seen};
use super::field::{FIELDS, Field, Rule, SKIPPED, canonical_name};
use super::openai_shape::openai_finish_reason;
use crate::json::{Fields, Json, push_quoted};
use crate::text::reserve;

/// A value that may grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    /// Its name as a field of an object, as a JSON string contains it.
    name: String,
    kind: Kind,
    /// The text or JSON text of a value without nodes.
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

impl Node {
    /// A completion before its first piece.
    pub(super) fn completion() -> Self {
        let mut node = Self::default();
        node.set_field("object", "chat.completion");
        node
    }

    /// A new object of the list `name`, before its first piece.
    fn new_item(name: &str) -> Self {
        let mut node = Self { kind: Kind::Fields, ..Self::default() };
        if name == "choices" {
            node.slot("index").push_text("0");
            let message = node.slot("message");
            message.set_field("role", "assistant");
            message.slot("content");
            message.slot("refusal");
            node.slot("logprobs");
            node.slot("finish_reason");
        } else if name == "tool_calls" {
            node.set_field("id", "");
            node.set_field("type", "function");
            let function = node.slot("function");
            function.set_field("name", "");
            function.set_field("arguments", "");
        }
        node
    }

    /// Sets the field `name` to `text`.
    fn set_field(&mut self, name: &str, text: &str) {
        let field = self.slot(name);
        field.kind = Kind::Text;
        field.push_text(text);
    }

    /// Adds a chunk.
    pub(super) fn feed<'a>(&mut self, chunk: &Fields<'a>, contents: &mut Contents<'a>) {
        self.grow(chunk, &SKIPPED, contents);
    }

    /// Adds the fields of `piece`. An unknown field has the rule of `other`.
    fn grow<'a>(&mut self, piece: &Fields<'a>, other: &'static Field, contents: &mut Contents<'a>) {
        let before = self.nodes.len();
        for (key, value) in piece.iter() {
            let Some(name) = canonical_name(key.word(), piece) else { continue };
            let known = |field: &&Field| field.name == name && other.rule != Rule::Items;
            let field = FIELDS.iter().find(known).unwrap_or(other);
            if field.rule != Rule::Skip {
                // Some providers send the whole message again at the end.
                contents.is_first &= key.word() != "message";
                self.slot(name).add(field, value, contents);
            } else if name == "error" && !value.is_null() {
                contents.seen.add(Seen::ERROR);
                contents.error = value;
            }
        }
        contents.changed += self.nodes.len() - before;
    }

    /// Adds a piece of `field`.
    fn add<'a>(&mut self, field: &Field, value: Json<'a>, contents: &mut Contents<'a>) {
        let before = self.size();
        match field.rule {
            Rule::Skip => {}
            Rule::First if before > 0 => {}
            Rule::Last | Rule::Reason | Rule::Text if value.is_null_or_empty() => {}
            Rule::First | Rule::Last => self.set(value),
            Rule::Reason => {
                let theirs = value.text().unwrap_or_default();
                let ours = openai_finish_reason(&theirs);
                if ours != theirs {
                    contents.seen.add(Seen::FOREIGN);
                }
                if ours == "error" {
                    contents.seen.add(Seen::ERROR);
                }
                if before == 0 {
                    self.set_text(ours.into());
                }
            }
            Rule::Name if self.is(value) => {}
            Rule::Whole if !value.is_string() && !value.is_null() => self.text.push_str(value.raw()),
            Rule::Text | Rule::Name | Rule::Whole => self.push_string(value),
            Rule::Content => {
                self.push_string(value);
                value.items().for_each(|part| self.push_string(part.get("text")));
                if contents.is_first {
                    contents.text += self.text.len() - before;
                }
            }
            Rule::Items => {
                for item in value.items() {
                    self.kind = Kind::Items;
                    self.nodes.push(Self::of(item));
                }
            }
            Rule::Fields => {
                // Only the field `content` of a message is the text of the answer.
                let is_first = contents.is_first;
                contents.is_first &= field.name == "message";
                self.grow(&Fields::of(value), field.inside, contents);
                contents.is_first = is_first;
            }
            Rule::Records => {
                let is_first = contents.is_first;
                for piece in value.items() {
                    let piece = &Fields::of(piece);
                    let at = self.place_of(field.name, piece);
                    contents.is_first =
                        field.name == "choices" && at == 0 && piece.get("index").whole().unwrap_or(0) == 0;
                    self.nodes[at].grow(piece, field.inside, contents);
                }
                contents.is_first = is_first;
            }
        }
        let size = self.size();
        if size > before {
            contents.seen.add(field.part);
        }
        contents.changed += size.abs_diff(before);
    }

    /// The place of the object in this list that `piece` continues, or of a new object. The `index` of a piece may be wrong, so
    /// its id decides. A piece without both continues the last object.
    fn place_of(&mut self, name: &str, piece: &Fields<'_>) -> usize {
        let (id, index, kind) = (piece.get("id"), piece.get("index"), piece.get("type"));
        let is_continued = |record: &Self| {
            let (known, same_index) = (record.get("id"), record.get("index").is(index));
            let is_same = if id.is_null_or_empty() {
                same_index || index.is_null()
            } else {
                known.is(id) || same_index && known.size() == 0
            };
            is_same && (kind.is_null_or_empty() || record.get("type").is(kind))
        };
        // Blocks of reasoning come one after the other, whatever their index is.
        let is_current = name == "reasoning_details" || id.is_null_or_empty() && index.is_null();
        let from = if is_current { self.nodes.len().saturating_sub(1) } else { 0 };
        if let Some(at) = self.nodes[from..].iter().rposition(is_continued) {
            return from + at;
        }
        let mut at = self.nodes.len();
        if name == "choices" {
            let is_later = |record: &Self| record.get("index").json().whole() > index.whole();
            at = self.nodes.iter().position(is_later).unwrap_or(at);
        }
        self.kind = Kind::Items;
        self.nodes.insert(at, Self::new_item(name));
        at
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

    /// Adds `text`.
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

    fn is(&self, value: Json<'_>) -> bool {
        match self.kind {
            Kind::Text => value.is(&self.text),
            _ => self.json() == value,
        }
    }

    /// The field `name`.
    pub(super) fn get(&self, name: &str) -> &Self {
        static EMPTY: Node = Node { name: String::new(), kind: Kind::Json, text: String::new(), nodes: Vec::new() };
        self.find(name).map_or(&EMPTY, |at| &self.nodes[at])
    }

    /// The items, if it is a list.
    pub(super) fn items(&self) -> &[Self] {
        &self.nodes
    }

    pub(super) fn items_mut(&mut self) -> &mut [Self] {
        &mut self.nodes
    }

    /// The text so far.
    pub(super) fn text(&self) -> &str {
        if self.kind == Kind::Text { &self.text } else { "" }
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
                json.push(']');
            }
            Kind::Fields => {
                let calls = self.get("tool_calls").size() > 0;
                json.push('{');
                for field in &self.nodes {
                    let is_nullable = NULLABLE.contains(&&*field.name);
                    // The index of a tool call only belongs to its pieces. Beside a tool call, an empty text is `null`.
                    let is_empty = field.size() == 0 && (field.kind == Kind::Json || is_nullable && calls);
                    if is_empty && !is_nullable || name == "tool_calls" && field.name == "index" {
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
