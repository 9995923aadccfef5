//! The errors of upstreams: every class, in the shapes that occur.

use failsoft::Kind;
use serde_json::{Value, json};

use crate::random::Random;
use crate::retry_after::{self, Wait};

/// The meaning of an error, independent of its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Limited,
    InFlight,
    Server,
    Down,
    Unknown,
    Absent,
    TooLong,
    Filtered,
    Unauthorized,
    Unpaid,
    Forbidden,
    /// A mistake of the caller.
    Mistake,
}

/// One error.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) class: Class,
    pub(crate) status: u16,
    /// The value of `error`; `null` if the body is not JSON.
    pub(crate) error: Value,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) wait: Option<Wait>,
    /// A header contains the wait, so the wait is known before the body arrives.
    pub(crate) wait_in_headers: bool,
}

impl Class {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Limited => Kind::RateLimited,
            Self::InFlight => Kind::InFlightBudget,
            Self::Server => Kind::ServerError,
            Self::Down => Kind::Unavailable,
            Self::Unknown => Kind::UnknownModel,
            Self::Absent => Kind::NoEndpoint,
            Self::TooLong => Kind::ContextLength,
            Self::Filtered => Kind::ContentFilter,
            Self::Unauthorized => Kind::Unauthorized,
            Self::Unpaid => Kind::PaymentRequired,
            Self::Forbidden => Kind::Forbidden,
            Self::Mistake => Kind::InvalidRequest,
        }
    }

    /// Another request with the same key would meet the same error.
    pub(crate) fn blames_key(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Unpaid | Self::Forbidden)
    }

    /// The model or its provider is to blame.
    pub(crate) fn blames_model(self) -> bool {
        matches!(self, Self::Limited | Self::Server | Self::Down)
    }
}

impl Fault {
    /// Draws an error of `class` about `model`, with a wait where one is usual.
    pub(crate) fn draw(class: Class, model: &str, random: &mut Random, now: u64) -> Self {
        let (status, mut error) = shape(class, model, random);
        let mut headers = Vec::new();
        let waits = match class {
            Class::Limited | Class::InFlight => 60,
            Class::Down | Class::Server => 15,
            _ => 0,
        };
        let named = random.chance(waits).then(|| retry_after::write(random, now, &mut headers, &mut error));
        let wait_in_headers = named.is_some_and(|(_, in_headers)| in_headers);
        Self { class, status, error, headers, wait: named.map(|(wait, _)| wait), wait_in_headers }
    }

    /// Draws an error inside a stream or a completion, where no status describes it.
    pub(crate) fn inside(class: Class, model: &str, random: &mut Random, now: u64) -> Self {
        loop {
            let fault = Self::draw(class, model, random, now);
            if fault.error.is_object() && !fault.wait_in_headers {
                return fault;
            }
        }
    }

    /// A web page with a status that blames the request comes from something in front of the API, and blames nobody.
    pub(crate) fn becomes_page(&mut self, body: &[u8]) {
        if !body.is_empty() && self.error.is_null() && matches!(self.status, 400 | 403 | 412 | 413 | 418 | 422) {
            self.class = Class::Down;
        }
    }

    /// The body of the response and its content type.
    pub(crate) fn body(&self, metadata: Option<Value>, random: &mut Random) -> (&'static str, Vec<u8>) {
        if self.error.is_null() {
            let page: &[u8] = if random.chance(50) { b"<!DOCTYPE html><title>Oops</title>" } else { b"" };
            return ("text/html", page.to_vec());
        }
        let mut body = json!({"error": self.error, "user_id": "user_1"});
        if let Some(metadata) = metadata {
            body["openrouter_metadata"] = metadata;
        } else if random.one_in(20) {
            body = json!([body]);
        }
        ("application/json", body.to_string().into_bytes())
    }
}

