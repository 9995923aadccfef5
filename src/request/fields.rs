//! The fields of a chat request: the one registry of their names, their types, and how the edge treats them.
//!
//! The rows are the fields that OpenAI and OpenRouter document for `POST /chat/completions`. The page accepts every name as
//! an option. The edge accepts only a field whose cost is bounded by the output limit and the prompt, or by a check.

/// A field of a chat request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in the request's JSON.
    pub name: &'static str,
    /// The JSON types that the field can have. Every field can also be `null`.
    pub types: &'static [Type],
    /// What the edge does with the field.
    pub edge: EdgeRule,
}

/// A type of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What the edge does with a field that a client sends. The owner of an edge can open more fields (`fields` in the
/// configuration).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeRule {
    /// Every value is accepted: no value adds a cost that the prompt and the output limit do not bound.
    Pass,
    /// The value is checked: some values add cost.
    Check,
    /// No value is accepted: the cost is not known beforehand, or the edge does not offer what the field asks for.
    Refuse,
}

use EdgeRule::{Check, Pass, Refuse};
use Type::{Array, Boolean, Number, Object, String};

/// Every known field, by name.
pub static FIELDS: [Field; 57] = [
    field("audio", &[Object], Refuse),
    field("cache_control", &[Object], Check),
    field("debug", &[Object], Refuse),
    field("failsoft", &[Object], Pass),
    field("frequency_penalty", &[Number], Pass),
    field("function_call", &[String, Object], Refuse),
    field("functions", &[Array], Refuse),
    field("image_config", &[Object], Refuse),
    field("include_reasoning", &[Boolean], Pass),
    field("logit_bias", &[Object], Pass),
    field("logprobs", &[Boolean], Pass),
    field("max_completion_tokens", &[Number], Check),
    field("max_tokens", &[Number], Check),
    field("messages", &[Array], Check),
    field("metadata", &[Object], Pass),
    field("min_p", &[Number], Pass),
    field("modalities", &[Array], Check),
    field("model", &[String], Pass),
    field("models", &[Array], Pass),
    field("moderation", &[Object], Refuse),
    field("n", &[Number], Check),
    field("parallel_tool_calls", &[Boolean], Pass),
    field("plugins", &[Array], Check),
    field("prediction", &[Object], Refuse),
    field("presence_penalty", &[Number], Pass),
    field("preset", &[String], Refuse),
    field("prompt_cache_key", &[String], Pass),
    field("prompt_cache_options", &[Object], Refuse),
    field("prompt_cache_retention", &[String], Refuse),
    field("provider", &[Object], Check),
    field("reasoning", &[Object], Check),
    field("reasoning_effort", &[String], Pass),
    field("repetition_penalty", &[Number], Pass),
    field("response_format", &[Object], Pass),
    field("route", &[String], Check),
    field("safety_identifier", &[String], Pass),
    field("seed", &[Number], Pass),
    field("service_tier", &[String], Check),
    field("session_id", &[String], Pass),
    field("stop", &[String, Array], Pass),
    field("stop_server_tools_when", &[Array], Refuse),
    field("store", &[Boolean], Check),
    field("stream", &[Boolean], Pass),
    field("stream_options", &[Object], Check),
    field("temperature", &[Number], Pass),
    field("tool_choice", &[String, Object], Check),
    field("tools", &[Array], Check),
    field("top_a", &[Number], Pass),
    field("top_k", &[Number], Pass),
    field("top_logprobs", &[Number], Pass),
    field("top_p", &[Number], Pass),
    field("trace", &[Object], Pass),
    field("transforms", &[Array], Refuse),
    field("usage", &[Object], Check),
    field("user", &[String], Pass),
    field("verbosity", &[String], Pass),
    field("web_search_options", &[Object], Refuse),
];

const fn field(name: &'static str, types: &'static [Type], edge: EdgeRule) -> Field {
    Field { name, types, edge }
}

/// The field `name`, if it is known.
pub fn find(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The names of all known fields, by name.
pub fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|field| field.name)
}

impl Field {
    /// The field has no type but `Number`.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.types, [Type::Number])
    }
}
