//! The messages of a request: turns with calls, results and thinking.

use super::super::content::{Part, Transcript};
use super::super::reasoning::{CLAUDE, detail};
use super::parts;
use crate::invalid::{Invalid, join};
use crate::json::{Json, decimal};
use crate::text::text;

/// Adds `messages`.
pub(super) fn read(messages: Json<'_>, transcript: &mut Transcript) -> Result<(), Box<Invalid>> {
    if !messages.is_array() {
        return Err(Invalid::new("messages", "must be an array of {role, content}"));
    }
    if messages.is_empty() {
        return Err(Invalid::new("messages", "is empty; give at least one message"));
    }
    for (at, message) in messages.items().enumerate() {
        let path = text!("messages[", &decimal(at as u64), "]");
        let (content, content_path) = (message.get("content"), join(&path, "content"));
        match message.get("role").word() {
            "user" => read_user(content, &content_path, transcript)?,
            "assistant" => read_assistant(content, &content_path, transcript)?,
            // Anthropic's type has this role, and its text says that there is none.
            "system" => {
                let parts = parts::read(content, &content_path, &mut transcript.foreign)?;
                transcript.system(parts);
            }
            _ => return Err(Invalid::new(join(&path, "role"), "must be \"user\" or \"assistant\"")),
        }
    }
    Ok(())
}

fn read_user(content: Json<'_>, path: &str, transcript: &mut Transcript) -> Result<(), Box<Invalid>> {
    let mut parts = Vec::new();
    if !content.is_array() {
        parts = parts::read(content, path, &mut transcript.foreign)?;
    }
    let mut has_result = false;
    for (at, block) in content.items().enumerate() {
        let path = text!(path, "[", &decimal(at as u64), "]");
        if block.get("type").is("tool_result") {
            has_result = true;
            read_result(block, &path, transcript)?;
        } else {
            parts::read_block(block, &path, &mut parts, &mut transcript.foreign)?;
        }
    }
    // The results come first, wherever they stand: a chat request needs them directly behind the calls.
    if !parts.is_empty() || !has_result {
        transcript.user(parts);
    }
    Ok(())
}

fn read_result(block: Json<'_>, path: &str, transcript: &mut Transcript) -> Result<(), Box<Invalid>> {
    let id = block.get("tool_use_id").text().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Invalid::new(join(path, "tool_use_id"), "must be the id of a tool_use block"))?;
    let mut parts = parts::read(block.get("content"), &join(path, "content"), &mut transcript.foreign)?;
    if block.get("is_error").flag() == Some(true) {
        // Chat has no field for it.
        parts.insert(0, Part::text("The tool failed.", Json::NULL));
    }
    transcript.result(&id, parts);
    Ok(())
}

fn read_assistant(content: Json<'_>, path: &str, transcript: &mut Transcript) -> Result<(), Box<Invalid>> {
    if !content.is_array() {
        let parts = parts::read(content, path, &mut transcript.foreign)?;
        transcript.assistant(parts);
        return Ok(());
    }
    for (at, block) in content.items().enumerate() {
        let path = text!(path, "[", &decimal(at as u64), "]");
        match block.get("type").word() {
            "thinking" => read_thinking(block, transcript),
            "redacted_thinking" => {
                let data = block.get("data").text().unwrap_or_default();
                if !transcript.unpack(&data) {
                    transcript.detail(detail("reasoning.encrypted", CLAUDE, &[("data", &data)]));
                }
            }
            "tool_use" => read_call(block, &path, transcript)?,
            _ => {
                let mut parts = Vec::new();
                parts::read_block(block, &path, &mut parts, &mut transcript.foreign)?;
                transcript.assistant(parts);
            }
        }
    }
    Ok(())
}

fn read_thinking(block: Json<'_>, transcript: &mut Transcript) {
    let (text, signature) = (block.get("thinking").text(), block.get("signature").text());
    let (text, signature) = (text.unwrap_or_default(), signature.unwrap_or_default());
    if signature.is_empty() {
        transcript.reasoning(&text);
    } else if !transcript.unpack(&signature) {
        transcript.detail(detail("reasoning.text", CLAUDE, &[("text", &text), ("signature", &signature)]));
    }
}

fn read_call(block: Json<'_>, path: &str, transcript: &mut Transcript) -> Result<(), Box<Invalid>> {
    let text = |name: &str| {
        let value = block.get(name).text().filter(|value| !value.is_empty());
        value.ok_or_else(|| Invalid::new(join(path, name), "must be a string that is not empty"))
    };
    let input = block.get("input");
    transcript.call(&text("id")?, &text("name")?, if input.is_object() { input.raw() } else { "{}" });
    Ok(())
}
