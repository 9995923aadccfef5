//! Answers with very many pieces and blocks, and with long names: nothing of them is lost or comes twice.

use super::answers::chunk;
use super::support::through_core;
use super::{messages, messages_client, responses, responses_client};
use failsoft::protocol::{anthropic, openai};
use failsoft::reader::StreamReader;
use serde_json::{Value, json};

const OPENAI: &str = "openai-responses-v1";

/// The chunks of an answer with these deltas.
fn chunks(deltas: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut chunks: Vec<Value> = deltas.into_iter().map(|delta| chunk(delta, None)).collect();
    chunks.push(chunk(json!({}), Some("stop")));
    chunks
}

fn message(chunks: &[Value]) -> Value {
    messages_client::read(&messages::stream(messages::thinking(), chunks))
}

fn response(chunks: &[Value]) -> Value {
    responses_client::read(&responses::stream(responses::context(json!({})), chunks))
}

fn detail(fields: Value) -> Value {
    let mut detail = json!({"type": "reasoning.text", "format": "anthropic-claude-v1"});
    detail.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    json!({"reasoning_details": [detail]})
}

#[test]
fn pieces_of_one_thought_are_one_block_however_many_there_are() {
    for fields in [json!({"text": "a", "index": 0}), json!({"text": "a"})] {
        let chunks = chunks((0..5_000).map(|_| detail(fields.clone())));
        let message = message(&chunks);
        assert_eq!(message["content"].as_array().map(Vec::len), Some(1));
        assert_eq!(message["content"][0]["thinking"], "a".repeat(5_000));
        assert_eq!(response(&chunks)["output"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_signature_and_an_annotation_behind_many_blocks_are_given_once() {
    let citation =
        json!({"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}});
    let annotated = json!({"content": "a", "annotations": [citation]});
    let mut deltas = vec![detail(json!({"text": "hm", "index": 7})), annotated.clone()];
    for at in 0..200 {
        deltas.extend([detail(json!({"text": "hm", "index": at % 7})), json!({"content": "a"})]);
    }
    let before = chunks(deltas.clone());
    // The first belongs to a text that has ended, and the second to thinking that is not shown.
    deltas.extend([
        annotated,
        detail(json!({"signature": "S", "index": 7})),
        detail(json!({"signature": "T", "index": 8})),
    ]);
    let after = chunks(deltas);
    let (blocks, items) = (message(&after)["content"].clone(), response(&after)["output"].clone());
    assert_eq!(blocks.as_array().map(Vec::len), message(&before)["content"].as_array().map(|blocks| blocks.len() + 1));
    assert_eq!(blocks[402], json!({"type": "thinking", "thinking": "", "signature": "T"}));
    assert_eq!(items.to_string().matches("url_citation").count(), 1);
}

/// The events of a stream of Responses.
fn sse(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn item(at: usize, item: Value) -> [Value; 2] {
    ["added", "done"]
        .map(|what| json!({"type": format!("response.output_item.{what}"), "output_index": at, "item": item}))
}

/// The response that a client gets of an upstream of Responses.
fn same_response(items: &[Value], id: &str) -> Value {
    let mut events =
        vec![json!({"type": "response.created", "response": {"object": "response", "id": id, "model": "m"}})];
    events.extend(items.iter().enumerate().flat_map(|(at, value)| item(at, value.clone())));
    let whole = json!({"object": "response", "id": id, "status": "completed", "model": "m", "output": items});
    events.push(json!({"type": "response.completed", "response": whole}));
    let chunks = openai::Translator::new(1, true, OPENAI).feed(sse(&events).as_bytes());
    let mut writer = failsoft::protocol::responses::Writer::new(responses::context(json!({})), 7, 9);
    responses_client::read(
        &(through_core([chunks.as_bytes(), b""], |chunks| writer.take(chunks)) + &writer.finish(None)),
    )
}

#[test]
fn long_ids_of_answers_items_and_calls_stay_as_they_are() {
    let (long, item_id) = ("x".repeat(5_000), "y".repeat(1_000));
    let call = json!({"type": "function_call", "id": item_id, "call_id": long, "name": "f", "arguments": "{}", "status": "completed"});
    let client = same_response(&[call], &long);
    assert_eq!(client["id"], long);
    assert_eq!((&client["output"][0]["id"], &client["output"][0]["call_id"]), (&json!(item_id), &json!(long)));

    let called = json!({"tool_calls": [{"index": 0, "id": long, "function": {"name": "f", "arguments": "{}"}}]});
    let chunks = chunks([called]);
    assert_eq!(response(&chunks)["output"][0]["call_id"], long);
    assert_eq!(message(&chunks)["content"][0]["id"], long);

    let start =
        json!({"type": "message_start", "message": {"type": "message", "id": long, "model": "m", "content": []}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}});
    let mut events = vec![start, block, json!({"type": "content_block_stop", "index": 0})];
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
    events.push(json!({"type": "message_stop"}));
    let chunks = anthropic::Translator::new(1, true).feed(sse(&events).as_bytes());
    let mut writer = failsoft::protocol::messages::Writer::new(messages::thinking(), 7);
    let streamed = through_core([chunks.as_bytes(), b""], |chunks| writer.take(chunks)) + &writer.finish(None);
    assert_eq!(messages_client::read(&streamed)["id"], long);
}

#[test]
fn an_answer_of_responses_that_exceeds_a_bound_fails_and_says_which() {
    let message =
        |at: usize, id: &str| item(at, json!({"type": "message", "id": id, "role": "assistant", "content": []}));
    let part =
        json!({"type": "response.content_part.added", "output_index": 0, "part": {"type": "output_text", "text": ""}});
    let items: Vec<Value> = (0..1_025).flat_map(|at| message(at, &format!("msg_{at}"))).collect();
    let parts: Vec<Value> = (0..1_025).map(|_| part.clone()).collect();
    let long = message(0, &"x".repeat(1_030));
    let text = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "a"});
    for is_native in [true, false] {
        for (events, most, expected) in [
            (&items[..], 2_048, "the answer has more than 1024 items or parts"),
            (&parts[..], 1_024, "the answer has more than 1024 items or parts"),
            (&long[..], 0, "the id of an item of the answer is longer than 1024 bytes"),
        ] {
            let translated = |sse: &str| openai::Translator::new(1, is_native, OPENAI).feed(sse.as_bytes());
            assert_exceeds(events, most, &text, expected, translated);
        }
    }
}

#[test]
fn an_answer_of_messages_that_exceeds_a_bound_fails_and_says_which() {
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let blocks = vec![block; 1_025];
    let text = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}});
    for is_native in [true, false] {
        let translated = |sse: &str| anthropic::Translator::new(1, is_native).feed(sse.as_bytes());
        assert_exceeds(&blocks, 1_024, &text, "the answer has more than 1024 blocks", translated);
    }
}

/// The answer with these events and `last`, of which `translated` makes chunks, fails with `expected`, and that with the first `most`
/// of them does not.
fn assert_exceeds(events: &[Value], most: usize, last: &Value, expected: &str, translated: impl Fn(&str) -> String) {
    let failure = |events: &[Value]| {
        let mut reader = StreamReader::default();
        let events = [events, std::slice::from_ref(last)].concat();
        reader.feed(translated(&sse(&events)).as_bytes(), 0);
        reader.failure().map(|failure| failure.message.clone())
    };
    assert_eq!(failure(&events[..most]), None, "{expected}");
    assert_eq!(failure(events).as_deref(), Some(expected));
}
