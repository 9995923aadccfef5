//! The fields of a request (`CreateResponse` in `openai/openai-openapi` `openapi.yaml`).

use super::super::content::{Part, Transcript};
use super::super::request::{Request, sort_fields};
use super::super::response_fields::{READ, SAME};
use super::tools::{Choice, Tools};
use super::{Context, input, state, tools};
use crate::invalid::Invalid;
use crate::json::{Fields, Json, Object, array, patched};
use crate::text::split;

/// The fields that an upstream of the same protocol gets byte for byte.
const NATIVE: &str =
    "input instructions tools tool_choice parallel_tool_calls text reasoning include top_logprobs metadata";

/// Reads the body of a request.
///
/// # Errors
/// [`Invalid`] with the path of the field, and with what to send instead.
pub fn read(body: Json<'_>) -> Result<Request<Context>, Box<Invalid>> {
    if !body.is_object() {
        return Err(Invalid::new("body", "must be an object"));
    }
    let fields = &Fields::of(body);
    state::check_fields(fields)?;
    let mut warnings = Vec::new();
    warn(fields, &mut warnings);
    let (tools, choice) = (tools::read(fields.get("tools"))?, tools::read_choice(fields.get("tool_choice"))?);
    let (chat, foreign) = chat(fields, &tools, &choice)?;
    let (native, unknown) = sort_fields(fields, &[SAME, READ], NATIVE)?;
    let context = Context {
        echo: echo(fields, &tools.echo),
        custom: tools.custom,
        wants_encrypted: includes(fields, "reasoning.encrypted_content"),
        model: fields.get("model").text().unwrap_or_default().into(),
        prompt_tokens: 0,
    };
    Ok(Request { chat, context, warnings, unknown, native, foreign })
}

fn warn(fields: &Fields<'_>, warnings: &mut Vec<String>) {
    if fields.get("store").flag() == Some(true) {
        warnings.push("`store` was ignored, because responses are not stored here".into());
    }
    if fields.get("truncation").is("auto") {
        warnings.push("`truncation` was ignored: no items are left out; leave out old items of `input` instead".into());
    }
}

fn includes(fields: &Fields<'_>, name: &str) -> bool {
    fields.get("include").items().any(|item| item.is(name))
}

/// The chat request, and the refusals of what it has no form for.
fn chat(fields: &Fields<'_>, tools: &Tools, choice: &Choice) -> Result<(String, Option<Box<Invalid>>), Box<Invalid>> {
    let mut messages = Transcript::default();
    let instructions = fields.get("instructions");
    match instructions.text() {
        Some(text) if !text.is_empty() => messages.system(vec![Part::text(&text, Json::NULL)]),
        Some(_) => {}
        None if instructions.is_null() => {}
        None => return Err(Invalid::new("instructions", "must be a string")),
    }
    input::read(fields.get("input"), &mut messages)?;
    let foreign = messages.foreign.take();
    let mut chat = Object::default();
    for name in split(SAME, b' ') {
        let value = fields.get(name);
        if !value.is_null() {
            chat.raw(name, value.raw());
        }
    }
    chat.raw("messages", &array(messages.end()));
    write_tools(fields, tools, choice, &mut chat);
    write_output(fields, &mut chat)?;
    if fields.get("stream").flag() == Some(true) {
        // The event that ends the stream contains the usage.
        chat.flag("stream", true).raw("stream_options", r#"{"include_usage":true}"#);
    } else if !fields.get("stream").is_null() {
        chat.raw("stream", fields.get("stream").raw());
    }
    Ok((chat.end(), foreign))
}

/// A chat request without tools must have no choice among them (OpenAI answers with a 400).
fn write_tools(fields: &Fields<'_>, tools: &Tools, choice: &Choice, chat: &mut Object) {
    let is_allowed = |name: &String| choice.allowed.as_ref().is_none_or(|allowed| allowed.contains(name));
    let functions: Vec<&String> =
        tools.chat.iter().filter(|(name, _)| is_allowed(name)).map(|(_, json)| json).collect();
    if functions.is_empty() {
        return;
    }
    chat.raw("tools", &array(functions));
    chat.maybe_raw("tool_choice", choice.chat.as_deref());
    if let Some(parallel) = fields.get("parallel_tool_calls").flag() {
        chat.flag("parallel_tool_calls", parallel);
    }
}

/// The fields about the answer: its format, its length, its reasoning.
fn write_output(fields: &Fields<'_>, chat: &mut Object) -> Result<(), Box<Invalid>> {
    let limit = fields.get("max_output_tokens");
    if !limit.is_null() {
        if limit.whole().is_none_or(|limit| limit == 0) {
            return Err(Invalid::new("max_output_tokens", "must be a whole number above 0"));
        }
        chat.raw("max_completion_tokens", limit.raw());
    }
    let (effort, verbosity) = (fields.at("reasoning.effort"), fields.at("text.verbosity"));
    if effort.is_string() {
        chat.raw("reasoning_effort", effort.raw());
    }
    if verbosity.is_string() {
        chat.raw("verbosity", verbosity.raw());
    }
    if includes(fields, "message.output_text.logprobs") {
        chat.flag("logprobs", true);
        let top = fields.get("top_logprobs");
        if !top.is_null() {
            chat.raw("top_logprobs", top.raw());
        }
    }
    write_format(fields.at("text.format"), chat)
}

fn write_format(format: Json<'_>, chat: &mut Object) -> Result<(), Box<Invalid>> {
    let kind = format.get("type");
    match kind.word() {
        "" if format.is_null() => {}
        "text" => {}
        "json_object" => _ = chat.raw("response_format", r#"{"type":"json_object"}"#),
        "json_schema" => {
            // Responses has the fields beside `type`, and chat has them one level deeper.
            let schema = patched(format.raw(), r#"{"type":null}"#);
            chat.open("response_format", "{").text("type", "json_schema").raw("json_schema", &schema).close("}");
        }
        _ => {
            let problem = "must be \"text\", \"json_object\" or \"json_schema\"";
            return Err(Invalid::new("text.format.type", problem));
        }
    }
    Ok(())
}

/// The fields of the request that the response object repeats. Typed clients fail without some of them
/// (BerriAI/litellm#28899; `OpenRouterTeam/typescript-sdk` `src/models/openresponsesresult.ts`).
fn echo(fields: &Fields<'_>, tools: &[String]) -> String {
    let mut echo = Object::default();
    for (name, default) in [
        ("frequency_penalty", "0"),
        ("instructions", "null"),
        ("max_output_tokens", "null"),
        ("max_tool_calls", "null"),
        ("metadata", "{}"),
        ("parallel_tool_calls", "true"),
        ("presence_penalty", "0"),
        ("prompt_cache_key", "null"),
        ("safety_identifier", "null"),
        ("service_tier", "\"default\""),
        ("temperature", "null"),
        ("tool_choice", "\"auto\""),
        ("top_logprobs", "0"),
        ("top_p", "null"),
        ("user", "null"),
    ] {
        let value = fields.get(name);
        echo.raw(name, if value.is_null() { default } else { value.raw() });
    }
    let reasoning = patched(r#"{"effort":null,"summary":null}"#, fields.get("reasoning").raw());
    let text = patched(r#"{"format":{"type":"text"}}"#, fields.get("text").raw());
    echo.raw("reasoning", &reasoning).raw("text", &text).raw("tools", &array(tools));
    echo.raw("previous_response_id", "null").text("truncation", "disabled");
    echo.flag("background", false).flag("store", false).end()
}
