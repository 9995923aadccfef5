//! Responses, for upstreams: the streams, responses and errors that they send.

use super::answers::{self, Part};
use super::random::Random;
use super::responses::{check_message, context, stream};
use super::responses_client;
use super::support::{parsed, with};
use failsoft::failure::classify;
use failsoft::protocol::openai::{Translator, chunks};
use failsoft::protocol::responses::{Writer, response};
use failsoft::reader::StreamReader;
use failsoft::{Headers, Json, Kind};
use serde_json::{Value, json};

const OPENAI: &str = "openai-responses-v1";

/// What a client that keeps reasoning asks for.
fn keeping() -> Value {
    json!({"include": ["reasoning.encrypted_content"]})
}

/// The bytes with which an upstream streams the answer of a seed.
fn upstream_sse(seed: u64) -> (Vec<Part>, String) {
    let answer = answers::random(seed);
    let sse = stream(context(keeping()), &answer.chunks);
    (answer.parts, sse)
}

/// A reader that has read the translation of `sse`.
fn read(sse: &str, is_native: bool) -> StreamReader {
    let mut reader = StreamReader::default();
    reader.feed(Translator::new(1, is_native, OPENAI).feed(sse.as_bytes()).as_bytes(), 0);
    reader
}

/// What stays the same, whoever writes the answer: everything but what is counted and made by the writer.
fn essence(response: &Value) -> Vec<Value> {
    let mut items = response["output"].as_array().expect("items").clone();
    for item in &mut items {
        for name in ["id", "encrypted_content"] {
            item.as_object_mut().expect("an item").remove(name);
        }
    }
    items
}

#[test]
fn an_answer_of_openai_is_the_same_for_a_client_of_responses() {
    for seed in 0..1_000 {
        let (parts, sse) = upstream_sse(seed);
        let mut reader = StreamReader::default();
        let mut writer = Writer::new(context(keeping()), 8, 9);
        let mut out = String::new();
        for byte in Translator::new(1, true, OPENAI).feed(sse.as_bytes()).split_inclusive('\n') {
            out.push_str(&writer.take(&reader.feed(byte.as_bytes(), 0)));
        }
        reader.finish().expect("a whole answer");
        out.push_str(&writer.finish(None));
        let (upstream, client) = (responses_client::read(&sse), responses_client::read(&out));
        assert_eq!(essence(&client), essence(&upstream), "seed {seed}");
        for name in ["status", "model", "usage", "incomplete_details"] {
            assert_eq!(client[name], upstream[name], "seed {seed}, {name}");
        }
        let mut message = parsed(&reader.answer().completion())["choices"][0]["message"].clone();
        message["reasoning_details"] = Value::Null;
        // What is signed or encrypted stands in the items, which are compared above.
        let is_plain = |part: &Part| !matches!(part, Part::Signed(..) | Part::Encrypted(..));
        let plain: Vec<Part> = parts.into_iter().filter(is_plain).collect();
        check_message(&plain, &message, seed);
    }
}

#[test]
fn a_response_in_one_piece_says_what_its_stream_says() {
    for seed in 0..300 {
        let (_, sse) = upstream_sse(seed);
        let upstream = responses_client::read(&sse);
        let list = with(&upstream, |response| chunks(response, 1, true, OPENAI)).expect("chunks");
        let mut whole = StreamReader::default();
        for chunk in parsed(&list).as_array().expect("a list").iter().filter(|chunk| chunk.is_object()) {
            whole.feed(format!("data: {chunk}\n\n").as_bytes(), 0);
        }
        let streamed = read(&sse, true);
        let completion = parsed(&whole.answer().completion());
        assert_eq!(completion["choices"], parsed(&streamed.answer().completion())["choices"], "seed {seed}");
        let json = completion.to_string();
        let client = response(Json::parse(&json).expect("JSON"), context(keeping()), 8, 9, None);
        assert_eq!(essence(&parsed(&client)), essence(&upstream), "seed {seed}");
    }
}

#[test]
fn chunks_do_not_depend_on_where_the_bytes_are_cut() {
    for seed in [1, 2, 3, 5, 8] {
        let sse = upstream_sse(seed).1.replace('\n', if seed % 2 == 0 { "\n" } else { "\r\n" });
        let expected = Translator::new(1, false, OPENAI).feed(sse.as_bytes());
        for cut in 0..=sse.len() {
            let mut translator = Translator::new(1, false, OPENAI);
            let both = translator.feed(&sse.as_bytes()[..cut]) + &translator.feed(&sse.as_bytes()[cut..]);
            assert_eq!(both, expected, "seed {seed}, cut at {cut}");
        }
    }
}

