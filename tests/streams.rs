//! Every shape of a stream, cut at every byte. The chunks and the answer do not depend on where the bytes are cut.
//!
//! `fixtures/streams/expected.json` has the expectation for each fixture. The package's tests read the same files in wasm.

use std::fs;
use std::path::PathBuf;

use failsoft::Json;
use failsoft::chunk::Accumulator;
use failsoft::reader::StreamReader;
use serde_json::{Map, Value, json};

/// The result of reading a stream.
#[derive(Debug, PartialEq)]
struct Reading {
    chunks: Vec<String>,
    text: String,
    failure: Option<Value>,
    completion: Value,
    malformed: u32,
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Reading {
    let mut reader = StreamReader::default();
    let (mut chunks, mut text) = (Vec::new(), String::new());
    for piece in pieces {
        let batch = reader.feed(piece, 0);
        chunks.extend(batch.iter().map(String::from));
        text.push_str(batch.text());
    }
    let batch = reader.end(0);
    chunks.extend(batch.iter().map(String::from));
    text.push_str(batch.text());
    let failure = reader.finish().err().map(|failure| parsed(&failure.to_json()));
    Reading { chunks, text, failure, completion: parsed(&reader.answer().completion()), malformed: reader.malformed() }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("what the core writes is JSON")
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "streams"].iter().collect()
}

fn fixtures() -> Vec<(String, Vec<u8>, Value)> {
    let expected = fs::read(folder().join("expected.json")).expect("the list of expectations");
    let expected: Map<String, Value> = serde_json::from_slice(&expected).expect("expectations are JSON");
    let load = |(name, expected): (String, Value)| {
        let bytes = fs::read(folder().join(format!("{name}.sse"))).expect("a fixture for every expectation");
        (name, bytes, expected)
    };
    expected.into_iter().map(load).collect()
}

#[test]
fn every_fixture_has_an_expectation() {
    let files = fs::read_dir(folder()).expect("fixtures").count();
    assert_eq!(files, fixtures().len() + 1);
}

#[test]
fn every_fixture_reads_as_expected() {
    for (name, bytes, expected) in fixtures() {
        let reading = read([&bytes[..]].into_iter());
        let choice = &reading.completion["choices"].get(0).cloned().unwrap_or_default();
        let said = choice["message"]["content"].as_str().unwrap_or_default();
        let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        let calls: Vec<Value> = calls
            .iter()
            .map(|call| match &call["custom"] {
                Value::Null => json!([call["id"], call["function"]["name"], call["function"]["arguments"]]),
                custom => json!([call["id"], custom["name"], custom["input"]]),
            })
            .collect();
        let failure = reading.failure.clone().unwrap_or_default();
        assert_eq!(reading.text, expected["text"], "{name}");
        assert!(choice["message"]["content"].is_null() || said == expected["text"], "{name}: {said}");
        assert_eq!(reading.chunks.len(), expected["chunks"], "{name}");
        assert_eq!(reading.malformed, expected["malformed"].as_u64().unwrap_or(0) as u32, "{name}");
        assert_eq!(failure["kind"], expected["failure"], "{name}");
        assert_eq!(failure["status"], expected["status"], "{name}");
        assert_eq!(&reading.completion["usage"]["cost"], &expected["cost"], "{name}");
        for (field, value) in
            [("refusal", &choice["message"]["refusal"]), ("reasoning", &choice["message"]["reasoning"])]
        {
            assert_eq!(value, &expected[field], "{name}: {field}");
        }
        assert_eq!(Value::from(calls), expected.get("toolCalls").cloned().unwrap_or(json!([])), "{name}");
        if expected.get("failure").is_none() {
            assert_eq!(choice["finish_reason"], expected["finish"], "{name}");
        }
    }
}

#[test]
fn a_stream_cut_at_any_byte_gives_the_same_chunks() {
    for (name, bytes, _) in fixtures() {
        let whole = read([&bytes[..]].into_iter());
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(read([head, tail].into_iter()), whole, "{name} cut at byte {cut}");
        }
    }
}

