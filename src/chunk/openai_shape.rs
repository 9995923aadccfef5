//! Changes chunks of another shape to OpenAI's shape.

use super::content_parts::Parts;
use super::contents::{Contents, Misplaced, Seen};
use super::field::{canonical_name, other_name};
use super::finish_reason::{openai_finish_reason, word_of};
use super::growing_value::Node;
use crate::json::{Fields, Json, Object, array, patched};

/// A completion in one piece, as the single chunk of a stream.
pub(crate) fn as_chunk(completion: Json<'_>) -> String {
    let mut patch = Object::default();
    patch.text("object", "chat.completion.chunk").open("choices", "[");
    for choice in completion.get("choices").items() {
        let mut changes = Object::default();
        changes.raw("message", "null").raw("delta", choice.get("message").raw());
        patch.item(&patched(choice.raw(), &changes.end()));
    }
    patched(completion.raw(), &patch.close("]").end())
}

/// `chunk` in OpenAI's shape. `contents` is what `chunk` added to an answer, whose choices are `choices` now.
/// `fresh` is the text that the chunk added to choice 0.
pub(super) fn openai_shaped(chunk: Json<'_>, contents: &Contents<'_>, choices: &[Node], fresh: &str) -> String {
    let mut patch = Object::default();
    patch.open("choices", "[");
    for choice in chunk.get("choices").items() {
        let fields = &Fields::of(choice);
        let mut changes = Object::default();
        if fields.get("index").is_null() {
            changes.whole("index", 0);
        }
        for (key, value) in fields.iter() {
            let name = canonical_name(key.word(), fields).unwrap_or_default();
            if name == "message" {
                let index = choice.get("index");
                let is_same =
                    |node: &&Node| node.get("index").is(index) || index.is_null() && node.get("index").text() == "0";
                let calls = choices.iter().find(is_same).map(|node| node.get("message").get("tool_calls").items());
                let mut delta = delta(value, contents, calls.unwrap_or_default());
                if key.is("message") {
                    changes.raw("message", "null");
                    delta = fresh_delta(&delta, contents, fresh, index.is_null() || index.whole() == Some(0));
                }
                changes.raw("delta", &delta);
            } else if name == "finish_reason" || other_name(name, value, fields) == Some("finish_reason") {
                reason(value, name == "finish_reason", fields, &mut changes);
            }
        }
        patch.item(&patched(choice.raw(), &changes.end()));
    }
    patched(chunk.raw(), &patch.close("]").end())
}

/// The finish reason in OpenAI's word, with the vendor's word beside it.
fn reason(value: Json<'_>, is_own_key: bool, choice: &Fields<'_>, changes: &mut Object) {
    let ours = openai_finish_reason(&word_of(value));
    let is_ours = value.is(ours);
    if value.is_null() || is_ours && is_own_key {
        return;
    }
    if ours.is_empty() {
        changes.raw("finish_reason", "null");
    } else {
        changes.text("finish_reason", ours);
        if !is_ours && choice.get("native_finish_reason").is_null() {
            changes.raw("native_finish_reason", value.raw());
        }
    }
}

/// A delta whose content is a string, and whose pieces of tool calls name the calls that they belong to.
fn delta(delta: Json<'_>, contents: &Contents<'_>, calls: &[Node]) -> String {
    let fields = &Fields::of(delta);
    let mut changes = Object::default();
    for (key, value) in fields.iter() {
        let name = canonical_name(key.word(), fields).unwrap_or_default();
        if name == "content" && !value.is_string() && !value.is_null() {
            for (name, json) in Parts::of(value).fields() {
                changes.raw(name, &json);
            }
        } else if name == "reasoning" && (value.is_array() || value.is_object()) {
            changes.text(key.word(), &text_of(value));
        } else if other_name(name, value, fields) == Some("reasoning") {
            changes.text("reasoning", &text_of(value));
        } else if name == "tool_calls" && (!contents.misplaced.is_empty() || value.is_object()) {
            let pieces = value.items().chain(value.as_object()).map(|piece| placed(piece, contents, calls));
            changes.raw("tool_calls", &array(pieces));
        }
    }
    patched(delta.raw(), &changes.end())
}

/// The delta of a `message` that may repeat what came before: the fields that are new, and the new text.
fn fresh_delta(message: &str, contents: &Contents<'_>, fresh: &str, is_first: bool) -> String {
    let mut changes = Object::default();
    if is_first {
        changes.text("content", fresh);
    }
    for (name, part) in [
        ("reasoning", Seen::REASONING),
        ("reasoning_content", Seen::REASONING),
        ("reasoning_details", Seen::REASONING),
        ("tool_calls", Seen::TOOL_CALL),
        ("images", Seen::CONTENT),
    ] {
        if !contents.seen.has(part) {
            changes.raw(name, "null");
        }
    }
    patched(message, &changes.end())
}

/// The text of a reasoning, which may come in parts.
fn text_of(reasoning: Json<'_>) -> String {
    let parts = Parts::of(reasoning);
    parts.text + &parts.reasoning
}

/// [`placed`] for a call of a custom tool.
fn placed_custom(piece: Json<'_>, misplaced: &Misplaced, calls: &[Node], mut changes: Object) -> String {
    match calls.get(misplaced.at).filter(|_| misplaced.is_new) {
        Some(call) => changes.text("id", call.get("id").text()).text("type", "custom"),
        None => {
            let custom = patched(piece.get("custom").raw(), r#"{"name":null}"#);
            changes.raw("id", "null").raw("type", "null").raw("custom", &custom)
        }
    };
    patched(piece.raw(), &changes.end())
}

/// A piece of a tool call with the index and the id of its call. Only the first piece of a call has the id, the type and the
/// name, because clients join what they receive.
fn placed(piece: Json<'_>, contents: &Contents<'_>, calls: &[Node]) -> String {
    let address = piece.raw().as_ptr() as usize;
    let Some(misplaced) = contents.misplaced.iter().find(|misplaced| misplaced.address == address) else {
        return piece.raw().into();
    };
    let mut changes = Object::default();
    changes.whole("index", misplaced.at as u64);
    if piece.get("custom").is_object() {
        return placed_custom(piece, misplaced, calls, changes);
    }
    let mut function = Object::default();
    if misplaced.is_new {
        let Some(call) = calls.get(misplaced.at) else { return piece.raw().into() };
        changes.text("id", call.get("id").text()).text("type", "function");
        function.text("name", call.get("function").get("name").text());
    } else {
        changes.raw("id", "null").raw("type", "null");
        function.raw("name", "null");
    }
    let arguments = piece.get("function").get("arguments");
    if misplaced.is_repetition {
        function.text("arguments", "");
    } else if !arguments.is_string() && !arguments.is_null() {
        function.text("arguments", arguments.raw());
    }
    changes.raw("function", &patched(piece.get("function").raw(), &function.end()));
    patched(piece.raw(), &changes.end())
}
