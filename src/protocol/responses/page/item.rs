//! The events of an item: it begins, grows by pieces of its parts, and ends.

use super::super::super::blocks::{Block, BlockKind};
use super::super::super::chunk_writer::LONGEST_NAME;
use super::super::super::frame::event;
use super::super::items::{ItemKind, OpenItem, begun, custom_input, empty_part, whole};
use super::super::object::Status;
use super::super::own::{self, part_at_end, text_field};
use super::Page;
use crate::json::{Json, array};

impl Page {
    pub(super) fn begin_block(&mut self, block: &Block) {
        match &block.own {
            Some(own) if own.continues => return,
            Some(own) => self.open_own(&own.begin),
            None => self.open_item(block),
        }
        let item = if block.own.is_some() {
            own::begun(&self.open)
        } else {
            begun(ItemKind::of(block, &self.context), block, &self.open)
        };
        let name = "response.output_item.added";
        let mut data = event(name);
        self.push(data.whole("output_index", self.items.len() as u64).raw("item", &item), name);
        if matches!(block.kind, BlockKind::Text | BlockKind::Refusal) {
            self.begin_part(block);
        }
    }

    fn open_item(&mut self, block: &Block) {
        let kind = ItemKind::of(block, &self.context);
        // What only the issuer can read is bound to the issuer's id.
        let id = Some(&*block.detail.id).filter(|id| id.starts_with("rs_"));
        let id = self.item_id(id, kind.prefix());
        let call = if block.id.is_empty() { self.ids.mint("call_") } else { block.id.clone() };
        self.open = OpenItem { id, call, ..OpenItem::default() };
    }

    fn open_own(&mut self, own: &str) {
        let own = own::adapted(Json::or_null(own), &self.context);
        let item = Json::or_null(&own);
        let id = self.item_id(item.get("id").text().as_deref(), own::prefix(item));
        self.open = OpenItem { id, own, ..OpenItem::default() };
    }

    /// The id of a new item: `sent`, unless it is too long or an item has it, because clients throw where an id comes twice.
    fn item_id(&mut self, sent: Option<&str>, prefix: &str) -> String {
        let is_usable = |id: &&str| !id.is_empty() && id.len() <= LONGEST_NAME && !self.item_ids.contains(*id);
        let id = sent.filter(is_usable).map_or_else(|| self.ids.mint(prefix), Into::into);
        self.item_ids.insert(id.clone());
        id
    }

    /// Begins the open part, unless that is done.
    pub(super) fn begin_part(&mut self, block: &Block) {
        if std::mem::replace(&mut self.has_part, true) {
            return;
        }
        let (name, empty) = (part_name(block, "added"), empty_part(ItemKind::of(block, &self.context)));
        let part = block.own.as_ref().map_or(Json::NULL, |own| Json::or_null(&own.part));
        let part = if part.get("type").is_null() { empty } else { own::filled(part) };
        let mut data = self.part_event(block, name);
        self.push(data.raw("part", &part), name);
    }

    pub(super) fn grow(&mut self, block: &Block, text: &str, logprobs: &[String]) {
        let kind = ItemKind::of(block, &self.context);
        let name = match kind {
            ItemKind::Text => "response.output_text.delta",
            ItemKind::Refusal => "response.refusal.delta",
            ItemKind::Reasoning if is_summary(block) => "response.reasoning_summary_text.delta",
            ItemKind::Reasoning => "response.reasoning_text.delta",
            ItemKind::Function => "response.function_call_arguments.delta",
            ItemKind::Custom if block.is_custom => "response.custom_tool_call_input.delta",
            // Its input is a part of the arguments, which have to be whole.
            ItemKind::Custom | ItemKind::Whole => return,
        };
        let is_call = matches!(kind, ItemKind::Function | ItemKind::Custom);
        if !is_call {
            self.begin_part(block);
        }
        let mut data = if is_call { self.item_event(name) } else { self.part_event(block, name) };
        data.text("delta", text);
        if kind == ItemKind::Text {
            data.raw("logprobs", &array(logprobs));
        }
        self.push(&mut data, name);
    }

