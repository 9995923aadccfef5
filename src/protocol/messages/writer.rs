//! The writer of an answer: it takes the chunks of a chat completion.

use super::super::anthropic;
use super::super::blocks::Blocks;
use super::super::frame::{event, push_event};
use super::super::marks::{find, is_assembled, unfolded, with_own};
use super::message::other_fields;
use super::page::{HEAD, Page};
use super::{Context, error};
use crate::chunk::{Chunks, as_chunk};
use crate::failure::Failure;
use crate::json::{Json, array};

/// Writes the answer to one request.
#[derive(Debug)]
pub struct Writer {
    blocks: Blocks,
    page: Page,
}

impl Writer {
    /// A writer whose ids come from `seed`.
    pub fn new(context: Context, seed: u64) -> Self {
        Self { blocks: Blocks::default(), page: Page::new(context, seed) }
    }

    /// The id of the message.
    pub fn id(&self) -> &str {
        &self.page.id
    }

    /// Takes chunks. Returns the events for them.
    pub fn take(&mut self, chunks: &Chunks) -> String {
        let mut sse = String::new();
        for chunk in chunks.iter() {
            sse.push_str(&self.take_chunk(Json::or_null(chunk)));
        }
        sse
    }

    /// Takes one chunk. Returns the events for it.
    pub fn take_chunk(&mut self, chunk: Json<'_>) -> String {
        self.read(chunk);
        let page = &mut self.page;
        self.blocks.advance(false, &mut |step| page.write(step));
        std::mem::take(&mut page.sse)
    }

    /// The answer is whole. Returns the last events. `report` is the JSON text of the field `failsoft` of the last event but
    /// one.
    pub fn finish(&mut self, report: Option<&str>) -> String {
        self.end_blocks();
        let page = &mut self.page;
        let mut data = event("message_delta");
        data.open("delta", "{");
        page.end.write(&mut data);
        let own = Json::or_null(&page.end.own);
        data.close("}").raw("usage", &with_own(&page.usage(), own.get("usage")));
        data.fields(&other_fields(own, &["type", "delta", "usage"])).maybe_raw("failsoft", report);
        push_event(&mut page.sse, "message_delta", &mut data);
        push_event(&mut page.sse, "message_stop", &mut event("message_stop"));
        std::mem::take(&mut page.sse)
    }

    /// The answer failed. Returns the last event: an error, because a stream that just ends would look whole.
    pub fn fail(&mut self, failure: &Failure) -> String {
        let mut sse = String::from("event: error\ndata: ");
        sse.extend([&*error::failure(failure, None), "\n\n"]);
        sse
    }

    /// The JSON text of the message for a chat completion.
    pub(in crate::protocol) fn take_completion(mut self, completion: Json<'_>, report: Option<&str>) -> String {
        self.page.content = Some(Vec::new());
        self.read(Json::or_null(&as_chunk(completion)));
        self.end_blocks();
        let mut message = self.page.head(&array(self.page.content.iter().flatten()));
        self.page.end.write(&mut message);
        let own = Json::or_null(&self.page.own);
        message.raw("usage", &with_own(&self.page.usage(), own.get("usage")));
        message.fields(&other_fields(own, &HEAD)).maybe_raw("failsoft", report).end()
    }

    fn read(&mut self, chunk: Json<'_>) {
        let page = &mut self.page;
        let usage = chunk.get("usage");
        if usage.is_object() {
            page.usage = usage.raw().into();
        }
        // Azure's first chunk has no choices and no model (pydantic/pydantic-ai#164).
        let is_first = |choice: &Json<'_>| choice.get("index").whole().unwrap_or_default() == 0;
        let Some(choice) = chunk.get("choices").items().find(is_first) else { return };
        if is_assembled(choice) {
            return self.read_assembled(chunk, choice);
        }
        let (head, last) = (find(choice, "head"), find(choice, "last"));
        if head.is_object() && !page.has_begun {
            page.own = head.raw().into();
            page.id = head.get("id").text().filter(|id| !id.is_empty()).map_or_else(|| page.id.clone(), Into::into);
        }
        if last.is_object() {
            page.end.own = last.raw().into();
        }
        if !page.has_begun {
            let model = chunk.get("model").text().filter(|model| !model.is_empty());
            page.model = model.map_or_else(|| page.model.clone(), Into::into);
            page.begin();
        }
        for (field, name) in [
            (&mut page.end.reason, "finish_reason"),
            (&mut page.end.native, "native_finish_reason"),
            (&mut page.end.sequence, "stop_sequence"),
        ] {
            let value = choice.get(name).text().unwrap_or_default();
            if !value.is_empty() {
                *field = value.into();
            }
        }
        self.blocks.take(choice);
    }

    /// Takes an answer that was assembled before: with the marks that it can have, or without marks.
    fn read_assembled(&mut self, chunk: Json<'_>, choice: Json<'_>) {
        let list = unfolded(chunk, choice, |message| Some(anthropic::chunks(message, 0)));
        Json::or_null(&list).items().for_each(|chunk| self.read(chunk));
        if chunk.get("usage").is_object() {
            self.page.usage = chunk.get("usage").raw().into();
        }
    }

    fn end_blocks(&mut self) {
        let page = &mut self.page;
        page.begin();
        self.blocks.advance(true, &mut |step| page.write(step));
    }
}
