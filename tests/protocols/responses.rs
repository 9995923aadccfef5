//! Responses: requests, streams and response objects.

use super::answers::{self, Part, chunk, usage};
use super::responses_client::{self, check_object};
use super::support::{completion, parsed, through_core, upstream_sse, with};
use failsoft::protocol::responses::{self, Context, Writer};
use failsoft::{ChatRequest, Failure, Json, Kind};
use serde_json::{Value, json};

const SEED: u64 = 7;

pub(crate) fn read(body: &Value) -> Result<(Value, Context), String> {
    let request = with(body, responses::read).map_err(|error| error.to_string())?;
    // Whatever is accepted is a chat request.
    ChatRequest::read(Json::parse(&request.chat).expect("JSON")).map_err(|error| error.to_string())?;
    Ok((parsed(&request.chat), request.context))
}

pub(crate) fn context(fields: Value) -> Context {
    let mut body = json!({"model": "m/one", "input": "hi"});
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    read(&body).expect("a valid request").1
}

pub(crate) fn stream(context: Context, chunks: &[Value]) -> String {
    let mut writer = Writer::new(context, SEED, 9);
    let mut sse: String = chunks.iter().map(|chunk| with(chunk, |chunk| writer.take_chunk(chunk))).collect();
    sse.push_str(&writer.finish(None));
    sse
}

fn messages(input: Value) -> Value {
    read(&json!({"model": "m/one", "input": input})).expect("a valid request").0["messages"].clone()
}

#[test]
fn every_field_of_a_request_has_its_place_in_the_chat_request() {
    let (chat, _) = read(&json!({
        "model": "m/one", "instructions": "Be brief.", "input": "hi", "max_output_tokens": 50, "temperature": 0.5,
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false, "stream": true,
        "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": true}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["message.output_text.logprobs"], "top_logprobs": 2,
        "metadata": {"a": "b"}, "store": false, "background": false, "previous_response_id": null,
        "truncation": "disabled", "user": "u", "stream_options": {"include_obfuscation": false}, "max_tool_calls": null,
    }))
    .expect("a valid request");
    assert_eq!(
        chat,
        json!({
            "model": "m/one", "temperature": 0.5, "user": "u",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
            "max_completion_tokens": 50, "reasoning_effort": "low", "verbosity": "low", "logprobs": true, "top_logprobs": 2,
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": true}},
            "stream": true, "stream_options": {"include_usage": true},
        })
    );
}

#[test]
fn items_of_every_type_become_messages() {
    let input = json!([
        {"role": "developer", "content": "d"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "original", "file_id": null},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA", "content": null, "status": null},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary", "content": [
            {"type": "output_text", "text": "I look.", "annotations": [], "logprobs": [], "parsed": null},
        ]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin\n"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
        {"role": "assistant", "content": "done"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]);
    assert_eq!(
        messages(input),
        json!([
            {"role": "system", "content": "d"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
            ]},
            {"role": "assistant", "content": "I look.",
             "reasoning_details": [
                {"type": "reasoning.summary", "summary": "hm", "id": "rs_1", "format": "openai-responses-v1"},
                {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1"},
             ],
             "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "c2", "type": "function", "function": {"name": "patch", "arguments": "{\"input\":\"*** Begin\\n\"}"}},
             ]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "assistant", "content": "done", "refusal": "no"},
        ])
    );
}

#[test]
fn an_item_that_chat_has_no_form_for_is_left_to_an_upstream_of_the_same_protocol() {
    let body =
        json!({"model": "m", "input": [{"role": "user", "content": "hi"}, {"type": "web_search_call", "id": "ws_1"}]});
    let request = with(&body, responses::read).expect("a request");
    assert_eq!(parsed(&request.chat)["messages"], json!([{"role": "user", "content": "hi"}]));
    assert!(request.native.contains("ws_1"));
    let refused = request.foreign.as_ref().expect("a refusal").to_string();
    assert!(refused.starts_with("`input[1].type` \"web_search_call\" is of a tool"), "{refused}");
}