/// A stream with these events.
fn sse(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")))
        .collect()
}

fn ended(fields: Value) -> Value {
    let mut response =
        json!({"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": [], "usage": null});
    fields.as_object().expect("an object").iter().for_each(|(name, value)| response[name] = value.clone());
    response
}

#[test]
fn the_status_of_a_response_is_a_finish_reason() {
    let text = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    for (fields, finish, native) in [
        (json!({"output": [text]}), "stop", "completed"),
        (json!({"output": [text, call]}), "tool_calls", "completed"),
        (
            json!({"output": [text], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}),
            "length",
            "max_output_tokens",
        ),
        (
            json!({"output": [text], "status": "incomplete", "incomplete_details": {"reason": "content_filter"}}),
            "content_filter",
            "content_filter",
        ),
        (json!({"output": [text], "status": "incomplete"}), "length", "incomplete"),
    ] {
        let kind = if fields["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
        let reader = read(&sse(&[json!({"type": kind, "response": ended(fields)})]), false);
        let choice = parsed(&reader.answer().completion())["choices"][0].clone();
        assert_eq!((&choice["finish_reason"], &choice["native_finish_reason"]), (&json!(finish), &json!(native)));
        assert_eq!(choice["message"]["content"], "a");
    }
}

#[test]
fn an_error_in_a_stream_is_a_failure_of_its_kind() {
    let failed = |code: &str| json!({"type": "response.failed", "response": ended(json!({"status": "failed", "error": {"code": code, "message": "no"}}))});
    for (event, kind) in [
        (failed("rate_limit_exceeded"), Kind::RateLimited),
        (failed("server_error"), Kind::ServerError),
        (json!({"type": "error", "code": "server_error", "message": "no", "param": null}), Kind::ServerError),
        (
            json!({"type": "error", "error": {"type": "invalid_request_error", "code": "context_length_exceeded", "message": "Your input exceeds the context window of this model."}}),
            Kind::ContextLength,
        ),
    ] {
        let begun = json!({"type": "response.created", "response": ended(json!({"status": "in_progress"}))});
        let failure = read(&sse(&[begun, event.clone()]), false).finish().expect_err("a failure");
        assert_eq!(failure.kind, kind, "{event}");
    }
}

#[test]
fn errors_before_an_answer_are_read_without_translation() {
    for (status, error, kind) in [
        (
            400,
            json!({"message": "The encrypted content for item rs_1 could not be verified.", "type": "invalid_request_error", "param": null, "code": "invalid_encrypted_content"}),
            Kind::InvalidRequest,
        ),
        (
            429,
            json!({"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
            Kind::PaymentRequired,
        ),
        (
            404,
            json!({"message": "The model `gpt-9` does not exist", "type": "invalid_request_error", "code": "model_not_found"}),
            Kind::UnknownModel,
        ),
    ] {
        let body = json!({"error": error});
        assert_eq!(classify(status, &Headers::default(), body.to_string().as_bytes(), 0).kind, kind, "{body}");
        assert!(with(&body, |body| chunks(body, 1, false, OPENAI)).is_none());
    }
}

#[test]
fn a_stream_that_breaks_is_cut() {
    let (_, whole) = upstream_sse(3);
    let end = whole.find("event: response.completed").expect("an end");
    assert_eq!(read(&whole[..end], false).finish().expect_err("a failure").kind, Kind::Cut);
}

// BerriAI/litellm#24445, BerriAI/litellm#22102
#[test]
fn events_that_are_missing_are_made_up_for() {
    let done = json!({"type": "response.completed", "response": ended(json!({}))});
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "a"});
    assert_eq!(read(&sse(&[delta, done.clone()]), false).answer().text(), "a");
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"});
    let item = json!({"type": "response.output_item.done", "output_index": 1, "item": call});
    let answer = parsed(&read(&sse(&[item, done]), false).answer().completion());
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
}

#[test]
fn a_call_of_a_custom_tool_is_one_in_every_form() {
    let mut random = Random::new(3);
    let input = "*** Begin Patch\n\"x\" {";
    let item = |status: &str, input: &str| json!({"id": "ctc_1", "type": "custom_tool_call", "status": status, "call_id": "c", "name": "patch", "input": input});
    let mut events = vec![
        json!({"type": "response.created", "response": ended(json!({"status": "in_progress"}))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", "")}),
    ];
    events.extend(random.pieces(input).into_iter().map(|piece| json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "item_id": "ctc_1", "delta": piece})));
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item("completed", input)}));
    events
        .push(json!({"type": "response.completed", "response": ended(json!({"output": [item("completed", input)]}))}));
    let mut reader = StreamReader::default();
    let mut writer = Writer::new(context(json!({})), 8, 9);
    let mut out =
        writer.take(&reader.feed(Translator::new(1, true, OPENAI).feed(sse(&events).as_bytes()).as_bytes(), 0));
    reader.finish().expect("a whole answer");
    let call = parsed(&reader.answer().completion())["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!((&call["type"], &call["custom"]), (&json!("custom"), &json!({"name": "patch", "input": input})));
    out.push_str(&writer.finish(None));
    let item = responses_client::read(&out)["output"][0].clone();
    assert_eq!(
        (&item["type"], &item["input"], &item["call_id"]),
        (&json!("custom_tool_call"), &json!(input), &json!("c"))
    );
    assert!(out.matches("custom_tool_call_input.delta").count() > 2, "{out}");
}

