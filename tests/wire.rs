//! What upstreams really send, as users reported it: the cases for the reader in `fixtures/wire`, read in one piece and byte by
//! byte. The package's tests run all cases; `fixtures/wire/README.md` says what the fields mean.

use std::fs;
use std::path::PathBuf;

use failsoft::reader::StreamReader;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "wire"].iter().collect()
}

/// The cases for the reader, with the bodies.
fn cases() -> Vec<(Value, Vec<u8>)> {
    let expected = fs::read(folder().join("expected.json")).expect("the cases");
    let cases: Vec<Value> = serde_json::from_slice(&expected).expect("JSON");
    let is_ours =
        |case: &Value| case["how"] == "reader" && case["file"].as_str().is_some_and(|file| file.ends_with(".sse"));
    cases.into_iter().filter(is_ours).map(|case| (case.clone(), body(&case))).collect()
}

fn body(case: &Value) -> Vec<u8> {
    let bytes = fs::read(folder().join(case["file"].as_str().expect("a file"))).expect("the body");
    let Some(word) = case["grow"]["at"].as_str() else { return bytes };
    let length = case["grow"]["to"].as_u64().expect("a length") as usize;
    String::from_utf8(bytes).expect("text").replace(word, &"A".repeat(length)).into_bytes()
}

/// What the reader makes of `pieces`, by the names that the cases have for it.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Value {
    let mut reader = StreamReader::default();
    let mut text = String::new();
    pieces.for_each(|piece| text.push_str(reader.feed(piece, 0).text()));
    text.push_str(reader.end(0).text());
    let completion: Value = serde_json::from_str(&reader.answer().completion()).expect("a completion is JSON");
    let choice = completion["choices"].get(0).cloned().unwrap_or_default();
    let message = &choice["message"];
    assert_eq!(message["content"].as_str().unwrap_or_default(), text, "the completion has the text of the chunks");
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let parsed = |call: &Value| serde_json::from_str::<Value>(call["function"]["arguments"].as_str()?).ok();
    let calls: Vec<Value> =
        calls.map(|call| json!({"name": call["function"]["name"], "arguments": parsed(call)})).collect();
    let failure = reader.finish().err().map(|failure| json!({"kind": failure.kind.name(), "partial": text}));
    json!({
        "text": text,
        "error": failure,
        "finish_reason": choice["finish_reason"],
        "native_finish_reason": choice["native_finish_reason"],
        "tool_calls": calls,
        "reasoning": message["reasoning"],
        "annotations": message["annotations"],
        "citations": completion["citations"],
        "usage": completion["usage"],
        "image_length": message["images"][0]["image_url"]["url"].as_str().map(str::len),
        "ids": message["tool_calls"],
    })
}

/// `seen` is as `wanted`: each field that `wanted` has, and one of its alternatives.
fn is_as_wanted(wanted: &Value, seen: &Value) -> bool {
    let may_fail = !wanted["error"].is_null() || !wanted["either"].is_null();
    (may_fail || seen["error"].is_null())
        && wanted.as_object().expect("fields").iter().all(|(name, value)| match &**name {
            "either" => value.as_array().expect("a list").iter().any(|one| is_as_wanted(one, seen)),
            "error" => !seen["error"].is_null() && contains(value, &seen["error"]),
            "ids" => are_distinct(&seen["ids"]),
            "usage" => contains(value, &seen["usage"]),
            "finish_reason" => is_one_of(value, &seen["finish_reason"]),
            // The reader alone has no report.
            "warnings" | "cost" => false,
            name => value == &seen[name],
        })
}

fn contains(wanted: &Value, seen: &Value) -> bool {
    wanted.as_object().expect("fields").iter().all(|(name, value)| is_one_of(value, &seen[name]))
}

fn is_one_of(wanted: &Value, seen: &Value) -> bool {
    wanted.as_array().map_or(wanted == seen, |values| values.contains(seen))
}

fn are_distinct(calls: &Value) -> bool {
    let mut ids: Vec<&str> = calls.as_array().into_iter().flatten().filter_map(|call| call["id"].as_str()).collect();
    ids.sort_unstable();
    ids.windows(2).all(|pair| pair[0] != pair[1]) && ids.first().is_some_and(|id| !id.is_empty())
}

#[test]
fn every_case_for_the_reader_reads_as_expected() {
    // The cost is a part of the report.
    let cases: Vec<_> = cases().into_iter().filter(|(case, _)| case["expect"]["cost"].is_null()).collect();
    assert!(cases.len() >= 25, "{}", cases.len());
    for (case, body) in cases {
        let piece = if body.len() < 1 << 20 { 1 } else { 1 << 16 };
        for seen in [read([&body[..]].into_iter()), read(body.chunks(piece))] {
            let shown = if body.len() < 1 << 20 { seen.to_string() } else { String::new() };
            assert!(is_as_wanted(&case["expect"], &seen), "{}: {} of {shown}", case["id"], case["expect"]);
        }
    }
}
