//! The writer of an answer: it takes the chunks of a chat completion.

use super::super::blocks::Blocks;
use super::super::marks::{find, is_assembled, unfolded};
use super::super::openai;
use super::super::reasoning::{AZURE, OPENAI};
use super::Context;
use super::object::Status;
use super::page::Page;
use crate::chunk::{Chunks, as_chunk};
use crate::failure::Failure;
use crate::json::Json;

/// Writes the answer to one request.
#[derive(Debug)]
pub struct Writer {
    blocks: Blocks,
    page: Page,
}

impl Writer {
    /// A writer whose ids come from `seed`. `created` is in seconds since the UNIX epoch.
    pub fn new(context: Context, seed: u64, created: u64) -> Self {
        Self { blocks: Blocks::default(), page: Page::new(context, seed, created) }
    }

    /// The id of the response.
    pub fn id(&self) -> &str {
        &self.page.head.id
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

    /// Says when the answer is whole, in seconds since the UNIX epoch. Call it before the last events or the whole response.
    pub fn complete_at(&mut self, seconds: u64) {
        self.page.head.completed = Some(seconds);
    }

    /// The answer is whole. Returns the last events. `report` is the JSON text of the response's field `failsoft`.
    pub fn finish(&mut self, report: Option<&str>) -> String {
        let status = self.end_blocks();
        self.page.end(status, None, report, None);
        std::mem::take(&mut self.page.sse)
    }

    /// The answer failed. Returns the last events. What came so far stays in the response.
    pub fn fail(&mut self, failure: &Failure, report: Option<&str>) -> String {
        let page = &mut self.page;
        page.begin();
        let partial = self.blocks.open().map(|block| page.partial(block));
        page.end(Status::Failed, partial, report, Some(failure));
        std::mem::take(&mut page.sse)
    }

    /// The JSON text of the response object for a chat completion.
    pub(in crate::protocol) fn take_completion(mut self, completion: Json<'_>, report: Option<&str>) -> String {
        self.read(Json::or_null(&as_chunk(completion)));
        let status = self.end_blocks();
        self.page.object(status, None, report)
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
        page.take_own(choice);
        if !page.has_begun {
            let model = chunk.get("model").text().filter(|model| !model.is_empty());
            page.head.model = model.map_or_else(|| page.head.model.clone(), Into::into);
            page.begin();
        }
        let reason = choice.get("finish_reason").text().unwrap_or_default();
        if !reason.is_empty() {
            page.finish_reason = reason.into();
        }
        self.blocks.take(choice);
    }

    /// Takes an answer that was assembled before: with the marks that it can have, or without marks.
    fn read_assembled(&mut self, chunk: Json<'_>, choice: Json<'_>) {
        let format = if find(choice, "format").is(AZURE) { AZURE } else { OPENAI };
        let list = unfolded(chunk, choice, |response| openai::chunks(response, 0, true, format));
        Json::or_null(&list).items().for_each(|chunk| self.read(chunk));
        if chunk.get("usage").is_object() {
            self.page.usage = chunk.get("usage").raw().into();
        }
    }

    fn end_blocks(&mut self) -> Status {
        let page = &mut self.page;
        page.begin();
        self.blocks.advance(true, &mut |step| page.write(step));
        Status::of(&page.finish_reason)
    }
}
