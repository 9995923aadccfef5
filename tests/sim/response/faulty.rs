//! Responses with a fault: streams and completions that break, contain errors, or cannot be read.

use serde_json::{Value, json};

use super::write_events;
use crate::answer::{Answer, Cost};
use crate::fault::{Class, Fault};
use crate::random::Random;
use crate::received::Element;
use crate::reply::{End, Reply};
use crate::upstream::{Task, UpstreamRequest};
use crate::wire::{Body, Event, Label};

/// Adds a fault after the end of an answer.
fn break_after_end(
    reply: &mut Reply,
    events: &mut Vec<Event>,
    label: &Label,
    answer: &Answer,
    request: &UpstreamRequest<'_>,
    random: &mut Random,
) {
    reply.description = "a stream that breaks behind its end";
    events.extend(label.closing(answer, random));
    if random.chance(50) {
        let fault = Fault::inside(class(random), &request.models[request.batch[0]].id, random, request.now);
        events.push(Event::new(json!({"error": fault.error}).to_string(), [Element::Error]));
        reply.fault = Some(fault);
    }
}

pub(super) fn stream(
    reply: &mut Reply,
    label: &Label,
    answer: &Answer,
    request: &UpstreamRequest<'_>,
    random: &mut Random,
) {
    let mut events = label.spoken(answer, random);
    let adds = request.task == Task::Answer;
    disturb(&mut events, label, answer, adds, random);
    let end = random.pick(&[End::Clean, End::Clean, End::Reset, End::Silence]);
    reply.end = end;
    match random.below(11) {
        10 => break_after_end(reply, &mut events, label, answer, request, random),
        0 | 1 => {
            reply.description = "a stream with unreadable events";
            events.extend(label.closing(answer, random));
            events.push(Event::done());
            reply.end = End::Clean;
        }
        2..=4 => {
            reply.description = "a stream that is cut";
            unfinished(&mut events, label, answer, random);
        }
        5 => {
            reply.description = "a stream that is cut, with [DONE]";
            unfinished(&mut events, label, answer, random);
            events.push(Event::done());
        }
        6 => {
            reply.description = "nothing but comments";
            return comments_only(reply, random);
        }
        7 if random.one_in(600) => {
            reply.description = "an event that is too large";
            events.push(Event::new(vec![b'x'; 33 << 20], []));
        }
        _ => {
            reply.description = "a stream with an error";
            unfinished(&mut events, label, answer, random);
            let fault = Fault::inside(class(random), &request.models[request.batch[0]].id, random, request.now);
            events.push(error(label, &fault, random));
            reply.fault = Some(fault);
        }
    }
    reply.body = write_events(events, random);
    if reply.description == "a stream that is cut" && random.chance(60) {
        let short = reply.body.bytes.len() - random.below(reply.body.bytes.len() as u64 / 2 + 1) as usize;
        reply.body.bytes.truncate(short);
    }
}

/// Removes the last finish reason, or more. Of two choices, one may have ended.
fn unfinished(events: &mut Vec<Event>, label: &Label, answer: &Answer, random: &mut Random) {
    events.extend(label.closing(answer, random));
    let finishes = |event: &Event| event.elements.iter().any(|element| matches!(element, Element::Finish(..)));
    let last = events.iter().rposition(finishes).unwrap_or_default();
    let all = random.one_in(4);
    events.truncate(if all { last } else { random.between(0..=last as u64) as usize });
}

