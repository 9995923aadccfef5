//! Reads and checks the body of a chat request.

use super::fields::FIELDS;
use super::long_cache::has_long_cache;
use super::models;
use super::{ChatRequest, LIMITS, Lane, OwnerFields, UsageChunk};
use crate::invalid::Invalid;
use crate::json::{Fields, Json, Object, decimal};
use crate::text::text;
use crate::tokens::Prompt;

impl ChatRequest {
    /// Reads the body of a chat request, a JSON object.
    ///
    /// # Errors
    /// [`Invalid`] with the path of the field that is missing, wrong, or in the object twice.
    pub fn read(body: Json<'_>) -> Result<Self, Box<Invalid>> {
        if !body.is_object() {
            return Err(Invalid::new("body", "must be an object"));
        }
        Self::read_fields(&Fields::of(body))
    }

    /// [`ChatRequest::read`], for a body whose fields are found already.
    ///
    /// # Errors
    /// As [`ChatRequest::read`].
    pub fn read_fields(body: &Fields<'_>) -> Result<Self, Box<Invalid>> {
        let prompt = check_messages(body)?;
        Self::read_around(body, prompt)
    }

    /// Reads everything but the `prompt`.
    pub(super) fn read_around(body: &Fields<'_>, prompt: Prompt) -> Result<Self, Box<Invalid>> {
        check_numbers(body)?;
        let mut warnings = Vec::new();
        let models = models::read(body, &mut warnings)?;
        let stream = body.get("stream");
        if stream.flag().is_none() && !stream.is_null() {
            return Err(Invalid::new("stream", "must be true or false"));
        }
        let stream_options = body.get("stream_options");
        if !stream_options.is_object() && !stream_options.is_null() {
            return Err(Invalid::new("stream_options", "must be an object"));
        }
        let policy = body.get("failsoft");
        let format = body.get("response_format").get("type");
        let answers = body.get("n");
        // A number that is not written as a whole number may be any number.
        let answers = if answers.is_null() { 1 } else { answers.whole().unwrap_or(u64::MAX).max(1) };
        Ok(Self {
            models,
            stream: stream.flag() == Some(true),
            policy: (!policy.is_null()).then(|| policy.raw().into()),
            usage_chunk: UsageChunk::AsSent,
            lane: Lane::Gate,
            callers_clocks: false,
            as_it_comes: false,
            warnings,
            wants_json: format.is("json_object") || format.is("json_schema"),
            wants_audio: body.get("audio").is_object(),
            wants_reasoning: wants_reasoning(body),
            thinking: thinking(body),
            prompt,
            prompt_most: None,
            max_tokens: LIMITS.iter().find_map(|name| body.get(name).whole()),
            required: required(body),
            max_reasoning: body.get("reasoning").get("max_tokens").whole(),
            #[cfg(feature = "protocols")]
            native: None,
            #[cfg(feature = "protocols")]
            betas: String::new(),
            #[cfg(feature = "protocols")]
            embeddings: None,
            owner: OwnerFields::default(),
            answers,
            limits: LIMITS.into_iter().filter(|name| body.get(name).is_number()).collect(),
            schema: body.get("response_format").at("json_schema.schema").raw().into(),
            stream_options: if stream_options.is_null() { String::new() } else { stream_options.raw().into() },
            hour_in_cache: !cfg!(feature = "browser") && has_long_cache(body.iter()),
            rest: rest(body)?,
        })
    }
}

fn check_messages(body: &Fields<'_>) -> Result<Prompt, Box<Invalid>> {
    let messages = body.get("messages");
    if !messages.is_array() {
        return Err(Invalid::new("messages", "must be an array of {role, content}"));
    }
    if messages.items().next().is_none() {
        return Err(Invalid::new("messages", "is empty; give at least one message"));
    }
    if let Some(at) = messages.items().position(|message| !message.get("role").is_string()) {
        let path = text!("messages[", &decimal(at as u64), "].role");
        return Err(Invalid::new(path, "must be a string such as \"user\" or \"system\""));
    }
    Ok(Prompt::chat(messages, body.get("tools"), body.get("response_format")))
}

fn check_numbers(body: &Fields<'_>) -> Result<(), Box<Invalid>> {
    for field in FIELDS.iter().filter(|field| field.is_number()) {
        let value = body.get(field.name);
        if !value.is_number() && !value.is_null() {
            return Err(Invalid::new(field.name, "must be a finite number"));
        }
    }
    Ok(())
}

