//! The end of an answer and its usage, in chat's words.

use crate::json::{Fields, Json, Object};

/// The JSON text of the choice that ends an answer.
pub(super) fn end(response: Json<'_>, has_calls: bool) -> String {
    let reason = response.at("incomplete_details.reason");
    let finish = match response.get("status").word() {
        "incomplete" if reason.is("content_filter") => "content_filter",
        "incomplete" => "length",
        _ if has_calls => "tool_calls",
        _ => "stop",
    };
    let native = if reason.is_string() { reason } else { response.get("status") };
    let mut choice = Object::default();
    choice.raw("delta", "{}").text("finish_reason", finish);
    choice.maybe_text("native_finish_reason", native.text().as_deref()).end()
}

/// The usage of a chat completion.
pub(super) fn usage(usage: Json<'_>) -> String {
    let usage = &Fields::of(usage);
    let number = |path| usage.at(path).whole().unwrap_or_default();
    let (prompt, answer) = (number("input_tokens"), number("output_tokens"));
    let mut json = Object::default();
    json.whole("prompt_tokens", prompt).whole("completion_tokens", answer);
    json.whole("total_tokens", usage.get("total_tokens").whole().unwrap_or_else(|| prompt.saturating_add(answer)));
    json.open("prompt_tokens_details", "{");
    json.whole("cached_tokens", number("input_tokens_details.cached_tokens"));
    json.whole("cache_write_tokens", number("input_tokens_details.cache_write_tokens")).close("}");
    json.open("completion_tokens_details", "{");
    json.whole("reasoning_tokens", number("output_tokens_details.reasoning_tokens")).close("}");
    // OpenRouter's.
    for name in ["cost", "is_byok"] {
        let value = usage.get(name);
        json.maybe_raw(name, (!value.is_null()).then(|| value.raw()));
    }
    let details = usage.get("cost_details");
    if details.is_object() {
        json.open("cost_details", "{");
        for (name, chat) in super::super::response_fields::COST_DETAILS {
            let value = details.get(name);
            json.maybe_raw(chat, (!value.is_null()).then(|| value.raw()));
        }
        json.close("}");
    }
    json.end()
}

/// The JSON text of an annotation in chat's shape, which has a form for citations of web pages only.
pub(super) fn annotation(annotation: Json<'_>) -> Option<String> {
    if !annotation.get("type").is("url_citation") {
        return None;
    }
    let mut json = Object::default();
    json.text("type", "url_citation");
    Some(json.raw("url_citation", &crate::json::patched(annotation.raw(), r#"{"type":null}"#)).end())
}
