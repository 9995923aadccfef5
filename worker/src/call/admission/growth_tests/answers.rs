//! Hostile answers take steps in proportion to their size.

use super::{MESSAGES, repeat};
use crate::growth::{Case, assert_linear};
use failsoft::http::Headers;
use failsoft::{Action, Breakers, Call, Catalog, ChatRequest, Context, Dialect, Input, Json, Policy, Upstream};
use std::sync::Arc;

/// Gives the text to a call as the answer of its model.
fn answer(text: &str, stream: bool, policy: &str) {
    let body = format!(r#"{{"model":"a/a","stream":{stream},{MESSAGES},"response_format":{{"type":"json_object"}}}}"#);
    let request = ChatRequest::read(Json::parse(&body).expect("JSON")).expect("a request");
    let upstream = Upstream::new(Dialect::OpenAi, "https://a.example/v1", None);
    end_call(request, upstream, policy, text, &mut |_| ());
}

/// Ends the call for `request`. Its upstream answers with `text`, and each chunk for the client goes to `take`.
pub(super) fn end_call(request: ChatRequest, upstream: Upstream, policy: &str, text: &str, take: &mut dyn FnMut(&str)) {
    let kind = if request.stream { "text/event-stream" } else { "application/json" };
    let policy = Policy::read(Json::parse(policy).expect("JSON")).expect("a policy");
    let upstreams = Arc::new(vec![upstream]);
    let (catalog, mut breakers) = (Catalog::default(), Breakers::default());
    let context = Context { upstreams, catalog: &catalog, breakers: &mut breakers };
    let mut call = Call::new(request, Arc::new(policy), context, 1, 0);
    let mut pieces = text.as_bytes().chunks(4_096);
    for _ in 0..text.len() {
        match call.poll(0) {
            Action::Send { attempt, .. } => {
                let headers: Headers = [("content-type", kind)].into_iter().collect();
                call.handle(0, Input::Head { attempt, status: 200, headers });
            }
            Action::Read { attempt } => match pieces.next() {
                Some(bytes) => call.handle(0, Input::Bytes { attempt, bytes }),
                None => call.handle(0, Input::End { attempt }),
            },
            Action::Yield(chunks) => chunks.iter().for_each(&mut *take),
            Action::Relay { .. } | Action::Cancel { .. } => {}
            Action::Wait { .. } => call.handle(0, Input::Aborted),
            Action::Done(_) => return,
        }
    }
    panic!("the call did not end");
}

fn completion(content: &str) -> String {
    format!(
        r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}"}},"finish_reason":"stop"}}]}}"#
    )
}

pub(super) fn event(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{{delta}}}}}]}}\n\n")
}

fn whole(text: &str) {
    answer(
        text,
        false,
        r#"{"invalidJson":{"action":"fail","repair":true},"pattern":{"literals":["aab","aaaaaaab"]},"attempts":1}"#,
    );
}

fn streamed(text: &str) {
    answer(text, true, r#"{"attempts":1,"pattern":{"literals":["aab","aaaaaaab"]},"holdChars":100000}"#);
}

/// An event with `first` as its delta, and events of the same choice with `delta` again and again.
fn deltas(size: usize, first: &str, delta: &str) -> String {
    [event(first), repeat(size, &event(delta))].concat()
}

/// A piece of a tool call with a number of its own.
const CALL: &str = r#"{"index":1@,"id":"@","function":{"name":"f","arguments":"{}"}}"#;

const ANSWERS: [Case; 19] = [
    Case {
        name: "apologies that go on",
        input: |size| completion(&"I'm sorry, but I can't help with that. However, ".repeat(size / 48)),
        work: whole,
    },
    Case {
        name: "an apology in pieces",
        input: |size| repeat(size, &event(r#""content":"I'm sorry, but ""#)),
        work: streamed,
    },
    Case { name: "one letter again and again", input: |size| completion(&"a".repeat(size)), work: whole },
    Case { name: "brackets that never close", input: |size| completion(&"{[".repeat(size / 2)), work: whole },
    Case { name: "blanks", input: |size| completion(&" ".repeat(size)), work: whole },
    Case { name: "a completion that is not JSON", input: |size| "{\"choices\":[".repeat(size / 12), work: whole },
    Case { name: "a held stream", input: |size| repeat(size, &event(r#""content":"a""#)), work: streamed },
    Case { name: "a stream that is one line", input: |size| format!("data: {}", "x".repeat(size)), work: streamed },
    Case { name: "reasoning", input: |size| repeat(size, &event(r#""reasoning":"a""#)), work: streamed },
    Case {
        name: "an event of many lines",
        input: |size| format!("data: {{\"a\":[\n{}\n", repeat(size, "data: 1,\n")),
        work: streamed,
    },
    Case {
        name: "an event of many lines without a field",
        input: |size| format!("data: {{\"a\":[\n{}\n", repeat(size, "{},{}\n")),
        work: streamed,
    },
    Case {
        name: "many tool calls",
        input: |size| deltas(size, "", &format!(r#""tool_calls":[{CALL}]"#)),
        work: streamed,
    },
    Case {
        name: "many tool calls in one event",
        input: |size| event(&format!(r#""tool_calls":[{}]"#, repeat(size, &format!("{CALL},")).trim_end_matches(','))),
        work: streamed,
    },
    Case {
        name: "a call whose arguments seem to be whole",
        input: |size| {
            let begin = r#""tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":\""}}]"#;
            let braces = "{}".repeat(40);
            deltas(size, begin, &format!(r#""tool_calls":[{{"index":0,"function":{{"arguments":"{braces}"}}}}]"#))
        },
        work: streamed,
    },
    Case {
        name: "many choices",
        input: |size| repeat(size, "data: {\"choices\":[{\"index\":1@,\"delta\":{\"content\":\"a\"}}]}\n\n"),
        work: streamed,
    },
    Case {
        name: "many annotations in one event",
        input: |size| {
            event(&format!(r#""content":"a","annotations":[{}]"#, repeat(size, r#"{"a":1@},"#).trim_end_matches(',')))
        },
        work: streamed,
    },
    Case {
        name: "many blocks of reasoning",
        input: |size| deltas(size, "", r#""reasoning_details":[{"type":"@","text":"a"}]"#),
        work: streamed,
    },
    Case {
        name: "many unknown fields in one event",
        input: |size| event(repeat(size, r#""x@":1,"#).trim_end_matches(',')),
        work: streamed,
    },
    Case {
        name: "one name again and again",
        input: |size| event(repeat(size, r#""message":1,"#).trim_end_matches(',')),
        work: streamed,
    },
];

#[test]
fn no_answer_takes_steps_out_of_proportion() {
    assert_linear("call::admission::growth_tests::answers::no_answer_takes_steps_out_of_proportion", &ANSWERS);
}
