//! A JSON value that grows piece by piece.

use super::content_parts::Parts;
use super::contents::{Contents, Seen};
use super::field::{Field, Rule, UNKNOWN, canonical_name, known, other_name};
use super::finish_reason::{openai_finish_reason, word_of};
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
    pub(super) fn set_field(&mut self, name: &str, text: &str) {
        let field = self.slot(name);
        field.kind = Kind::Text;
        field.push_text(text);
    }

    /// Adds a chunk.
    pub(super) fn feed<'a>(&mut self, chunk: &Fields<'a>, contents: &mut Contents<'a>) {
        self.grow(chunk, &UNKNOWN, contents);
    }

    /// Adds the fields of `piece`. An unknown field has the rule of `other`.
    fn grow<'a>(&mut self, piece: &Fields<'a>, other: &'static Field, contents: &mut Contents<'a>) {
        let before = self.nodes.len();
        for (key, value) in piece.iter() {
            let Some(name) = canonical_name(key.word(), piece) else { continue };
            let field = if other.rule == Rule::Items { None } else { known(name) };
            match field {
                Some(field) if field.rule == Rule::Content && !value.is_string() && !value.is_null() => {
                    self.add_parts(value, contents);
                }
                Some(field) => {
                    let is_message = contents.is_message;
                    if key.is("message") {
                        contents.is_message = true;
                        contents.seen.add(Seen::MESSAGE);
                    }
                    self.slot(name).add(field, value, contents);
                    contents.is_message = is_message;
                }
                None if other.rule == Rule::Any => self.add_unknown(name, value, piece, contents),
                None => self.slot(name).add(other, value, contents),
            }
        }
        if !contents.native_reason.is_null() && self.find("finish_reason").is_some() {
            let native = self.slot("native_finish_reason");
            if native.size() == 0 {
                native.set(contents.native_reason);
            }
        }
        contents.changed += self.nodes.len() - before;
    }

    /// Adds a field of `piece` that is not known under this name.
    #[cold]
    fn add_unknown<'a>(&mut self, name: &str, value: Json<'a>, piece: &Fields<'a>, contents: &mut Contents<'a>) {
        if name == "error" {
            if !value.is_null_or_empty() && value.flag() != Some(false) {
                contents.seen.add(Seen::ERROR);
                contents.error = value;
            }
        } else if let Some(own) = other_name(name, value, piece)
            && let Some(field) = known(own)
        {
            if !value.is_null_or_empty() {
                contents.seen.add(Seen::FOREIGN);
            }
            self.slot(own).add(field, value, contents);
        } else if !value.is_null_or_empty() {
            self.slot(name).add(&UNKNOWN, value, contents);
        }
    }

    /// Adds a `content` that is a list of parts: each to the field of the message that it belongs to.
    #[cold]
    fn add_parts<'a>(&mut self, content: Json<'a>, contents: &mut Contents<'a>) {
        contents.seen.add(Seen::FOREIGN);
        for (name, json) in Parts::of(content).fields() {
            let field = known(name).unwrap_or(&UNKNOWN);
            let value = Json::or_null(&json);
            // The value lives shorter than the chunk, and none of these fields has an error or a finish reason.
            let mut of_part =
                Contents { is_first: contents.is_first, is_message: contents.is_message, ..Contents::default() };
            self.slot(name).add(field, value, &mut of_part);
            contents.seen.add(of_part.seen);
            contents.text += of_part.text;
            contents.changed += of_part.changed;
        }
    }

    /// Adds a piece of `field`.
    pub(super) fn add<'a>(&mut self, field: &Field, value: Json<'a>, contents: &mut Contents<'a>) {
        let before = self.size();
        match field.rule {
            Rule::Skip => {}
            Rule::First if before > 0 => {}
            Rule::Last | Rule::Any | Rule::Reason | Rule::Text if value.is_null_or_empty() => {}
            Rule::Any if value.is_array() => self.push_new_items(value),
            Rule::First | Rule::Last | Rule::Any => self.set(value),
            Rule::Reason => self.take_reason(value, contents),
            Rule::Name if self.is(value) => {}
            Rule::Whole if !value.is_string() && !value.is_null() => self.text.push_str(value.raw()),
            Rule::Name | Rule::Whole => self.push_string(value),
            Rule::Text if !value.is_string() => {
                let parts = Parts::of(value);
                self.push_text_as(&parts.text);
                self.push_text_as(&parts.reasoning);
                contents.seen.add(Seen::FOREIGN);
            }
            Rule::Text | Rule::Content => {
                if contents.is_message && before > 0 {
                    self.push_repeated(value);
                } else {
                    self.push_string(value);
                }
                if field.rule == Rule::Content && contents.is_first {
                    contents.text += self.text.len() - before;
                }
            }
            Rule::Items => {
                for item in value.items() {
                    self.kind = Kind::Items;
                    self.nodes.push(Self::of(item));
                }
            }
            Rule::Function => self.take_function(value, contents),
            Rule::Fields => {
                // Only the field `content` of a message is the text of the answer.
                let is_first = contents.is_first;
                contents.is_first &= field.name == "message";
                self.grow(&Fields::of(value), field.inside, contents);
                contents.is_first = is_first;
            }
            Rule::Records if field.name == "tool_calls" => {
                value.items().for_each(|piece| self.take_call(piece, contents));
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

    /// Takes the reason why a choice ended. An answer that goes on has none.
    fn take_reason<'a>(&mut self, value: Json<'a>, contents: &mut Contents<'a>) {
        let theirs = word_of(value);
        let ours = openai_finish_reason(&theirs);
        if !value.is(ours) {
            contents.seen.add(Seen::FOREIGN);
        }
        if ours == "error" {
            contents.seen.add(Seen::ERROR);
        }
        if !ours.is_empty() {
            contents.seen.add(Seen::REASON);
            if self.size() == 0 {
                self.set_text(ours.into());
            }
            if !value.is(ours) {
                contents.native_reason = value;
            }
        }
    }

    /// Adds the items of a list that are not there yet. Numbers may be there twice.
    fn push_new_items(&mut self, list: Json<'_>) {
        if self.kind != Kind::Items {
            self.text.clear();
        }
        for item in list.items() {
            self.kind = Kind::Items;
            if item.is_number() || !self.nodes.iter().any(|node| node.is(item)) {
                self.nodes.push(Self::of(item));
            }
        }
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
