//! Streams of one attempt.

use super::Events;
use crate::request::UsageChunk;

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
    let annotation = |at: usize| format!(r#""annotations":[{{"url":"{at}"}}]"#);
    let field = |at: usize| format!(r#""x{at}":1"#);
    for (delta, most) in [(&call as &dyn Fn(usize) -> String, 256), (&annotation, 1_024), (&field, 1_021)] {
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