#[test]
fn what_needs_state_is_refused_with_what_to_send_instead() {
    let user = json!({"role": "user", "content": "x"});
    for (fields, expected) in [
        (json!({"previous_response_id": "resp_1"}), "`previous_response_id` needs a stored response"),
        (json!({"conversation": {"id": "c"}}), "send the whole conversation in `input`"),
        (json!({"prompt": {"id": "p"}}), "send its text in `instructions`"),
        (json!({"background": true}), "send the request with `stream: true`"),
        (json!({"input": [user, {"type": "item_reference", "id": "msg_1"}]}), "`input[1]` refers to a stored item"),
        (json!({"tools": [{"type": "web_search"}]}), "`tools[0].type` \"web_search\" runs at its vendor"),
        (json!({"tools": [{"type": "mcp", "server_url": "x"}]}), "\"mcp\" runs at its vendor"),
        (json!({"tool_choice": {"type": "file_search"}}), "`tool_choice.type` \"file_search\" runs at its vendor"),
        (json!({"input": []}), "`input` is empty"),
        (json!({"input": null}), "`input` must be a string or an array"),
        (json!({"input": [{"content": "x"}]}), "`input[0]` must be an item"),
        (json!({"input": [{"role": "tool", "content": "x"}]}), "`input[0].role` must be \"user\""),
        (
            json!({"input": [{"role": "user", "content": [{"text": "x"}]}]}),
            "`input[0].content[0].type` must be \"input_text\"",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]}),
            "send the data itself",
        ),
        (json!({"input": [{"type": "function_call_output", "output": "x"}]}), "`input[0].call_id` must be"),
        (json!({"text": {"format": {"type": "xml"}}}), "`text.format.type` must be"),
        (json!({"max_output_tokens": 0}), "`max_output_tokens` must be a whole number above 0"),
        (json!({"model": null}), "name at least one model"),
    ] {
        let mut body = json!({"model": "m/one", "input": "hi"});
        for (name, value) in fields.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let error = read(&body).expect_err("a refused request");
        assert!(error.contains(expected), "{error}\n{expected}");
    }
    assert!(responses::is_stored_path("/v1/responses/resp_1/cancel") && !responses::is_stored_path("/v1/responses"));
}

#[test]
fn an_unknown_field_is_named_and_not_sent() {
    let body = json!({"model": "m/one", "input": "hi", "novel": 1, "store": true, "truncation": "auto"});
    let mut request = with(&body, responses::read).expect("a valid request");
    assert!(!request.chat.contains("novel") && request.clone().check_unknown(true).is_err());
    request.check_unknown(false).expect("a warning");
    assert_eq!(request.warnings.len(), 3);
    let twice = r#"{"model":"m/one","input":"hi","\u0069nput":"ho"}"#;
    let error = responses::read(Json::parse(twice).expect("JSON")).expect_err("a refused request");
    assert_eq!(error.to_string(), "`input` is given twice");
}

#[test]
fn a_part_that_chat_has_no_form_for_is_left_to_an_upstream_of_the_same_protocol() {
    let parts = json!([{"type": "novel", "x": 1}, {"type": "input_text", "text": "hi"}]);
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    for (items, path) in [
        (json!([{"role": "user", "content": parts}]), "input[0].content[0].type"),
        (json!([{"role": "developer", "content": parts}]), "input[0].content[0].type"),
        (json!([{"type": "message", "role": "assistant", "content": parts}]), "input[0].content[0].type"),
        (json!([call, {"type": "function_call_output", "call_id": "c", "output": parts}]), "input[1].output[0].type"),
    ] {
        let body = json!({"model": "m/one", "input": items});
        let request = with(&body, responses::read).expect("a request");
        assert!(request.chat.contains("hi") && !request.chat.contains("novel"), "{}", request.chat);
        assert_eq!(request.foreign.as_ref().expect("a refusal").path, path);
        assert!(request.native.contains("novel"));
    }
}

