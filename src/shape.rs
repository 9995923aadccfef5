//! The shape in which a client of chat completions reads answers and errors: OpenAI's or OpenRouter's.
//!
//! The schema of @openrouter/sdk is strict: it requires fields that many upstreams leave out, and refuses a `null` that most
//! of them write. The whole answer is of no use to its caller then.

use crate::Millis;
use crate::chunk::Chunks;
use crate::failure::Failure;
use crate::json::{Json, Object, array, decimal};
use crate::text::text;

/// The shape in which a client of chat completions reads answers and errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// OpenAI's. The SDKs for it take what they get. The code of an error is a string.
    #[default]
    OpenAi,
    /// OpenRouter's. The code of an error is the HTTP status, and an error inside a stream is a chunk.
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

const CHUNK: &str = "chat.completion.chunk";

impl Shape {
    /// The completion with the JSON text `json`.
    pub fn completion(self, json: String, now: Millis) -> String {
        match self {
            Self::OpenAi => json,
            Self::OpenRouter => strict(&json, "chat.completion", &[("system_fingerprint", "null")], now),
        }
    }

    /// The chunk with the JSON text `json`.
    pub fn chunk(self, json: String, now: Millis) -> String {
        match self {
            Self::OpenAi => json,
            Self::OpenRouter => strict(&json, CHUNK, &[], now),
        }
    }

    /// The chunks as server-sent events.
    pub fn events(self, chunks: &Chunks, now: Millis) -> String {
        match self {
            Self::OpenAi => chunks.to_sse(),
            Self::OpenRouter => {
                let chunk = |json| text!("data: ", &strict(json, CHUNK, &[], now), "\n\n");
                chunks.iter().map(chunk).collect()
            }
        }
    }

    /// The JSON text of `error` for `failure`.
    pub fn error(self, failure: &Failure) -> String {
        match self {
            Self::OpenAi => failure.to_openai(),
            Self::OpenRouter => failure.to_openrouter(),
        }
    }

    /// The JSON object of the event that ends a broken stream, with the `id` and the `model` of its chunks. OpenRouter's is a
    /// chunk.
    pub fn error_event(self, failure: &Failure, id: &str, model: &str, now: Millis) -> Object {
        let mut json = Object::default();
        if self == Self::OpenRouter {
            json.text("id", id).text("object", CHUNK).whole("created", now / 1_000).text("model", model);
            json.raw("choices", r#"[{"index":0,"delta":{"content":""},"finish_reason":"error"}]"#);
        }
        json.raw("error", &self.error(failure));
        json
    }
}

fn strict(json: &str, object: &str, more: &[(&str, &str)], now: Millis) -> String {
    let (object, created) = (text!("\"", object, "\""), decimal(now / 1_000));
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

#[cfg(test)]
mod tests {
    use super::Shape;
    use crate::failure::{Failure, Kind};

    #[test]
    fn openrouters_shape_has_all_fields_that_its_schema_requires_and_no_null_that_it_refuses() {
        let sent = r#"{"id":null,"model":"a","choices":[{"delta":{"content":null,"tool_calls":null},"logprobs":null}],"usage":null}"#;
        let expected = r#"{"model":"a","choices":[{"delta":{"content":null},"logprobs":null,"index":0,"finish_reason":null}],"id":"","object":"chat.completion.chunk","created":7}"#;
        assert_eq!(Shape::OpenRouter.chunk(sent.into(), 7_000), expected);
        assert_eq!(Shape::OpenAi.chunk(sent.into(), 7_000), sent);
    }

    #[test]
    fn an_error_inside_a_stream_is_a_chunk_for_openrouter() {
        let failure = Failure::new(Kind::Cut, "x");
        let event = Shape::OpenRouter.error_event(&failure, "gen-1", "a/a", 7_000).end();
        let chunk = r#"{"id":"gen-1","object":"chat.completion.chunk","created":7,"model":"a/a","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"#;
        assert!(event.starts_with(chunk) && event.contains(r#""code":502"#), "{event}");
        assert!(Shape::OpenAi.error_event(&failure, "gen-1", "a/a", 7_000).end().starts_with(r#"{"error":{"#));
    }
}
