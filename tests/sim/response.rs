//! How an answer reaches the wire, and everything that may happen to it there.

use serde_json::{Value, json};

use crate::answer::{Answer, Cost};
use crate::fault::{Class, Fault};
use crate::money;
use crate::random::Random;
use crate::received::Element;
use crate::reply::{End, Head, NamedModel, Reply, Served, pause};
use crate::upstream::{Health, Server, Task, UpstreamRequest};
use crate::wire::{Body, Event, Label};

/// `model` answers.
pub(crate) fn draw(
    server: &Server,
    request: &UpstreamRequest<'_>,
    model: usize,
    mut inside: Vec<(usize, u16)>,
    random: &mut Random,
) -> Reply {
    inside.push((model, 200));
    let (mut answer, whole, points) = match &request.task {
        Task::Answer => (Answer::draw(random, request.plan.wants_json, request.plan.wants_second), None, None),
        Task::Restart(prefix) | Task::Continue(prefix) => {
            let (answer, whole) = Answer::after(prefix, matches!(request.task, Task::Continue(_)), random);
            (answer, whole, None)
        }
        Task::Score(mark, _) => {
            let (answer, points) = Answer::score(mark, random);
            (answer, None, points)
        }
    };
    let most = money::max_cost(server, request, model);
    answer.cost = random.chance(80).then(|| Cost::draw(most, random));
    let (named, name) = draw_name(request, model, random);
    let label = Label { id: request.id.clone(), model: name.clone(), metadata: server.metadata(request, &inside) };
    let troubled = random.chance(if server.health[model] == Health::Fine { 15 } else { 50 });
    let streams = if request.streamed { !random.one_in(20) } else { random.one_in(40) };
    let head_after = pause(random, &request.plan.clocks);
    let content_type = if streams { "text/event-stream; charset=utf-8" } else { "application/json" };
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    if random.chance(40) {
        headers.push(("x-generation-id".into(), request.id.clone()));
    }
    let mut reply = Reply::nothing("an answer", Head::Status(200, headers), head_after);
    let stated = answer.cost.as_ref().map(|cost| cost.trillionths);
    reply.true_cost = stated.unwrap_or_else(|| money::draw_hidden_cost(most, random));
    reply.served = Some(Served { model, named, name, kind: answer.kind, whole, points });
    reply.id.clone_from(&request.id);
    reply.inside = inside;
    match (streams, troubled) {
        (true, false) => stream(&mut reply, &label, &answer, random),
        (true, true) => troubled_stream(&mut reply, &label, &answer, request, random),
        (false, false) => reply.body = label.whole(&answer, random),
        (false, true) => troubled_whole(&mut reply, &label, &answer, request, random),
    }
    if reply.pieces.is_empty() {
        reply.cut(&request.plan.clocks, random);
    }
    reply
}

/// Whom the answer names.
fn draw_name(request: &UpstreamRequest<'_>, model: usize, random: &mut Random) -> (NamedModel, Option<String>) {
    let model = &request.models[model];
    let base = model.id.split(':').next().unwrap_or(&model.id);
    let knows_slug = if model.listed && model.slug_listed { NamedModel::Known } else { NamedModel::Stranger };
    match random.below(100) {
        0..=69 => (NamedModel::Known, Some(model.id.clone())),
        70..=79 => (NamedModel::Known, Some(format!("{base}-2026-01-15"))),
        80..=84 => (NamedModel::Known, Some(base.into())),
        85..=90 => (knows_slug, Some(model.slug.clone())),
        91..=94 => (NamedModel::Stranger, Some("somebody/else".into())),
        _ => (NamedModel::Nobody, None),
    }
}

/// An answer that goes well, whatever it says.
fn stream(reply: &mut Reply, label: &Label, answer: &Answer, random: &mut Random) {
    let mut events = label.spoken(answer, random);
    events.extend(label.closing(answer, random));
    let (description, end, done) = random.weigh(&[
        (80, ("a stream", End::Clean, true)),
        (10, ("a stream without [DONE]", End::Clean, false)),
        (5, ("a stream whose connection stays", End::Silence, true)),
        (5, ("a stream whose connection breaks behind [DONE]", End::Reset, true)),
    ]);
    if done {
        events.push(Event::done());
    }
    reply.description = description;
    reply.end = end;
    reply.body = write_events(events, random);
}

/// An answer that has ended, and what goes wrong behind that.
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

fn troubled_stream(
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
            events.push(Event::new(vec![b'x'; 17 << 20], []));
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

/// Leaves out the last finish reason, or more. Of two choices, one may have ended.
fn unfinished(events: &mut Vec<Event>, label: &Label, answer: &Answer, random: &mut Random) {
    events.extend(label.closing(answer, random));
    let finishes = |event: &Event| event.elements.iter().any(|element| matches!(element, Element::Finish(..)));
    let last = events.iter().rposition(finishes).unwrap_or_default();
    let all = random.one_in(4);
    events.truncate(if all { last } else { random.between(0..=last as u64) as usize });
}

/// Events that nobody can read, a hole in a tool call, bytes that are no characters, a cost before the end.
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
    // Where the text has to be exact, nothing is added to it.
    if adds && random.chance(20) {
        let text = Element::Text(0, "\u{fffd}".into());
        let choices = r#"{"index":0,"delta":{"content":"?"}}"#;
        let mut event = label.chunk(choices, "", [Element::Begins(0), text]);
        event.data.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xff);
        // Behind a text that is decided: this adds to it.
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

/// Comments only, for as long as a connection lasts.
fn comments_only(reply: &mut Reply, random: &mut Random) {
    let gap = random.spread(500..=15_000);
    for _ in 0..random.spread(1..=60) {
        reply.body.comment("\n");
        reply.pieces.push((gap, reply.body.bytes.len()));
    }
}

fn write_events(events: Vec<Event>, random: &mut Random) -> Body {
    let ending = random.weigh(&[(80, "\n"), (15, "\r\n"), (5, "\r")]);
    let mut body = Body::default();
    if random.one_in(20) {
        body.bytes.extend_from_slice(b"\xef\xbb\xbf");
    }
    for _ in 0..random.below(3) {
        body.comment(ending);
    }
    for event in events {
        if random.one_in(20) {
            body.comment(ending);
        }
        body.event(event, ending, random);
    }
    body
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

/// A chunk that carries an error: beside the choices, with none, in one of them, or alone.
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

fn troubled_whole(
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
