//! Tools, the choice among them, and their calls.

use super::super::body::add;
use crate::json::{Fields, Json, Object, array, patched};

/// The JSON texts of the tools. A tool that is no function is added to `lost`.
pub(super) fn read(tools: Json<'_>, lost: &mut Vec<String>) -> Vec<String> {
    let mut read = Vec::new();
    for tool in tools.items() {
        let function = tool.get("function");
        if !function.get("name").is_string() {
            add(lost, &tool.get("type").text().unwrap_or("tools".into()));
            continue;
        }
        let mut json = Object::default();
        json.raw("name", function.get("name").raw());
        json.maybe_text("description", function.get("description").text().as_deref());
        let schema = function.get("parameters");
        let is_typed = schema.get("type").is("object");
        json.raw(
            "input_schema",
            &if is_typed { schema.raw().into() } else { patched(schema.raw(), r#"{"type":"object"}"#) },
        );
        if function.get("strict").flag() == Some(true) {
            json.flag("strict", true);
        }
        let cache = tool.get("cache_control");
        if !cache.is_null() {
            json.raw("cache_control", cache.raw());
        }
        read.push(json.end());
    }
    read
}

/// The tools of earlier calls, for a request that has calls in its messages and no tools: Anthropic refuses calls of unknown
/// tools.
pub(super) fn of_calls(messages: Json<'_>) -> Vec<String> {
    let mut tools = Vec::new();
    for call in messages.items().flat_map(|message| message.get("tool_calls").items()) {
        let name = call.at("function.name");
        let mut tool = Object::default();
        let tool = tool.raw("name", name.raw()).raw("input_schema", r#"{"type":"object"}"#).end();
        if name.is_string() && !tools.contains(&tool) {
            tools.push(tool);
        }
    }
    tools
}

/// The JSON text of `tool_choice`, if there is one. The flag about parallel calls stands inside.
pub(super) fn choice(chat: &Fields<'_>) -> Option<String> {
    let choice = chat.get("tool_choice");
    let is_single = chat.get("parallel_tool_calls").flag() == Some(false);
    let mut json = Object::default();
    match choice.word() {
        "none" => return Some(r#"{"type":"none"}"#.into()),
        "required" => json.text("type", "any"),
        "auto" => json.text("type", "auto"),
        _ if choice.at("function.name").is_string() => {
            json.text("type", "tool").raw("name", choice.at("function.name").raw())
        }
        _ if !is_single => return None,
        _ => json.text("type", "auto"),
    };
    if is_single {
        json.flag("disable_parallel_tool_use", true);
    }
    Some(json.end())
}

/// The choice makes the model call a tool.
pub(super) fn is_forced(fields: &Fields<'_>) -> bool {
    let choice = fields.get("tool_choice");
    choice.is("required") || choice.is_object()
}

/// The JSON text of a block that calls a tool.
pub(super) fn call(call: Json<'_>) -> String {
    let function = call.get("function");
    let arguments = function.get("arguments").text().unwrap_or_default();
    let input = Json::parse(&arguments).filter(|input| input.is_object());
    let mut block = Object::default();
    block.text("type", "tool_use").text("id", &call.get("id").text().unwrap_or_default());
    block.text("name", &function.get("name").text().unwrap_or_default());
    match input {
        Some(input) => block.raw("input", input.raw()),
        None if arguments.trim_ascii().is_empty() => block.raw("input", "{}"),
        // A call that was cut: the model should see what it wrote.
        None => block.open("input", "{").text("text", &arguments).close("}"),
    };
    block.end()
}

/// The JSON text of a block with the result of a call.
pub(super) fn result(id: &str, blocks: &[String], cache: Json<'_>) -> String {
    let mut block = Object::default();
    block.text("type", "tool_result").text("tool_use_id", id).raw("content", &array(blocks));
    if !cache.is_null() {
        block.raw("cache_control", cache.raw());
    }
    block.end()
}
