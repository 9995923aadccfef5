//! How a value grows by a piece: each field by its rule.

use super::{Kind, Node};
use crate::chunk::bounds::{self, MOST_DETAILS, MOST_PARTS, MOST_RECORDS};
use crate::chunk::content_parts::Parts;
use crate::chunk::contents::{Contents, Seen};
use crate::chunk::field::{Field, Rule, UNKNOWN, canonical_name, known, other_name};
use crate::chunk::finish_reason::{openai_finish_reason, word_of};
use crate::json::{Fields, Json};

impl Node {
    /// Adds a chunk.
    pub(in crate::chunk) fn feed<'a>(&mut self, chunk: &Fields<'a>, contents: &mut Contents<'a>) {
        self.grow(chunk, &UNKNOWN, contents);
    }

    /// Adds the fields of `piece`. An unknown field has the rule of `other`.
    fn grow<'a>(&mut self, piece: &Fields<'a>, other: &'static Field, contents: &mut Contents<'a>) {
        let before = self.nodes.len();
        let native_before = contents.native_reason;
        // A whole message repeats the details that came in pieces before it, so none of them counts again.
        let has_details = contents.is_message && self.get("reasoning_details").size() > 0;
        for (at, (key, value)) in piece.iter().enumerate() {
            if self.has_more_than(MOST_PARTS) || at == MOST_PARTS && bounds::APPLY {
                contents.seen.add(Seen::TOO_MANY);
                break;
            }
            let Some(name) = canonical_name(key.word(), piece) else { continue };
            let field = if other.rule == Rule::Items { None } else { known(name) };
            match field {
                Some(field) if has_details && field.part == Seen::REASONING => {}
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
        if !std::ptr::eq(native_before.raw(), contents.native_reason.raw()) && self.find("finish_reason").is_some() {
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
    pub(in crate::chunk) fn add<'a>(&mut self, field: &Field, value: Json<'a>, contents: &mut Contents<'a>) {
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
                value.items().for_each(|item| self.push_value(item));
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
                if value.is_object() {
                    contents.seen.add(Seen::FOREIGN);
                }
                // Some upstreams send one call without a list around it.
                value.items().chain(value.as_object()).for_each(|piece| self.take_call(piece, contents));
            }
            Rule::Records => {
                let is_first = contents.is_first;
                for piece in value.items() {
                    if self.is_full(field) {
                        break;
                    }
                    let piece = &Fields::of(piece);
                    let at = self.place_of(field.name, piece);
                    let (is_choice, index) = (field.name == "choices", piece.get("index"));
                    contents.is_first = is_choice && at == 0 && index.whole().unwrap_or(0) == 0;
                    // Typed clients, such as @ai-sdk/openai, require an index of each choice.
                    if is_choice && index.is_null() {
                        contents.seen.add(Seen::FOREIGN);
                    }
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
        if self.is_full(field) {
            contents.seen.add(Seen::TOO_MANY);
        }
    }

    /// More parts of `field` have come than an answer may have.
    fn is_full(&self, field: &Field) -> bool {
        match field.rule {
            Rule::Records if field.name == "reasoning_details" => self.has_more_than(MOST_DETAILS),
            Rule::Records => self.has_more_than(MOST_RECORDS),
            Rule::Fields => self.has_more_than(MOST_PARTS),
            _ => false,
        }
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

    /// Adds the items of a list that are not there yet. Numbers may be there twice, and so may the items of a long list, such as that
    /// of vLLM's `prompt_logprobs`: each would be compared with all before it.
    fn push_new_items(&mut self, list: Json<'_>) {
        if self.kind != Kind::Items {
            self.text.clear();
        }
        for item in list.items() {
            if item.is_number() || self.has_more_than(MOST_PARTS) || !self.nodes.iter().any(|node| node.is(item)) {
                self.push_value(item);
            }
        }
    }

    /// Adds an item to a list whose items do not grow. A long list has no node for each item, which would be many times as large as
    /// a number.
    fn push_value(&mut self, item: Json<'_>) {
        self.kind = Kind::Items;
        if self.has_more_than(MOST_PARTS) {
            self.text.extend([",", item.raw()]);
        } else {
            self.nodes.push(Self::of(item));
        }
    }

    /// The place of the object in this list that `piece` continues, or of a new object. The `index` of a piece may be wrong, so
    /// its id decides. A piece without both continues the last object. The `data` of reasoning, an encrypted text, come in one piece,
    /// and a thought ends with its signature, so data, and a text behind a signature, continue an object by its id alone.
    fn place_of(&mut self, name: &str, piece: &Fields<'_>) -> usize {
        let (id, index, kind) = (piece.get("id"), piece.get("index"), piece.get("type"));
        let [has_data, has_text] = ["data", "text"].map(|name| !piece.get(name).is_null_or_empty());
        let is_continued = |record: &Self| {
            let (known, same_index) = (record.get("id"), record.get("index").is(index));
            let is_next = has_data || has_text && record.get("signature").size() > 0;
            let is_same = if id.is_null_or_empty() {
                !is_next && (same_index || index.is_null())
            } else {
                known.is(id) || !is_next && same_index && known.size() == 0
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
}
