//! From what a model says to what happens on the wire.

mod body;
mod cut;
mod stream;

use std::time::Duration;

use serde_json::{Value, json};

use crate::completion::Scene;
use crate::fault::{Behaviour, Dress, Effect, Mishap};
use crate::play::{HTML, Play, Step};

/// The play for a scene whose answer starts: refusals never come here.
pub(crate) fn stage(scene: &Scene<'_>, pace: Duration) -> Play {
    let effect = scene.behaviour.effect();
    let streams = match effect {
        Some(Effect::Dress(Dress::SseWhenJson)) => true,
        Some(Effect::Dress(Dress::JsonWhenStream)) => false,
        _ => scene.ask.stream,
    };
    let mut play = match effect {
        Some(Effect::Mishap(Mishap::In200)) => {
            Play::json(200, &json!({ "error": error(), "user_id": "user_emulated" }))
        }
        Some(Effect::Mishap(Mishap::MalformedBody)) => Play::sized(200, HTML, PAGE.to_vec()),
        _ if streams => stream::stage(scene, pace),
        _ => body::stage(scene, pace),
    };
    play.faulted = matches!(scene.behaviour, Behaviour::Fault(_));
    play.with_header("x-generation-id", scene.id.clone())
}

/// How often a keep-alive comment comes.
const COMMENTS_EVERY: Duration = Duration::from_millis(100);

/// A word of an endless answer, and when even that ends.
const WORDS_EVERY: Duration = Duration::from_millis(20);
const ENDLESS: Duration = Duration::from_secs(60);

const PAGE: &[u8] = b"<!DOCTYPE html>\n<html><body><h1>Something went wrong</h1></body></html>\n";

/// What a provider's failure in the middle of an answer is told as.
fn error() -> Value {
    json!({
        "code": 502,
        "message": "Provider disconnected unexpectedly",
        "metadata": { "error_type": "provider_unavailable", "provider_code": "overloaded_error" },
    })
}

/// The same failure as the streaming documentation shows it: with a code in words.
fn error_in_words() -> Value {
    json!({ "code": "server_error", "message": "Provider disconnected unexpectedly" })
}

/// A pause of so many milliseconds, or for ever.
fn pause(milliseconds: Option<u64>) -> Step {
    milliseconds.map_or(Step::Silence, |time| Step::Pause(Duration::from_millis(time)))
}
