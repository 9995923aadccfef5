//! What is asked: OpenAI's chat request, checked once, and written anew for every window of models.
//!
//! A body that leaves names `model` or `models`, never both: OpenRouter tries a `model` beside `models` first, which
//! would change the order and the bill.

use serde_json::{Map, Value};

use crate::invalid::Invalid;
use crate::tokens;
use crate::upstream::{Dialect, quoted};

/// The fields of a chat request that are known, OpenAI's and OpenRouter's. A host that checks names checks these.
pub const FIELDS: [&str; 50] = [
    "messages",
    "model",
    "models",
    "stream",
    "stream_options",
    "failsoft",
    "audio",
    "cache_control",
    "debug",
    "frequency_penalty",
    "function_call",
    "functions",
    "image_config",
    "include_reasoning",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "min_p",
    "modalities",
    "n",
    "parallel_tool_calls",
    "plugins",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "provider",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "route",
    "safety_identifier",
    "seed",
    "service_tier",
    "session_id",
    "stop",
    "stop_server_tools_when",
    "store",
    "temperature",
    "tool_choice",
    "tools",
    "top_a",
    "top_k",
    "top_logprobs",
    "top_p",
    "trace",
    "user",
];

/// Fields that are numbers wherever they are known.
const NUMBERS: [&str; 13] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "min_p",
    "n",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "temperature",
    "top_a",
    "top_k",
    "top_logprobs",
    "top_p",
];

/// The longest chain. More is a mistake of whoever wrote it, or an attack on the bill.
const LONGEST_CHAIN: usize = 32;

/// What becomes of the chunk that carries the usage of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChunk {
    /// It is passed on as it came.
    AsSent,
    /// It is passed on with the call's report in a field `failsoft`.
    Annotated,
    /// It is left out: the client speaks OpenAI's protocol and did not ask for it.
    Hidden,
}

/// How the bytes of a stream reach the reader once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Whole chunks, each judged first.
    Gate,
    /// As they come, past the machine; it reads along for the report.
    Relay,
}

/// A chat request, ready to be sent to any window of its chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The chain, in order; at least one, each once.
    pub models: Vec<String>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The request's own `failsoft` field.
    pub policy: Option<Value>,
    /// What becomes of the usage chunk.
    pub usage_chunk: UsageChunk,
    /// How a stream reaches the reader.
    pub lane: Lane,
    /// What the caller should know about the request.
    pub warnings: Vec<String>,
    /// The caller asked for JSON.
    pub(crate) wants_json: bool,
    /// The caller asked to see the reasoning.
    pub(crate) wants_reasoning: bool,
    /// The tokens of the prompt, estimated, without what the answer may take.
    pub(crate) prompt_tokens: u64,
    /// The output limit that the caller set.
    pub(crate) max_tokens: Option<u64>,
    stream_options: Map<String, Value>,
    /// All other fields as JSON text, without the braces.
    rest: String,
}

impl ChatRequest {
    /// Reads the body of a chat request.
    ///
    /// # Errors
    /// [`Invalid`] with the path of the field that is missing or wrong.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, Invalid> {
        let prompt_tokens = check_messages(&body)?;
        check_numbers(&body)?;
        let mut warnings = Vec::new();
        let models = take_chain(&mut body, &mut warnings)?;
        let stream = match body.shift_remove("stream") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(stream)) => stream,
            Some(_) => return Err(Invalid::new("stream", "must be true or false")),
        };
        let stream_options = match body.shift_remove("stream_options") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(options)) => options,
            Some(_) => return Err(Invalid::new("stream_options", "must be an object")),
        };
        let max_tokens = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| body.get(*name)?.as_u64());
        Ok(Self {
            models,
            stream,
            policy: body.shift_remove("failsoft"),
            usage_chunk: UsageChunk::AsSent,
            lane: Lane::Gate,
            warnings,
            wants_json: matches!(body.get("response_format").map(|f| &f["type"]), Some(t) if t == "json_object" || t == "json_schema"),
            wants_reasoning: wants_reasoning(&body),
            prompt_tokens,
            max_tokens,
            stream_options,
            rest: unbraced(&body),
        })
    }

    /// The caller asked for the usage of a stream, as OpenAI's clients do.
    pub fn asks_for_usage(&self) -> bool {
        self.stream_options.get("include_usage") == Some(&Value::Bool(true))
    }

    /// The JSON text that asks `models` over `dialect`.
    pub(crate) fn body(&self, dialect: Dialect, models: &[&str], streaming: bool) -> String {
        let mut body = String::with_capacity(self.rest.len() + 256);
        body.push('{');
        match models {
            [model] => body.extend(["\"model\":", &quoted(model)]),
            _ => {
                let names: Vec<String> = models.iter().map(|model| quoted(model)).collect();
                body.extend(["\"models\":[", &names.join(","), "]"]);
            }
        }
        if streaming {
            body.push_str(",\"stream\":true");
            let mut options = self.stream_options.clone();
            if dialect != Dialect::OpenRouter {
                options.insert("include_usage".into(), true.into());
            }
            if !options.is_empty() {
                body.extend([",\"stream_options\":", &Value::Object(options).to_string()]);
            }
        }
        if let (Dialect::Edge, Some(policy)) = (dialect, &self.policy) {
            body.extend([",\"failsoft\":", &policy.to_string()]);
        }
        body.extend([",", &self.rest, "}"]);
        body
    }
}

