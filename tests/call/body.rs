//! The first bytes of a body decide what it is, whatever its content type says, and whether or not the request asked for a
//! stream. The bodies are those of `fixtures/wire/shapes.json` about framing, and completions in one piece.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::reply::Reply;
use crate::script::{Run, Script};

fn run(streams: bool, content_type: &str, pieces: &[&[u8]]) -> Run {
    let mut script = Script::new(&["a/one"]).policy(json!({"retry": {"same": 0}}));
    if streams {
        script = script.streaming();
    }
    let reply = Reply::new(200, content_type, "");
    script.run(&[pieces.iter().fold(reply, |reply, piece| reply.then(*piece))])
}

fn completion(run: &Run) -> Value {
    let answer = run.outcome.result.as_ref().expect("an answer");
    serde_json::from_str(&answer.completion()).expect("a completion is JSON")
}

fn framings() -> Vec<Value> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "wire", "shapes.json"].iter().collect();
    let shapes: Vec<Value> = serde_json::from_slice(&fs::read(path).expect("the shapes")).expect("JSON");
    shapes.into_iter().filter(|shape| shape["class"] == "framing").collect()
}

fn check(shape: &Value, run: &Run, how: &str) {
    let (what, expect) = (&shape["what"], &shape["expect"]);
    assert_eq!(run.kind().map(|kind| kind.name()), expect["failure"].as_str(), "{what}, {how}");
    if run.kind().is_none() {
        let choice = &completion(run)["choices"][0];
        assert_eq!(choice["message"]["content"].as_str().unwrap_or_default(), expect["text"].as_str().unwrap_or(""));
        assert_eq!(choice["finish_reason"], expect["finish"], "{what}, {how}");
    }
}

#[test]
fn the_first_bytes_of_a_body_decide_what_the_body_is() {
    for shape in framings() {
        let body = shape["body"].as_str().expect("a body").as_bytes();
        for content_type in ["text/event-stream", "application/json", "text/plain", ""] {
            for streams in [true, false] {
                check(&shape, &run(streams, content_type, &[body]), content_type);
                let bytes: Vec<&[u8]> = body.chunks(1).collect();
                check(&shape, &run(streams, content_type, &bytes), "byte by byte");
            }
        }
        for cut in 0..body.len() {
            let (head, tail) = body.split_at(cut);
            check(&shape, &run(true, "application/json", &[head, tail]), "cut");
        }
    }
}

/// Completions in one piece of another shape than OpenAI's, and fields of the choice that a caller gets.
#[test]
fn a_completion_in_one_piece_gets_the_shape_of_openai() {
    let call = |id: &str, arguments: Value| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
    let choice = |message: Value, reason: &str| json!({"model": "a/one", "x_vendor": 1, "choices": [{"index": 0, "message": message, "finish_reason": reason}]});
    for (body, expected) in [
        (
            choice(json!({"content": "Hi"}), "MAX_TOKENS"),
            json!({"finish_reason": "length", "native_finish_reason": "MAX_TOKENS"}),
        ),
        (
            choice(
                json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Hi"}]}),
                "stop",
            ),
            json!({"message": {"role": "assistant", "content": "Hi", "refusal": null, "reasoning": "Hm."}}),
        ),
    ] {
        for streams in [true, false] {
            let run = run(streams, "application/json", &[body.to_string().as_bytes()]);
            let completion = completion(&run);
            assert_eq!(completion["x_vendor"], 1);
            for (field, value) in expected.as_object().expect("fields") {
                assert_eq!(&completion["choices"][0][field], value, "{body}");
            }
            if streams {
                assert_eq!(run.text, "Hi", "{body}");
            }
        }
    }
    let body =
        choice(json!({"content": null, "tool_calls": [call("", json!("{}")), call("", json!({"x": 1}))]}), "stop");
    let run = run(false, "application/json", &[body.to_string().as_bytes()]);
    let completion = completion(&run);
    let calls = completion["choices"][0]["message"]["tool_calls"].as_array().expect("calls");
    assert_eq!(calls[1]["function"]["arguments"], "{\"x\":1}");
    assert!(
        calls[0]["id"] != calls[1]["id"]
            && calls.iter().all(|call| call["id"].as_str().is_some_and(|id| id.len() == 9))
    );
}

#[test]
fn a_tool_call_with_a_hole_is_never_a_success() {
    for arguments in ["{\"x\":", "file=a", "{}{"] {
        let message = json!({"content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]});
        let whole =
            json!({"model": "a/one", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
        let run = run(false, "application/json", &[whole.to_string().as_bytes()]);
        assert_eq!(run.kind(), Some(failsoft::Kind::BadResponse), "{arguments}");
    }
}