#[test]
fn a_call_is_whole_wherever_the_event_with_its_name_comes() {
    for (kind, delta, field) in [
        ("function_call", "function_call_arguments", "arguments"),
        ("custom_tool_call", "custom_tool_call_input", "input"),
    ] {
        let input = "{\"a\":\"\u{1f980}\\n\"}";
        let item = |index: u64, input: &str| json!({"id": format!("fc_{index}"), "type": kind, "call_id": format!("c{index}"), "name": format!("f{index}"), field: input});
        let event = |name: &str, index: u64| json!({"type": format!("response.output_item.{name}"), "output_index": index, "item": item(index, if name == "done" { input } else { "" })});
        let piece = |index: u64, piece: &str| json!({"type": format!("response.{delta}.delta"), "output_index": index, "delta": piece});
        let (first, rest) = input.split_at(4);
        let end = json!({"type": "response.completed", "response": ended(json!({}))});
        let full = json!({"type": "response.completed", "response": ended(json!({"output": [item(0, input), item(1, input)]}))});
        for events in [
            vec![piece(0, first), event("added", 0), piece(0, rest), event("added", 1), piece(1, input), end.clone()],
            vec![piece(0, first), piece(0, rest), event("done", 0), piece(1, input), event("done", 1), end.clone()],
            vec![piece(1, first), piece(0, first), piece(1, rest), piece(0, rest), full.clone()],
            vec![event("added", 0), piece(1, first), piece(0, input), event("added", 1), piece(1, rest), full.clone()],
            vec![event("added", 0), event("done", 0), event("added", 1), full],
        ] {
            let message = parsed(&read(&sse(&events), false).answer().completion())["choices"][0].clone();
            assert_eq!(message["finish_reason"], "tool_calls");
            let calls = message["message"]["tool_calls"].as_array().expect("calls").clone();
            let mut calls: Vec<_> = calls
                .iter()
                .map(|call| {
                    let body = &call[if kind == "function_call" { "function" } else { "custom" }];
                    [call["id"].clone(), body["name"].clone(), body[field].clone()].map(|text| text.to_string())
                })
                .collect();
            calls.sort();
            let whole = |index: u64| {
                [json!(format!("c{index}")), json!(format!("f{index}")), json!(input)].map(|text| text.to_string())
            };
            assert_eq!(calls, [whole(0), whole(1)], "{events:?}");
        }
    }
}

#[test]
fn encrypted_reasoning_has_the_id_that_only_its_last_event_names() {
    let delta =
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "a"});
    let whole = json!({"id": "rs_1", "type": "reasoning", "format": "azure-openai-responses-v1", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": "gAAAAA"});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": whole});
    let nameless =
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": null, "type": "reasoning"}});
    let end = |output: Value| json!({"type": "response.completed", "response": ended(json!({"output": output}))});
    for events in [
        vec![delta.clone(), done.clone(), end(json!([]))],
        vec![delta.clone(), end(json!([whole]))],
        vec![nameless, delta, done, end(json!([whole]))],
    ] {
        let message = parsed(&read(&sse(&events), false).answer().completion())["choices"][0]["message"].clone();
        let details = message["reasoning_details"].as_array().expect("details");
        let encrypted: Vec<_> = details.iter().filter(|detail| detail["type"] == "reasoning.encrypted").collect();
        let [encrypted] = encrypted[..] else { panic!("{details:?}") };
        assert_eq!(
            (&encrypted["id"], &encrypted["data"], &encrypted["format"]),
            (&json!("rs_1"), &json!("gAAAAA"), &json!("azure-openai-responses-v1"))
        );
    }
}

