//! The wire of Responses: what official clients read, and what OpenAI refuses.

mod support;

use serde_json::{Value, json};
use support::{Reply, WORDS, call, emulator};

fn post(emulator: &failsoft_emulator::Emulator, body: &Value) -> Reply {
    call(emulator, "POST", "/api/v1/responses", "authorization: Bearer sk-or-test\r\n", &body.to_string())
}

fn request(model: &str, fields: Value) -> Value {
    let mut body = json!({ "model": model, "input": "words:12", "store": false });
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

/// The name and the data of each event.
fn events(reply: &Reply) -> Vec<(String, Value)> {
    let text = reply.text();
    let read = |block: &str| {
        let (name, data) = block.strip_prefix("event: ")?.split_once("\ndata: ")?;
        Some((name.to_owned(), serde_json::from_str(data).expect("JSON")))
    };
    text.split("\n\n").filter_map(read).collect()
}

#[test]
fn each_event_names_its_type_and_the_numbers_rise_by_one() {
    let emulator = emulator();
    let fields = json!({ "stream": true, "reasoning": { "effort": "low", "summary": "auto" }, "include": ["reasoning.encrypted_content"] });
    let events = events(&post(&emulator, &request("openai/gpt-4o", fields)));
    for (at, (name, data)) in events.iter().enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(at)));
    }
    let text: String = events
        .iter()
        .filter(|(name, _)| name == "response.output_text.delta")
        .filter_map(|(_, data)| data["delta"].as_str())
        .collect();
    assert_eq!(text, WORDS);
    let (name, last) = events.last().expect("an event");
    assert_eq!(name, "response.completed");
    let response = &last["response"];
    assert_eq!(
        (&response["status"], &response["output"][1]["content"][0]["text"]),
        (&json!("completed"), &json!(WORDS))
    );
    let reasoning = &response["output"][0];
    assert_eq!(reasoning["summary"][0]["text"], "Let me think about this.");
    assert!(reasoning["encrypted_content"].is_string() && response["usage"]["output_tokens"].is_u64());
    let whole = post(&emulator, &request("openai/gpt-4o", json!({}))).json();
    assert_eq!(whole["output"][0]["content"][0]["text"], WORDS);
}

#[test]
fn the_usage_has_the_tokens_that_came_from_a_cache() {
    let emulator = emulator();
    let fields = json!({ "input": "words:3 cached:2" });
    let usage = post(&emulator, &request("openai/gpt-4o", fields)).json()["usage"].clone();
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 2);
}

#[test]
fn functions_and_custom_tools_are_called() {
    let emulator = emulator();
    for (tool, kind, field, value) in [
        (
            json!({ "type": "function", "name": "f", "parameters": {} }),
            "function_call",
            "arguments",
            r#"{"query":"what was asked for"}"#,
        ),
        (json!({ "type": "custom", "name": "f" }), "custom_tool_call", "input", "what was asked for"),
    ] {
        let fields = json!({ "input": "use the tool", "tools": [tool], "stream": true });
        let events = events(&post(&emulator, &request("openai/gpt-4o", fields)));
        let item = &events.last().expect("an event").1["response"]["output"][0];
        assert_eq!((&item["type"], &item["name"], &item[field]), (&json!(kind), &json!("f"), &json!(value)));
        let delta = format!(
            "response.{}.delta",
            if field == "input" { "custom_tool_call_input" } else { "function_call_arguments" }
        );
        let joined: String =
            events.iter().filter(|(name, _)| *name == delta).filter_map(|(_, data)| data["delta"].as_str()).collect();
        assert_eq!(joined, value);
    }
}

