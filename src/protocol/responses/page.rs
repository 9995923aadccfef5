//! The events of a stream (`ResponseStreamEvent` in `openai/openai-openapi` `openapi.yaml`).
//!
//! Every item is announced before its pieces, has one id and one `output_index`, and is in the last event only if it was
//! announced: `openai/openai-node` `src/internal/responses/response-accumulator.ts` throws otherwise. Exactly one event ends
//! the stream.

mod item;

use std::collections::BTreeSet;

use super::super::blocks::{Block, Step};
use super::super::frame::{event, push_event};
use super::super::ids::Ids;
use super::super::marks::{find, with_own};
use super::super::response_fields::own_fields;
use super::Context;
use super::items::{OpenItem, annotation};
use super::object::{self, Contents, Head, Status};
use crate::failure::Failure;
use crate::json::{Json, Object, patched};
use item::is_summary;

/// The answer so far, and its events that were not given.
#[derive(Debug)]
pub(super) struct Page {
    context: Context,
    pub(super) head: Head,
    ids: Ids,
    /// The number of events so far.
    sequence: u64,
    /// The JSON texts of the items that have ended.
    items: Vec<String>,
    open: OpenItem,
    /// The ids of the items so far.
    item_ids: BTreeSet<String>,
    /// The open item has a part.
    has_part: bool,
    pub(super) has_begun: bool,
    pub(super) finish_reason: String,
    /// The JSON text of the usage in the upstream's own words, where it speaks Responses; else empty.
    own_usage: String,
    /// The JSON text of the chat usage; empty before.
    pub(super) usage: String,
    /// The events that were not given yet.
    pub(super) sse: String,
}

impl Page {
    pub(super) fn new(context: Context, seed: u64, created: u64) -> Self {
        let mut ids = Ids::new(seed);
        let (id, model) = (object::id(&ids.mint("")), context.model.clone());
        Self {
            context,
            head: Head { id, created, completed: None, model, own: String::new() },
            ids,
            sequence: 0,
            items: Vec::new(),
            open: OpenItem::default(),
            item_ids: BTreeSet::new(),
            has_part: false,
            has_begun: false,
            finish_reason: String::new(),
            own_usage: String::new(),
            usage: String::new(),
            sse: String::new(),
        }
    }

    /// Takes the marks about the response.
    pub(super) fn take_own(&mut self, choice: Json<'_>) {
        let (head, whole) = (find(choice, "head"), find(choice, "whole"));
        let id = head.get("id").text().filter(|id| !id.is_empty() && !self.has_begun);
        if let Some(id) = id {
            self.head.id = id.into();
        }
        if head.is_object() && !self.has_begun {
            self.head.own = patched(head.raw(), r#"{"id":null}"#);
        }
        if whole.is_object() {
            self.head.own = patched(&own_fields(whole), r#"{"id":null}"#);
            self.own_usage = whole.get("usage").raw().into();
        }
    }

    pub(super) fn begin(&mut self) {
        if !self.has_begun {
            self.has_begun = true;
            let response = self.object(Status::InProgress, None, None);
            for name in ["response.created", "response.in_progress"] {
                self.push(event(name).raw("response", &response), name);
            }
        }
    }

    pub(super) fn end(
        &mut self,
        status: Status,
        partial: Option<String>,
        report: Option<&str>,
        failure: Option<&Failure>,
    ) {
        self.items.extend(partial);
        let response = self.object(status, failure, report);
        self.push(event(status.event()).raw("response", &response), status.event());
        // Some clients overlook the response that failed, and take the text so far for the whole answer
        // (langchain-ai/langchainjs `libs/providers/langchain-openai/src/converters/responses.ts`). The SDKs of OpenAI
        // raise an error at this event.
        if let Some(failure) = failure {
            self.push(&mut object::error_event(failure), "error");
        }
    }

    pub(super) fn object(&self, status: Status, failure: Option<&Failure>, report: Option<&str>) -> String {
        let usage = if status == Status::InProgress {
            "null".into()
        } else {
            let usage = object::usage(Json::or_null(&self.usage), self.context.prompt_tokens);
            with_own(&usage, Json::or_null(&self.own_usage))
        };
        let contents = Contents { status, items: &self.items, usage: &usage, failure, report };
        object::write(&self.head, &self.context, &contents)
    }

    fn push(&mut self, data: &mut Object, name: &str) {
        data.whole("sequence_number", self.sequence);
        self.sequence += 1;
        push_event(&mut self.sse, name, data);
    }

    /// The data of an event about the open item.
    fn item_event(&self, name: &str) -> Object {
        let mut data = event(name);
        data.text("item_id", &self.open.id).whole("output_index", self.items.len() as u64);
        data
    }

    /// The data of an event about the open part.
    fn part_event(&self, block: &Block, name: &str) -> Object {
        let mut data = self.item_event(name);
        match is_summary(block) {
            true => data.whole("summary_index", self.open.summary.len() as u64),
            false => data.whole("content_index", self.open.content.len() as u64),
        };
        data
    }

    pub(super) fn write(&mut self, step: Step<'_>) {
        match step {
            Step::Begin(block) => self.begin_block(block),
            Step::Grow(block, text, logprobs) => self.grow(block, text, logprobs),
            Step::Annotate(block, at) => {
                self.begin_part(block);
                let name = "response.output_text.annotation.added";
                let mut data = self.part_event(block, name);
                data.whole("annotation_index", at as u64);
                data.raw("annotation", &annotation(Json::or_null(&block.annotations[at])));
                self.push(&mut data, name);
            }
            // Only blocks of Messages have such events.
            Step::Event(_) => {}
            Step::EndPart(block) => self.end_part(block),
            Step::End(block, is_last) => self.end_item(block, is_last),
        }
    }
}