#[test]
fn encrypted_reasoning_keeps_its_id_and_comes_back_as_it_was() {
    let begun = json!({"id": "rs_1", "type": "reasoning", "summary": []});
    let whole = json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}], "encrypted_content": "gAAAAA-rs_1"});
    let delta = |index: u64, text: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "item_id": "rs_1", "summary_index": index, "delta": text});
    let part = |index: u64| json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "item_id": "rs_1", "summary_index": index, "part": {}});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi", "annotations": []}]});
    let streamed = sse(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": begun}),
        part(0),
        delta(0, "a"),
        part(1),
        delta(1, "b"),
        json!({"type": "response.output_item.done", "output_index": 0, "item": whole}),
        json!({"type": "response.completed", "response": ended(json!({"output": [whole, message]}))}),
    ]);
    for streamed in [
        streamed,
        sse(&[json!({"type": "response.completed", "response": ended(json!({"output": [whole, message]}))})]),
    ] {
        let mut reader = StreamReader::default();
        let mut writer = Writer::new(context(keeping()), 8, 9);
        let mut out =
            writer.take(&reader.feed(Translator::new(1, true, OPENAI).feed(streamed.as_bytes()).as_bytes(), 0));
        reader.finish().expect("a whole answer");
        out.push_str(&writer.finish(None));
        let item = responses_client::read(&out)["output"][0].clone();
        assert_eq!((&item["id"], &item["encrypted_content"]), (&json!("rs_1"), &json!("gAAAAA-rs_1")));
        assert_eq!(item["summary"], whole["summary"]);
        let chat = parsed(&reader.answer().completion())["choices"][0]["message"].clone();
        assert_eq!(
            (&chat["reasoning"], &chat["reasoning_details"][1]["data"]),
            (&json!("a\n\nb"), &json!("gAAAAA-rs_1"))
        );
    }
}

#[test]
fn what_chat_has_no_form_for_reaches_a_client_of_the_same_protocol_alone() {
    let novel = json!({"id": "nv_1", "type": "novel_item", "status": "completed", "anything": {"a": 1.50}});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [
        {"type": "output_text", "text": "hi", "annotations": [{"type": "novel_citation", "at": 1}, {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}], "logprobs": []},
    ]});
    let end = json!({"type": "response.completed", "response": ended(json!({"output": [novel, message]}))});
    let mut reader = StreamReader::default();
    let mut writer = Writer::new(context(json!({})), 8, 9);
    let mut out = writer.take(
        &reader.feed(Translator::new(1, true, OPENAI).feed(sse(std::slice::from_ref(&end)).as_bytes()).as_bytes(), 0),
    );
    reader.finish().expect("a whole answer");
    out.push_str(&writer.finish(None));
    let client = responses_client::read(&out);
    assert_eq!(
        (&client["output"][0], client["output"][1]["content"][0]["annotations"].as_array().map(Vec::len)),
        (&novel, Some(2))
    );
    let completion = reader.answer().completion();
    let whole = response(Json::parse(&completion).expect("JSON"), context(json!({})), 8, 9, None);
    assert_eq!(parsed(&whole)["output"][0], novel);
    let other = read(&sse(&[end]), false).answer().completion();
    assert!(!other.contains("novel") && other.contains("url_citation"), "{other}");
}

#[test]
fn usage_is_in_chats_words() {
    let usage = json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2}, "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 14, "cost": 0.01, "is_byok": false,
        "cost_details": {"upstream_inference_cost": null, "upstream_inference_input_cost": 0.004, "upstream_inference_output_cost": 0.006}});
    let end = json!({"type": "response.completed", "response": ended(json!({"usage": usage}))});
    let answer = parsed(&read(&sse(&[end]), false).answer().completion());
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "cost": 0.01, "is_byok": false,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 3},
            "cost_details": {"upstream_inference_prompt_cost": 0.004, "upstream_inference_completions_cost": 0.006}})
    );
}
