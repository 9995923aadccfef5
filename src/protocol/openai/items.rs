//! The items of `input`, for the messages of a chat request.
//!
//! Each call has an output, and each output its call (openai/openai-agents-python#673, leookun/cursor-byok#307). They are paired
//! by `call_id`; an item gets no `id`, because this upstream did not make it (laravel/ai#1052).

use super::super::issuer::Target;
use super::{parts, reasoning};
use crate::json::{Json, Object};

/// The items of `input`.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// The JSON texts.
    pub(super) json: Vec<String>,
    /// Some item is reasoning that only the upstream can read.
    pub(super) is_encrypted: bool,
    /// The ids of the calls so far, and whether each is of a custom tool.
    calls: Vec<(String, bool)>,
}

/// The items for the messages of a chat request. Adds what has no form in Responses to `lost`.
pub(super) fn read(messages: Json<'_>, target: &Target<'_>, lost: &mut Vec<String>) -> Items {
    let mut items = Items::default();
    let results: Vec<String> = messages.items().map(|message| id(message.get("tool_call_id"))).collect();
    for message in messages.items() {
        match message.get("role").word() {
            "assistant" => items.push_assistant(message, target, &results),
            "tool" | "function" => items.push_result(message, lost),
            role @ ("system" | "developer") => items.push_message(role, &parts::read(message.get("content"), lost)),
            _ => items.push_message("user", &parts::read(message.get("content"), lost)),
        }
    }
    items
}

fn id(given: Json<'_>) -> String {
    given.text().unwrap_or_default().into()
}

impl Items {
    fn push_message(&mut self, role: &str, content: &str) {
        self.json.push(Object::default().text("role", role).raw("content", content).end());
    }

    fn push_assistant(&mut self, message: Json<'_>, target: &Target<'_>, results: &[String]) {
        let thoughts = reasoning::read(message.get("reasoning_details"), target);
        self.is_encrypted |= !thoughts.is_empty();
        self.json.extend(thoughts);
        let text = text_of(message);
        if !text.is_empty() {
            self.push_message("assistant", &crate::json::quoted(&text));
        }
        for call in message.get("tool_calls").items() {
            self.push_call(call, results);
        }
    }

    /// Adds a call. One without a result gets one: it was aborted.
    fn push_call(&mut self, call: Json<'_>, results: &[String]) {
        let (id, custom) = (id(call.get("id")), call.get("custom"));
        let is_custom = custom.is_object();
        let (kind, field, called) = match is_custom {
            true => ("custom_tool_call", "input", custom),
            false => ("function_call", "arguments", call.get("function")),
        };
        let mut json = Object::default();
        json.text("type", kind).text("call_id", &id).raw("name", parts::text(called.get("name")));
        self.json.push(json.raw(field, parts::text(called.get(field))).end());
        if !results.contains(&id) {
            self.push_output(&id, is_custom, "\"The tool did not run.\"");
        }
        self.calls.push((id, is_custom));
    }

    fn push_result(&mut self, message: Json<'_>, lost: &mut Vec<String>) {
        let (id, content) = (id(message.get("tool_call_id")), parts::read(message.get("content"), lost));
        match self.calls.iter().find(|(call, _)| *call == id).map(|(_, is_custom)| *is_custom) {
            Some(is_custom) => self.push_output(&id, is_custom, &content),
            // The model may need what it says.
            None => self.push_message("user", &content),
        }
    }

    fn push_output(&mut self, id: &str, is_custom: bool, output: &str) {
        let kind = if is_custom { "custom_tool_call_output" } else { "function_call_output" };
        self.json.push(Object::default().text("type", kind).text("call_id", id).raw("output", output).end());
    }
}

/// What the assistant said. Only a string has a form that each server accepts without an id.
fn text_of(message: Json<'_>) -> String {
    let content = message.get("content");
    let mut text = String::from(content.text().unwrap_or_default());
    for part in content.items() {
        text.push_str(&part.get("text").text().or_else(|| part.get("refusal").text()).unwrap_or_default());
    }
    text.push_str(&message.get("refusal").text().unwrap_or_default());
    text
}
