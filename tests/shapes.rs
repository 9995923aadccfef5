//! What vendors send, as they document it or as their users reported it: `fixtures/wire/shapes.json`. Each shape is read cut at
//! every byte, and changed in ways that do not change its meaning. The result is the same each time.

use std::fs;
use std::path::PathBuf;

use failsoft::chunk::Chunks;
use failsoft::reader::StreamReader;
use serde_json::{Value, json};

#[derive(Debug, Default)]
struct Shape {
    name: String,
    class: String,
    body: Vec<u8>,
    /// The chunks, if the shape is not about framing.
    chunks: Vec<Value>,
    expect: Value,
}

fn shapes() -> Vec<Shape> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "wire", "shapes.json"].iter().collect();
    let shapes: Vec<Value> = serde_json::from_slice(&fs::read(path).expect("the shapes")).expect("JSON");
    shapes.iter().map(shape).collect()
}

fn shape(entry: &Value) -> Shape {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let mut choices = entry["choices"].as_array().cloned().unwrap_or_default();
    let mut expect = entry["expect"].clone();
    if let Some(pieces) = entry["pieces"].as_array() {
        let finish = entry["finish"].as_str().unwrap_or("tool_calls");
        choices.extend(pieces.iter().map(|piece| json!({"index": 0, "delta": {"tool_calls": [piece]}})));
        choices.push(json!({"index": 0, "delta": {}, "finish_reason": finish}));
        if expect["failure"].is_null() {
            expect["finish"] = finish.into();
        }
    }
    let chunk = |choice: &Value| {
        let mut chunk = json!({"id": "c-1", "object": "chat.completion.chunk", "model": "m/one", "choices": [choice]});
        for (name, value) in entry["beside"].as_object().into_iter().flatten() {
            chunk[name] = value.clone();
        }
        chunk
    };
    let chunks: Vec<Value> = choices.iter().map(chunk).collect();
    let body = if chunks.is_empty() { text("body").into_bytes() } else { stream(&chunks, &written, "\n\n") };
    Shape { name: format!("{}: {}", text("source"), text("what")), class: text("class"), body, chunks, expect }
}

/// The chunks as events, with an end mark.
fn stream(chunks: &[Value], write: &dyn Fn(&Value) -> String, end: &str) -> Vec<u8> {
    let mut body = String::new();
    for chunk in chunks {
        body.extend(["data: ", &write(chunk), end]);
    }
    body.extend(["data: [DONE]", end]);
    body.into_bytes()
}

fn written(value: &Value) -> String {
    value.to_string()
}

/// The JSON text of `value` with the fields of each object in the opposite order.
fn written_backwards(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .rev()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), written_backwards(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => {
            format!("[ {} ]", items.iter().map(written_backwards).collect::<Vec<String>>().join(" , "))
        }
        plain => plain.to_string(),
    }
}

/// `chunk` with `change` applied to each delta.
fn with_delta(chunk: &Value, change: impl Fn(&mut Value)) -> Value {
    let mut chunk = chunk.clone();
    chunk["choices"].as_array_mut().expect("choices").iter_mut().for_each(|choice| change(&mut choice["delta"]));
    chunk
}

/// What came of a body.
#[derive(Debug, PartialEq)]
struct Reading {
    text: String,
    shown: Value,
    completion: Value,
    failure: Option<String>,
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Reading {
    let mut reader = StreamReader::default();
    let (mut text, mut lines) = (String::new(), Vec::new());
    let mut take = |chunks: Chunks| {
        text.push_str(chunks.text());
        lines.extend(chunks.iter().map(|line| serde_json::from_str::<Value>(line).expect("a chunk is JSON")));
    };
    pieces.for_each(|piece| take(reader.feed(piece, 0)));
    take(reader.end(0));
    let failure = reader.finish().err().map(|failure| failure.kind.name().to_owned());
    let completion = serde_json::from_str(&reader.answer().completion()).expect("a completion is JSON");
    Reading { text, shown: sum_of(&lines), completion, failure }
}

/// What a client makes of the chunks that joins them as OpenAI's clients do: text, calls by index, and the last reason.
fn sum_of(chunks: &[Value]) -> Value {
    let (mut text, mut reason) = (String::new(), Value::Null);
    let mut calls: Vec<[String; 3]> = Vec::new();
    for choice in chunks.iter().filter_map(|chunk| chunk["choices"].get(0)) {
        let content = &choice["delta"]["content"];
        assert!(content.is_string() || content.is_null(), "the content of a chunk is a string: {content}");
        text.push_str(content.as_str().unwrap_or_default());
        if choice["finish_reason"].is_string() {
            reason = choice["finish_reason"].clone();
        }
        for piece in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = piece["index"].as_u64().expect("a piece has an index") as usize;
            calls.resize(calls.len().max(index + 1), Default::default());
            let function = &piece["function"];
            for (all, more) in calls[index].iter_mut().zip([&piece["id"], &function["name"], &function["arguments"]]) {
                all.push_str(more.as_str().unwrap_or_default());
            }
        }
    }
    json!({"text": text, "finish": reason, "calls": calls})
}

