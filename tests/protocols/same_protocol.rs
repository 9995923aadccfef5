//! Answers of an upstream to a client of the same protocol: random ones, with items, blocks, parts and fields that nobody knows. The
//! client reads what the upstream has sent, in a stream and in one piece.

mod message;
mod response;

use super::random::Random;
use super::responses::context;
use super::support::{parsed, through_core};
use super::{messages, messages_client, responses_client};
use failsoft::Json;
use failsoft::protocol::{anthropic, openai};
use failsoft::reader::StreamReader;
use message::message;
use response::Response;
use serde_json::{Value, json};

const OPENAI: &str = "openai-responses-v1";

/// The seeds that a test goes through.
const SEEDS: u64 = 400;

fn sse(events: &[Value]) -> String {
    let write = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type"));
    events.iter().map(write).collect()
}

/// `value`, sometimes with a field that nobody knows.
fn with_novelty(random: &mut Random, mut value: Value) -> Value {
    if random.once_in(2) {
        value["novel"] = json!({"a": [random.below(9), null, "\u{2028}\"x\""], "b": 1.5});
    }
    value
}

/// A text in pieces, of which none is empty.
fn pieces(random: &mut Random) -> Vec<String> {
    (0..random.below(4)).map(|_| random.text()).filter(|text| !text.is_empty()).collect()
}

/// What a client of Responses gets of a stream, whose bytes come in two pieces.
fn responses_stream(bytes: &[u8], cut: usize) -> String {
    let mut translator = openai::Translator::new(1, true, OPENAI);
    let pieces = [&bytes[..cut], &bytes[cut..]].map(|piece| translator.feed(piece));
    let keeping = context(json!({"include": ["reasoning.encrypted_content"]}));
    let mut writer = failsoft::protocol::responses::Writer::new(keeping, 7, 9);
    through_core(pieces.each_ref().map(String::as_bytes), |chunks| writer.take(chunks)) + &writer.finish(None)
}

/// The response that a client gets in one piece.
fn response_in_one_piece(whole: &Value) -> Value {
    let text = whole.to_string();
    let list = openai::chunks(Json::parse(&text).expect("JSON"), 1, true, OPENAI).expect("chunks");
    let mut reader = StreamReader::default();
    for chunk in parsed(&list).as_array().expect("a list") {
        reader.feed(format!("data: {chunk}\n\n").as_bytes(), 0);
    }
    let completion = reader.answer().completion();
    let keeping = context(json!({"include": ["reasoning.encrypted_content"]}));
    let completion = Json::parse(&completion).expect("JSON");
    parsed(&failsoft::protocol::responses::response(completion, keeping, 7, 9, None))
}

#[test]
fn a_client_of_responses_reads_what_an_upstream_of_responses_has_sent() {
    for seed in 0..SEEDS {
        let (events, whole) = Response::random(&mut Random::new(seed));
        let sse = sse(&events);
        let streamed = responses_stream(sse.as_bytes(), sse.len());
        let client = responses_client::read(&streamed);
        let in_one_piece = response_in_one_piece(&whole);
        for name in ["id", "model", "status", "output", "usage", "service_tier", "novel_head", "novel_end"] {
            assert_eq!(client[name], whole[name], "seed {seed}, {name}\n{sse}");
            assert_eq!(in_one_piece[name], whole[name], "seed {seed}, {name}, in one piece");
        }
        // OpenAI's SDK throws at an event that it does not know.
        assert!(!streamed.contains("event: response.novel"), "seed {seed}");
        let cut = Random::new(seed).below(sse.len());
        assert_eq!(responses_stream(sse.as_bytes(), cut), streamed, "seed {seed}, cut at {cut}");
    }
}

/// What a client of Messages gets of a stream, whose bytes come in two pieces.
fn messages_stream(bytes: &[u8], cut: usize) -> String {
    let mut translator = anthropic::Translator::new(1, true);
    let pieces = [&bytes[..cut], &bytes[cut..]].map(|piece| translator.feed(piece));
    let mut writer = failsoft::protocol::messages::Writer::new(messages::thinking(), 7);
    through_core(pieces.each_ref().map(String::as_bytes), |chunks| writer.take(chunks)) + &writer.finish(None)
}

