//! Draws the response for an answer: a stream or a completion, healthy or with a fault.

mod faulty;

use crate::answer::{Answer, Cost};
use crate::money;
use crate::random::Random;
use crate::reply::{End, Head, NamedModel, Reply, Served, pause};
use crate::upstream::{Health, Server, Task, UpstreamRequest};
use crate::wire::{Body, Event, Label};

/// Draws the reply in which `model` answers.
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
    let is_faulty = random.chance(if server.health[model] == Health::Fine { 15 } else { 50 });
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
    match (streams, is_faulty) {
        (true, false) => stream(&mut reply, &label, &answer, random),
        (true, true) => faulty::stream(&mut reply, &label, &answer, request, random),
        (false, false) => reply.body = label.whole(&answer, random),
        (false, true) => faulty::completion(&mut reply, &label, &answer, request, random),
    }
    if reply.pieces.is_empty() {
        reply.cut(&request.plan.clocks, random);
    }
    reply
}

/// Draws the name of the model in the answer.
fn draw_name(request: &UpstreamRequest<'_>, model: usize, random: &mut Random) -> (NamedModel, Option<String>) {
    let model = &request.models[model];
    let base = model.id.split(':').next().unwrap_or(&model.id);
    let knows_slug = if model.listed && model.slug_listed { NamedModel::Known } else { NamedModel::Other };
    match random.below(100) {
        0..=69 => (NamedModel::Known, Some(model.id.clone())),
        70..=79 => (NamedModel::Known, Some(format!("{base}-2026-01-15"))),
        80..=84 => (NamedModel::Known, Some(base.into())),
        85..=90 => (knows_slug, Some(model.slug.clone())),
        91..=94 => (NamedModel::Other, Some("somebody/else".into())),
        _ => (NamedModel::Missing, None),
    }
}

/// Writes a stream without a fault, whatever its text.
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