fn shape(class: Class, model: &str, random: &mut Random) -> (u16, Value) {
    let plain = |status: u16, message: &str| (status, json!({"code": status, "message": message}));
    let with = |status: u16, name: &str, value: Value| {
        let mut error = json!({"code": status, "message": "no"});
        error[name] = value;
        (status, error)
    };
    let typed = |status: u16, name: &str| with(status, "metadata", json!({"error_type": name}));
    let about = |status: u16, code: &str, retryable: bool| {
        with(status, "availability", json!({"code": code, "retryable": retryable}))
    };
    let openai = |status: u16, kind: &str, code: &str| {
        (status, json!({"message": "no", "type": kind, "param": null, "code": code}))
    };
    let form = random.below(8);
    match class {
        Class::Limited => match form {
            0 | 1 => plain(429, "slow down"),
            2 => typed(429, "rate_limit_exceeded"),
            3 => about(429, "capacity_exhausted", true),
            4 => openai(429, "rate_limit_error", "rate_limit_exceeded"),
            5 => (429, Value::Null),
            6 => with(429, "metadata", json!({"provider_name": "P", "raw": "slow down"})),
            _ => with(429, "type", "too_many_requests".into()),
        },
        Class::InFlight if form < 4 => with(402, "metadata", json!({"limit_source": "openrouter_in_flight_budget"})),
        Class::InFlight => with(402, "metadata", json!({"reason": "in_flight_budget_exhausted"})),
        Class::Server => match form {
            0 | 1 => plain(500, "Internal Server Error"),
            2 => plain(502, "bad gateway"),
            3 => typed(408, "timeout"),
            4 => (524, Value::Null),
            5 => (random.pick(&[500, 502, 520]), Value::Null),
            6 => openai(500, "server_error", "server_error"),
            _ => typed(502, "provider_unavailable"),
        },
        Class::Down => match form {
            0 | 1 => plain(503, "overloaded"),
            2 => about(503, "temporarily_unavailable", true),
            3 => openai(529, "overloaded_error", "overloaded_error"),
            4 => plain(504, "gateway timeout"),
            5 => about(404, "model_unavailable_upstream", true),
            6 => (random.pick(&[503, 504, 529]), Value::Null),
            _ => typed(503, "provider_overloaded"),
        },
        Class::Unknown => match form {
            0..=3 => plain(400, &format!("{model} is not a valid model ID")),
            4 => about(404, "model_not_found", false),
            5 => about(404, "model_deprecated", false),
            6 => openai(404, "invalid_request_error", "model_not_found"),
            _ => plain(404, "model not found"),
        },
        Class::Absent => match form {
            0..=2 => plain(404, &format!("No endpoints found for {model}.")),
            3 => about(404, "no_endpoints", false),
            4 => about(403, "region_restricted", false),
            5 => openai(400, "invalid_request_error", "unsupported_parameter"),
            6 => (404, Value::Null),
            _ => about(503, "temporarily_unavailable", false),
        },
        Class::TooLong => match form {
            0..=2 => typed(400, "context_length_exceeded"),
            3 => plain(400, "This endpoint's maximum context length is 8192 tokens"),
            4 => with(404, "availability", json!({"code": "constraint_filtered", "excluded_by": ["context_length"]})),
            5 => openai(400, "invalid_request_error", "context_length_exceeded"),
            _ => plain(413, "the prompt is too long"),
        },
        Class::Filtered => match form {
            0..=2 => typed(400, "content_policy_violation"),
            3 | 4 => with(403, "metadata", json!({"reasons": ["violence"], "flagged_input": "x"})),
            _ => openai(400, "invalid_request_error", "content_filter"),
        },
        Class::Unauthorized if form < 4 => plain(401, "No auth credentials found"),
        Class::Unauthorized if form < 6 => openai(401, "invalid_request_error", "invalid_api_key"),
        Class::Unauthorized => (401, Value::Null),
        Class::Unpaid => match form {
            0..=2 => plain(402, "Insufficient credits"),
            3 => with(403, "metadata", json!({"limit_source": "openrouter_key_limit"})),
            4 => with(402, "metadata", json!({"reason": "weight_exceeds_budget"})),
            _ => openai(429, "insufficient_quota", "insufficient_quota"),
        },
        Class::Forbidden if form < 4 => plain(403, "not for you"),
        Class::Forbidden => with(403, "metadata", json!({"patterns": ["secret"]})),
        Class::Mistake => match form {
            0 | 1 => plain(400, "messages: expected an array"),
            2 => openai(400, "invalid_request_error", "invalid_prompt"),
            3 => typed(412, "precondition_failed"),
            4 => typed(413, "payload_too_large"),
            5 => plain(422, "unprocessable"),
            6 => (random.pick(&[400, 413, 418, 422]), Value::Null),
            _ => typed(400, "invalid_request"),
        },
    }
}
