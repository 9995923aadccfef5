//! Event streams that arrive completely, in every format, and with errors inside.

mod support;

use serde_json::{Value, json};
use support::*;

#[test]
fn a_healthy_stream_goes_from_a_comment_over_role_words_finish_and_usage_to_done() {
    let emulator = emulator();
    let reply = stream(&emulator, "openai/gpt-4o");
    assert!(reply.text().starts_with(": OPENROUTER PROCESSING\n\n"));
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert!(reply.chunked().terminated);
    let chunks = reply.chunk_jsons();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(reply.content(), WORDS);
    let [finish, usage] = &chunks[chunks.len() - 2..] else { panic!("too few chunks") };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 12);
    assert!(usage["usage"]["cost"].as_f64().is_some_and(|cost| cost > 0.0));
    assert_eq!(reply.events().last().map(String::as_str), Some("[DONE]"));
    let id = reply.header("x-generation-id").expect("an id");
    assert!(
        id.starts_with("gen-") && chunks.iter().all(|chunk| chunk["id"] == id && chunk["model"] == "openai/gpt-4o")
    );
}

#[test]
fn tools_reasoning_json_and_limits_are_respected_streamed_or_not() {
    let emulator = emulator();
    let tools = json!([{ "type": "function", "function": { "name": "find", "parameters": {} } }]);
    let message = |prompt: &str, extra: Value| {
        chat(&emulator, &body("openai/gpt-4o", prompt, extra)).json()["choices"][0].clone()
    };
    let call = message("use the tool", json!({ "tools": tools }));
    assert_eq!(call["finish_reason"], "tool_calls");
    assert_eq!(call["message"]["tool_calls"][0]["function"]["name"], "find");
    assert_eq!(call["message"]["content"], Value::Null);
    let thought = message("hello", json!({ "reasoning": { "effort": "low" } }));
    assert!(thought["message"]["reasoning"].as_str().is_some_and(|text| !text.is_empty()));
    let silent = message("hello", json!({ "reasoning_effort": "none" }));
    assert_eq!(silent["message"]["reasoning"], Value::Null);
    let object = message("hello", json!({ "response_format": { "type": "json_object" } }));
    let object: Value = serde_json::from_str(object["message"]["content"].as_str().expect("text")).expect("JSON");
    assert_eq!(object, json!({ "answer": "openai/gpt-4o says: hello" }));
    let short = message("words:9", json!({ "max_completion_tokens": 3 }));
    assert_eq!(
        (&short["message"]["content"], &short["finish_reason"]),
        (&json!("word1 word2 word3"), &json!("length"))
    );

    let streamed = chat(&emulator, &body("openai/gpt-4o", "use the tool", json!({ "tools": tools, "stream": true })));
    let chunks = streamed.chunk_jsons();
    let deltas =
        chunks.iter().filter_map(|c| c["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str());
    let deltas: Vec<_> = deltas.collect();
    assert!(deltas.len() > 3, "{deltas:?}");
    assert_eq!(
        serde_json::from_str::<Value>(&deltas.concat()).expect("JSON"),
        json!({ "query": "what was asked for" })
    );
}

#[test]
fn all_tools_are_called_and_the_answer_is_about_their_results() {
    let emulator = emulator();
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name, "parameters": {} } });
    let tools = json!([tool("find"), tool("weigh")]);
    let expected = [("find", r#"{"query":"what was asked for"}"#), ("weigh", r#"{"query":"what weigh finds"}"#)];

    let whole = chat(&emulator, &body("openai/gpt-4o", "use the tools", json!({ "tools": tools }))).json();
    let calls = &whole["choices"][0]["message"]["tool_calls"];
    let streamed = body("openai/gpt-4o", "use the tools at once", json!({ "tools": tools, "stream": true }));
    let chunks = chat(&emulator, &streamed).chunk_jsons();
    let pieces = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0));
    let mut order = Vec::new();
    let mut assembled = [String::new(), String::new()];
    for piece in pieces {
        let index = usize::try_from(piece["index"].as_u64().expect("an index")).expect("a small index");
        assembled[index].push_str(piece["function"]["arguments"].as_str().expect("arguments"));
        order.push(index);
    }
    assert_eq!(order[..6], [0, 1, 0, 1, 0, 1]);
    for (at, (name, arguments)) in expected.into_iter().enumerate() {
        let function = &calls[at]["function"];
        assert_eq!((&function["name"], &function["arguments"]), (&json!(name), &json!(arguments)));
        assert_eq!(assembled[at], arguments);
    }

    let schema = json!({ "type": "object", "properties": { "answer": { "type": "string" } } });
    let reply = json!([tool("find"), { "type": "function", "function": { "name": "reply", "parameters": schema } }]);
    let choice = json!({ "type": "function", "function": { "name": "reply" } });
    let forced = body("openai/gpt-4o", "words:2", json!({ "tools": reply, "tool_choice": choice }));
    let forced = chat(&emulator, &forced).json();
    assert_eq!(
        forced["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
        r#"{"answer":"word1 word2"}"#
    );

    let result = |at: usize, text: &str| json!({ "role": "tool", "tool_call_id": calls[at]["id"], "content": text });
    let messages = json!([
        { "role": "user", "content": "use the tools" }, whole["choices"][0]["message"], result(0, "one"), result(1, "two")
    ]);
    let body = json!({ "model": "openai/gpt-4o", "messages": messages, "tools": tools });
    assert_eq!(chat(&emulator, &body).json()["choices"][0]["message"]["content"], "openai/gpt-4o says: one two");
}

