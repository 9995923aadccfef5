//! Event streams, healthy and faulty.

use std::time::Duration;

use serde_json::Value;

use super::{COMMENTS_EVERY, ENDLESS, WORDS_EVERY, cut, error_in_words, pause, provider_error, vendor};
use crate::completion::{Event, Part, Turn};
use crate::fault::{BodyError, Effect, Format, Timing, Vendor};
use crate::response::{Ending, JSON, Response, Step};

pub(super) fn respond(turn: &Turn<'_>, pace: Duration) -> Response {
    let style = Style::of(turn.behaviour.effect());
    let events = turn.events();
    let number = turn.behaviour.number();
    match turn.behaviour.effect() {
        Some(Effect::BodyError(error)) => Response::stream(steps(&with_error(turn, events, error), style, pace)),
        Some(Effect::Timing(timing)) => with_timing(turn, &events, timing, number, pace),
        Some(Effect::Cut(cut)) => cut::stream(&events, cut, number, pace),
        Some(Effect::Vendor(vendor)) => {
            let mut response = Response::stream(steps(&vendor::reshape(events, vendor), style, pace));
            if let Some(head) = response.head.as_mut().filter(|_| vendor == Vendor::CalledJson) {
                head.content_type = JSON;
            }
            response
        }
        Some(Effect::WrongAnswer(_) | Effect::Format(_) | Effect::HttpError(_)) | None => {
            let mut body = steps(&events, style, pace);
            if style == Style::Bom {
                body.insert(0, Step::write(BOM.to_vec()));
            }
            Response::stream(body)
        }
    }
}

pub(super) const BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    CrLf,
    Cr,
    Bom,
    MultiLine,
    OneLineFeed,
    NoSpace,
    Named,
}

impl Style {
    fn of(effect: Option<Effect>) -> Self {
        match effect {
            Some(Effect::Format(Format::CrLf)) => Self::CrLf,
            Some(Effect::Format(Format::Cr)) => Self::Cr,
            Some(Effect::Format(Format::Bom)) => Self::Bom,
            Some(Effect::Format(Format::MultiLine)) => Self::MultiLine,
            Some(Effect::Vendor(Vendor::OneLineFeed)) => Self::OneLineFeed,
            Some(Effect::Vendor(Vendor::NoSpace)) => Self::NoSpace,
            Some(Effect::Vendor(Vendor::NamedEvents)) => Self::Named,
            _ => Self::Plain,
        }
    }

    pub(super) fn encode(self, event: &Event) -> Vec<u8> {
        let end = match self {
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
            _ => "\n",
        };
        let is_comment = event.part == Part::Comment && event.name.is_none();
        let field = match self {
            _ if is_comment => ": ",
            Self::NoSpace => "data:",
            _ => "data: ",
        };
        let name = match event.name {
            Some(name) => format!("event: {name}{end}"),
            None if self == Self::Named && !is_comment => format!("event: message{end}id: 1{end}"),
            None => String::new(),
        };
        let text = if self == Self::MultiLine { pretty(&event.text) } else { event.text.clone() };
        let lines = text.split('\n').map(|line| format!("{field}{line}{end}"));
        let blank = if self == Self::OneLineFeed { "" } else { end };
        (name + &lines.collect::<String>() + blank).into_bytes()
    }
}

/// JSON on several lines; other text unchanged.
fn pretty(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
    value.map_or_else(|| text.to_owned(), |value| format!("{value:#}"))
}

/// A write for every event, with a pause before every event that carries tokens.
pub(super) fn steps(events: &[Event], style: Style, pace: Duration) -> Vec<Step> {
    let mut steps = Vec::new();
    for event in events {
        if event.tokens > 0 && !pace.is_zero() {
            steps.push(Step::Pause(pace));
        }
        steps.push(Step::Write { bytes: style.encode(event), tokens: event.tokens });
    }
    steps
}

/// The index of the middle event among those that carry tokens.
pub(super) fn middle(events: &[Event]) -> usize {
    let carriers: Vec<usize> = (0..events.len()).filter(|index| events[*index].tokens > 0).collect();
    carriers.get(carriers.len() / 2).copied().unwrap_or(events.len() / 2)
}

