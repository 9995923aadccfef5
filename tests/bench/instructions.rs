//! Fixed work for the core, whose instructions callgrind counts: `cargo xtask bench instructions`. Without arguments
//! the program lists its workloads, one on a line; `instructions NAME PASSES` runs one of them `PASSES` times.
//!
//! The difference between two passes and one is the work alone, without the start of the program and the preparation.
//! The difference is the same in each run, as long as compiler and code are the same.

use std::hint::black_box;

use std::sync::Arc;

use failsoft::reader::StreamReader;
use failsoft::{
    Action, AttemptId, Breakers, Call, Catalog, ChatRequest, Context, Dialect, Headers, Input, Json, Upstream,
};

/// The events of a stream.
const EVENTS: usize = 20_000;
/// The calls of a pass.
const CALLS: usize = 100;

/// The workloads: the name, the unit that is counted, and the number of units in a pass.
const WORKLOADS: [(&str, &str, usize); 8] = [
    ("a stream in chunks of 16 KiB", "event", EVENTS),
    ("a stream, one event per chunk", "event", EVENTS),
    ("a stream, cut after 1 to 64 bytes", "event", EVENTS),
    ("a call is planned", "call", CALLS),
    ("a call with a JSON answer of 2 KB", "call", CALLS),
    ("a call with a 429, then that answer", "call", CALLS),
    ("the JSON of an event, by the core's reader", "event", EVENTS),
    ("the JSON of an event, as a serde_json::Value", "event", EVENTS),
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(name) = arguments.next() else {
        return WORKLOADS.iter().for_each(|(name, unit, count)| println!("{name}\t{unit}\t{count}"));
    };
    let passes: usize = arguments.next().and_then(|passes| passes.parse().ok()).expect("a number of passes");
    let at = WORKLOADS.iter().position(|(known, ..)| *known == name).expect("a workload");
    match at {
        0 => stream(passes, |events| events.concat().chunks(16 * 1024).map(<[u8]>::to_vec).collect()),
        1 => stream(passes, |events| events),
        2 => stream(passes, |events| cut(&events.concat())),
        6 => read_json(passes, |data| {
            let choice = Json::parse(data)?.get("choices").items().next()?;
            Some(
                choice.get("delta").get("content").text()?.len() + usize::from(choice.get("finish_reason").is_string()),
            )
        }),
        7 => read_json(passes, |data| {
            let event: serde_json::Value = serde_json::from_str(data).ok()?;
            let choice = &event["choices"][0];
            Some(choice["delta"]["content"].as_str()?.len() + usize::from(choice["finish_reason"].is_string()))
        }),
        _ => {
            let answer = completion();
            (0..passes * CALLS).for_each(|_| call(at - 3, answer.as_bytes()));
        }
    }
}

/// Reads a stream that `cut` has cut into pieces.
fn stream(passes: usize, cut: impl Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>) {
    let pieces = cut(events());
    for _ in 0..passes {
        let (mut reader, mut length) = (StreamReader::default(), 0);
        for piece in &pieces {
            length += reader.feed(piece, 0).text().len();
        }
        assert!(reader.finish().is_ok() && reader.answer().text().len() == length, "a whole answer");
        black_box(reader);
    }
}

/// Reads the text and the finish reason of every event: the alternatives for the path of every event.
fn read_json(passes: usize, read: impl Fn(&str) -> Option<usize>) {
    let events = events();
    for _ in 0..passes {
        for event in &events[..EVENTS - 1] {
            let data = str::from_utf8(&event["data: ".len()..event.len() - 2]).expect("text");
            assert!(black_box(read(data)).is_some_and(|length| length > 0), "{data}");
        }
    }
}

/// A stream as OpenRouter sends it, with about 300 bytes for an event.
fn events() -> Vec<Vec<u8>> {
    let event = |content: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"gen-1763800000-Qk3mC1vT9hXo5bWzR7yA\",\"object\":\"chat.completion.chunk\",\
             \"created\":1763800000,\"model\":\"openai/gpt-4o-mini\",\"provider\":\"OpenAI\",\
             \"system_fingerprint\":\"fp_0123456789\",\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\
             \"content\":\"{content}\"}},\"finish_reason\":{finish},\"native_finish_reason\":{finish},\
             \"logprobs\":null}}]}}\n\n"
        )
        .into_bytes()
    };
    let words = (0..EVENTS - 1).map(|at| event(&format!("word {at} of the answer, "), "null"));
    words.chain([event("", "\"stop\""), b"data: [DONE]\n\n".to_vec()]).collect()
}

/// Cuts into pieces of 1 to 64 bytes, the same each time (a linear congruential generator).
fn cut(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut state, mut pieces) = (bytes, 7_u32, Vec::new());
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (piece, others) = rest.split_at(rest.len().min(1 + (state >> 26) as usize));
        pieces.push(piece.to_vec());
        rest = others;
    }
    pieces
}

/// A completion of 2 KB.
fn completion() -> String {
    let content = "word ".repeat(380);
    format!(
        "{{\"id\":\"gen-1\",\"object\":\"chat.completion\",\"created\":1763800000,\"model\":\"openai/gpt-4o\",\
         \"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{content}\"}},\
         \"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":8,\"completion_tokens\":500,\"total_tokens\":508}}}}"
    )
}

/// Plans a call. With `ends` above 0 the call is answered by `whole`: at once, or after a 429.
fn call(ends: usize, whole: &[u8]) {
    let body = r#"{"models":["openai/gpt-4o","openai/gpt-4o-mini"],"temperature":0.7,"max_tokens":800,"messages":[
        {"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Why is the sky blue?"}]}"#;
    let request = Json::parse(body).and_then(|body| ChatRequest::read(body).ok()).expect("a request");
    let upstreams = vec![Upstream::new(Dialect::OpenAi, "https://api.example/v1", Some("key".into()))];
    let (catalog, mut breakers) = (Catalog::default(), Breakers::default());
    let context = Context { upstreams: Arc::new(upstreams), catalog: &catalog, breakers: &mut breakers };
    let mut call = Call::new(request, Arc::default(), context, 7, 0);
    let mut attempt = sent(&mut call);
    if ends == 2 {
        let limited = br#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
        answer(&mut call, attempt, 429, limited);
        attempt = sent(&mut call);
    }
    if ends > 0 {
        answer(&mut call, attempt, 200, whole);
        let Action::Done(outcome) = call.poll(0) else { panic!("a call that is over") };
        let report = outcome.report.to_json(None);
        assert!(outcome.result.is_ok_and(|answer| answer.completion_with(&report).len() > whole.len()), "the answer");
    }
    black_box(call);
}

/// The attempt that the core sends next.
fn sent(call: &mut Call) -> AttemptId {
    match call.poll(0) {
        Action::Send { attempt, request } => {
            black_box(request);
            attempt
        }
        other => panic!("{other:?} instead of a request"),
    }
}

fn answer(call: &mut Call, attempt: AttemptId, status: u16, body: &[u8]) {
    call.handle(0, Input::Head { attempt, status, headers: Headers::default() });
    assert!(matches!(call.poll(0), Action::Read { .. }), "the body is read");
    call.handle(0, Input::Bytes { attempt, bytes: body });
    assert!(matches!(call.poll(0), Action::Read { .. }), "to its end");
    call.handle(0, Input::End { attempt });
}