#[test]
fn a_stream_in_an_unusual_format_has_the_same_content() {
    let emulator = emulator();
    let cases: [(&str, &str, &str); 4] = [
        ("crlf", ": OPENROUTER PROCESSING\r\n\r\ndata: {", "\r\n"),
        ("cr", ": OPENROUTER PROCESSING\r\rdata: {", "\r"),
        ("bom", "\u{FEFF}: OPENROUTER PROCESSING\n\ndata: {", "\n"),
        ("multi-line-data", ": OPENROUTER PROCESSING\n\ndata: {\ndata:   \"id\"", "\n"),
    ];
    for (name, start, line_end) in cases {
        let text = stream(&emulator, &format!("fault/{name}")).text();
        assert!(text.starts_with(start), "{name}: {text}");
        assert!(text.ends_with(&format!("data: [DONE]{line_end}{line_end}")), "{name}");
        let text = text.replace(line_end, "\n");
        assert!(!text.contains('\r'), "{name}: another line end");
        let data = text.split("\n\n").map(|event| event.replace("data: ", ""));
        let chunks = data.filter_map(|data| serde_json::from_str::<Value>(&data).ok());
        let deltas =
            chunks.map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned());
        assert_eq!(deltas.collect::<String>(), WORDS, "{name}");
    }
}

#[test]
fn a_drip_writes_each_byte_separately_and_a_large_event_is_large() {
    let emulator = emulator();
    let drip = stream(&emulator, "fault/drip");
    assert!(drip.chunked().chunks.iter().all(|chunk| chunk.len() == 1));
    assert_eq!(drip.content(), WORDS);
    let large = stream(&emulator, "fault/large-events");
    let words = large.chunk_jsons();
    let words: Vec<_> = words.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(words.iter().filter(|word| !word.is_empty()).all(|word| word.len() >= 64 << 10));
    assert_eq!(words.iter().filter(|word| !word.is_empty()).count(), 12);
}

#[test]
fn an_error_in_a_stream_is_its_last_event_and_the_body_ends_normally() {
    let emulator = emulator();
    let cases = [
        ("error-mid-stream", "word1 word2 word3 héllo word5 word6", json!(502), 1),
        ("error-in-choice", "word1 word2 word3 héllo word5 word6", json!(502), 1),
        ("error-mid-stream-empty-choices", "word1 word2 word3 héllo word5 word6", json!("server_error"), 0),
        ("error-first", "", json!(502), 1),
    ];
    for (name, content, code, choices) in cases {
        let reply = stream(&emulator, &format!("fault/{name}"));
        assert_eq!((reply.status, reply.chunked().terminated), (Some(200), true), "{name}");
        assert_eq!(reply.content(), content, "{name}");
        let last = reply.chunk_jsons().pop().expect("a chunk");
        assert_eq!(last["error"]["code"], code, "{name}");
        assert_eq!(last["choices"].as_array().map(Vec::len), Some(choices), "{name}");
        assert!(!reply.text().contains("[DONE]"), "{name}");
    }
}

#[test]
fn an_error_in_a_json_answer_stands_at_the_top_or_in_the_choice() {
    let emulator = emulator();
    for name in ["error-in-200", "error-first"] {
        let reply = complete(&emulator, &format!("fault/{name}"));
        assert_eq!(reply.status, Some(200), "{name}");
        assert_eq!(reply.json()["error"]["code"], 502, "{name}");
    }
    assert_eq!(stream(&emulator, "fault/error-in-200").json()["error"]["code"], 502);
    for name in ["error-in-choice", "error-mid-stream", "error-mid-stream-empty-choices"] {
        let choice = complete(&emulator, &format!("fault/{name}")).json()["choices"][0].clone();
        assert_eq!((&choice["finish_reason"], &choice["error"]["code"]), (&json!("error"), &json!(502)), "{name}");
        assert_eq!(choice["message"]["content"], "word1 word2 word3 héllo word5 word6", "{name}");
    }
}

#[test]
fn a_malformed_chunk_is_one_event_and_a_malformed_body_is_the_whole_body() {
    let emulator = emulator();
    let events = stream(&emulator, "fault/malformed-chunk").events();
    let broken = events.iter().filter(|data| *data != "[DONE]" && serde_json::from_str::<Value>(data).is_err());
    assert_eq!(broken.count(), 1);
    assert_eq!(events.len(), stream(&emulator, "openai/gpt-4o").events().len());
    for reply in [stream(&emulator, "fault/malformed-body"), complete(&emulator, "fault/malformed-chunk")] {
        assert!(reply.raw.starts_with(b"<!DOCTYPE html>"));
        assert_eq!(reply.status, Some(200));
    }
}

