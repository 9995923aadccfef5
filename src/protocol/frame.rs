//! Server-sent events with a name, which Responses and Messages have.

use crate::json::Object;

/// Adds the event `name` with the JSON text of `data`. Anthropic's SDK reads the name, and drops data without one
/// (anthropics/anthropic-sdk-typescript `src/core/streaming.ts`).
pub(super) fn push_event(sse: &mut String, name: &str, data: &mut Object) {
    sse.extend(["event: ", name, "\ndata: "]);
    crate::json::on_one_line(&data.end(), sse);
    sse.push_str("\n\n");
}

/// The beginning of the data of an event: its `type`.
pub(super) fn event(name: &str) -> Object {
    let mut data = Object::default();
    data.text("type", name);
    data
}
