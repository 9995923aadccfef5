//! What a request has that chat has no form for: refused, named in a warning, or left to an upstream of the same protocol.

use super::super::support::{parsed, with};
use super::read;
use failsoft::Json;
use failsoft::protocol::responses;
use serde_json::json;

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
