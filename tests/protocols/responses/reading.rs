//! The fields and the items of a request, in the words of chat.

use super::{messages, read};
use serde_json::json;

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