/// Adds unreadable events, a gap in a tool call, bytes that are not characters, or a cost before the end.
fn disturb(events: &mut Vec<Event>, label: &Label, answer: &Answer, adds: bool, random: &mut Random) {
    let place = |events: &[Event], random: &mut Random| random.between(1..=events.len() as u64) as usize;
    if random.chance(50) {
        let at = place(events, random);
        events.insert(at, Event::malformed(random));
    }
    let pieces = |event: &Event| event.elements.iter().any(|element| matches!(element, Element::Tool(_)));
    if let Some(at) = events.iter().rposition(pieces).filter(|_| random.chance(50)) {
        events[at] = Event::malformed(random);
    }
    // A continued text must be exact, so nothing is added to it.
    if adds && random.chance(20) {
        let text = Element::Text(0, "\u{fffd}".into());
        let choices = r#"{"index":0,"delta":{"content":"?"}}"#;
        let mut event = label.chunk(choices, "", [Element::Begins(0), text]);
        event.data.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
        // The event adds to the text, so it comes after a text whose kind is already decided.
        let decided = |event: &Event| {
            event.elements.iter().any(|element| matches!(element, Element::Text(0, text) if text.contains("well")))
        };
        if let Some(at) = events.iter().rposition(decided) {
            events.insert(at + 1, event);
        }
    }
    if let Some(cost) = answer.cost.as_ref().filter(|_| random.chance(30)) {
        let at = place(events, random);
        events.insert(at, label.cost_so_far(&Cost::draw(Some(cost.trillionths), random)));
    }
}

/// Writes only comments, for as long as the connection lasts.
fn comments_only(reply: &mut Reply, random: &mut Random) {
    let gap = random.spread(500..=15_000);
    for _ in 0..random.spread(1..=60) {
        reply.body.comment("\n");
        reply.pieces.push((gap, reply.body.bytes.len()));
    }
}

fn class(random: &mut Random) -> Class {
    random.pick(&[
        Class::Limited,
        Class::Server,
        Class::Server,
        Class::Down,
        Class::Down,
        Class::Filtered,
        Class::TooLong,
        Class::Absent,
        Class::InFlight,
        Class::Mistake,
        Class::Unpaid,
        Class::Forbidden,
    ])
}

/// A chunk with an error: beside the choices, without choices, inside a choice, or alone.
fn error(label: &Label, fault: &Fault, random: &mut Random) -> Event {
    let beside = format!(",\"error\":{}", fault.error);
    let failed = r#"{"index":0,"delta":{"content":""},"finish_reason":"error"}"#;
    match random.below(4) {
        0 => label.chunk("", &beside, [Element::Error]),
        1 => label.chunk(failed, &beside, [Element::Begins(0), Element::Error]),
        2 => {
            let choice =
                format!("{{\"index\":0,\"delta\":{{}},\"error\":{},\"finish_reason\":\"error\"}}", fault.error);
            label.chunk(&choice, "", [Element::Begins(0), Element::Error])
        }
        _ => Event::new(json!({"error": fault.error}).to_string(), [Element::Error]),
    }
}

pub(super) fn completion(
    reply: &mut Reply,
    label: &Label,
    answer: &Answer,
    request: &UpstreamRequest<'_>,
    random: &mut Random,
) {
    let whole = label.whole(answer, random);
    let length = whole.bytes.len();
    match random.below(6) {
        0 => {
            reply.description = "half a completion";
            reply.body.bytes = whole.bytes[..random.below(length as u64 - 1) as usize].to_vec();
        }
        1 => {
            reply.description = "a completion that breaks off";
            reply.body.bytes = whole.bytes[..random.below(length as u64) as usize].to_vec();
            reply.end = random.pick(&[End::Reset, End::Silence]);
        }
        2 => {
            reply.description = "a page, empty, or JSON that is no completion";
            reply.body.bytes = random.pick(&["<html>", "", "{}", "null", "{\"choices\": []}"]).into();
        }
        form => {
            reply.description = "a completion that is an error";
            let fault = Fault::inside(class(random), &request.models[request.batch[0]].id, random, request.now);
            let answered = [Element::Named, Element::Begins(0), Element::Text(0, "ha".into()), Element::Error];
            let elements = if form == 3 { vec![Element::Error] } else { answered.to_vec() };
            reply.body = Body::at_end(error_completion(label, &fault, form == 3).to_string().into_bytes(), elements);
            reply.fault = Some(fault);
        }
    }
}

fn error_completion(label: &Label, fault: &Fault, bare: bool) -> Value {
    if bare {
        return json!({"error": fault.error});
    }
    let choice = json!({"index": 0, "message": {"content": "ha"}, "error": fault.error, "finish_reason": "error"});
    let mut body = json!({"id": label.id, "choices": [choice]});
    if let Some(model) = &label.model {
        body["model"] = model.clone().into();
    }
    body
}