#[test]
fn an_answer_may_have_another_form_than_the_request_wants() {
    let emulator = emulator();
    let sse = complete(&emulator, "fault/sse-when-json");
    assert_eq!((sse.header("content-type"), sse.content().as_str()), (Some("text/event-stream"), WORDS));
    let json = stream(&emulator, "fault/json-when-stream");
    assert_eq!(json.json()["choices"][0]["message"]["content"], WORDS);
}

#[test]
fn the_usage_may_have_tokens_and_no_cost() {
    let emulator = emulator();
    let usage = complete(&emulator, "fault/no-cost").json()["usage"].clone();
    assert!(usage["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    assert!(usage.get("cost").is_none() && usage.get("cost_details").is_none(), "{usage}");
    let chunks = stream(&emulator, "fault/no-cost").chunk_jsons();
    assert!(chunks.iter().all(|chunk| chunk["usage"].get("cost").is_none()));
}

#[test]
fn the_model_may_be_unnamed_or_named_by_its_canonical_slug() {
    let emulator = emulator();
    emulator.script("openai/gpt-4o", &["no-model-field", "model-alias"]).expect("a script");
    assert!(complete(&emulator, "openai/gpt-4o").json().get("model").is_none());
    assert_eq!(complete(&emulator, "openai/gpt-4o").json()["model"], "openai/gpt-4o-2024-11-20");
    let chunks = stream(&emulator, "fault/no-model-field").chunk_jsons();
    assert!(chunks.iter().all(|chunk| chunk.get("model").is_none()));
}

/// The finish reasons of the chunks of a stream, in order; null where a chunk has none.
fn reasons(reply: &Reply) -> Vec<Value> {
    let chunks = reply.chunk_jsons();
    let choices = chunks.iter().filter_map(|chunk| chunk["choices"].get(0));
    choices.map(|choice| choice["finish_reason"].clone()).collect()
}

#[test]
fn a_finish_reason_may_come_early_twice_or_not_at_all() {
    let emulator = emulator();
    let with_fault = |name: &str| reasons(&stream(&emulator, &format!("fault/{name}")));
    assert!(with_fault("finish-always").iter().all(|reason| reason == "stop"));
    let [rest @ .., last] = &with_fault("finish-empty")[..] else { panic!("no chunks") };
    assert!(last == "stop" && !rest.is_empty() && rest.iter().all(|reason| reason == ""));
    let twice: Vec<Value> = with_fault("finish-twice").into_iter().filter(|reason| !reason.is_null()).collect();
    assert_eq!(twice, ["stop", "length"]);
    assert_eq!(with_fault("finish-abort").last(), Some(&json!("abort")));
    assert!(with_fault("no-finish").iter().all(Value::is_null));
    let capitals = stream(&emulator, "fault/finish-in-capitals");
    assert!(reasons(&capitals).iter().all(Value::is_null));
    assert!(capitals.text().contains("\"finishReason\":\"STOP\"") && capitals.content() == WORDS);
    for half in ["finish-abort", "no-finish"] {
        let content = stream(&emulator, &format!("fault/{half}")).content();
        assert!(WORDS.starts_with(&content) && !content.is_empty() && content != WORDS, "{half}");
    }
}

#[test]
fn the_text_may_come_in_parts_or_as_a_growing_message() {
    let emulator = emulator();
    let parts = stream(&emulator, "fault/content-parts").chunk_jsons();
    let texts = parts.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"][1]["text"].as_str());
    assert_eq!(texts.collect::<String>(), WORDS);
    let growing = stream(&emulator, "fault/growing-message").chunk_jsons();
    let message = growing.iter().filter_map(|chunk| chunk["choices"][0]["message"]["content"].as_str()).next_back();
    assert_eq!(message, Some(WORDS));
    assert!(growing.iter().all(|chunk| chunk["choices"][0].get("delta").is_none()));
}

#[test]
fn events_may_have_names_and_lack_spaces_and_empty_lines() {
    let emulator = emulator();
    let text = |name: &str| stream(&emulator, &format!("fault/{name}")).text();
    assert!(text("error-by-name").starts_with("event: error\ndata: {\"message\":"));
    assert!(text("one-line-feed").contains("\ndata: [DONE]\n") && !text("one-line-feed").contains("\n\n"));
    assert!(text("no-space").ends_with("\n\ndata:[DONE]\n\n") && !text("no-space").contains("data: "));
    assert!(text("named-events").ends_with("event: message\nid: 1\ndata: [DONE]\n\n"));
    let called = stream(&emulator, "fault/called-json");
    assert_eq!((called.header("content-type"), called.content().as_str()), (Some("application/json"), WORDS));
}
