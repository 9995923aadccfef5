//! The items of `input`.

use super::super::content::{Part, Transcript};
use super::super::reasoning::{OPENAI, detail};
use super::parts;
use super::state::refuse_item;
use crate::invalid::{Invalid, join};
use crate::json::{Json, Object, decimal};
use crate::text::text;

/// Adds the items of `input`, a string or an array.
pub(super) fn read(input: Json<'_>, messages: &mut Transcript) -> Result<(), Box<Invalid>> {
    if let Some(text) = input.text() {
        messages.user(vec![Part::text(&text, Json::NULL)]);
        return Ok(());
    }
    if !input.is_array() {
        return Err(Invalid::new("input", "must be a string or an array of items"));
    }
    if input.is_empty() {
        return Err(Invalid::new("input", "is empty; give at least one item"));
    }
    for (at, item) in input.items().enumerate() {
        read_item(item, &text!("input[", &decimal(at as u64), "]"), messages)?;
    }
    Ok(())
}

fn read_item(item: Json<'_>, path: &str, messages: &mut Transcript) -> Result<(), Box<Invalid>> {
    let kind = item.get("type");
    let has_role = kind.is_null() && item.get("role").is_string();
    match kind.word() {
        "message" => read_message(item, path, messages),
        _ if has_role => read_message(item, path, messages),
        "function_call" => read_call(item, path, "arguments", messages),
        "custom_tool_call" => read_call(item, path, "input", messages),
        "function_call_output" | "custom_tool_call_output" => {
            let id = call_id(item, path)?;
            let output = item.get("output");
            let output = if output.is_object() { Json::NULL } else { output };
            let parts = parts::read(output, &join(path, "output"), &mut messages.foreign)?;
            messages.result(&id, parts);
            Ok(())
        }
        "reasoning" => {
            read_reasoning(item, messages);
            Ok(())
        }
        "" => Err(Invalid::new(path, "must be an item: an object with a `type`, or with `role` and `content`")),
        "item_reference" => Err(refuse_item(path, item)),
        _ => {
            messages.foreign.get_or_insert_with(|| refuse_item(path, item));
            Ok(())
        }
    }
}

fn read_message(item: Json<'_>, path: &str, messages: &mut Transcript) -> Result<(), Box<Invalid>> {
    let (content, content_path) = (item.get("content"), join(path, "content"));
    match item.get("role").word() {
        "assistant" => parts::read_assistant(content, &content_path, messages)?,
        "user" => {
            let parts = parts::read(content, &content_path, &mut messages.foreign)?;
            messages.user(parts);
        }
        // Many upstreams know only `system`, and for OpenAI both are the same.
        "system" | "developer" => {
            let parts = parts::read(content, &content_path, &mut messages.foreign)?;
            messages.system(parts);
        }
        _ => {
            let problem = "must be \"user\", \"assistant\", \"system\" or \"developer\"";
            return Err(Invalid::new(join(path, "role"), problem));
        }
    }
    Ok(())
}

/// Calls and their results are paired by `call_id`, never by `id` (laravel/ai#1052).
fn call_id(item: Json<'_>, path: &str) -> Result<String, Box<Invalid>> {
    let id = item.get("call_id").text().filter(|id| !id.is_empty());
    id.map(Into::into).ok_or_else(|| Invalid::new(join(path, "call_id"), "must be the `call_id` of a call"))
}

/// Adds a call. The chat request has a custom tool as a function with one argument, `input`.
fn read_call(item: Json<'_>, path: &str, field: &str, messages: &mut Transcript) -> Result<(), Box<Invalid>> {
    let id = call_id(item, path)?;
    let name = item.get("name").text().ok_or_else(|| Invalid::new(join(path, "name"), "must be the name of a tool"))?;
    let given = item.get(field).text().unwrap_or_default();
    let arguments = match field {
        "input" => Object::default().text("input", &given).end(),
        // A call that was cut has arguments that are no JSON, which vendors refuse.
        _ if Json::parse(&given).is_some_and(Json::is_object) => given.into_owned(),
        _ => "{}".into(),
    };
    messages.call(&id, &name, &arguments);
    Ok(())
}

/// Adds a reasoning item. Only its issuer can read what is encrypted; the summary belongs to it.
fn read_reasoning(item: Json<'_>, messages: &mut Transcript) {
    let encrypted = item.get("encrypted_content").text().unwrap_or_default();
    if messages.unpack(&encrypted) {
        return;
    }
    let mut texts = Vec::new();
    for part in item.get("summary").items().chain(item.get("content").items()) {
        texts.push(part.get("text").text().unwrap_or_default());
    }
    if encrypted.is_empty() {
        messages.reasoning(&texts.join("\n\n"));
        return;
    }
    let id = item.get("id").text().unwrap_or_default();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        messages.detail(detail("reasoning.summary", OPENAI, &[("summary", text), ("id", &id)]));
    }
    messages.detail(detail("reasoning.encrypted", OPENAI, &[("data", &encrypted), ("id", &id)]));
}