/// A client that joins the pieces of each index, as SDKs do.
#[test]
fn the_pieces_of_custom_tool_calls_have_the_index_of_their_call() {
    for (name, bytes, expected) in fixtures().into_iter().filter(|(name, ..)| name.starts_with("custom-tool-calls")) {
        let mut calls: Vec<[String; 3]> = Vec::new();
        for chunk in read([&bytes[..]].into_iter()).chunks {
            for piece in parsed(&chunk)["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let at = piece["index"].as_u64().expect("an index") as usize;
                calls.resize_with(calls.len().max(at + 1), Default::default);
                let called = [&piece["custom"], &piece["function"]].into_iter().find(|called| called.is_object());
                let called = called.expect("a custom tool or a function");
                let input = [&called["input"], &called["arguments"]].into_iter().find_map(Value::as_str);
                let texts = [piece["id"].as_str(), called["name"].as_str(), input];
                for (text, more) in calls[at].iter_mut().zip(texts) {
                    text.push_str(more.unwrap_or_default());
                }
            }
        }
        assert_eq!(json!(calls), expected["toolCalls"], "{name}");
    }
}

#[test]
fn a_stream_read_byte_by_byte_gives_the_same_chunks() {
    for (name, bytes, _) in fixtures() {
        assert_eq!(read(bytes.chunks(1)), read([&bytes[..]].into_iter()), "{name}");
    }
}

#[test]
fn an_event_above_the_size_limit_ends_the_stream_with_an_error() {
    let mut reader = StreamReader::default();
    reader.feed(b"data: ", 0);
    let block = vec![b'x'; 1024 * 1024];
    (0..33).for_each(|_| drop(reader.feed(&block, 0)));
    assert_eq!(reader.failure().map(|failure| failure.kind), Some(failsoft::Kind::BadResponse));
}

/// Shapes of a chunk around its text. The next chunk often has the same shape, as in a stream.
const SHAPES: [&str; 12] = [
    r#"{"id":"gen-1","model":"a/a","choices":[{"index":0,"delta":{"content":"@"},"finish_reason":null}]}"#,
    r#"{"id":"gen-1","model":"a/a","choices":[{"index":0,"delta":{"role":"assistant","content":"@"}}]}"#,
    r#"{"model":"b/b","choices":[{"index":0,"delta":{"content":"@"}}],"usage":{"cost":1}}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"@"},"logprobs":{"content":[{"token":"x"}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"@","reasoning":"why"}}]}"#,
    r#"{"choices":[{"index":1,"delta":{"content":"@"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"@"}},{"index":1,"delta":{"content":"@"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"@","content":"twice"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"@"}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"@"}}]}}]}"#,
    r#"{"usage":{"cost":2,"prompt_tokens":3},"choices":[]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"@"#,
];

/// Texts in the place of `@`: the inside of a JSON string, or something that only looks like it.
const TEXTS: [&str; 10] =
    ["", "word ", "é🦀", r"\n", r#"\"\\"#, r"\u00e9\ud83e\udd80", r"\u12", "\t", r#"","content":"more"#, "@"];

/// The next of a series of numbers that look random.
fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

/// What `data` means, where a text in it is not quite the inside of a JSON string.
fn meant(data: &str) -> String {
    data.replace('\t', r"\u0009").replace(r"\u12", "u12")
}

#[test]
fn a_repeated_event_gives_the_same_as_a_full_read() {
    for seed in 0..4_000 {
        let (random, mut shape) = (&mut { seed }, 0);
        let (mut body, mut answer, mut unlike, mut malformed) =
            (String::new(), Accumulator::default(), String::new(), 0);
        for _ in 0..12 {
            if next(random, 4) == 0 {
                shape = next(random, SHAPES.len());
            }
            let data = SHAPES[shape].replace('@', TEXTS[next(random, TEXTS.len())]);
            let field = if next(random, 9) == 0 { "data:" } else { "data: " };
            let end = if next(random, 9) == 0 { "\r\n\r\n" } else { "\n\n" };
            body.extend([field, &data, end]);
            // An event in two lines is no repetition, and repeats none.
            unlike.extend(["data: {\ndata: ", &data[1..], "\n\n"]);
            match Json::parse(&meant(&data)) {
                Some(chunk) => drop(answer.feed(chunk)),
                None => malformed += 1,
            }
        }
        let mut pieces = Vec::new();
        let mut rest = body.as_bytes();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((1 + next(random, 400)).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        let reading = read(pieces.into_iter());
        let completion = parsed(&answer.completion());
        // The reader gets the text of choice 0.
        let text = if completion["choices"][0]["index"] == 0 { answer.text() } else { "" };
        let expected = (text, &read([unlike.as_bytes()].into_iter()).chunks, malformed, completion);
        assert_eq!(
            (&*reading.text, &reading.chunks, reading.malformed, reading.completion),
            expected,
            "{seed}: {body}"
        );
    }
}
