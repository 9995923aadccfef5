//! Hostile answers take steps in proportion to their size for clients of Responses and Messages, too.

use super::answers::{end_call, event};
use super::repeat;
use crate::growth::{Case, assert_linear};
use failsoft::protocol::{Native, Protocol};
use failsoft::{ChatRequest, Dialect, Json, Upstream};

/// Gives the text to a client of `client`, as the stream of an upstream that speaks `upstream`.
fn stream(client: Protocol, upstream: Protocol, text: &str) {
    let body = match client {
        Protocol::Responses => {
            r#"{"model":"a/a","stream":true,"input":"hi","include":["reasoning.encrypted_content"],"store":false}"#
        }
        _ => {
            r#"{"model":"a/a","stream":true,"max_tokens":9000,"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"enabled","budget_tokens":1024}}"#
        }
    };
    let read = client.read(Json::parse(body).expect("JSON")).expect("a request").expect("a translated one");
    let mut request = ChatRequest::read(Json::parse(&read.chat).expect("JSON")).expect("a request");
    request.native = Some(Native { protocol: client, json: read.native });
    let mut target = Upstream::new(Dialect::OpenAi, "https://a.example/v1", None);
    target.protocols = vec![upstream];
    let mut writer = read.context.writer(1, 0);
    let mut written = 0;
    end_call(request, target, r#"{"attempts":1}"#, text, &mut |chunk| written += writer.take_chunk(chunk).len());
    written += writer.finish("{}").len();
    assert!(written > 1_000, "the client has got {written} bytes");
    assert!(written < 32 * text.len(), "{written} bytes of {}", text.len());
}

/// Chunks for a client of Messages.
fn to_messages(text: &str) {
    stream(Protocol::Messages, Protocol::Chat, text);
}

/// Chunks for a client of Responses.
fn to_responses(text: &str) {
    stream(Protocol::Responses, Protocol::Chat, text);
}

fn messages(text: &str) {
    stream(Protocol::Messages, Protocol::Messages, text);
}

fn responses(text: &str) {
    stream(Protocol::Responses, Protocol::Responses, text);
}

/// Blocks that alternate, each with a `detail` of its reasoning and behind it `delta`.
fn alternating(size: usize, detail: &str, delta: &str) -> String {
    let reasoning = event(&format!(r#""reasoning_details":[{detail}]"#));
    repeat(size, &[reasoning, event(r#""content":"a""#), event(delta)].concat())
}

fn annotated(size: usize) -> String {
    let citation = r#"{"type":"url_citation","url_citation":{"url":"@"}}"#;
    let blocks = alternating(size / 2, r#"{"type":"reasoning.text","text":"a"}"#, r#""content":"a""#);
    blocks + &event(&format!(r#""annotations":[{}]"#, citation.replace('@', "0"))).repeat(size / 2 / 140)
}

fn signed(size: usize) -> String {
    let blocks = repeat(size / 2, &[event(r#""refusal":"a""#), event(r#""content":"a""#)].concat());
    blocks + &repeat(size / 2, &event(r#""reasoning_details":[{"type":"reasoning.text"}]"#))
}

/// Two calls, of which the second waits for the arguments of the first.
fn waiting(size: usize) -> String {
    let call = |at: usize, arguments: &str| {
        event(&format!(
            r#""tool_calls":[{{"index":{at},"id":"c{at}","function":{{"name":"f","arguments":"{arguments}"}}}}]"#
        ))
    };
    let more = event(&format!(r#""tool_calls":[{{"index":0,"function":{{"arguments":"{}"}}}}]"#, "{}".repeat(20)));
    [call(0, r#"{\"a\":\""#), call(1, "{}"), repeat(size, &more)].concat()
}

/// Google's signatures of one call.
fn thoughts(size: usize) -> String {
    let call = r#"{"index":0,"id":"c","function":{"name":"f","arguments":"a"},"extra_content":{"google":{"thought_signature":"@"}}}"#;
    repeat(size, &event(&format!(r#""tool_calls":[{call}]"#)))
}

/// A stream of Messages with `pieces` in its first block, behind a `head` of the message.
fn message(head: &str, pieces: &str) -> String {
    let start = format!(r#"{{"type":"message_start","message":{{"type":"message","role":"assistant",{head}}}}}"#);
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let text = TEXT.replace(r#""a""#, &format!("\"{}\"", "words ".repeat(100)));
    format!("data: {start}\n\ndata: {block}\n\n{text}\n\n{pieces}")
}

fn blocks(size: usize, delta: &str) -> String {
    let block = r#"data: {"type":"content_block_start","index":1@,"content_block":{"type":"text","text":""}}"#;
    repeat(size, &[block, "\n\ndata: ", delta, "\n\n"].concat())
}

const TEXT: &str = r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;

/// A stream of Responses: an item, and `pieces` of it.
fn item(head: &str, pieces: &str) -> String {
    let created = format!(r#"{{"type":"response.created","response":{{"object":"response",{head}}}}}"#);
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m"}}"#;
    let text = PIECE.replace(r#""a""#, &format!("\"{}\"", "words ".repeat(100)));
    format!("data: {created}\n\ndata: {added}\n\n{text}{pieces}")
}

const PIECE: &str = "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"a\"}\n\n";

/// An item of reasoning whose part has a long field, and pieces of it.
fn long_part(size: usize) -> String {
    let novel = "x".repeat(size / 2);
    let added = r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"reasoning","id":"rs_1"}}"#;
    let part = format!(
        r#"{{"type":"response.content_part.added","output_index":1,"part":{{"type":"reasoning_text","novel":"{novel}"}}}}"#
    );
    let piece = r#"{"type":"response.reasoning_text.delta","output_index":1,"delta":"a"}"#;
    item(
        r#""id":"r""#,
        &format!("data: {added}\n\ndata: {part}\n\n{}", repeat(size / 2, &format!("data: {piece}\n\n"))),
    )
}

/// Parts of two items that alternate.
fn parts(size: usize) -> String {
    let added = r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"n"}}"#;
    let part = |at: usize| {
        format!(
            "data: {{\"type\":\"response.content_part.added\",\"output_index\":{at},\"part\":{{\"type\":\"output_text\"}}}}\n\n"
        )
    };
    item(r#""id":"r""#, &format!("data: {added}\n\n{}", repeat(size, &[part(1), part(0)].concat())))
}

const LONG: fn(usize) -> String = |size| format!(r#""id":"{0}","model":"{0}""#, "x".repeat(size / 4));

const CASES: [Case; 17] = [
    Case {
        name: "alternating blocks for Messages",
        input: |size| alternating(size, r#"{"type":"reasoning.text","text":"a"}"#, ""),
        work: to_messages,
    },
    Case {
        name: "alternating blocks for Responses",
        input: |size| alternating(size, r#"{"type":"reasoning.text","text":"a","id":"rs_@"}"#, ""),
        work: to_responses,
    },
    Case { name: "an annotation again and again behind many blocks", input: annotated, work: to_messages },
    Case {
        name: "signatures behind many blocks",
        input: |size| {
            signed(size).replace(r#""type":"reasoning.text""#, r#""type":"reasoning.text","index":7,"signature":"a""#)
        },
        work: to_messages,
    },
    Case { name: "a call that seems to be whole, and one that waits", input: waiting, work: to_messages },
    Case { name: "a call that seems to be whole, for Responses", input: waiting, work: to_responses },
    Case { name: "Google's signatures of one call", input: thoughts, work: to_messages },
    Case {
        name: "a long id of reasoning",
        input: |size| {
            let id = "x".repeat(size / 2);
            event(&format!(r#""reasoning_details":[{{"type":"reasoning.text","text":"a","id":"rs_{id}"}}]"#))
                + &repeat(size / 2, &event(r#""reasoning":"a""#))
        },
        work: to_responses,
    },
    Case { name: "blocks of Messages", input: |size| message(r#""id":"m""#, &blocks(size, "{}")), work: messages },
    Case {
        name: "a long id of a message",
        input: |size| message(&LONG(size), &blocks(100, "{}")) + &repeat(size / 2, &[TEXT, "\n\n"].concat()),
        work: messages,
    },
    Case {
        name: "unknown deltas of Messages",
        input: |size| {
            message(
                r#""id":"m""#,
                &repeat(size, "data: {\"type\":\"content_block_delta\",\"index\":1@,\"delta\":{\"type\":\"x\"}}\n\n"),
            )
        },
        work: messages,
    },
    Case {
        name: "many fields of usage",
        input: |size| message(&format!(r#""usage":{{{}}}"#, repeat(size, r#""x@":1,"#).trim_end_matches(',')), ""),
        work: messages,
    },
    Case {
        name: "items of Responses",
        input: |size| {
            item(
                r#""id":"r""#,
                &repeat(
                    size,
                    "data: {\"type\":\"response.output_item.done\",\"output_index\":1@,\"item\":{\"type\":\"x\",\"id\":\"x@\"}}\n\n",
                ),
            )
        },
        work: responses,
    },
    Case {
        name: "a long id of a response",
        input: |size| item(&LONG(size), &repeat(size / 2, PIECE)),
        work: responses,
    },
    Case { name: "parts of two items", input: parts, work: responses },
    Case { name: "a long part", input: long_part, work: responses },
    Case {
        name: "many fields of a response",
        input: |size| item(repeat(size, r#""x@":1,"#).trim_end_matches(','), PIECE),
        work: responses,
    },
];

#[test]
fn no_answer_takes_steps_out_of_proportion_for_clients_of_other_protocols() {
    assert_linear(
        "call::admission::growth_tests::writers::no_answer_takes_steps_out_of_proportion_for_clients_of_other_protocols",
        &CASES,
    );
}
