//! JSON completions, healthy and faulty. For a fault of streams, the closest equivalent.

use std::time::Duration;

use serde_json::{Value, json};

use super::cut::{prefix, third_byte_of_crab};
use super::stream::{BOM, drip};
use super::{ENDLESS, pause, provider_error};
use crate::completion::Turn;
use crate::fault::{BodyError, Cut, Effect, Format, Timing};
use crate::response::{Ending, JSON, Response, Step};
use crate::responses;

pub(super) fn respond(turn: &Turn<'_>, pace: Duration) -> Response {
    let body = turn.completion();
    let number = turn.behaviour.number();
    let response = match turn.behaviour.effect() {
        Some(Effect::BodyError(error)) => with_error(body, error),
        Some(Effect::Timing(timing)) => with_timing(&body, timing, number),
        Some(Effect::Cut(cut)) => cuts(body, cut, number),
        Some(Effect::Format(format)) => formatted(&body, format),
        Some(Effect::WrongAnswer(_) | Effect::HttpError(_) | Effect::Vendor(_)) | None => Response::json(200, &body),
    };
    // The head of a completion is sent after all of it has been generated.
    let tokens = u32::try_from(turn.answer.completion_tokens()).unwrap_or(u32::MAX);
    if pace.is_zero() { response } else { response.after(Step::Pause(pace * tokens)) }
}

fn with_error(mut body: Value, error: BodyError) -> Response {
    match error {
        BodyError::MidStream | BodyError::MidStreamEmptyChoices | BodyError::InChoice
            if body["object"] == "response" =>
        {
            Response::json(200, &responses::fail(body, &provider_error()["message"]))
        }
        BodyError::MidStream | BodyError::MidStreamEmptyChoices | BodyError::InChoice if body["choices"].is_null() => {
            Response::json(
                200,
                &json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
            )
        }
        BodyError::MidStream | BodyError::MidStreamEmptyChoices | BodyError::InChoice => {
            body["choices"][0]["error"] = provider_error();
            body["choices"][0]["finish_reason"] = json!("error");
            body["choices"][0]["native_finish_reason"] = json!("error");
            Response::json(200, &body)
        }
        BodyError::First | BodyError::In200 => {
            Response::json(200, &json!({ "error": provider_error(), "user_id": "user_emulated" }))
        }
        BodyError::MalformedChunk | BodyError::MalformedBody => Response::sized(200, super::HTML, super::PAGE.to_vec()),
    }
}

fn with_timing(body: &Value, timing: Timing, number: Option<u64>) -> Response {
    let response = Response::json(200, body);
    match timing {
        Timing::SlowHeaders | Timing::SlowFirstToken => response.after(pause(number)),
        Timing::CommentsOnly => response.after(Step::Silence),
        Timing::Stall | Timing::StallComments => {
            let mut response = partial(body, None, Ending::Whole);
            response.body.push(Step::Silence);
            response
        }
        Timing::NeverEnding => response.after(Step::Pause(ENDLESS)).headless().ending(Ending::Short),
        Timing::Drip => {
            Response { body: response.body.into_iter().flat_map(drip).collect(), ..Response::json(200, body) }
        }
    }
}

fn cuts(mut body: Value, cut: Cut, number: Option<u64>) -> Response {
    let at = number.and_then(|number| usize::try_from(number).ok());
    match cut {
        Cut::Reset => Response::json(200, &body).headless().ending(Ending::Reset),
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
            Response::json(200, &body)
        }
        Cut::MissingDone => Response::json(200, &body),
    }
}

/// The first bytes of a body, or half of it, with the length of the whole.
fn partial(body: &Value, at: Option<usize>, ending: Ending) -> Response {
    let response = Response::json(200, body).ending(ending);
    let at = at.unwrap_or(body.to_string().len() / 2);
    Response { body: prefix(response.body, at), ..Response { body: Vec::new(), ..response } }
}

fn formatted(body: &Value, format: Format) -> Response {
    match format {
        Format::Bom => Response::sized(200, JSON, [BOM, body.to_string().as_bytes()].concat()),
        Format::MultiLine => Response::sized(200, JSON, format!("{body:#}").into_bytes()),
        Format::LargeEvents
        | Format::CrLf
        | Format::Cr
        | Format::SseWhenJson
        | Format::JsonWhenStream
        | Format::NoModelField
        | Format::NoCost
        | Format::ModelAlias => Response::json(200, body),
    }
}
