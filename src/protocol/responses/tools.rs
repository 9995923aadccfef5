//! Tools and the choice among them.
//!
//! A custom tool takes text in the place of JSON. Chat's form of it is known to OpenAI alone, so the chat request has a
//! function with one argument, `input`, and the writer turns a call of this function back.

use std::borrow::Cow;

use super::state::refuse_tool;
use crate::invalid::{Invalid, join};
use crate::json::{Json, Object, decimal, patched};
use crate::text::text;

/// The tools of a request.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The JSON texts of the functions in chat's shape, with their names.
    pub(super) chat: Vec<(String, String)>,
    /// The names of the custom tools.
    pub(super) custom: Vec<String>,
    /// The JSON texts of the tools as the response object repeats them.
    pub(super) echo: Vec<String>,
}

/// Reads `tools`.
pub(super) fn read(tools: Json<'_>) -> Result<Tools, Box<Invalid>> {
    if !tools.is_array() && !tools.is_null() {
        return Err(Invalid::new("tools", "must be an array of tools"));
    }
    let mut read = Tools::default();
    for (at, tool) in tools.items().enumerate() {
        let path = text!("tools[", &decimal(at as u64), "]");
        let name = tool.get("name").text().filter(|name| !name.is_empty());
        let name = match tool.get("type").word() {
            "function" | "custom" => name.ok_or_else(|| Invalid::new(join(&path, "name"), "must be a string"))?,
            _ => return Err(refuse_tool(&path, tool)),
        };
        if tool.get("type").is("custom") {
            read.custom.push(name.clone().into());
            read.chat.push((name.clone().into(), custom(&name, tool)));
            read.echo.push(tool.raw().into());
        } else {
            read.chat.push((name.clone().into(), function(&name, tool)));
            // Without `strict`, OpenAI makes a schema strict where possible. The chat request is not strict then.
            let strict = if tool.get("strict").flag() == Some(true) { "true" } else { "false" };
            read.echo.push(patched(tool.raw(), &Object::default().raw("strict", strict).end()));
        }
    }
    Ok(read)
}

fn function(name: &str, tool: Json<'_>) -> String {
    let mut json = Object::default();
    json.text("type", "function").open("function", "{").text("name", name);
    json.maybe_text("description", tool.get("description").text().as_deref());
    if !tool.get("parameters").is_null() {
        json.raw("parameters", tool.get("parameters").raw());
    }
    if let Some(strict) = tool.get("strict").flag() {
        json.flag("strict", strict);
    }
    json.close("}");
    let cache = tool.get("cache_control");
    if !cache.is_null() {
        json.raw("cache_control", cache.raw());
    }
    json.end()
}

fn custom(name: &str, tool: Json<'_>) -> String {
    let mut description = tool.get("description").text().unwrap_or_default();
    let format = tool.get("format");
    // Some clients nest the grammar, as chat's form of a custom tool does.
    let grammar = if format.get("definition").is_null() { format.get("grammar") } else { format };
    if let Some(definition) = grammar.get("definition").text() {
        let syntax = grammar.get("syntax").text().unwrap_or_default();
        description =
            Cow::Owned(text!(&description, "\n\n`input` must match this ", &syntax, " grammar:\n", &definition));
    }
    let mut json = Object::default();
    json.text("type", "function").open("function", "{").text("name", name);
    json.text("description", description.trim_start());
    json.raw(
        "parameters",
        r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#,
    );
    json.close("}").end()
}

/// The text that a call of a custom tool has as its input. `arguments` are those of the function.
pub(super) fn input_in(arguments: &str) -> String {
    match Json::parse(arguments) {
        Some(json) if json.is_object() => {
            let input = json.get("input");
            // A model may name the argument differently.
            let only = || json.fields().next().and_then(|(_, value)| value.text());
            input.text().or_else(only).unwrap_or_default().into_owned()
        }
        _ => arguments.into(),
    }
}

/// The choice among tools.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The JSON text of chat's `tool_choice`.
    pub(super) chat: Option<String>,
    /// The names of the tools that may be used, if not all may.
    pub(super) allowed: Option<Vec<String>>,
}

/// Reads `tool_choice`.
pub(super) fn read_choice(choice: Json<'_>) -> Result<Choice, Box<Invalid>> {
    let chat = |json: String| Ok(Choice { chat: Some(json), allowed: None });
    if choice.is_null() {
        return Ok(Choice::default());
    }
    if ["none", "auto", "required"].iter().any(|word| choice.is(word)) {
        return chat(choice.raw().into());
    }
    match choice.get("type").word() {
        "function" | "custom" if choice.get("name").is_string() => {
            let mut json = Object::default();
            json.text("type", "function").open("function", "{").raw("name", choice.get("name").raw()).close("}");
            chat(json.end())
        }
        // Chat's own form of it is known to OpenAI alone, so the other tools are left out.
        "allowed_tools" => {
            let mode = choice.get("mode");
            let names = choice.get("tools").items().filter_map(|tool| tool.get("name").text());
            Ok(Choice {
                chat: Some(if mode.is_string() { mode.raw() } else { "\"auto\"" }.into()),
                allowed: Some(names.map(Into::into).collect()),
            })
        }
        "" | "function" | "custom" => {
            let problem = "must be \"none\", \"auto\", \"required\" or {\"type\": \"function\", \"name\": …}";
            Err(Invalid::new("tool_choice", problem))
        }
        _ => Err(refuse_tool("tool_choice", choice)),
    }
}

#[cfg(test)]
mod tests {
    use super::input_in;

    #[test]
    fn the_input_of_a_custom_tool_is_text() {
        for (arguments, input) in [
            (r#"{"input":"a\nb"}"#, "a\nb"),
            (r#"{"patch":"x"}"#, "x"),
            ("{}", ""),
            ("*** Begin Patch", "*** Begin Patch"),
        ] {
            assert_eq!(input_in(arguments), input);
        }
    }
}
