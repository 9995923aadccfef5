//! Tools and the choice among them.

use crate::invalid::{Invalid, join};
use crate::json::{Json, Object, decimal};
use crate::text::text;

/// The JSON texts of the tools in chat's shape.
pub(super) fn read(tools: Json<'_>) -> Result<Vec<String>, Box<Invalid>> {
    if !tools.is_array() && !tools.is_null() {
        return Err(Invalid::new("tools", "must be an array of tools"));
    }
    tools.items().enumerate().map(|(at, tool)| read_tool(tool, &text!("tools[", &decimal(at as u64), "]"))).collect()
}

fn read_tool(tool: Json<'_>, path: &str) -> Result<String, Box<Invalid>> {
    let kind = tool.get("type");
    if !kind.is_null() && !kind.is("custom") {
        // Tools of Anthropic have a dated type, such as `web_search_20250305`, and only Claude knows their schemas.
        let problem = text!(
            "\"",
            &kind.text().unwrap_or_default(),
            "\" is a tool of Anthropic, and the models of a chain have different vendors; send a tool with a `name` and \
             an `input_schema` instead, and run the tool at the caller"
        );
        return Err(Invalid::new(join(path, "type"), problem));
    }
    let name = tool.get("name").text().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Invalid::new(join(path, "name"), "must be a string"))?;
    let schema = tool.get("input_schema");
    if !schema.is_object() {
        return Err(Invalid::new(join(path, "input_schema"), "must be a JSON Schema of the type \"object\""));
    }
    let mut json = Object::default();
    json.text("type", "function").open("function", "{").text("name", &name);
    json.maybe_text("description", tool.get("description").text().as_deref()).raw("parameters", schema.raw());
    if let Some(strict) = tool.get("strict").flag() {
        json.flag("strict", strict);
    }
    json.close("}");
    let cache = tool.get("cache_control");
    if !cache.is_null() {
        json.raw("cache_control", cache.raw());
    }
    Ok(json.end())
}

/// Adds the choice among tools to a chat request.
pub(super) fn write_choice(choice: Json<'_>, chat: &mut Object) -> Result<(), Box<Invalid>> {
    match choice.get("type").word() {
        "" if choice.is_null() => {}
        "auto" => _ = chat.text("tool_choice", "auto"),
        "any" => _ = chat.text("tool_choice", "required"),
        "none" => _ = chat.text("tool_choice", "none"),
        "tool" if choice.get("name").is_string() => {
            chat.open("tool_choice", "{").text("type", "function");
            chat.open("function", "{").raw("name", choice.get("name").raw()).close("}").close("}");
        }
        _ => {
            let problem = "must be {\"type\": \"auto\"}, \"any\", \"none\", or \"tool\" with a `name`";
            return Err(Invalid::new("tool_choice", problem));
        }
    }
    if choice.get("disable_parallel_tool_use").flag() == Some(true) {
        chat.flag("parallel_tool_calls", false);
    }
    Ok(())
}
