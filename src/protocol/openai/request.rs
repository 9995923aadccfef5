//! The fields of a request (`CreateResponse` in `openai/openai-openapi` `openapi.yaml`).

use super::super::body::{Body, add};
use super::super::issuer::Target;
use super::{items, native, tools};
use crate::json::{Fields, Json, Object, array, patched, quoted};
use crate::text::split;
use crate::upstream::{Dialect, Protocol};

/// The fields of a chat request with the same name and meaning in Responses.
const SAME: &str = "model models stream temperature top_p user safety_identifier prompt_cache_key prompt_cache_options \
                    prompt_cache_retention service_tier";

/// The same for what a client of Responses may have sent in its own words.
const OWN: &str = "metadata parallel_tool_calls";

/// The same for OpenRouter, which adds fields.
const ROUTERS: &str = "provider plugins route session_id trace frequency_penalty presence_penalty top_k modalities \
                       image_config cache_control";

/// The fields of a chat request that are read here, or that ask for what Responses does by itself.
const READ: &str = "messages tools tool_choice max_tokens max_completion_tokens reasoning reasoning_effort \
                    include_reasoning response_format verbosity logprobs top_logprobs stream_options store usage";

/// The fields that a client's own request has in the place of these.
const NATIVE: &str = "instructions tools tool_choice parallel_tool_calls text reasoning include top_logprobs metadata";

/// The request for the body of a chat request. `native` is an object with the fields that a client sent in the form of
/// Responses, or `null`: its items, tools and instructions are sent byte for byte, without the reasoning that this upstream
/// cannot read.
pub fn body(chat: Json<'_>, native: Json<'_>, target: &Target<'_>) -> Body {
    let is_openrouter = target.dialect == Dialect::OpenRouter;
    let fields = &Fields::of(chat);
    let is_native = native.is_object();
    let (mut json, mut lost) = (Object::default(), Vec::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let word = name.word();
        let is_in = |names: &str| split(names, b' ').any(|known| known == word);
        if is_in(SAME) || !is_native && is_in(OWN) || is_openrouter && is_in(ROUTERS) {
            json.entry(name, value.raw());
            continue;
        }
        let is_default = value.flag() == Some(false) || word == "n" && value.whole() == Some(1);
        if !is_default && !is_in(READ) && !is_in(OWN) {
            add(&mut lost, word);
        }
    }
    let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| fields.get(name).whole());
    json.maybe_whole("max_output_tokens", limit.map(|limit| limit.max(Protocol::Responses.least_output())))
        .flag("store", false);
    if is_native {
        json.raw("input", &native::input(native.get("input"), target));
        for name in split(NATIVE, b' ') {
            let value = native.get(name);
            json.maybe_raw(name, (!value.is_null()).then(|| value.raw()));
        }
    } else {
        write(fields, target, &mut json, &mut lost);
    }
    Body { json: json.end(), lost }
}

/// Writes what has another form in Responses.
fn write(fields: &Fields<'_>, target: &Target<'_>, json: &mut Object, lost: &mut Vec<String>) {
    let items = items::read(fields.get("messages"), target, lost);
    json.raw("input", &array(&items.json));
    let tools = tools::read(fields.get("tools"), lost);
    if !tools.is_empty() {
        json.raw("tools", &array(tools)).maybe_raw("tool_choice", tools::choice(fields.get("tool_choice")).as_deref());
    }
    write_text(fields, json);
    let thinks = write_reasoning(fields, target.dialect == Dialect::OpenRouter, json);
    let mut include = Vec::new();
    if thinks || items.is_encrypted {
        include.push("\"reasoning.encrypted_content\"");
    }
    if fields.get("logprobs").flag() == Some(true) {
        include.push("\"message.output_text.logprobs\"");
        let top = fields.get("top_logprobs");
        json.maybe_raw("top_logprobs", top.is_number().then(|| top.raw()));
    }
    if !include.is_empty() {
        json.raw("include", &array(include));
    }
}

/// The format of the answer. Chat has the fields of a schema one level deeper.
fn write_text(fields: &Fields<'_>, json: &mut Object) {
    let (format, verbosity) = (fields.get("response_format"), fields.get("verbosity"));
    let mut text = Object::default();
    if format.get("type").is("json_schema") {
        text.raw("format", &patched(format.get("json_schema").raw(), r#"{"type":"json_schema"}"#));
    } else if format.is_object() {
        text.raw("format", format.raw());
    }
    text.maybe_raw("verbosity", verbosity.is_string().then(|| verbosity.raw()));
    let text = text.end();
    if text != "{}" {
        json.raw("text", &text);
    }
}

/// Writes how the model reasons. True, if the caller asked for reasoning.
fn write_reasoning(fields: &Fields<'_>, is_openrouter: bool, json: &mut Object) -> bool {
    let given = fields.get("reasoning");
    let effort = fields.get("reasoning_effort").text().or_else(|| given.get("effort").text());
    let is_off = given.get("enabled").flag() == Some(false) || effort.as_deref() == Some("none");
    let has_effort = effort.is_some();
    let mut reasoning = Object::default();
    reasoning.maybe_raw("effort", effort.map(|effort| quoted(&effort)).as_deref());
    for name in ["max_tokens", "enabled"] {
        let value = given.get(name);
        reasoning.maybe_raw(name, (is_openrouter && !value.is_null()).then(|| value.raw()));
    }
    // A caller of OpenAI's chat completions, who names an effort alone, never sees the reasoning. OpenRouter's callers do.
    let shows = given.is_object() || is_openrouter && has_effort;
    if shows && !is_off && given.get("exclude").flag() != Some(true) {
        reasoning.text("summary", "auto");
    }
    let reasoning = reasoning.end();
    if reasoning == "{}" {
        return false;
    }
    json.raw("reasoning", &reasoning);
    !is_off
}