#[test]
fn an_upstream_of_the_same_protocol_gets_the_items_byte_for_byte() {
    let body =
        r#"{"model":"m/one", "input": [ {"role":"user","content":"é\u00e9", "novel": 1.50} ], "stream":true, "x": 1}"#;
    let request = responses::read(Json::parse(body).expect("JSON")).expect("a valid request");
    assert_eq!(request.native, r#"{"input":[ {"role":"user","content":"é\u00e9", "novel": 1.50} ]}"#);
}

#[test]
fn any_answer_is_a_stream_that_clients_accept_and_the_same_response_in_one_piece() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let context = context(json!({"include": ["reasoning.encrypted_content"]}));
        let streamed = responses_client::read(&stream(context.clone(), &answer.chunks));
        check(&answer.parts, &streamed, seed);
        let whole = completion(&answer.chunks);
        let whole = parsed(&responses::response(Json::parse(&whole).expect("JSON"), context, SEED, 9, None));
        check_object(&whole, "completed");
        check(&answer.parts, &whole, seed);
    }
}

/// The items of `response` are the `parts` of the answer.
fn check(parts: &[Part], response: &Value, seed: u64) {
    let output = response["output"].as_array().expect("items");
    assert_eq!(output.len(), parts.len(), "seed {seed}: {response}");
    for (part, item) in parts.iter().zip(output) {
        let summary = item["summary"][0]["text"].as_str().unwrap_or_default();
        match part {
            Part::Text(text) => assert_eq!(item["content"][0]["text"], json!(text), "seed {seed}"),
            Part::Reasoning(text) => assert_eq!((summary, &item["encrypted_content"]), (&**text, &Value::Null)),
            Part::Signed(text, signature) => {
                assert_eq!(summary, text);
                assert!(item["encrypted_content"].as_str().expect("a carrier").contains(signature));
            }
            Part::Encrypted(data, _) => {
                assert!(item["encrypted_content"].as_str().expect("a carrier").contains(data));
            }
            Part::Call(id, name, arguments) => {
                assert_eq!((&item["call_id"], &item["name"]), (&json!(id), &json!(name)), "seed {seed}");
                assert_eq!(parsed(item["arguments"].as_str().expect("a text")), *arguments);
            }
        }
    }
    let usage = &response["usage"];
    assert_eq!((&usage["input_tokens"], &usage["total_tokens"]), (&json!(100), &json!(110)));
    assert_eq!(usage["input_tokens_details"], json!({"cached_tokens": 20, "cache_write_tokens": 30}));
}

#[test]
fn an_answer_that_a_client_sends_back_is_the_same_message() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let context = context(json!({"include": ["reasoning.encrypted_content"]}));
        let response = responses_client::read(&stream(context, &answer.chunks));
        let mut input = vec![json!({"role": "user", "content": "hi"})];
        input.extend(response["output"].as_array().expect("items").iter().cloned());
        let replayed = messages(json!(input))[1].clone();
        check_message(&answer.parts, &replayed, seed);
    }
}

/// The chat message of the assistant is the `parts` of an answer.
pub(crate) fn check_message(parts: &[Part], message: &Value, seed: u64) {
    let (mut calls, mut details) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(text) => assert_eq!(message["content"], json!(text), "seed {seed}"),
            Part::Reasoning(text) => assert_eq!(message["reasoning"], json!(text)),
            Part::Signed(text, signature) => details.push(json!({"text": text, "signature": signature})),
            Part::Encrypted(data, format) => details.push(json!({"data": data, "format": format})),
            Part::Call(id, name, arguments) => calls.push((id, name, arguments)),
        }
    }
    let sent = message["tool_calls"].as_array().cloned().unwrap_or_default();
    assert_eq!(sent.len(), calls.len());
    for (call, (id, name, arguments)) in sent.iter().zip(calls) {
        assert_eq!((&call["id"], &call["function"]["name"]), (&json!(id), &json!(name)));
        assert_eq!(parsed(call["function"]["arguments"].as_str().expect("a text")), *arguments);
    }
    let sent = message["reasoning_details"].as_array().cloned().unwrap_or_default();
    assert_eq!(sent.len(), details.len(), "seed {seed}: {message}");
    for (sent, detail) in sent.iter().zip(details) {
        for (name, value) in detail.as_object().expect("an object") {
            assert_eq!(sent[name], *value, "seed {seed}");
        }
    }
}