    pub(super) fn end_item(&mut self, block: &Block, is_last: bool) {
        let is_cut = is_last && matches!(Status::of(&self.finish_reason), Status::Incomplete(_));
        let status = if is_cut { "incomplete" } else { "completed" };
        let kind = ItemKind::of(block, &self.context);
        match kind {
            ItemKind::Function => {
                let name = "response.function_call_arguments.done";
                let mut data = self.item_event(name);
                self.push(data.text("arguments", &block.text).text("name", &block.name), name);
            }
            ItemKind::Custom => self.end_input(block),
            ItemKind::Text | ItemKind::Refusal | ItemKind::Reasoning | ItemKind::Whole => self.end_part(block),
        }
        let item = self.whole(kind, block, status);
        let name = "response.output_item.done";
        self.push(event(name).whole("output_index", self.items.len() as u64).raw("item", &item), name);
        self.items.push(item);
    }

    fn whole(&self, kind: ItemKind, block: &Block, status: &str) -> String {
        if self.open.own.is_empty() {
            whole(kind, block, &self.open, status, &self.context)
        } else {
            own::whole(kind, block, &self.open, status, &self.context)
        }
    }

    /// The open item, of which `block` is the last part, with what has come.
    pub(in crate::protocol::responses) fn partial(&mut self, block: &Block) -> String {
        let kind = ItemKind::of(block, &self.context);
        if self.has_part {
            self.keep_part(block, part_at_end(kind, block));
        }
        self.whole(kind, block, "incomplete")
    }

    fn keep_part(&mut self, block: &Block, part: String) {
        if is_summary(block) {
            self.open.summary.push(part)
        } else {
            self.open.content.push(part)
        }
        if block.kind == BlockKind::Reasoning {
            let between = if self.open.reasoning.is_empty() { "" } else { "\n\n" };
            self.open.reasoning.extend([between, &block.text]);
        }
    }

    /// Ends the open part, if there is one.
    pub(super) fn end_part(&mut self, block: &Block) {
        let kind = ItemKind::of(block, &self.context);
        if block.own.as_ref().is_some_and(|own| !own.part.is_empty()) {
            self.begin_part(block);
        }
        if !std::mem::take(&mut self.has_part) {
            return;
        }
        let name = match kind {
            ItemKind::Refusal => "response.refusal.done",
            ItemKind::Reasoning if is_summary(block) => "response.reasoning_summary_text.done",
            ItemKind::Reasoning => "response.reasoning_text.done",
            _ => "response.output_text.done",
        };
        if kind != ItemKind::Whole {
            let mut data = self.part_event(block, name);
            data.text(text_field(kind), &block.text);
            if kind == ItemKind::Text {
                data.raw("logprobs", &array(&block.logprobs));
            }
            self.push(&mut data, name);
        }
        let (name, part) = (part_name(block, "done"), part_at_end(kind, block));
        let mut data = self.part_event(block, name);
        self.push(data.raw("part", &part), name);
        self.keep_part(block, part);
    }

    fn end_input(&mut self, block: &Block) {
        let input = custom_input(block);
        let names =
            [("response.custom_tool_call_input.delta", "delta"), ("response.custom_tool_call_input.done", "input")];
        // The pieces of an input that is no part of arguments have come.
        for (name, field) in names.into_iter().skip(usize::from(block.is_custom)) {
            let mut data = self.item_event(name);
            self.push(data.text(field, &input), name);
        }
    }
}

/// The block is a part of the summary of reasoning. What chat calls reasoning has no other form.
pub(super) fn is_summary(block: &Block) -> bool {
    let kind = block.own.as_ref().map_or("", |own| &own.part_type);
    block.kind == BlockKind::Reasoning && kind != "reasoning_text" || kind == "summary_text"
}

/// The name of the event for the beginning (`added`) or the end (`done`) of a part.
fn part_name(block: &Block, what: &str) -> &'static str {
    match (is_summary(block), what) {
        (true, "added") => "response.reasoning_summary_part.added",
        (true, _) => "response.reasoning_summary_part.done",
        (false, "added") => "response.content_part.added",
        (false, _) => "response.content_part.done",
    }
}
