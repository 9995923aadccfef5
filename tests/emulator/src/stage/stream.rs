//! Event streams, healthy and not.

use std::time::Duration;

use serde_json::Value;

use super::{COMMENTS_EVERY, ENDLESS, WORDS_EVERY, cut, error, error_in_words, pause};
use crate::completion::{Event, Part, Scene};
use crate::fault::{Dress, Effect, Mishap, Timing};
use crate::play::{Ending, Play, Step};

pub(super) fn stage(scene: &Scene<'_>, pace: Duration) -> Play {
    let style = Style::of(scene.behaviour.effect());
    let events = scene.events();
    let number = scene.behaviour.number();
    match scene.behaviour.effect() {
        Some(Effect::Mishap(mishap)) => Play::stream(steps(&mishaps(scene, events, mishap), style, pace)),
        Some(Effect::Time(timing)) => timed(scene, &events, timing, number, pace),
        Some(Effect::Cut(cut)) => cut::stream(&events, cut, number, pace),
        Some(Effect::Say(_) | Effect::Dress(_) | Effect::Refuse(_)) | None => {
            let mut body = steps(&events, style, pace);
            if style == Style::Bom {
                body.insert(0, Step::write(BOM.to_vec()));
            }
            Play::stream(body)
        }
    }
}

pub(super) const BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

/// How events are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    CrLf,
    Cr,
    Bom,
    MultiLine,
}

impl Style {
    fn of(effect: Option<Effect>) -> Self {
        match effect {
            Some(Effect::Dress(Dress::CrLf)) => Self::CrLf,
            Some(Effect::Dress(Dress::Cr)) => Self::Cr,
            Some(Effect::Dress(Dress::Bom)) => Self::Bom,
            Some(Effect::Dress(Dress::MultiLine)) => Self::MultiLine,
            _ => Self::Plain,
        }
    }

    pub(super) fn encode(self, event: &Event) -> Vec<u8> {
        let end = match self {
            Self::Plain | Self::Bom | Self::MultiLine => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        };
        let field = if event.part == Part::Comment { ": " } else { "data: " };
        let text = if self == Self::MultiLine { pretty(&event.text) } else { event.text.clone() };
        let lines = text.split('\n').map(|line| format!("{field}{line}{end}"));
        (lines.collect::<String>() + end).into_bytes()
    }
}

/// JSON over several lines; anything else as it is.
fn pretty(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
    value.map_or_else(|| text.to_owned(), |value| format!("{value:#}"))
}

/// A write for every event, a pause before every one that carries something.
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

/// The index of the event in the middle of those that carry the answer.
pub(super) fn middle(events: &[Event]) -> usize {
    let carriers: Vec<usize> = (0..events.len()).filter(|index| events[*index].tokens > 0).collect();
    carriers.get(carriers.len() / 2).copied().unwrap_or(events.len() / 2)
}

fn mishaps(scene: &Scene<'_>, mut events: Vec<Event>, mishap: Mishap) -> Vec<Event> {
    let is_end = |event: &Event| matches!(event.part, Part::Finish | Part::Usage | Part::Done);
    match mishap {
        Mishap::MidStream | Mishap::InChoice => {
            events.retain(|event| !is_end(event));
            events.push(scene.error(&error(), true));
        }
        Mishap::MidStreamEmptyChoices => {
            events.retain(|event| !is_end(event));
            events.push(scene.error(&error_in_words(), false));
        }
        Mishap::First => events = vec![Event::comment(), scene.error(&error(), true)],
        Mishap::MalformedChunk => {
            let index = middle(&events);
            let text = &mut events[index].text;
            text.truncate(text.floor_char_boundary(text.len() / 2));
        }
        // Not streams: staged before it comes to events.
        Mishap::In200 | Mishap::MalformedBody => {}
    }
    events
}

fn timed(scene: &Scene<'_>, events: &[Event], timing: Timing, number: Option<u64>, pace: Duration) -> Play {
    let plain = |events: &[Event]| steps(events, Style::Plain, pace);
    match timing {
        Timing::SlowHeaders => Play::stream(plain(events)).after(pause(number)),
        Timing::SlowFirstToken => {
            let mut body = plain(&events[..1]);
            body.extend(wait_with_comments(number));
            body.extend(plain(&events[1..]));
            Play::stream(body)
        }
        Timing::CommentsOnly => {
            let mut body = plain(&events[..1]);
            body.push(comments(u64::MAX));
            Play::stream(body)
        }
        Timing::Stall | Timing::StallComments => {
            let mut body = plain(first_words(events, number.unwrap_or(3)));
            body.push(if timing == Timing::Stall { Step::Silence } else { comments(u64::MAX) });
            Play::stream(body)
        }
        Timing::NeverEnding => {
            let mut body = plain(&events[..2]);
            body.push(Step::Repeat {
                bytes: Style::Plain.encode(&scene.text(" more")),
                tokens: 1,
                every: WORDS_EVERY,
                times: u64::try_from(ENDLESS.as_millis() / WORDS_EVERY.as_millis()).unwrap_or(u64::MAX),
            });
            Play::stream(body).ending(Ending::Short)
        }
        Timing::Drip => Play::stream(plain(events).into_iter().flat_map(drip).collect()),
    }
}

/// Everything up to the n-th event that carries something; never the finish.
fn first_words(events: &[Event], words: u64) -> &[Event] {
    let mut seen = 0;
    let stop = events.iter().position(|event| {
        let full = event.part == Part::Finish || (event.tokens > 0 && seen == words);
        seen += u64::from(event.tokens > 0);
        full
    });
    &events[..stop.unwrap_or(events.len())]
}

fn comments(times: u64) -> Step {
    Step::Repeat { bytes: Style::Plain.encode(&Event::comment()), tokens: 0, every: COMMENTS_EVERY, times }
}

/// Comments for so many milliseconds, or for ever.
fn wait_with_comments(milliseconds: Option<u64>) -> Vec<Step> {
    let Some(time) = milliseconds else { return vec![comments(u64::MAX)] };
    let every = u64::try_from(COMMENTS_EVERY.as_millis()).unwrap_or(u64::MAX);
    vec![comments(time / every), pause(Some(time % every))]
}

/// One write per byte. The token counts once its last byte is out.
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
