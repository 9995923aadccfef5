//! Streams of one attempt.

use super::Events;
use crate::chunk::bounds::{EXCEEDED, MOST_DETAILS, MOST_PARTS, MOST_RECORDS};
use crate::request::UsageChunk;
use serde_json::Value;

#[test]
fn an_event_without_text_is_passed_on_but_is_no_sign_of_work() {
    let event = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let mut events = Events::new(UsageChunk::AsSent);
    events.feed(event("a").repeat(3).as_bytes(), 0);
    assert!(std::mem::take(&mut events.had_event));
    events.feed(event("").as_bytes(), 0);
    assert!(!events.had_event);
    assert_eq!((events.answer.text(), events.waiting.iter().count()), ("aaa", 4));
}

#[test]
fn an_answer_with_more_parts_than_are_read_fails() {
    let call = |at: usize| {
        format!(r#""tool_calls":[{{"index":{at},"id":"c{at}","function":{{"name":"f","arguments":"{{}}"}}}}]"#)
    };
    let detail = |at: usize| format!(r#""reasoning_details":[{{"type":"reasoning.text","text":"a","index":{at}}}]"#);
    // A message has three fields before its first piece.
    let field = |at: usize| format!(r#""x{at}":1"#);
    for (delta, most) in [(&call as &dyn Fn(usize) -> String, 256), (&detail, 16_384), (&field, 1_021)] {
        let mut events = Events::new(UsageChunk::AsSent);
        let mut feed = |at: usize| {
            let event = [r#"data: {"choices":[{"delta":{"#, &delta(at), "}}]}\n\n"].concat();
            events.feed(event.as_bytes(), 0);
            events.failure.is_some()
        };
        assert!(!(0..most).any(&mut feed), "{}", delta(0));
        // A piece of what is there already adds nothing.
        assert!(!feed(most - 1), "{}", delta(0));
        assert!(feed(most), "{}", delta(0));
        assert_eq!(events.failure.expect("a failure").message, EXCEEDED);
    }
    for most in [MOST_RECORDS, MOST_PARTS, MOST_DETAILS] {
        assert!(EXCEEDED.contains(&format!(" {most} ")), "{EXCEEDED}");
    }
}

#[test]
fn long_reasoning_in_pieces_is_read() {
    let encrypted = r#"{"type":"reasoning.encrypted","data":"a","id":"rs_@","index":0}"#;
    for (detail, items) in [
        (r#"{"type":"reasoning.text","text":"a","format":"anthropic-claude-v1","index":0}"#, 1),
        (r#"{"type":"reasoning.text","text":"a"}"#, 1),
        (r#"{"type":"reasoning.summary","summary":"a"}"#, 1),
        (r#"{"type":"reasoning.text","text":"a","index":@}"#, 5_000),
        (encrypted, 5_000),
        (r#"{"type":"reasoning.encrypted","data":"a"}"#, 5_000),
        (r#"{"type":"reasoning.encrypted","data":"a","index":0}"#, 5_000),
    ] {
        let mut events = Events::new(UsageChunk::AsSent);
        for at in 0..5_000 {
            let detail = detail.replace('@', &at.to_string());
            let event = format!(r#"data: {{"choices":[{{"delta":{{"reasoning_details":[{detail}]}}}}]}}"#);
            events.feed((event + "\n\n").as_bytes(), 0);
        }
        assert!(events.failure.is_none(), "{detail}");
        let completion: Value = serde_json::from_str(&events.answer.completion()).expect("JSON");
        let details = completion["choices"][0]["message"]["reasoning_details"].as_array().expect("a list");
        let text = |item: &Value| ["text", "summary", "data"].map(|name| item[name].as_str().unwrap_or("").len());
        assert_eq!((details.len(), details.iter().flat_map(text).sum()), (items, 5_000), "{detail}");
    }
}

#[test]
fn an_event_of_many_lines_is_whole_where_it_ends() {
    let mut events = Events::new(UsageChunk::AsSent);
    let begin = r#"data: {"choices":[{"delta":{"content":"a"}"#;
    let text = [begin, "\n", &"data: \n".repeat(1_000), "data: }]}\n\n"].concat();
    events.feed(text.repeat(3).as_bytes(), 0);
    assert_eq!((events.answer.text(), events.malformed), ("aaa", 0));
}

#[test]
fn an_event_in_another_shape_is_not_repeated_as_it_came() {
    let event =
        r#"data: {"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{},"finish_reason":"SAFETY"}]}"#;
    let mut events = Events::new(UsageChunk::AsSent);
    events.feed(format!("{event}\n\n").repeat(4).as_bytes(), 0);
    let shaped = |chunk: &str| chunk.contains(r#""finish_reason":"content_filter""#);
    assert_eq!(events.waiting.iter().filter(|chunk| shaped(chunk)).count(), 4);
}
