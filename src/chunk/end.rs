//! The end of an answer: what comes behind a finish reason, and tool calls once no piece follows.

use super::Accumulator;
use super::contents::{Contents, Seen};
use super::growing_value::Node;
use crate::json::{Fields, Json};

impl Accumulator {
    /// Adds a chunk behind a finish reason. If the answer of a choice goes on, the reason did not mean its end. Otherwise the
    /// first reason stays.
    #[cold]
    pub(super) fn feed_behind_reason<'a>(&mut self, chunk: &Fields<'a>, contents: &mut Contents<'a>) {
        let mut before = Vec::new();
        for choice in self.choices_mut() {
            let reasons = [choice.take("finish_reason"), choice.take("native_finish_reason")];
            before.push((choice.get("index").clone(), choice.get("message").answer_size(), reasons));
        }
        self.completion.feed(chunk, contents);
        for (index, size, [reason, native]) in before {
            let is_same = |choice: &&mut Node| *choice.get("index") == index;
            let Some(choice) = self.choices_mut().iter_mut().find(is_same).filter(|_| reason.size() > 0) else {
                continue;
            };
            if choice.get("message").answer_size() > size {
                contents.seen.add(Seen::RESUMED);
            } else {
                *choice.slot("finish_reason") = reason;
                *choice.slot("native_finish_reason") = native;
            }
        }
    }

    /// Gives each tool call an id.
    #[cold]
    pub(super) fn name_calls(&mut self) {
        let salt = self.id().unwrap_or_default().to_owned() + self.completion.get("created").json().raw();
        for (at, choice) in self.choices_mut().iter_mut().enumerate() {
            let calls = choice.slot("message").slot("tool_calls").items_mut();
            calls.iter_mut().enumerate().for_each(|(place, call)| call.name_call(place + 100 * at, &salt));
        }
    }

    /// Corrects the tool calls, once no piece of them follows.
    pub(crate) fn settle_calls(&mut self) {
        for choice in self.choices_mut() {
            let message = choice.slot("message");
            if message.get("tool_calls").size() > 0 {
                let calls = message.slot("tool_calls").items_mut();
                let functions = calls.iter_mut().filter(|call| call.get("function").size() > 0);
                functions.for_each(|call| call.slot("function").settle_function());
            }
            if message.get("function_call").size() > 0 {
                message.slot("function_call").settle_function();
            }
        }
    }

    /// Some tool call has no name, or arguments that are not JSON.
    pub fn has_broken_call(&self) -> bool {
        self.choices().iter().any(|choice| {
            let message = choice.get("message");
            let is_broken =
                |call: &Node| call.get("type").text() == "function" && call.get("function").is_broken_function();
            let old = message.get("function_call");
            message.get("tool_calls").items().iter().any(is_broken) || old.size() > 0 && old.is_broken_function()
        })
    }

    /// Ends an answer that has whole tool calls and no finish reason, where the upstream says that nothing follows. Returns
    /// the chunk that says so.
    pub(crate) fn end_calls(&mut self) -> Option<String> {
        let is_open = !self.is_finished() && self.choices().len() == 1;
        self.settle_calls();
        if !is_open || !self.has_tool_call() || self.has_broken_call() {
            return None;
        }
        let chunk = self.end_chunk_with(self.model(), "tool_calls");
        self.feed(Json::or_null(&chunk));
        Some(chunk)
    }
}
