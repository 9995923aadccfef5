//! The items of an answer: `message`, `function_call`, `custom_tool_call` and `reasoning`.

use super::super::blocks::{Block, BlockKind};
use super::super::reasoning::OPENAI;
use super::Context;
use super::tools::input_in;
use crate::json::{Json, Object, array};

/// The item that is open.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenItem {
    pub(super) id: String,
    pub(super) call: String,
    /// The item at its beginning, where the upstream speaks Responses: JSON text. Else empty.
    pub(super) own: String,
    /// The JSON texts of the parts that have ended.
    pub(super) content: Vec<String>,
    pub(super) summary: Vec<String>,
    /// The text of the reasoning in the parts that have ended.
    pub(super) reasoning: String,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Text,
    Refusal,
    Function,
    Custom,
    Reasoning,
    /// Its beginning and its end have all of it.
    Whole,
}

impl ItemKind {
    pub(super) fn of(block: &Block, context: &Context) -> Self {
        match block.kind {
            BlockKind::Text => Self::Text,
            BlockKind::Refusal => Self::Refusal,
            BlockKind::Reasoning => Self::Reasoning,
            BlockKind::Call if block.is_custom || context.custom.contains(&block.name) => Self::Custom,
            BlockKind::Call => Self::Function,
            BlockKind::Open | BlockKind::Foreign => Self::Whole,
        }
    }

    /// What its id begins with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Text | Self::Refusal => "msg_",
            Self::Function => "fc_",
            Self::Custom => "ctc_",
            Self::Reasoning => "rs_",
            Self::Whole => "item_",
        }
    }
}

/// The JSON text of the item at its beginning.
pub(super) fn begun(kind: ItemKind, block: &Block, open: &OpenItem) -> String {
    let mut item = Object::default();
    item.text("id", &open.id);
    match kind {
        ItemKind::Text | ItemKind::Refusal => {
            item.text("type", "message").text("status", "in_progress").text("role", "assistant");
            item.raw("content", "[]")
        }
        ItemKind::Function | ItemKind::Custom => {
            let (name, field) = call_type(kind);
            item.text("type", name).text("status", "in_progress").text("call_id", &open.call);
            item.text("name", &block.name).text(field, "")
        }
        ItemKind::Reasoning => item.text("type", "reasoning").text("status", "in_progress").raw("summary", "[]"),
        // Only a mark begins one.
        ItemKind::Whole => &mut item,
    };
    item.end()
}

/// The JSON text of the item with everything that came.
pub(super) fn whole(kind: ItemKind, block: &Block, open: &OpenItem, status: &str, context: &Context) -> String {
    let mut item = Object::default();
    item.text("id", &open.id);
    match kind {
        ItemKind::Text | ItemKind::Refusal => {
            item.text("type", "message").text("status", status).text("role", "assistant");
            item.raw("content", &array([part(kind, block)]))
        }
        ItemKind::Function | ItemKind::Custom => {
            let (name, field) = call_type(kind);
            item.text("type", name).text("status", status).text("call_id", &open.call).text("name", &block.name);
            if kind == ItemKind::Custom {
                item.text(field, &custom_input(block))
            } else {
                item.text(field, &block.text)
            }
        }
        ItemKind::Reasoning => {
            item.text("type", "reasoning").text("status", status);
            let summary = if block.text.is_empty() { String::new() } else { part(kind, block) };
            item.raw("summary", &array(Some(summary).filter(|summary| !summary.is_empty())));
            let is_kept = context.wants_encrypted && block.detail.is_bound();
            item.maybe_text("encrypted_content", is_kept.then(|| encrypted(&block.text, block, open)).as_deref())
        }
        ItemKind::Whole => &mut item,
    };
    item.end()
}

/// What a client keeps for the issuer. What OpenAI encrypted is bound to the id of its item (maximhq/bifrost#5186), so without that
/// id it needs a carrier, too.
pub(super) fn encrypted(text: &str, block: &Block, open: &OpenItem) -> String {
    let detail = &block.detail;
    let is_own = detail.format == OPENAI && !detail.data.is_empty() && detail.id == open.id;
    if is_own { detail.data.clone() } else { detail.carrier(text) }
}

/// The input of a call of a custom tool. Where the upstream had a function in its place, the input is a part of the arguments.
pub(super) fn custom_input(block: &Block) -> String {
    if block.is_custom { block.text.clone() } else { input_in(&block.text) }
}

/// The type of a call's item, and the field of what the call sends.
fn call_type(kind: ItemKind) -> (&'static str, &'static str) {
    if kind == ItemKind::Custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") }
}

/// The JSON text of the part that a block is inside its item.
pub(super) fn part(kind: ItemKind, block: &Block) -> String {
    let annotations = block.annotations.iter().map(|json| annotation(Json::or_null(json)));
    part_with(kind, &block.text, &array(annotations), &array(&block.logprobs))
}

/// The JSON text of a part without contents.
pub(super) fn empty_part(kind: ItemKind) -> String {
    part_with(kind, "", "[]", "[]")
}

fn part_with(kind: ItemKind, text: &str, annotations: &str, logprobs: &str) -> String {
    let mut part = Object::default();
    match kind {
        ItemKind::Refusal => part.text("type", "refusal").text("refusal", text),
        ItemKind::Reasoning => part.text("type", "summary_text").text("text", text),
        ItemKind::Text | ItemKind::Function | ItemKind::Custom | ItemKind::Whole => {
            part.text("type", "output_text").text("text", text);
            part.raw("annotations", annotations).raw("logprobs", logprobs)
        }
    };
    part.end()
}

/// An annotation in the form of Responses: chat has the fields of a citation one level deeper. The AI SDK needs all five
/// (vercel/ai `packages/openai/src/responses/openai-responses-api.ts`).
pub(super) fn annotation(chat: Json<'_>) -> String {
    let citation = chat.get("url_citation");
    if !citation.is_object() {
        return chat.raw().into();
    }
    let mut json = Object::default();
    json.text("type", "url_citation");
    json.whole("start_index", citation.get("start_index").whole().unwrap_or_default());
    json.whole("end_index", citation.get("end_index").whole().unwrap_or_default());
    json.text("url", &citation.get("url").text().unwrap_or_default());
    json.text("title", &citation.get("title").text().unwrap_or_default()).end()
}
