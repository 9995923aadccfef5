//! The fields of a request (`MessageCreateParamsBase` in `anthropics/anthropic-sdk-typescript`
//! `src/resources/messages/messages.ts`).

use super::super::content::Transcript;
use super::super::request::{Request, sort_fields};
use super::{Context, input, parts, tools};
use crate::invalid::Invalid;
use crate::json::{Fields, Json, Object, array, quoted};
use crate::text::split;

/// The fields that have the same name and meaning in a chat request. Those behind `cache_control` are of OpenRouter's form of
/// Messages and of this project.
const SAME: &str =
    "model models temperature top_p top_k cache_control provider plugins route session_id trace failsoft";

/// The fields that are read here. Nothing becomes of `service_tier`: a chain has no reserved capacity.
const READ: &str = "messages system max_tokens stop_sequences tools tool_choice thinking output_config metadata stream \
                    service_tier container mcp_servers inference_geo fallbacks";

/// The fields that an upstream of the same protocol gets byte for byte.
const NATIVE: &str = "messages system tools tool_choice thinking output_config stop_sequences metadata";

/// The fields that are refused unless they are `null`, and what to do instead.
const REFUSED: [(&str, &str); 3] = [
    (
        "container",
        "is stored at Anthropic, and the models of a chain have different vendors; send the whole conversation",
    ),
    (
        "mcp_servers",
        "are called by Anthropic, and the models of a chain have different vendors; call the servers at the caller, and \
         send their tools in `tools`",
    ),
    (
        "inference_geo",
        "has another price, and the models of a chain have different vendors; choose a model in that region",
    ),
];

/// Reads the body of `POST /v1/messages`.
///
/// # Errors
/// [`Invalid`] with the path of the field, and with what to send instead.
pub fn read(body: Json<'_>) -> Result<Request<Context>, Box<Invalid>> {
    let fields = &Fields::of(body);
    let limit = fields.get("max_tokens");
    if body.is_object() && limit.whole().is_none_or(|limit| limit == 0) {
        let problem = if limit.is_null() { "is missing; give" } else { "must be" };
        return Err(Invalid::new("max_tokens", [problem, " a whole number above 0"].concat()));
    }
    read_fields(body, fields)
}

/// Reads the body of `POST /v1/messages/count_tokens`, a request without an output limit.
///
/// # Errors
/// As [`read`].
pub fn read_prompt(body: Json<'_>) -> Result<Request<Context>, Box<Invalid>> {
    read_fields(body, &Fields::of(body))
}

fn read_fields(body: Json<'_>, fields: &Fields<'_>) -> Result<Request<Context>, Box<Invalid>> {
    if !body.is_object() {
        return Err(Invalid::new("body", "must be an object"));
    }
    for (name, instead) in REFUSED {
        let value = fields.get(name);
        if !(value.is_null() || value.is_array() && value.is_empty()) {
            return Err(Invalid::new(name, instead));
        }
    }
    let (native, unknown) = sort_fields(fields, &[SAME, READ], NATIVE)?;
    let thinking = fields.get("thinking");
    let is_asked = ["enabled", "adaptive"].iter().any(|kind| thinking.get("type").is(kind));
    let context = Context {
        shows_thinking: is_asked && !thinking.get("display").is("omitted"),
        model: fields.get("model").text().unwrap_or_default().into(),
        prompt_tokens: 0,
    };
    let (chat, foreign) = chat(fields)?;
    Ok(Request { chat, context, warnings: Vec::new(), unknown, native, foreign })
}

/// The chat request, and the refusals of what it has no form for.
fn chat(fields: &Fields<'_>) -> Result<(String, Option<Box<Invalid>>), Box<Invalid>> {
    let mut messages = Transcript::default();
    let system = parts::read(fields.get("system"), "system", &mut messages.foreign)?;
    if !system.is_empty() {
        messages.system(system);
    }
    input::read(fields.get("messages"), &mut messages)?;
    let foreign = messages.foreign.take();
    let mut chat = Object::default();
    for name in split(SAME, b' ') {
        let value = fields.get(name);
        if !value.is_null() && (name != "model" || fields.get("fallbacks").is_empty()) {
            chat.raw(name, value.raw());
        }
    }
    write_fallbacks(fields, &mut chat);
    chat.raw("messages", &array(messages.end()));
    let limit = fields.get("max_tokens");
    if !limit.is_null() {
        chat.raw("max_tokens", limit.raw());
    }
    let stop = fields.get("stop_sequences");
    if stop.is_array() && !stop.is_empty() {
        chat.raw("stop", stop.raw());
    }
    write_tools(fields, &mut chat)?;
    write_output(fields, &mut chat);
    Ok((chat.end(), foreign))
}

/// OpenRouter's form of a chain: `fallbacks` behind `model`.
fn write_fallbacks(fields: &Fields<'_>, chat: &mut Object) {
    let fallbacks = fields.get("fallbacks");
    if !fallbacks.is_empty() && fields.get("models").is_null() {
        let models = fallbacks.items().map(|fallback| fallback.get("model"));
        chat.raw("models", &array([fields.get("model")].into_iter().chain(models).map(Json::raw)));
    }
}

/// A chat request without tools must have no choice among them (OpenAI answers with a 400).
fn write_tools(fields: &Fields<'_>, chat: &mut Object) -> Result<(), Box<Invalid>> {
    let tools = tools::read(fields.get("tools"))?;
    if !tools.is_empty() {
        chat.raw("tools", &array(tools));
        tools::write_choice(fields.get("tool_choice"), chat)?;
    }
    Ok(())
}

/// The fields about the answer: its reasoning, its format, its stream, and who asks.
fn write_output(fields: &Fields<'_>, chat: &mut Object) {
    let (thinking, effort) = (fields.get("thinking"), fields.at("output_config.effort"));
    let budget = thinking.get("budget_tokens");
    let kind = thinking.get("type");
    if kind.is("disabled") {
        chat.raw("reasoning", r#"{"enabled":false}"#);
    } else if kind.is("enabled") && budget.is_number() {
        chat.open("reasoning", "{").raw("max_tokens", budget.raw()).close("}");
    } else if effort.is_string() {
        chat.open("reasoning", "{").raw("effort", effort.raw()).close("}");
    } else if kind.is("adaptive") || kind.is("enabled") {
        chat.raw("reasoning", r#"{"enabled":true}"#);
    }
    let schema = fields.at("output_config.format.schema");
    if schema.is_object() {
        chat.open("response_format", "{").text("type", "json_schema").open("json_schema", "{");
        chat.text("name", "answer").raw("schema", schema.raw()).flag("strict", true).close("}").close("}");
    }
    if let Some(user) = fields.at("metadata.user_id").text() {
        chat.raw("user", &quoted(&user));
    }
    let stream = fields.get("stream");
    if stream.flag() == Some(true) {
        // The event that ends the message contains the usage.
        chat.flag("stream", true).raw("stream_options", r#"{"include_usage":true}"#);
    } else if !stream.is_null() {
        chat.raw("stream", stream.raw());
    }
}
