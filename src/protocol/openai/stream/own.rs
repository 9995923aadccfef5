//! The marks for a client that speaks Responses: where items and parts begin and end, with their own fields.

use super::super::super::marks::{NATIVE, emptied, mark};
use super::Page;
use crate::json::{Json, Object, array, patched};

impl Page {
    /// The beginning of a delta: a mark about the item at `at`, for a client that reads marks.
    pub(super) fn marks(&self, at: usize, name: &str, value: Json<'_>) -> Object {
        let item = &self.items[at];
        let mut delta = Object::default();
        if item.has_mark {
            delta.raw(NATIVE, &array([mark(name, value.raw(), item.at)]));
        }
        delta
    }

    pub(super) fn mark(&mut self, event: Json<'_>, name: &str, value: Json<'_>) {
        let at = self.item(event);
        if self.items[at].has_mark {
            let delta = self.marks(at, name, value).end();
            self.chunks.delta(&delta);
        }
    }

    /// Begins an item, unless that is done.
    pub(super) fn mark_item(&mut self, at: usize, given: Json<'_>) {
        // A call without an id gets one.
        let is_call = ["function_call", "custom_tool_call"].iter().any(|kind| given.get("type").is(kind));
        let is_unnamed = is_call && given.get("call_id").is_null_or_empty();
        if !self.is_native || self.items[at].has_mark || !given.is_object() || is_unnamed {
            return;
        }
        self.items[at].has_mark = true;
        let is_known = ["message", "function_call", "custom_tool_call", "reasoning"];
        let is_known = is_known.iter().any(|kind| given.get("type").is(kind));
        let (name, contents) = if is_known { ("begin", CONTENTS) } else { ("foreign", &[][..]) };
        // What is encrypted is final at the end of its item only, and only with the name of its issuer.
        let mut begun = emptied(given, contents, &["encrypted_content", "signature", "format"]);
        if given.get("status").is_string() {
            begun = patched(&begun, r#"{"status":"in_progress"}"#);
        }
        self.chunks.mark(name, &begun, self.items[at].at);
    }

    /// Begins a part of an item. Chat has one text for all parts of a summary. `is_next`: it is a later one of those.
    pub(super) fn begin_part(&mut self, event: Json<'_>, part: Json<'_>, is_next: bool) {
        let at = self.item(event);
        self.items[at].parts += 1;
        self.parts += 1;
        if self.has_too_many_items() {
            return;
        }
        let kinds = ["output_text", "refusal", "summary_text", "reasoning_text"];
        let is_known = part.get("type").is_null() || kinds.iter().any(|kind| part.get("type").is(kind));
        let begun = emptied(part, if is_known { CONTENTS } else { &[] }, &[]);
        let name = if is_known { "part" } else { "foreign_part" };
        let mut delta = self.marks(at, name, Json::or_null(&begun));
        if is_next {
            self.write_reasoning(at, "summary", Json::or_null(r#""\n\n""#), &mut delta);
        }
        let delta = delta.end();
        if delta != "{}" {
            self.chunks.delta(&delta);
        }
    }
}

/// The fields of items and parts that come in pieces.
const CONTENTS: &[&str] = &["content", "summary", "arguments", "input", "text", "refusal", "annotations", "logprobs"];