fn check(shape: &Shape, reading: &Reading, how: &str) {
    let Shape { name, expect, .. } = shape;
    let choice = reading.completion["choices"].get(0).cloned().unwrap_or_default();
    let message = &choice["message"];
    assert_eq!(reading.failure.as_deref(), expect["failure"].as_str(), "{name}, {how}");
    assert_eq!(reading.text, expect["text"].as_str().unwrap_or_default(), "{name}, {how}");
    assert_eq!(message["content"].as_str().unwrap_or_default(), reading.text, "{name}, {how}");
    assert_eq!(message["reasoning"], expect["reasoning"], "{name}, {how}");
    for (fields, of) in [("message", message), ("completion", &reading.completion)] {
        for (field, value) in expect[fields].as_object().into_iter().flatten() {
            assert_eq!(&of[field], value, "{name}, {how}: {field}");
        }
    }
    if reading.failure.is_some() {
        return;
    }
    assert_eq!(choice["finish_reason"], expect["finish"], "{name}, {how}");
    assert_eq!(reading.shown["finish"], expect["finish"], "{name}, {how}: the chunks");
    assert_eq!(reading.shown["text"], reading.text, "{name}, {how}: the chunks");
    if expect["native"].is_string() {
        assert_eq!(choice["native_finish_reason"], expect["native"], "{name}, {how}");
    }
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let said = |call: &Value| json!([call["function"]["name"], parsed(&call["function"]["arguments"])]);
    let said: Vec<Value> = calls.iter().map(said).collect();
    let wanted = expect["calls"].as_array().into_iter().flatten();
    let wanted: Vec<Value> = wanted.map(|call| json!([call[0], parsed(&call[1])])).collect();
    assert_eq!(said, wanted, "{name}, {how}");
    let joined: Vec<Value> = reading.shown["calls"].as_array().into_iter().flatten().cloned().collect();
    assert_eq!(joined.len(), calls.len(), "{name}, {how}: the chunks");
    let mut ids: Vec<&str> = calls.iter().map(|call| call["id"].as_str().unwrap_or_default()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == calls.len() && !ids.contains(&""), "{name}, {how}: {ids:?}");
}