#[test]
fn events_do_not_depend_on_where_the_bytes_of_the_upstream_are_cut() {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34] {
        let answer = answers::random(seed);
        let bytes = upstream_sse(&answer.chunks);
        let write = |cut| {
            let mut writer = Writer::new(context(json!({})), SEED, 9);
            let mut sse: String =
                through_core(bytes.as_bytes(), cut).iter().map(|chunks| writer.take(chunks)).collect();
            sse.push_str(&writer.finish(None));
            sse
        };
        let expected = write(0);
        check(&answer.parts, &with_encrypted(&answer, &expected), seed);
        for cut in 0..=bytes.len() {
            assert_eq!(write(cut), expected, "seed {seed}, cut at {cut}");
        }
    }
}

/// The response of a client that did not ask for encrypted reasoning: it has none, so only the rest is compared.
fn with_encrypted(answer: &answers::Answer, sse: &str) -> Value {
    let mut response = responses_client::read(sse);
    for (at, part) in answer.parts.iter().enumerate() {
        match part {
            Part::Signed(_, text) | Part::Encrypted(text, _) => {
                assert_eq!(response["output"][at]["encrypted_content"], Value::Null);
                response["output"][at]["encrypted_content"] = json!(text);
            }
            Part::Text(_) | Part::Reasoning(_) | Part::Call(..) => {}
        }
    }
    response
}

#[test]
fn only_a_completed_response_says_when_it_was_completed() {
    let text = |reason: &str| [chunk(json!({"content": "a"}), Some(reason))];
    for (reason, expected) in [("stop", json!(12)), ("length", Value::Null)] {
        let mut writer = Writer::new(context(json!({})), SEED, 9);
        let mut sse: String = text(reason).iter().map(|chunk| with(chunk, |chunk| writer.take_chunk(chunk))).collect();
        writer.complete_at(12);
        sse.push_str(&writer.finish(None));
        let events = super::support::events(&sse);
        assert_eq!(
            (&events[0].1["response"]["completed_at"], &events[0].1["response"]["created_at"]),
            (&Value::Null, &json!(9))
        );
        assert_eq!(events.last().expect("an end").1["response"]["completed_at"], expected);
        let mut writer = failsoft::protocol::Context::Responses(context(json!({}))).writer(SEED, 9);
        writer.complete_at(12);
        assert_eq!(parsed(&writer.answer(&completion(&text(reason)), "null"))["completed_at"], expected);
    }
    let mut writer = Writer::new(context(json!({})), SEED, 9);
    writer.complete_at(12);
    assert!(writer.fail(&Failure::new(Kind::Cut, "cut"), None).contains(r#""completed_at":null"#));
}

#[test]
fn a_custom_tool_is_called_with_text() {
    let tools = json!([{"type": "custom", "name": "patch", "description": "Patches.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}}]);
    let body =
        json!({"model": "m/one", "input": "hi", "tools": tools, "tool_choice": {"type": "custom", "name": "patch"}});
    let (chat, context) = read(&body).expect("a valid request");
    assert_eq!(chat["tool_choice"], json!({"type": "function", "function": {"name": "patch"}}));
    assert!(chat["tools"][0]["function"]["description"].as_str().expect("a text").contains("lark grammar:\nstart: A"));
    let call = json!({"index": 0, "id": "c1", "function": {"name": "patch", "arguments": "{\"input\":\"a\\n"}});
    let rest = json!({"index": 0, "function": {"arguments": "b\"}"}});
    let chunks = [chunk(json!({"tool_calls": [call]}), None), chunk(json!({"tool_calls": [rest]}), Some("tool_calls"))];
    let response = responses_client::read(&stream(context, &chunks));
    let item = &response["output"][0];
    assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!("a\nb")));
    assert_eq!(response["tools"], tools);
}

#[test]
fn only_allowed_tools_are_sent() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": {"type": "object"}});
    let choice = json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]});
    let body = json!({"model": "m/one", "input": "hi", "tools": [tool("a"), tool("b")], "tool_choice": choice});
    let (chat, _) = read(&body).expect("a valid request");
    assert_eq!((chat["tools"].as_array().map(Vec::len), &chat["tool_choice"]), (Some(1), &json!("required")));
    let body = json!({"model": "m/one", "input": "hi", "tool_choice": "auto", "parallel_tool_calls": true});
    let (chat, _) = read(&body).expect("a valid request");
    assert!(chat.get("tool_choice").is_none() && chat.get("parallel_tool_calls").is_none());
}

