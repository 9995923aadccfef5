//! Turns the answer of a model into the response on the wire.

mod cut;
mod json;
mod stream;
mod vendor;

use std::time::Duration;

use serde_json::{Value, json};

use crate::completion::Turn;
use crate::fault::{Behaviour, BodyError, Effect, Format};
use crate::response::{HTML, Response, Step};

/// The response for an answer that begins. HTTP errors are handled before.
pub(crate) fn respond(turn: &Turn<'_>, pace: Duration) -> Response {
    let effect = turn.behaviour.effect();
    let streams = match effect {
        Some(Effect::Format(Format::SseWhenJson)) => true,
        Some(Effect::Format(Format::JsonWhenStream)) => false,
        _ => turn.request.stream,
    };
    let mut response = match effect {
        Some(Effect::BodyError(BodyError::In200)) => {
            Response::json(200, &json!({ "error": provider_error(), "user_id": "user_emulated" }))
        }
        Some(Effect::BodyError(BodyError::MalformedBody)) => Response::sized(200, HTML, PAGE.to_vec()),
        _ if streams => stream::respond(turn, pace),
        _ => json::respond(turn, pace),
    };
    response.faulted = matches!(turn.behaviour, Behaviour::Fault(_));
    if turn.billing.names_generations() { response.with_header("x-generation-id", turn.id.clone()) } else { response }
}

/// The interval of keep-alive comments.
const COMMENTS_EVERY: Duration = Duration::from_millis(100);

/// The interval of the words of an endless answer, and the time after which even this answer ends.
const WORDS_EVERY: Duration = Duration::from_millis(20);
const ENDLESS: Duration = Duration::from_secs(60);

const PAGE: &[u8] = b"<!DOCTYPE html>\n<html><body><h1>Something went wrong</h1></body></html>\n";

/// The error in the middle of an answer when the provider fails.
fn provider_error() -> Value {
    json!({
        "code": 502,
        "message": "Provider disconnected unexpectedly",
        "metadata": { "error_type": "provider_unavailable", "provider_code": "overloaded_error" },
    })
}

/// The same error in the format of the streaming documentation: `code` is a word.
fn error_in_words() -> Value {
    json!({ "code": "server_error", "message": "Provider disconnected unexpectedly" })
}

/// A pause of this many milliseconds, or without an end.
fn pause(milliseconds: Option<u64>) -> Step {
    milliseconds.map_or(Step::Silence, |time| Step::Pause(Duration::from_millis(time)))
}
