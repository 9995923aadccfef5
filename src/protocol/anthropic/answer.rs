//! A message as a completion: its content, its stop reason and its usage.

use super::super::marks::{NATIVE, mark};
use super::super::reasoning::detail;
use super::super::vendor::format_at_messages;
use crate::chunk::openai_finish_reason;
use crate::json::{Fields, Json, Object, array, patched, quoted};

/// The JSON text of the completion for a message. `None`, if `message` is none: then it may be an error. `created` is in
/// seconds since the UNIX epoch. With `is_native`, the client speaks Messages, too.
pub fn completion(message: Json<'_>, created: u64, is_native: bool) -> Option<String> {
    if !message.get("type").is("message") && !message.get("content").is_array() {
        return None;
    }
    let model = message.get("model").text().unwrap_or_default();
    let format = format_at_messages(&model);
    let (mut text, mut reasoning, mut details, mut calls) = (String::new(), String::new(), Vec::new(), Vec::new());
    let mut annotations = Vec::new();
    for block in message.get("content").items() {
        match block.get("type").word() {
            "text" => {
                text.push_str(&block.get("text").text().unwrap_or_default());
                annotations.extend(block.get("citations").items().filter_map(annotation));
            }
            "thinking" => {
                let thinking = block.get("thinking").text().unwrap_or_default();
                reasoning.push_str(&thinking);
                let signature = block.get("signature").text().unwrap_or_default();
                details.push(detail("reasoning.text", format, &[("text", &thinking), ("signature", &signature)]));
            }
            "redacted_thinking" => details.push(redacted(block.get("data"), format)),
            "tool_use" => calls.push(call(block)),
            // What a tool of Anthropic did. Its text follows.
            _ => {}
        }
    }
    let mut json = Object::default();
    json.text("role", "assistant");
    let has_text = !text.is_empty() || calls.is_empty();
    json.raw("content", &if has_text { quoted(&text) } else { "null".into() }).raw("refusal", "null");
    json.maybe_text("reasoning", Some(&*reasoning).filter(|text| !text.is_empty()));
    if is_native {
        json.raw(NATIVE, &array([mark("whole", message.raw(), 0)]));
    }
    for (name, list) in [("reasoning_details", &details), ("tool_calls", &calls), ("annotations", &annotations)] {
        if !list.is_empty() {
            json.raw(name, &array(list));
        }
    }
    Some(write(message, created, &json.end()))
}

fn write(message: Json<'_>, created: u64, answer: &str) -> String {
    let mut choice = Object::default();
    choice.whole("index", 0).raw("message", answer);
    write_end(message, &mut choice);
    let mut json = Object::default();
    json.text("id", &message.get("id").text().unwrap_or_default()).text("object", "chat.completion");
    json.whole("created", created).text("model", &message.get("model").text().unwrap_or_default());
    json.raw("choices", &array([choice.end()])).raw("usage", &usage(message.get("usage"))).end()
}

/// Adds the finish reason, in chat's words and in Anthropic's own.
pub(super) fn write_end(end: Json<'_>, choice: &mut Object) {
    let reason = end.get("stop_reason").text().unwrap_or_default();
    // The reply of a tool of Anthropic waits for more. The reader sees the vendor's own word.
    let finish = if reason == "pause_turn" { "stop" } else { openai_finish_reason(&reason) };
    if finish.is_empty() {
        choice.raw("finish_reason", "null");
        return;
    }
    choice.text("finish_reason", finish).text("native_finish_reason", &reason);
    choice.maybe_text("stop_sequence", end.get("stop_sequence").text().as_deref());
}

/// The item of `reasoning_details` for thinking that only its issuer can read.
pub(super) fn redacted(data: Json<'_>, format: &str) -> String {
    detail("reasoning.encrypted", format, &[("data", &data.text().unwrap_or_default())])
}

fn call(block: Json<'_>) -> String {
    let input = block.get("input");
    let mut json = Object::default();
    json.text("id", &block.get("id").text().unwrap_or_default()).text("type", "function").open("function", "{");
    json.text("name", &block.get("name").text().unwrap_or_default());
    json.text("arguments", if input.is_object() { input.raw() } else { "{}" }).close("}").end()
}

/// A citation of a web page as chat's annotation. Citations of documents have no form there.
pub(super) fn annotation(citation: Json<'_>) -> Option<String> {
    let url = citation.get("url").text()?;
    let mut json = Object::default();
    json.text("type", "url_citation").open("url_citation", "{").text("url", &url);
    json.text("title", &citation.get("title").text().unwrap_or_default());
    Some(json.whole("start_index", 0).whole("end_index", 0).close("}").end())
}

/// The usage of a chat completion. Anthropic's input tokens are without the cached ones, and chat's prompt tokens are with
/// them.
pub(super) fn usage(usage: Json<'_>) -> String {
    let usage = &Fields::of(usage);
    let number = |path| usage.at(path).whole().unwrap_or_default();
    let (read, written) = (number("cache_read_input_tokens"), number("cache_creation_input_tokens"));
    let prompt = number("input_tokens").saturating_add(read).saturating_add(written);
    let answer = number("output_tokens");
    let mut json = Object::default();
    json.whole("prompt_tokens", prompt).whole("completion_tokens", answer);
    json.whole("total_tokens", prompt.saturating_add(answer));
    json.open("prompt_tokens_details", "{").whole("cached_tokens", read).whole("cache_write_tokens", written);
    // Another price than the others that are written.
    let for_hour = number("cache_creation.ephemeral_1h_input_tokens");
    json.maybe_whole("cache_write_1h_tokens", Some(for_hour).filter(|tokens| *tokens > 0)).close("}");
    json.open("completion_tokens_details", "{");
    json.whole("reasoning_tokens", number("output_tokens_details.thinking_tokens")).close("}");
    // OpenRouter's, in its own form of Messages.
    for name in ["cost", "cost_details", "is_byok"] {
        let value = usage.get(name);
        if !value.is_null() {
            json.raw(name, value.raw());
        }
    }
    json.end()
}

/// The fields of a usage that [`usage`] reads.
const COUNTED: [&str; 9] = [
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "output_tokens",
    "output_tokens_details",
    "cost",
    "cost_details",
    "is_byok",
];

/// The longest value of such a field, in bytes.
const LONGEST_VALUE: usize = 1_024;

/// The usage so far with that of a later event, which is cumulative: a field that it lacks, or that is `null`, stays. What does not
/// count is left out, because each event is merged with all before it.
pub(super) fn merged(so_far: &str, later: Json<'_>) -> String {
    let mut counted = Object::default();
    for (name, value) in later.fields().filter(|(_, value)| !value.is_null() && value.raw().len() <= LONGEST_VALUE) {
        if let Some(known) = COUNTED.iter().find(|known| name.is(known)) {
            counted.raw(known, value.raw());
        }
    }
    patched(so_far, &counted.end())
}
