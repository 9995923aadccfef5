//! Changes of an error that do not change its meaning: the order of keys, the case of letters, one more wrapping, a long end.

use serde_json::{Map, Value, json};

/// A change that keeps the meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mutation {
    /// The keys in another order.
    Shuffled,
    Capitals,
    SmallLetters,
    WhiteSpace,
    /// A sentence behind each message, cut somewhere.
    LongEnd,
    InError,
    InList,
    InDetail,
    InBody,
    /// JSON inside a string.
    InMessage,
    BehindPrefix,
    /// As OpenRouter quotes a provider.
    InRaw,
    /// As Anthropic names the type of a body.
    Typed,
}

impl Mutation {
    pub(crate) const ALL: [Self; 13] = [
        Self::Shuffled,
        Self::Capitals,
        Self::SmallLetters,
        Self::WhiteSpace,
        Self::LongEnd,
        Self::InError,
        Self::InList,
        Self::InDetail,
        Self::InBody,
        Self::InMessage,
        Self::BehindPrefix,
        Self::InRaw,
        Self::Typed,
    ];

    /// An error that comes with a success stands where errors stand, in an event that is an object or a list of objects.
    pub(crate) fn is_possible(self, body: &Value, status: u16) -> bool {
        let is_possible = match self {
            Self::InDetail | Self::InBody => false,
            Self::InList => !body.is_array(),
            _ => true,
        };
        status != 200 || is_possible
    }

    /// `body`, changed. `status` is the status of its response.
    pub(crate) fn apply(self, body: &Value, status: u16, random: &mut u64) -> Value {
        let text = body.to_string();
        match self {
            Self::Shuffled => shuffled(body, random),
            Self::Capitals => changed(body, &mut |text| text.to_ascii_uppercase()),
            Self::SmallLetters => {
                changed(body, &mut |text| if text.contains(' ') { text.to_ascii_lowercase() } else { text.into() })
            }
            Self::WhiteSpace => changed(body, &mut |text| format!("  {text}\n")),
            Self::LongEnd => changed(body, &mut |text| with_end(text, random)),
            Self::InError => json!({"error": body}),
            Self::InList => json!([body]),
            Self::InDetail => json!({"detail": body}),
            Self::InBody => json!({"response": {"body": body}}),
            Self::InMessage => json!({"error": {"message": text, "type": "upstream_error"}}),
            Self::BehindPrefix => json!({"error": {"message": format!("Error from provider ({status}): {text}")}}),
            Self::InRaw => {
                json!({"error": {"message": "Provider returned error", "code": status, "metadata": {"raw": text, "provider_name": "P"}}})
            }
            Self::Typed => json!({"type": "error", "error": body, "request_id": "req_1"}),
        }
    }
}

/// The beginning of a series of numbers that look random.
pub(crate) fn start(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d
}

/// The next number of a series, below `below`.
pub(crate) fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

/// The keys of each object in another order.
fn shuffled(value: &Value, random: &mut u64) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.iter().map(|(key, value)| (key.clone(), shuffled(value, random))).collect();
            for at in (1..fields.len()).rev() {
                fields.swap(at, next(random, at + 1));
            }
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| shuffled(item, random)).collect()),
        other => other.clone(),
    }
}

/// The texts of `value`, changed by `change`. JSON inside a text stays as it is.
fn changed(value: &Value, change: &mut dyn FnMut(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), changed(value, change)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| changed(item, change)).collect()),
        Value::String(text) if !text.contains('{') => Value::String(change(text)),
        other => other.clone(),
    }
}

/// What servers write behind a message.
const END: &str = " (request id: 20260529190832907). For more information see https://docs.example.com/errors#details";

/// `text`, if it is a sentence, with a beginning of the end that servers write.
fn with_end(text: &str, random: &mut u64) -> String {
    let end = if text.trim().contains(' ') { &END[..next(random, END.len() + 1)] } else { "" };
    [text, end].concat()
}
