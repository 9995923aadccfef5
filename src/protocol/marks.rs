//! What of an answer only a client of the upstream's own protocol reads: where each item or block begins and ends, and what
//! chat has no form for.
//!
//! Where client and upstream speak one protocol, the translator of the upstream puts *marks* into the field `native` of a
//! delta, and the writer for the client follows them. What stands beside marks in a delta is for all other readers. A mark is
//! an object. Its first field says what it is, and has the vendor's own JSON; `at` is the place of the item or the block.
//!
//! | mark | what it says |
//! |---|---|
//! | `head` | the fields of the response or the message at its beginning |
//! | `begin`, `foreign` | an item or a block begins, with its fields; chat has no form for the contents of a foreign one |
//! | `part`, `foreign_part`, `end_part` | a part of the open item begins or ends, with its fields |
//! | `annotation` | an annotation or a citation of the text |
//! | `event` | a delta of the open block of a message that chat has no form for |
//! | `end` | the item or the block is whole; its fields, or `null` |
//! | `last` | the fields of the message at its end |
//! | `whole` | the whole response or message, as the vendor sends it in one piece |
//!
//! So nothing of an answer has to be known by name to reach the client. The core reads no marks: it judges the same chat
//! chunks for every client. A writer that gets an answer without marks, or only a part of it, writes what the chunks say. An
//! assembled completion has the last mark only, which is `whole` where the vendor sends one.

use crate::json::{Json, Object, array, patched};

/// The field of a delta that has the marks.
pub(super) const NATIVE: &str = "native";

/// What marks say about a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// The place of its item.
    pub(super) at: u64,
    /// The JSON text of its item at the beginning. Empty for a block that continues an item.
    pub(super) begin: String,
    /// The JSON text of its item at the end. Empty before, `null` where the vendor sends none.
    pub(super) end: String,
    /// It is another part of the item of the block before it.
    pub(super) continues: bool,
    /// The JSON text of its part at the beginning. Empty before.
    pub(super) part: String,
    /// The type of its part. Every piece of the part depends on it.
    pub(super) part_type: String,
    /// The JSON text of its part at the end. Empty before.
    pub(super) part_end: String,
    /// The JSON texts of events that were not given.
    pub(super) events: Vec<String>,
}

impl Own {
    pub(super) fn new(at: u64, begin: Json<'_>) -> Self {
        Self { at, begin: begin.raw().into(), ..Self::default() }
    }

    /// Its part begins.
    pub(super) fn begin_part(&mut self, part: Json<'_>) {
        self.part = part.raw().into();
        self.part_type = part.get("type").text().unwrap_or_default().into();
    }
}

/// The JSON text of a mark about the item or block at `at`. `value` is JSON text.
pub(super) fn mark(name: &str, value: &str, at: u64) -> String {
    Object::default().raw(name, value).whole("at", at).end()
}

/// The value of the mark `name` in the delta or the message of `choice`; `null` without one.
pub(super) fn find<'a>(choice: Json<'a>, name: &str) -> Json<'a> {
    let marks = choice.get("delta").get(NATIVE).items();
    marks.map(|mark| mark.get(name)).find(|value| !value.is_null()).unwrap_or(Json::NULL)
}

/// The choice is an assembled completion, of whose marks only the last one is there.
pub(super) fn is_assembled(choice: Json<'_>) -> bool {
    !choice.get("finish_reason").is_null_or_empty() && !choice.get("delta").get(NATIVE).is_empty()
}

/// The chunks of `chunk`, an assembled completion with marks, as the JSON text of a list: those that `unfold` makes of the mark
/// `whole` of its `choice`. Without such a mark, and if the text of the completion is another one, `chunk` without marks.
pub(super) fn unfolded(chunk: Json<'_>, choice: Json<'_>, unfold: impl FnOnce(Json<'_>) -> Option<String>) -> String {
    whole_of(choice, unfold).unwrap_or_else(|| {
        let delta = patched(choice.get("delta").raw(), &Object::default().raw(NATIVE, "null").end());
        let choice = patched(choice.raw(), &Object::default().raw("delta", &delta).end());
        array([patched(chunk.raw(), &Object::default().raw("choices", &array([choice])).end())])
    })
}

fn whole_of(choice: Json<'_>, unfold: impl FnOnce(Json<'_>) -> Option<String>) -> Option<String> {
    let list = unfold(find(choice, "whole").as_object()?)?;
    let mut text = String::new();
    for chunk in Json::or_null(&list).items() {
        for choice in chunk.get("choices").items() {
            text.push_str(&choice.get("delta").get("content").text().unwrap_or_default());
        }
    }
    let is_same = choice.get("delta").get("content").text().unwrap_or_default() == text;
    is_same.then_some(list)
}

/// The object `ours` with the fields of `own` that are not `null`. A client may need what the upstream does not know.
pub(super) fn with_own(ours: &str, own: Json<'_>) -> String {
    let mut patch = Object::default();
    let known = own.fields().filter(|(_, value)| !value.is_null());
    known.for_each(|(name, value)| _ = patch.entry(name, value.raw()));
    patched(ours, &patch.end())
}

/// `object` with an empty value in each of its fields that comes in pieces: those of `emptied`. The fields `removed` are left
/// out. Both are lists of names.
pub(super) fn emptied(object: Json<'_>, emptied: &[&str], removed: &[&str]) -> String {
    let mut json = Object::default();
    for (name, value) in object.fields() {
        let is_in = |names: &[&str]| names.iter().any(|known| name.is(known));
        if is_in(removed) {
            continue;
        }
        json.entry(
            name,
            match is_in(emptied) {
                true if value.is_array() => "[]",
                true if value.is_object() => "{}",
                true if value.is_string() => "\"\"",
                _ => value.raw(),
            },
        );
    }
    json.end()
}