#[test]
fn faults_have_their_form_on_this_wire() {
    let emulator = emulator();
    let last = |model: &str| {
        let reply = post(&emulator, &request(model, json!({ "stream": true })));
        let events = events(&reply);
        let (name, data) = events.last().expect("an event");
        (name.clone(), data.clone())
    };
    let (name, data) = last("fault/error-mid-stream");
    assert_eq!(
        (&*name, &data["response"]["status"], &data["response"]["error"]["code"]),
        ("response.failed", &json!("failed"), &json!("server_error"))
    );
    let (name, data) = last("fault/error-mid-stream-empty-choices");
    assert_eq!((&*name, &data["code"]), ("error", &json!("server_error")));
    let (name, data) = last("fault/length");
    assert_eq!(
        (&*name, &data["response"]["incomplete_details"]["reason"]),
        ("response.incomplete", &json!("max_output_tokens"))
    );
    let (name, data) = last("fault/content-filter");
    assert_eq!(
        (&*name, &data["response"]["incomplete_details"]["reason"]),
        ("response.incomplete", &json!("content_filter"))
    );
    assert_eq!(last("fault/refusal").1["response"]["output"][0]["content"][0]["type"], "refusal");
    assert_eq!(last("fault/missing-done").0, "response.output_item.done");
    let whole = post(&emulator, &request("fault/error-mid-stream", json!({}))).json();
    assert_eq!((&whole["status"], &whole["error"]["code"]), (&json!("failed"), &json!("server_error")));
    assert_eq!(post(&emulator, &request("fault/unavailable", json!({}))).status, Some(503));
}

#[test]
fn what_openai_refuses_is_refused() {
    let emulator = emulator();
    let user = json!({ "role": "user", "content": [{ "type": "input_text", "text": "hi" }] });
    let call = json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" });
    let output = json!({ "type": "function_call_output", "call_id": "c", "output": "1" });
    let reasoning = |id: &str, content: Value| json!({ "type": "reasoning", "id": id, "summary": [], "encrypted_content": content });
    for (fields, status, message) in [
        (json!({ "messages": [] }), 400, "Unknown parameter: 'messages'."),
        (json!({ "store": true }), 400, "'store' must be false"),
        (json!({ "previous_response_id": "resp_1" }), 400, "stateless"),
        (json!({ "max_output_tokens": 5 }), 400, "Expected a value >= 16"),
        (json!({ "input": null }), 400, "'input'"),
        (
            json!({ "input": [{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }] }),
            400,
            "Invalid value: 'text'",
        ),
        (
            json!({ "input": [{ "role": "assistant", "content": [{ "type": "input_text", "text": "hi" }] }] }),
            400,
            "output_text",
        ),
        (json!({ "input": [user, call] }), 400, "No tool output found for function call c."),
        (json!({ "input": [user, output] }), 400, "No tool call found"),
        (
            json!({ "input": [user, { "type": "function_call", "id": "x_1", "call_id": "c", "name": "f", "arguments": "{}" }, output] }),
            400,
            "begins with 'fc'",
        ),
        (json!({ "input": [reasoning("rs_2", json!("gAAAAA-rs_1")), user] }), 400, "did not match the target item id"),
        (json!({ "input": [reasoning("rs_1", json!(null)), user] }), 404, "not persisted"),
        (json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] }), 400, "tools[0].name"),
        (json!({ "text": { "format": { "type": "json_schema" } } }), 400, "text.format"),
    ] {
        let reply = post(&emulator, &request("openai/gpt-4o", fields.clone()));
        let error = reply.json();
        let said = error["error"]["message"].as_str().unwrap_or_default();
        assert!(reply.status == Some(status) && said.contains(message), "{fields}: {error}");
    }
    let whole = json!([
        { "type": "message", "role": "developer", "content": "be brief" }, user, reasoning("rs_1", json!("gAAAAA-rs_1")), call, output,
        { "type": "novel_item", "anything": 1 }, { "role": "user", "content": "words:3" },
    ]);
    let reply = post(&emulator, &request("openai/gpt-4o", json!({ "input": whole })));
    assert_eq!(
        (reply.status, &reply.json()["output"][0]["content"][0]["text"]),
        (Some(200), &json!("word1 word2 word3"))
    );
}
