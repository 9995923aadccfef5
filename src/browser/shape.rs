//! The shape in which a client of the wire reads answers and errors.
//!
//! The schema of @openrouter/sdk is strict: it requires fields that many upstreams leave out, and refuses a `null` that most
//! of them write. The whole answer is of no use to its caller then.

use wasm_bindgen::JsValue;

use super::page::property;
use super::timer::now;
use crate::Chunks;
use crate::json::{Json, Object, array, decimal};
use crate::text::{cut, find, text};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// OpenAI's. The SDKs for it take what they get.
    #[default]
    OpenAi,
    OpenRouter,
}

/// In these fields, a `null` says as much as a field that is left out.
const CLEANED: [&str; 8] = [
    "choices",
    "delta",
    "message",
    "tool_calls",
    "function",
    "usage",
    "prompt_tokens_details",
    "completion_tokens_details",
];

/// These fields may be `null` for every client.
const NULLABLE: [&str; 3] = ["content", "refusal", "logprobs"];

/// The fields that a choice must have, with the JSON texts that stand for missing ones.
const OF_CHOICE: [(&str, &str); 2] = [("index", "0"), ("finish_reason", "null")];

impl Shape {
    /// The shape that the sender of a request to `url` reads. The base URLs of OpenRouter, and of what stands in for it, end
    /// with `/api/v1`. OpenAI's package, which names itself in a header, declares the code of an error as a string there, too.
    pub(super) fn of(url: &str, headers: &JsValue) -> Self {
        let header = |name| property(headers, name).as_string();
        let is_openai = header("x-stainless-lang").is_some();
        let is_at_openrouter = || find(cut(url, b'?').0, "/api/v1/").is_some();
        let is_openrouter = || header("user-agent").is_some_and(|agent| find(&agent, "@openrouter/").is_some());
        if !is_openai && (is_at_openrouter() || is_openrouter()) { Self::OpenRouter } else { Self::OpenAi }
    }

    /// The completion with the JSON text `json`.
    pub(super) fn completion(self, json: String) -> String {
        match self {
            Self::OpenAi => json,
            Self::OpenRouter => strict(&json, "chat.completion", &[("system_fingerprint", "null")]),
        }
    }

    /// The chunks as server-sent events.
    pub(super) fn events(self, chunks: &Chunks) -> String {
        match self {
            Self::OpenAi => chunks.to_sse(),
            Self::OpenRouter => {
                let chunk = |json| text!("data: ", &strict(json, "chat.completion.chunk", &[]), "\n\n");
                chunks.iter().map(chunk).collect()
            }
        }
    }
}

fn strict(json: &str, object: &str, more: &[(&str, &str)]) -> String {
    let (object, created) = (text!("\"", object, "\""), decimal(now() / 1_000));
    let required = [("id", "\"\""), ("object", &*object), ("created", &*created), ("model", "\"\"")];
    cleaned(Json::or_null(json), &[&required, more].concat())
}

fn cleaned(value: Json<'_>, required: &[(&str, &str)]) -> String {
    if value.is_array() {
        return array(value.items().map(|item| cleaned(item, required)));
    }
    if !value.is_object() {
        return value.raw().into();
    }
    let mut json = Object::default();
    for (name, field) in value.fields() {
        let is_one_of = |names: &[&str]| names.iter().any(|known| name.is(known));
        if is_one_of(&CLEANED) && !field.is_null() {
            json.entry(name, &cleaned(field, if name.is("choices") { &OF_CHOICE } else { &[] }));
        } else if !field.is_null() || is_one_of(&NULLABLE) {
            json.entry(name, field.raw());
        }
    }
    for (name, default) in required {
        if value.get(name).is_null() {
            json.raw(name, default);
        }
    }
    json.end()
}
