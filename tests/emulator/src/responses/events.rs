//! The events of a stream, in order and with their numbers.

use serde_json::{Value, json};

use super::object;
use crate::answer::ToolCall;
use crate::completion::{Event, Part, Turn, merge};

/// The events so far.
struct Writer<'a> {
    turn: &'a Turn<'a>,
    events: Vec<Event>,
    /// The number of items that have ended.
    ended: u64,
}

/// The whole stream, from `response.created` to the event that ends it.
pub(crate) fn events(turn: &Turn<'_>) -> Vec<Event> {
    let mut writer = Writer { turn, events: Vec::new(), ended: 0 };
    let begun = json!({ "response": object::head(turn, "in_progress") });
    writer.push(Part::Role, "response.created", &begun);
    writer.push(Part::Role, "response.in_progress", &begun);
    let answer = &turn.answer;
    if !answer.reasoning.is_empty() {
        writer.write_reasoning();
    }
    if answer.refusal.is_some() || !answer.pieces.is_empty() {
        writer.write_message();
    }
    for tool in &answer.tools {
        writer.write_call(tool);
    }
    let response = object::object(turn);
    let name = if response["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
    writer.push(Part::Done, name, &json!({ "response": response }));
    writer.events
}

/// The event for a piece of text, in the item 0.
pub(crate) fn text(piece: &str) -> Event {
    let name = "response.output_text.delta";
    let place = json!({ "item_id": "msg", "output_index": 0, "content_index": 0, "delta": piece, "logprobs": [] });
    Event { tokens: 1, ..event(Part::Text, name, &place, 0) }
}

/// The event that ends a stream with an error: `response.failed`, or `error`.
pub(crate) fn error_event(turn: &Turn<'_>, error: &Value, is_response: bool) -> Event {
    if is_response {
        let response = object::fail(object::head(turn, "failed"), &error["message"]);
        return event(Part::Error, "response.failed", &json!({ "response": response }), LAST);
    }
    let fields = json!({ "code": "server_error", "message": error["message"], "param": null });
    event(Part::Error, "error", &fields, LAST)
}

/// The number of an event that replaces the rest of a stream.
const LAST: usize = 1_000_000;

fn event(part: Part, name: &'static str, fields: &Value, number: usize) -> Event {
    let mut data = json!({ "type": name, "sequence_number": number });
    merge(&mut data, fields);
    Event { part, text: data.to_string(), tokens: 0, name: Some(name) }
}

impl Writer<'_> {
    fn push(&mut self, part: Part, name: &'static str, fields: &Value) {
        self.events.push(event(part, name, fields, self.events.len()));
    }

    /// An event about the item that is open.
    fn push_about(&mut self, part: Part, name: &'static str, item: &Value, fields: &Value) {
        let mut about = json!({ "item_id": item["id"], "output_index": self.ended });
        merge(&mut about, fields);
        self.push(part, name, &about);
    }

    /// A piece of the item that is open, which is a token.
    fn push_token(&mut self, part: Part, name: &'static str, item: &Value, fields: &Value) {
        self.push_about(part, name, item, fields);
        if let Some(last) = self.events.last_mut() {
            last.tokens = 1;
        }
    }

    fn begin(&mut self, part: Part, item: &Value) {
        self.push(part, "response.output_item.added", &json!({ "output_index": self.ended, "item": item }));
    }

    fn end(&mut self, part: Part, item: &Value) {
        self.push(part, "response.output_item.done", &json!({ "output_index": self.ended, "item": item }));
        self.ended += 1;
    }

    fn write_reasoning(&mut self) {
        let turn = self.turn;
        let (id, whole) = (object::reasoning_id(turn), object::reasoning(turn));
        let begun = json!({ "id": id, "type": "reasoning", "summary": [] });
        self.begin(Part::Reasoning, &begun);
        if turn.request.shows_summary {
            let place = |more: Value| {
                let mut fields = json!({ "summary_index": 0 });
                merge(&mut fields, &more);
                fields
            };
            let text = turn.answer.reasoning.concat();
            let name = "response.reasoning_summary_part.added";
            self.push_about(Part::Reasoning, name, &begun, &place(json!({ "part": object::summary("") })));
            for piece in &turn.answer.reasoning {
                let name = "response.reasoning_summary_text.delta";
                self.push_token(Part::Reasoning, name, &begun, &place(json!({ "delta": piece })));
            }
            let name = "response.reasoning_summary_text.done";
            self.push_about(Part::Reasoning, name, &begun, &place(json!({ "text": text })));
            let name = "response.reasoning_summary_part.done";
            self.push_about(Part::Reasoning, name, &begun, &place(json!({ "part": object::summary(&text) })));
        }
        self.end(Part::Reasoning, &whole);
    }

    fn write_message(&mut self) {
        let turn = self.turn;
        let item = object::message(turn, "in_progress", &[]);
        self.begin(Part::Text, &item);
        let is_refusal = turn.answer.refusal.is_some();
        let empty = if is_refusal { json!({ "type": "refusal", "refusal": "" }) } else { object::output_text("") };
        let added = json!({ "content_index": 0, "part": empty });
        self.push_about(Part::Text, "response.content_part.added", &item, &added);
        for piece in turn.answer.pieces.iter().chain(&turn.answer.refusal) {
            let mut delta = json!({ "content_index": 0, "delta": piece });
            if is_refusal {
                self.push_token(Part::Text, "response.refusal.delta", &item, &delta);
            } else {
                delta["logprobs"] = json!([]);
                self.push_token(Part::Text, "response.output_text.delta", &item, &delta);
            }
        }
        let part = object::part(turn);
        if is_refusal {
            let done = json!({ "content_index": 0, "refusal": turn.answer.refusal });
            self.push_about(Part::Finish, "response.refusal.done", &item, &done);
        } else {
            let done = json!({ "content_index": 0, "text": part["text"], "logprobs": [] });
            self.push_about(Part::Finish, "response.output_text.done", &item, &done);
        }
        let done = json!({ "content_index": 0, "part": part });
        self.push_about(Part::Finish, "response.content_part.done", &item, &done);
        let status = object::object(turn)["status"].clone();
        self.end(Part::Finish, &object::message(turn, status.as_str().unwrap_or_default(), &[part]));
    }

    fn write_call(&mut self, tool: &ToolCall) {
        let turn = self.turn;
        let begun = object::call(turn, tool, "in_progress", "");
        self.begin(Part::Tool, &begun);
        let (delta, done, field) = if tool.is_custom {
            ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input")
        } else {
            ("response.function_call_arguments.delta", "response.function_call_arguments.done", "arguments")
        };
        for piece in &tool.arguments {
            self.push_token(Part::Tool, delta, &begun, &json!({ "delta": piece }));
        }
        let arguments = tool.arguments.concat();
        let mut whole = json!({ field: arguments });
        if !tool.is_custom {
            whole["name"] = json!(tool.name);
        }
        self.push_about(Part::Finish, done, &begun, &whole);
        self.end(Part::Finish, &object::call(turn, tool, "completed", &arguments));
    }
}