#[test]
fn an_answer_ends_for_its_reason() {
    let call = json!({"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{\"a\":"}});
    for (chunks, status, reason) in [
        (vec![chunk(json!({"content": "a"}), Some("length"))], "incomplete", Some("max_output_tokens")),
        (vec![chunk(json!({"content": "a"}), Some("content_filter"))], "incomplete", Some("content_filter")),
        (vec![chunk(json!({"tool_calls": [call]}), Some("length"))], "incomplete", Some("max_output_tokens")),
        (vec![chunk(json!({"refusal": "no"}), Some("stop"))], "completed", None),
        (vec![chunk(json!({"content": "a"}), Some("stop")), usage(1, 0, 0, 1)], "completed", None),
    ] {
        let response = responses_client::read(&stream(context(json!({})), &chunks));
        assert_eq!((&response["status"], response["incomplete_details"]["reason"].as_str()), (&json!(status), reason));
        assert_eq!(response["output"][0]["status"], json!(status));
    }
}

#[test]
fn an_answer_that_breaks_fails_with_what_came() {
    for failure in [Failure::new(Kind::Cut, "cut"), Failure::new(Kind::RateLimited, "slow")] {
        let mut writer = Writer::new(context(json!({})), SEED, 9);
        let mut sse = with(&chunk(json!({"content": "half"}), None), |chunk| writer.take_chunk(chunk));
        sse.push_str(&writer.fail(&failure, Some(r#"{"attempts":[]}"#)));
        let response = responses_client::read(&sse);
        let code = if failure.kind == Kind::Cut { "server_error" } else { "rate_limit_exceeded" };
        assert_eq!((&response["error"]["code"], &response["status"]), (&json!(code), &json!("failed")));
        assert_eq!(response["output"][0]["content"][0]["text"], "half");
        assert_eq!(
            (&response["output"][0]["status"], &response["failsoft"]),
            (&json!("incomplete"), &json!({"attempts": []}))
        );
    }
    let nothing = Writer::new(context(json!({})), SEED, 9).fail(&Failure::new(Kind::Stalled, "x"), None);
    assert_eq!(responses_client::read(&nothing)["output"], json!([]));
}

#[test]
fn citations_and_log_probabilities_are_of_their_text() {
    let citation = json!({"type": "url_citation", "url_citation": {"url": "https://x.example", "title": "X", "start_index": 1, "end_index": 2}});
    let mut first = chunk(json!({"content": "ab", "annotations": [citation]}), None);
    first["choices"][0]["logprobs"] =
        json!({"content": [{"token": "ab", "logprob": -0.5, "bytes": null, "top_logprobs": []}]});
    let chunks = [first, chunk(json!({"annotations": [citation]}), Some("stop"))];
    let response = responses_client::read(&stream(context(json!({})), &chunks));
    let part = &response["output"][0]["content"][0];
    let flat =
        json!([{"type": "url_citation", "start_index": 1, "end_index": 2, "url": "https://x.example", "title": "X"}]);
    assert_eq!((&part["annotations"], &part["logprobs"][0]["token"]), (&flat, &json!("ab")));
}
