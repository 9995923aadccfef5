//! What an upstream that speaks Responses says about an answer: the fields of its response, items and parts.

use super::super::blocks::Block;
use super::Context;
use super::items::{ItemKind, OpenItem, custom_input, encrypted, part};
use crate::json::{Json, Object, array, patched};

/// What the id of an item begins with.
pub(super) fn prefix(item: Json<'_>) -> &'static str {
    match item.get("type").word() {
        "message" => "msg_",
        "function_call" => "fc_",
        "custom_tool_call" => "ctc_",
        "reasoning" => "rs_",
        _ => "item_",
    }
}

/// The JSON text of an item at its beginning, for this client: a function that stands in for a custom tool of the client is that
/// tool.
pub(super) fn adapted(item: Json<'_>, context: &Context) -> String {
    let name = item.get("name").text().unwrap_or_default();
    let is_custom = item.get("type").is("function_call") && context.custom.iter().any(|custom| *custom == name);
    let patch = if is_custom { r#"{"type":"custom_tool_call","arguments":null,"input":""}"# } else { "{}" };
    let status = if needs_status(item) { r#"{"status":"in_progress"}"# } else { "{}" };
    patched(&patched(item.raw(), patch), status)
}

/// The item lacks the status that typed clients require (vercel/ai `packages/openai/src/responses/openai-responses-api.ts`).
fn needs_status(item: Json<'_>) -> bool {
    let has_one = ["message", "function_call", "custom_tool_call"].iter().any(|kind| item.get("type").is(kind));
    has_one && item.get("status").is_null()
}

/// The JSON text of the open item at its beginning.
pub(super) fn begun(open: &OpenItem) -> String {
    patched(&open.own, &Object::default().text("id", &open.id).end())
}

/// The JSON text of the open item, of which `block` is the last part. `status` is that of an item that the upstream did not end.
pub(super) fn whole(kind: ItemKind, block: &Block, open: &OpenItem, status: &str, context: &Context) -> String {
    let end = block.own.as_ref().map_or("", |own| &own.end);
    let is_ended = Json::or_null(end).get("type") == Json::or_null(&open.own).get("type");
    let (item, mut patch) = (if is_ended { end } else { &open.own }, Object::default());
    patch.text("id", &open.id);
    let content = Json::or_null(item).get("content");
    if is_ended && content.is_array() {
        patch.raw("content", &array(content.items().map(filled)));
    }
    if !is_ended {
        write_parts(open, &mut patch);
    }
    if needs_status(Json::or_null(item)) || !is_ended && Json::or_null(item).get("status").is_string() {
        patch.text("status", status);
    }
    match kind {
        ItemKind::Function => _ = patch.text("call_id", &block.id).text("arguments", &block.text),
        ItemKind::Custom => _ = patch.text("call_id", &block.id).text("input", &custom_input(block)),
        ItemKind::Reasoning => write_issuer(Json::or_null(item), block, open, context, &mut patch),
        ItemKind::Text | ItemKind::Refusal | ItemKind::Whole => {}
    }
    patched(item, &patch.end())
}

/// Adds the parts that have come.
fn write_parts(open: &OpenItem, patch: &mut Object) {
    let own = Json::or_null(&open.own);
    for (name, parts) in [("content", &open.content), ("summary", &open.summary)] {
        if own.get(name).is_array() || !parts.is_empty() {
            patch.raw(name, &array(parts));
        }
    }
}

/// Replaces what only the issuer of the reasoning can read by what names its issuer.
fn write_issuer(item: Json<'_>, block: &Block, open: &OpenItem, context: &Context, patch: &mut Object) {
    for name in ["signature", "format"] {
        if item.get(name).is_string() {
            patch.raw(name, "null");
        }
    }
    let is_kept = context.wants_encrypted && block.detail.is_bound();
    if is_kept {
        patch.text("encrypted_content", &encrypted(&open.reasoning, block, open));
    } else if item.get("encrypted_content").is_string() {
        patch.raw("encrypted_content", "null");
    }
}

/// The JSON text of a part, with the lists that strict clients add to.
pub(super) fn filled(part: Json<'_>) -> String {
    let mut patch = Object::default();
    let is_text = part.get("type").is("output_text");
    for name in ["annotations", "logprobs"].into_iter().filter(|name| is_text && part.get(name).is_null()) {
        patch.raw(name, "[]");
    }
    patched(part.raw(), &patch.end())
}

/// The JSON text of a part at its end.
pub(super) fn part_at_end(kind: ItemKind, block: &Block) -> String {
    let Some(own) = block.own.as_ref().filter(|own| !Json::or_null(&own.part).get("type").is_null()) else {
        return part(kind, block);
    };
    let (end, field) = (Json::or_null(&own.part_end), text_field(kind));
    // A part that another answer goes on with ends otherwise.
    let is_same = kind == ItemKind::Whole || end.get(field).is(&block.text);
    if end.is_object() && is_same {
        return filled(end);
    }
    if kind == ItemKind::Whole {
        return own.part.clone();
    }
    let mut patch = Object::default();
    patch.text(field, &block.text);
    if kind == ItemKind::Text {
        patch.raw("annotations", &array(&block.annotations)).raw("logprobs", &array(&block.logprobs));
    }
    patched(&own.part, &patch.end())
}

/// The field of a part that has its text.
pub(super) fn text_field(kind: ItemKind) -> &'static str {
    if kind == ItemKind::Refusal { "refusal" } else { "text" }
}