/// The parameters without which the answer would not be what the caller asked for.
fn required(body: &Fields<'_>) -> Vec<&'static str> {
    let format = body.get("response_format").get("type");
    let mut required = Vec::new();
    if body.get("tools").items().next().is_some() {
        required.push("tools");
    }
    if format.is("json_schema") {
        required.push("structured_outputs");
    }
    if format.is("json_object") {
        required.push("response_format");
    }
    required
}

fn wants_reasoning(body: &Fields<'_>) -> bool {
    let (reasoning, effort) = (body.get("reasoning"), body.get("reasoning_effort"));
    let asked =
        reasoning.is_object() && reasoning.get("exclude").flag() != Some(true) && !reasoning.get("effort").is("none");
    asked || (effort.is_string() && !effort.is("none")) || body.get("include_reasoning").flag() == Some(true)
}

/// The most fields of a request. Each name is compared with all others.
pub const MOST_FIELDS: usize = 256;

/// The longest name of a field, in bytes.
const LONGEST_NAME: usize = 256;

/// Whether the caller asked the model to think: in OpenAI's and OpenRouter's words, in Anthropic's and Zhipu's (`thinking`),
/// in those of Qwen (`enable_thinking`) and of vLLM and SGLang (`chat_template_kwargs`).
fn thinking(body: &Fields<'_>) -> Option<bool> {
    let is_off = |value: Json<'_>| ["none", "disabled", "off"].iter().any(|off| value.is(off)) || value.raw() == "0";
    for path in [
        "reasoning.enabled",
        "reasoning.effort",
        "reasoning.max_tokens",
        "reasoning_effort",
        "thinking.type",
        "thinking.budget_tokens",
        "enable_thinking",
        "thinking_budget",
        "chat_template_kwargs.enable_thinking",
        "chat_template_kwargs.thinking",
        "include_reasoning",
    ] {
        let value = body.at(path);
        if !value.is_null() {
            return Some(value.flag().unwrap_or(!is_off(value)));
        }
    }
    body.get("reasoning").is_object().then_some(true)
}

/// An object with all fields that an upstream gets as they came. A field that is there twice is refused: this reader and
/// the upstream might not read the same one.
fn rest(body: &Fields<'_>) -> Result<String, Box<Invalid>> {
    const OURS: [&str; 7] =
        ["model", "models", "stream", "stream_options", "failsoft", "max_completion_tokens", "max_tokens"];
    let (mut rest, mut names) = (Object::default(), Vec::new());
    for (name, value) in body.iter() {
        let text = name.text().unwrap_or_default();
        if names.len() == MOST_FIELDS {
            return Err(Invalid::new("body", "has more than 256 fields"));
        }
        if text.len() > LONGEST_NAME {
            return Err(Invalid::new(text, "is no name of a field: it has more than 256 bytes"));
        }
        if names.contains(&text) {
            return Err(Invalid::new(text, "is given twice"));
        }
        if !OURS.contains(&&*text) {
            rest.entry(name, value.raw());
        }
        names.push(text);
    }
    Ok(rest.end())
}

#[cfg(test)]
mod tests {
    use super::ChatRequest;
    use crate::json::Json;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<ChatRequest, String> {
        ChatRequest::read(Json::parse(&body.to_string()).expect("JSON")).map_err(|error| error.to_string())
    }

    fn hello(mut body: Value) -> Value {
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
        body
    }

    #[test]
    fn a_refused_request_names_the_field_and_what_to_do() {
        for (body, message) in [
            (json!({"model": "a"}), "`messages` must be an array of {role, content}"),
            (json!({"model": "a", "messages": []}), "`messages` is empty; give at least one message"),
            (
                json!({"model": "a", "messages": [{"content": "x"}]}),
                "`messages[0].role` must be a string such as \"user\" or \"system\"",
            ),
            (hello(json!({})), "`models` is missing; name at least one model"),
            (hello(json!({"models": []})), "`models` is missing; name at least one model"),
            (hello(json!({"models": ["a", 1]})), "`models[1]` must be a model's id"),
            (hello(json!({"model": "a", "stream": "yes"})), "`stream` must be true or false"),
            (hello(json!({"model": "a", "temperature": "hot"})), "`temperature` must be a finite number"),
        ] {
            assert_eq!(read(body).err().as_deref(), Some(message));
        }
    }
}