/// Arguments as the value that they are.
fn parsed(arguments: &Value) -> Value {
    let text = arguments.as_str().expect("arguments are a string");
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[test]
fn every_class_has_at_least_15_shapes() {
    for class in ["finish reasons", "framing", "tool calls", "content"] {
        assert!(shapes().iter().filter(|shape| shape.class == class).count() >= 15, "{class}");
    }
}

/// The shapes whose body is a stream of events.
fn streams() -> Vec<Shape> {
    shapes().into_iter().filter(|shape| !shape.body.starts_with(b"{") && !shape.body.starts_with(b"[")).collect()
}

#[test]
fn every_shape_reads_as_expected_wherever_it_is_cut() {
    for shape in streams() {
        let whole = read([&shape.body[..]].into_iter());
        check(&shape, &whole, "in one piece");
        assert_eq!(read(shape.body.chunks(1)), whole, "{}, byte by byte", shape.name);
        for cut in 0..shape.body.len() {
            let (head, tail) = shape.body.split_at(cut);
            assert_eq!(read([head, tail].into_iter()), whole, "{} cut at byte {cut}", shape.name);
        }
    }
}

#[test]
fn what_does_not_change_the_meaning_does_not_change_the_result() {
    for shape in streams().iter().filter(|shape| !shape.chunks.is_empty()) {
        let changed = |how: &str, body: &[u8]| check(shape, &read([body].into_iter()), how);
        changed("with its fields in another order", &stream(&shape.chunks, &written_backwards, "\n\n"));
        for end in ["\n", "\r\n\r\n", "\r\r", "\nevent: message\n\n", "\n\n: a comment\n\n"] {
            changed("in another framing", &stream(&shape.chunks, &written, end));
        }
        changed("with named events", &stream(&shape.chunks, &|chunk| format!("{chunk}\nevent:message\nid:1"), "\n\n"));
        changed("with each event as a list", &stream(&shape.chunks, &|chunk| format!("[{chunk}]"), "\n\n"));
        let in_parts = |chunk: &Value| {
            let wrap = |delta: &mut Value| {
                if let Some(text) = delta["content"].as_str().map(str::to_owned) {
                    delta["content"] = json!([{"type": "text", "text": text}]);
                }
            };
            written(&if chunk["choices"][0]["delta"].is_object() { with_delta(chunk, wrap) } else { chunk.clone() })
        };
        changed("with its text in parts", &stream(&shape.chunks, &in_parts, "\n\n"));
        let with_unknown = |chunk: &Value| {
            let mut chunk = chunk.clone();
            chunk["x_vendor"] = json!({"a": [1, {"finish_reason": "error", "content": "no"}]});
            chunk["choices"][0]["x_vendor"] = json!(["content"]);
            written(&chunk)
        };
        changed("with unknown fields", &stream(&shape.chunks, &with_unknown, "\n\n"));
        let last = &stream(&shape.chunks, &written, "\n\n");
        changed("without the last empty line", last.trim_ascii_end());
    }
}

#[test]
fn a_finish_reason_is_read_in_any_case_and_under_any_spelling_of_its_key() {
    for shape in streams().iter().filter(|shape| shape.class == "finish reasons" && !shape.chunks.is_empty()) {
        for (key, upper) in
            [("finish_reason", true), ("finishReason", false), ("FinishReason", true), ("finish-reason", false)]
        {
            let respelled = |chunk: &Value| {
                let mut chunk = chunk.clone();
                let choice = chunk["choices"][0].as_object_mut().expect("a choice");
                if let Some(word) = choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned) {
                    choice.remove("finish_reason");
                    choice.insert(key.into(), if upper { word.to_uppercase() } else { word }.into());
                }
                written(&chunk)
            };
            let mut expect = shape.expect.clone();
            expect["native"] = Value::Null;
            let expected = Shape { name: shape.name.clone(), expect, ..Shape::default() };
            check(&expected, &read([&stream(&shape.chunks, &respelled, "\n\n")[..]].into_iter()), key);
        }
    }
}

/// The next of a series of numbers that look random.
fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

/// What is inserted into a body: what JSON, an event or a character begins or ends with.
const FRAGMENTS: [&[u8]; 14] =
    [b"\\", b"\"", b"{", b"}", b"[", b"]", b"\\ud83d", b"\\ude00", b"\n", b"null", b":", b",", b"\xf0\x9f", b"data: "];

/// `body` without a part, with a fragment in it, or with a part of `other`.
fn damaged(body: &[u8], other: &[u8], random: &mut u64) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..=next(random, 4) {
        let at = next(random, body.len() + 1);
        let length = next(random, 60);
        match next(random, 3) {
            0 => drop(body.drain(at..(at + length).min(body.len()))),
            1 => drop(body.splice(at..at, FRAGMENTS[next(random, FRAGMENTS.len())].iter().copied())),
            _ => {
                let from = next(random, other.len());
                drop(body.splice(at..at, other[from..(from + length).min(other.len())].iter().copied()));
            }
        }
    }
    body
}

#[test]
fn whatever_happens_to_a_body_its_chunks_and_its_completion_are_json() {
    let shapes = shapes();
    for seed in 0..4_000 {
        let random = &mut { seed };
        let mut pick = || &shapes[next(random, shapes.len())].body;
        let (body, other) = (pick(), pick());
        let body = damaged(body, other, random);
        let mut reader = StreamReader::default();
        for piece in body.chunks(1 + next(random, 50)) {
            let chunks = reader.feed(piece, 0);
            assert!(chunks.iter().all(is_json), "{seed}");
        }
        assert!(reader.end(0).iter().all(is_json) && is_json(&reader.answer().completion()), "{seed}");
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}