fn with_error(turn: &Turn<'_>, mut events: Vec<Event>, error: BodyError) -> Vec<Event> {
    let is_end = |event: &Event| matches!(event.part, Part::Finish | Part::Usage | Part::Done);
    match error {
        BodyError::MidStream | BodyError::InChoice => {
            events.retain(|event| !is_end(event));
            events.push(turn.error(&provider_error(), true));
        }
        BodyError::MidStreamEmptyChoices => {
            events.retain(|event| !is_end(event));
            events.push(turn.error(&error_in_words(), false));
        }
        BodyError::First => events = vec![turn.keep_alive(), turn.error(&provider_error(), true)],
        BodyError::MalformedChunk => {
            let index = middle(&events);
            let text = &mut events[index].text;
            text.truncate(text.floor_char_boundary(text.len() / 2));
        }
        // These are not streams: `respond` handles them before.
        BodyError::In200 | BodyError::MalformedBody => {}
    }
    events
}

fn with_timing(turn: &Turn<'_>, events: &[Event], timing: Timing, number: Option<u64>, pace: Duration) -> Response {
    let plain = |events: &[Event]| steps(events, Style::Plain, pace);
    match timing {
        Timing::SlowHeaders => Response::stream(plain(events)).after(pause(number)),
        Timing::SlowFirstToken => {
            let mut body = plain(&events[..1]);
            body.extend(wait_with_comments(turn, number));
            body.extend(plain(&events[1..]));
            Response::stream(body)
        }
        Timing::CommentsOnly => {
            let mut body = plain(&events[..1]);
            body.push(comments(turn, u64::MAX));
            Response::stream(body)
        }
        Timing::Stall | Timing::StallComments => {
            let mut body = plain(first_words(events, number.unwrap_or(3)));
            body.push(if timing == Timing::Stall { Step::Silence } else { comments(turn, u64::MAX) });
            Response::stream(body)
        }
        Timing::NeverEnding => {
            let mut body = plain(first_words(events, 0));
            body.push(Step::Repeat {
                bytes: Style::Plain.encode(&turn.text(" more")),
                tokens: 1,
                every: WORDS_EVERY,
                times: u64::try_from(ENDLESS.as_millis() / WORDS_EVERY.as_millis()).unwrap_or(u64::MAX),
            });
            Response::stream(body).ending(Ending::Short)
        }
        Timing::Drip => Response::stream(plain(events).into_iter().flat_map(drip).collect()),
    }
}

/// All events before the one that follows `words` events with tokens, and without the finish.
fn first_words(events: &[Event], words: u64) -> &[Event] {
    let mut seen = 0;
    let stop = events.iter().position(|event| {
        let full = event.part == Part::Finish || (event.tokens > 0 && seen == words);
        seen += u64::from(event.tokens > 0);
        full
    });
    &events[..stop.unwrap_or(events.len())]
}

fn comments(turn: &Turn<'_>, times: u64) -> Step {
    Step::Repeat { bytes: Style::Plain.encode(&turn.keep_alive()), tokens: 0, every: COMMENTS_EVERY, times }
}

/// Comments for this many milliseconds, or without an end.
fn wait_with_comments(turn: &Turn<'_>, milliseconds: Option<u64>) -> Vec<Step> {
    let Some(time) = milliseconds else { return vec![comments(turn, u64::MAX)] };
    let every = u64::try_from(COMMENTS_EVERY.as_millis()).unwrap_or(u64::MAX);
    vec![comments(turn, time / every), pause(Some(time % every))]
}

/// One write for each byte. The tokens count with the last byte.
pub(super) fn drip(step: Step) -> Vec<Step> {
    match step {
        Step::Write { bytes, tokens } => {
            let last = bytes.len().saturating_sub(1);
            let single = |(at, byte)| Step::Write { bytes: vec![byte], tokens: if at == last { tokens } else { 0 } };
            bytes.into_iter().enumerate().map(single).collect()
        }
        other => vec![other],
    }
}
