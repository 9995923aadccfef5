//! JSON completions, healthy and not: for a fault of streams, what comes closest.

use std::time::Duration;

use serde_json::{Value, json};

use super::cut::{prefix, third_byte_of_crab};
use super::stream::{BOM, drip};
use super::{ENDLESS, error, pause};
use crate::completion::Scene;
use crate::fault::{Cut, Dress, Effect, Mishap, Timing};
use crate::play::{Ending, JSON, Play, Step};

pub(super) fn stage(scene: &Scene<'_>, pace: Duration) -> Play {
    let body = scene.completion();
    let number = scene.behaviour.number();
    let play = match scene.behaviour.effect() {
        Some(Effect::Mishap(mishap)) => mishaps(body, mishap),
        Some(Effect::Time(timing)) => timed(&body, timing, number),
        Some(Effect::Cut(cut)) => cuts(body, cut, number),
        Some(Effect::Dress(dress)) => dressed(&body, dress),
        Some(Effect::Say(_) | Effect::Refuse(_)) | None => Play::json(200, &body),
    };
    // The headers of a completion come when all of it has been generated.
    let tokens = u32::try_from(scene.answer.completion_tokens()).unwrap_or(u32::MAX);
    if pace.is_zero() { play } else { play.after(Step::Pause(pace * tokens)) }
}

fn mishaps(mut body: Value, mishap: Mishap) -> Play {
    match mishap {
        Mishap::MidStream | Mishap::MidStreamEmptyChoices | Mishap::InChoice => {
            body["choices"][0]["error"] = error();
            body["choices"][0]["finish_reason"] = json!("error");
            body["choices"][0]["native_finish_reason"] = json!("error");
            Play::json(200, &body)
        }
        Mishap::First | Mishap::In200 => Play::json(200, &json!({ "error": error(), "user_id": "user_emulated" })),
        Mishap::MalformedChunk | Mishap::MalformedBody => Play::sized(200, super::HTML, super::PAGE.to_vec()),
    }
}

fn timed(body: &Value, timing: Timing, number: Option<u64>) -> Play {
    let play = Play::json(200, body);
    match timing {
        Timing::SlowHeaders | Timing::SlowFirstToken => play.after(pause(number)),
        Timing::CommentsOnly => play.after(Step::Silence),
        Timing::Stall | Timing::StallComments => {
            let mut play = partial(body, None, Ending::Whole);
            play.body.push(Step::Silence);
            play
        }
        Timing::NeverEnding => play.after(Step::Pause(ENDLESS)).headless().ending(Ending::Short),
        Timing::Drip => Play { body: play.body.into_iter().flat_map(drip).collect(), ..Play::json(200, body) },
    }
}

fn cuts(mut body: Value, cut: Cut, number: Option<u64>) -> Play {
    let at = number.and_then(|number| usize::try_from(number).ok());
    match cut {
        Cut::Reset => Play::json(200, &body).headless().ending(Ending::Reset),
        Cut::ResetAfterHeaders => partial(&body, Some(0), Ending::Reset),
        Cut::ResetMidBody => partial(&body, at, Ending::Reset),
        Cut::Clean | Cut::Hard | Cut::MidEvent => partial(&body, at, Ending::Short),
        Cut::MidCharacter => {
            let crab = third_byte_of_crab(body.to_string().as_bytes());
            partial(&body, crab, Ending::Short)
        }
        Cut::AfterFinish => {
            if let Some(fields) = body.as_object_mut() {
                fields.shift_remove("usage");
            }
            Play::json(200, &body)
        }
        Cut::MissingDone => Play::json(200, &body),
    }
}

/// The first bytes of a body, half of it if not said, under the length of the whole.
fn partial(body: &Value, at: Option<usize>, ending: Ending) -> Play {
    let play = Play::json(200, body).ending(ending);
    let at = at.unwrap_or(body.to_string().len() / 2);
    Play { body: prefix(play.body, at), ..Play { body: Vec::new(), ..play } }
}

fn dressed(body: &Value, dress: Dress) -> Play {
    match dress {
        Dress::Bom => Play::sized(200, JSON, [BOM, body.to_string().as_bytes()].concat()),
        Dress::MultiLine => Play::sized(200, JSON, format!("{body:#}").into_bytes()),
        Dress::LargeEvents
        | Dress::CrLf
        | Dress::Cr
        | Dress::SseWhenJson
        | Dress::JsonWhenStream
        | Dress::NoModelField
        | Dress::ModelAlias => Play::json(200, body),
    }
}