#[test]
fn a_client_of_messages_reads_what_an_upstream_of_messages_has_sent() {
    for seed in 0..SEEDS {
        let (events, whole) = message(&mut Random::new(seed));
        let sse = sse(&events);
        let streamed = messages_stream(sse.as_bytes(), sse.len());
        assert_eq!(messages_client::read(&streamed), messages_client::read(&sse), "seed {seed}\n{sse}");
        let delta = events.iter().find(|event| event["type"] == "message_delta").expect("an end");
        assert!(streamed.contains(r#""context_management":{"applied_edits":[]}"#), "{delta}");
        assert!(streamed.contains(r#""container":{"id":"d"}"#), "{delta}");

        let text = whole.to_string();
        let completion = anthropic::completion(Json::parse(&text).expect("JSON"), 1, true).expect("a completion");
        let completion = Json::parse(&completion).expect("JSON");
        let in_one_piece = failsoft::protocol::messages::message(completion, messages::thinking(), 7, None);
        assert_eq!(parsed(&in_one_piece), whole, "seed {seed}, in one piece");
        let cut = Random::new(seed).below(sse.len());
        assert_eq!(messages_stream(sse.as_bytes(), cut), streamed, "seed {seed}, cut at {cut}");
    }
}

#[test]
fn a_stream_that_breaks_goes_on_in_the_open_part_with_the_text_of_another_model() {
    let mut count = 0;
    for seed in 0..50 {
        let (events, _) = Response::random(&mut Random::new(seed));
        let is_text = |event: &Value| event["type"] == "response.output_text.delta";
        let Some(at) = events.iter().position(is_text) else { continue };
        count += 1;
        let mut translator = openai::Translator::new(1, true, OPENAI);
        let mut writer = failsoft::protocol::responses::Writer::new(context(json!({})), 7, 9);
        let mut reader = StreamReader::default();
        let mut out = writer.take(&reader.feed(translator.feed(sse(&events[..=at]).as_bytes()).as_bytes(), 0));
        for (delta, reason) in [(json!({"content": " and more"}), json!(null)), (json!({}), json!("stop"))] {
            let chunk = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).to_string();
            out += &writer.take_chunk(Json::parse(&chunk).expect("JSON"));
        }
        out += &writer.finish(None);
        let client = responses_client::read(&out);
        let item = client["output"].as_array().and_then(|items| items.last()).expect("an item");
        let text = item["content"].as_array().and_then(|parts| parts.last()).expect("a part")["text"].clone();
        assert_eq!(text, format!("{} and more", events[at]["delta"].as_str().expect("a text")), "seed {seed}");
        assert_eq!((&item["status"], &client["status"]), (&json!("completed"), &json!("completed")), "seed {seed}");
    }
    assert!(count > 20, "{count}");
}

#[test]
fn a_stream_that_fails_keeps_what_came() {
    for seed in 0..50 {
        let (events, _) = Response::random(&mut Random::new(seed));
        for end in 2..events.len() {
            let mut translator = openai::Translator::new(1, true, OPENAI);
            let mut writer = failsoft::protocol::responses::Writer::new(context(json!({})), 7, 9);
            let mut reader = StreamReader::default();
            let mut out = writer.take(&reader.feed(translator.feed(sse(&events[..end]).as_bytes()).as_bytes(), 0));
            let failure = reader.finish().expect_err("a failure");
            out += &writer.fail(&failure, None);
            responses_client::read(&out);
        }
    }
}

#[test]
fn an_answer_whose_text_was_changed_on_the_way_is_written_without_marks() {
    let whole = json!({"type": "message", "id": "msg_up", "role": "assistant", "model": "claude-opus-4-7", "stop_reason": "end_turn", "usage": {}, "content": [{"type": "text", "text": "```json\n{}\n```", "novel": 1}]}).to_string();
    let completion = anthropic::completion(Json::parse(&whole).expect("JSON"), 1, true).expect("a completion");
    let mut completion = parsed(&completion);
    completion["choices"][0]["message"]["content"] = json!("{}");
    let text = completion.to_string();
    let message =
        failsoft::protocol::messages::message(Json::parse(&text).expect("JSON"), messages::thinking(), 7, None);
    assert_eq!(parsed(&message)["content"], json!([{"type": "text", "text": "{}"}]));
}
