//! Streams whose bytes end too early.

use std::time::Duration;

use super::stream::{Style, middle, steps};
use crate::completion::{Event, Part};
use crate::fault::Cut;
use crate::response::{Ending, Response, Step};

pub(super) fn stream(events: &[Event], cut: Cut, number: Option<u64>, pace: Duration) -> Response {
    let whole = || steps(events, Style::Plain, pace);
    let half = || length(events) / 2;
    let at = number.and_then(|number| usize::try_from(number).ok());
    let until = |at: usize| Response::stream(prefix(whole(), at));
    match cut {
        Cut::Reset => Response::stream(Vec::new()).headless().ending(Ending::Reset),
        Cut::ResetAfterHeaders => Response::stream(Vec::new()).ending(Ending::Reset),
        Cut::ResetMidBody => until(at.unwrap_or_else(half)).ending(Ending::Reset),
        Cut::Clean => until(at.unwrap_or_else(half)),
        Cut::Hard => until(at.unwrap_or_else(half)).ending(Ending::Short),
        Cut::MidEvent => {
            let index = middle(events);
            until(length(&events[..index]) + length(&events[index..=index]) / 2)
        }
        Cut::MidCharacter => until(inside_crab(events).unwrap_or_else(half)),
        Cut::AfterFinish => {
            let end = events.iter().position(|event| event.part == Part::Usage).unwrap_or(events.len());
            Response::stream(steps(&events[..end], Style::Plain, pace))
        }
        Cut::MissingDone => Response::stream(steps(&events[..events.len() - 1], Style::Plain, pace)),
    }
}

/// The first `length` bytes of the writes in `steps`.
pub(super) fn prefix(steps: Vec<Step>, length: usize) -> Vec<Step> {
    let mut left = length;
    let mut kept = Vec::new();
    for step in steps {
        match step {
            Step::Write { bytes, tokens } if bytes.len() <= left => {
                left -= bytes.len();
                kept.push(Step::Write { bytes, tokens });
            }
            Step::Write { mut bytes, .. } => {
                bytes.truncate(left);
                kept.push(Step::write(bytes));
                break;
            }
            other => kept.push(other),
        }
    }
    kept
}

const CRAB: &str = "🦀";

/// The offset of the third of the four bytes of a crab.
pub(super) fn third_byte_of_crab(bytes: &[u8]) -> Option<usize> {
    bytes.windows(CRAB.len()).position(|window| window == CRAB.as_bytes()).map(|at| at + 2)
}

fn inside_crab(events: &[Event]) -> Option<usize> {
    let bytes: Vec<u8> = events.iter().flat_map(|event| Style::Plain.encode(event)).collect();
    third_byte_of_crab(&bytes)
}

fn length(events: &[Event]) -> usize {
    events.iter().map(|event| Style::Plain.encode(event).len()).sum()
}
