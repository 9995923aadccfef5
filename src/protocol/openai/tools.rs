//! Tools and the choice among them. Responses has the fields of a tool beside its type, and chat has them one level deeper.

use super::super::body::add;
use crate::json::{Json, Object, array, patched};

/// The JSON texts of the tools. A tool that the caller does not run is added to `lost`.
pub(super) fn read(tools: Json<'_>, lost: &mut Vec<String>) -> Vec<String> {
    let mut read = Vec::new();
    for tool in tools.items() {
        let kind = tool.get("type").word();
        let own = tool.get(kind);
        match kind {
            "function" if own.get("name").is_string() => {
                // Without the field, Responses makes a schema strict, and chat does not (open-webui/open-webui#30046).
                let strict = if own.get("strict").flag() == Some(true) { "true" } else { "false" };
                let mut patch = Object::default();
                patch.text("type", kind).raw("strict", strict);
                if own.get("parameters").is_null() {
                    patch.raw("parameters", r#"{"type":"object","properties":{}}"#);
                }
                read.push(patched(own.raw(), &patch.end()));
            }
            "custom" if own.get("name").is_string() => {
                let (format, mut patch) = (own.get("format"), Object::default());
                patch.text("type", kind);
                let grammar = format.get("grammar");
                if grammar.is_object() {
                    patch.raw("format", &patched(grammar.raw(), r#"{"type":"grammar"}"#));
                }
                read.push(patched(own.raw(), &patch.end()));
            }
            other => add(lost, if other.is_empty() { "tools" } else { other }),
        }
    }
    read
}

/// The JSON text of `tool_choice`, if there is one.
pub(super) fn choice(choice: Json<'_>) -> Option<String> {
    if choice.is_string() {
        return Some(choice.raw().into());
    }
    let kind = choice.get("type").word();
    let own = choice.get(kind);
    match kind {
        "function" | "custom" => Some(patched(own.raw(), &Object::default().text("type", kind).end())),
        "allowed_tools" => {
            let own = if own.is_object() { own } else { choice };
            let tools = own.get("tools").items().map(|tool| {
                let kind = tool.get("type").word();
                patched(tool.get(kind).raw(), &Object::default().text("type", kind).end())
            });
            let mut patch = Object::default();
            Some(patched(own.raw(), &patch.text("type", kind).raw("tools", &array(tools)).end()))
        }
        _ => None,
    }
}