fn check_messages(body: &Map<String, Value>) -> Result<u64, Invalid> {
    let messages = match body.get("messages") {
        Some(Value::Array(messages)) if !messages.is_empty() => messages,
        Some(Value::Array(_)) => return Err(Invalid::new("messages", "is empty; give at least one message")),
        _ => return Err(Invalid::new("messages", "must be an array of {role, content}")),
    };
    for (at, message) in messages.iter().enumerate() {
        if !message["role"].is_string() {
            let path = ["messages[", &at.to_string(), "].role"].concat();
            return Err(Invalid::new(path, "must be a string such as \"user\" or \"system\""));
        }
    }
    Ok(tokens::estimate_request(messages, body.get("tools"), body.get("response_format")))
}

fn check_numbers(body: &Map<String, Value>) -> Result<(), Invalid> {
    let wrong = |name: &&&str| body.get(**name).is_some_and(|value| !value.is_number() && !value.is_null());
    match NUMBERS.iter().find(wrong) {
        Some(name) => Err(Invalid::new(*name, "must be a finite number")),
        None => Ok(()),
    }
}

/// `models` in order, else `model`. With both, `models` is what the caller wrote and `model` what a wrapper added.
fn take_chain(body: &mut Map<String, Value>, warnings: &mut Vec<String>) -> Result<Vec<String>, Invalid> {
    let single = match body.shift_remove("model") {
        None | Some(Value::Null) => None,
        Some(Value::String(model)) if !model.trim().is_empty() => Some(model),
        Some(_) => return Err(Invalid::new("model", "must be a model's id, such as \"openai/gpt-4o\"")),
    };
    let listed = match body.shift_remove("models") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(models)) => models,
        Some(_) => return Err(Invalid::new("models", "must be an array of model ids")),
    };
    if listed.len() > LONGEST_CHAIN {
        return Err(Invalid::new("models", "has more than 32 entries"));
    }
    let mut chain: Vec<String> = Vec::with_capacity(listed.len());
    for (at, model) in listed.into_iter().enumerate() {
        match model {
            Value::String(model) if chain.contains(&model) => {
                warnings.push(["`models` names ", &model, " twice"].concat())
            }
            Value::String(model) if !model.trim().is_empty() => chain.push(model),
            _ => return Err(Invalid::new(["models[", &at.to_string(), "]"].concat(), "must be a model's id")),
        }
    }
    match (single, chain.first()) {
        (Some(model), None) => chain.push(model),
        (Some(model), Some(head)) if *head != model => {
            warnings.push(["`model` (", &model, ") was left out: `models` was given too, and it decides"].concat());
        }
        (None, None) => return Err(Invalid::new("models", "is missing; name at least one model")),
        (Some(_) | None, Some(_)) => {}
    }
    Ok(chain)
}

fn wants_reasoning(body: &Map<String, Value>) -> bool {
    let asked = match body.get("reasoning") {
        Some(Value::Object(reasoning)) => {
            reasoning.get("exclude") != Some(&Value::Bool(true))
                && reasoning.get("effort").is_none_or(|effort| effort != "none")
        }
        _ => false,
    };
    let effort = body.get("reasoning_effort").is_some_and(|effort| effort.is_string() && effort != "none");
    asked || effort || body.get("include_reasoning") == Some(&Value::Bool(true))
}

fn unbraced(body: &Map<String, Value>) -> String {
    let fields: Vec<String> =
        body.iter().map(|(name, value)| [&quoted(name), ":", &value.to_string()].concat()).collect();
    fields.join(",")
}

#[cfg(test)]
mod tests {
    use super::ChatRequest;
    use crate::upstream::Dialect;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<ChatRequest, String> {
        ChatRequest::read(body.as_object().expect("an object").clone()).map_err(|error| error.to_string())
    }

    fn hello(mut body: Value) -> Value {
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
        body
    }

    #[test]
    fn never_sends_model_beside_models() {
        let request = read(hello(json!({"model": "x/injected", "models": ["a/a", "b/b"]}))).expect("valid");
        let sent: Value =
            serde_json::from_str(&request.body(Dialect::OpenRouter, &["a/a", "b/b"], false)).expect("JSON");
        assert_eq!(sent["models"], json!(["a/a", "b/b"]));
        assert_eq!(sent.get("model"), None);
        assert!(request.warnings[0].contains("x/injected"));
    }

    #[test]
    fn keeps_unknown_fields_and_the_order_of_a_schema() {
        let body = hello(
            json!({"model": "a/a", "response_format": {"type": "json_schema", "z": 1, "a": 2}, "novel": {"b": 1}}),
        );
        let sent = read(body).expect("valid").body(Dialect::OpenAi, &["a/a"], false);
        assert!(sent.contains(r#""response_format":{"type":"json_schema","z":1,"a":2},"novel":{"b":1}"#), "{sent}");
    }

    #[test]
    fn only_an_edge_is_told_the_policy() {
        let request = read(hello(json!({"model": "a/a", "failsoft": {"attempts": 2}}))).expect("valid");
        assert!(request.body(Dialect::Edge, &["a/a"], false).contains(r#""failsoft":{"attempts":2}"#));
        assert!(!request.body(Dialect::OpenRouter, &["a/a"], false).contains("failsoft"));
    }

    #[test]
    fn refuses_what_cannot_be_sent_and_says_where() {
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
