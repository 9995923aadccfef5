//! What a request becomes.

use super::{body, chat_messages, read};
use crate::support::{parsed, with};
use failsoft::protocol::messages;
use failsoft::{ChatRequest, Json};
use serde_json::{Value, json};

#[test]
fn every_field_of_a_request_has_its_place_in_the_chat_request() {
    let (chat, _) = read(&body(json!({
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "Be kind."}],
        "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"], "metadata": {"user_id": "u"}, "stream": true,
        "tools": [
            {"name": "f", "description": "d", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
            {"type": "custom", "name": "g", "input_schema": {"type": "object"}, "strict": true},
        ],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true}, "service_tier": "auto",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "container": null, "mcp_servers": [], "inference_geo": null,
    })))
    .expect("a valid request");
    assert_eq!(
        chat,
        json!({
            "model": "m/one", "temperature": 0.5, "top_p": 0.9, "top_k": 5, "max_tokens": 100, "stop": ["END"], "user": "u",
            "messages": [
                {"role": "system", "content": [
                    {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
                    {"type": "text", "text": "Be kind."},
                ]},
                {"role": "user", "content": "hi"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}, "cache_control": {"type": "ephemeral"}},
                {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}, "strict": true}},
            ],
            "tool_choice": "required", "parallel_tool_calls": false, "reasoning": {"max_tokens": 1024},
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": true}},
            "stream": true, "stream_options": {"include_usage": true},
        })
    );
}

#[test]
fn thinking_becomes_reasoning() {
    for (fields, expected) in [
        (json!({"thinking": {"type": "adaptive"}}), json!({"enabled": true})),
        (json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}), json!({"effort": "high"})),
        (json!({"thinking": {"type": "disabled"}}), json!({"enabled": false})),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}), json!({"max_tokens": 2048})),
        (json!({"output_config": {"effort": "low"}}), json!({"effort": "low"})),
        (json!({"thinking": null}), Value::Null),
    ] {
        assert_eq!(read(&body(fields)).expect("a valid request").0["reasoning"], expected);
    }
}

#[test]
fn blocks_of_every_type_become_messages() {
    let cache = json!({"type": "ephemeral"});
    let messages = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "look", "cache_control": cache},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}},
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
            {"type": "document", "title": "T", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
            {"type": "search_result", "title": "S", "source": "https://s.example", "content": [{"type": "text", "text": "found"}]},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "EuYB"},
            {"type": "redacted_thinking", "data": "Em4K"},
            {"type": "thinking", "thinking": "unsigned", "signature": ""},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "t2", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
            {"type": "text", "text": "and then?"},
            {"type": "tool_result", "tool_use_id": "t2", "is_error": true, "content": [{"type": "text", "text": "two"}]},
        ]},
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Well"},
    ]);
    assert_eq!(
        chat_messages(messages),
        json!([
            {"role": "user", "content": [
                {"type": "text", "text": "look", "cache_control": cache},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AA=="}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {"type": "file", "file": {"filename": "T", "file_data": "data:application/pdf;base64,AA=="}},
                {"type": "text", "text": "plain"},
                {"type": "text", "text": "S\nhttps://s.example"},
                {"type": "text", "text": "found"},
            ]},
            {"role": "assistant", "content": "I look.", "reasoning": "unsigned",
             "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": "EuYB", "format": "anthropic-claude-v1"},
                {"type": "reasoning.encrypted", "data": "Em4K", "format": "anthropic-claude-v1"},
             ],
             "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "t2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
             ]},
            {"role": "tool", "tool_call_id": "t1", "content": "one"},
            {"role": "tool", "tool_call_id": "t2", "content": "The tool failed.\n\ntwo"},
            {"role": "user", "content": "and then?"},
            {"role": "system", "content": "Be brief."},
            {"role": "assistant", "content": "Well"},
        ])
    );
}

#[test]
fn what_has_no_form_is_refused_with_what_to_send_instead() {
    let user = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    for (fields, expected) in [
        (json!({"max_tokens": null}), "`max_tokens` is missing; give a whole number above 0"),
        (json!({"max_tokens": 0}), "`max_tokens` must be a whole number above 0"),
        (json!({"messages": null}), "`messages` must be an array"),
        (json!({"messages": []}), "`messages` is empty"),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "`messages[0].role` must be \"user\" or \"assistant\"",
        ),
        (json!({"container": "c"}), "`container` is stored at Anthropic"),
        (json!({"mcp_servers": [{"url": "x"}]}), "send their tools in `tools`"),
        (json!({"inference_geo": "us"}), "`inference_geo` has another price"),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            "`tools[0].type` \"web_search_20250305\" is a tool of Anthropic",
        ),
        (json!({"tools": [{"name": "f"}]}), "`tools[0].input_schema` must be"),
        (json!({"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "x"}}), "`tool_choice` must be"),
        (
            user(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            "`messages[0].content[0].source.file_id` is stored",
        ),
        (user(json!({"text": "x"})), "`messages[0].content[0].type` is missing"),
        (user(json!({"type": "tool_result"})), "`messages[0].content[0].tool_use_id` must be"),
        (json!({"model": null}), "name at least one model"),
    ] {
        let error = read(&body(fields)).expect_err("a refused request");
        assert!(error.contains(expected), "{error}\n{expected}");
    }
}

#[test]
fn a_block_that_chat_has_no_form_for_is_left_to_an_upstream_of_the_same_protocol() {
    let content = json!([{"type": "web_search_tool_result", "tool_use_id": "s"}, {"type": "text", "text": "hi"}]);
    let body = body(json!({"messages": [{"role": "user", "content": content}]}));
    let request = with(&body, messages::read).expect("a request");
    assert_eq!(parsed(&request.chat)["messages"], json!([{"role": "user", "content": "hi"}]));
    let refused = request.foreign.as_ref().expect("a refusal").to_string();
    let expected = "`messages[0].content[0].type` \"web_search_tool_result\" cannot stand here";
    assert!(refused.starts_with(expected) && request.native.contains("web_search_tool_result"), "{refused}");
}

#[test]
fn so_is_a_block_inside_of_another_one_or_of_the_system_prompt() {
    let blocks = json!([{"type": "tool_reference", "tool_name": "f"}, {"type": "text", "text": "hi"}]);
    let call = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]});
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": blocks}]});
    let document = json!({"type": "document", "source": {"type": "content", "content": blocks}});
    let found = json!({"type": "search_result", "title": "t", "source": "s", "content": blocks});
    let user = |block| json!({"messages": [{"role": "user", "content": [block]}]});
    for (fields, path) in [
        (json!({"messages": [call, result]}), "messages[1].content[0].content[0].type"),
        (json!({"system": blocks, "messages": [{"role": "user", "content": "x"}]}), "system[0].type"),
        (user(document), "messages[0].content[0].source.content[0].type"),
        (user(found), "messages[0].content[0].content[0].type"),
    ] {
        let request = with(&body(fields), messages::read).expect("a request");
        assert!(request.chat.contains("hi") && !request.chat.contains("tool_reference"), "{}", request.chat);
        assert_eq!(request.foreign.as_ref().expect("a refusal").path, path);
        assert!(request.native.contains("tool_reference"));
    }
    for kind in ["", "tool_use", "tool_result"] {
        let misplaced = json!({"messages": [call, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": kind}]}]}]});
        read(&body(misplaced)).expect_err("a refused request");
    }
}

#[test]
fn an_upstream_of_the_same_protocol_gets_the_blocks_byte_for_byte() {
    let text = r#"{"model":"m", "max_tokens":9, "messages": [ {"role":"user","content":"\u00e9", "novel": 1.50} ], "betas": ["x"]}"#;
    let mut request = messages::read(Json::parse(text).expect("JSON")).expect("a valid request");
    assert_eq!(request.native, r#"{"messages":[ {"role":"user","content":"\u00e9", "novel": 1.50} ]}"#);
    request.check_unknown(false).expect("a warning");
    assert_eq!(request.warnings, ["`betas` is not a known field, and was not sent"]);
}

#[test]
fn a_chain_has_openrouters_form() {
    let (chat, _) = read(&body(json!({"fallbacks": [{"model": "m/two"}]}))).expect("a valid request");
    assert_eq!((&chat["models"], chat.get("model")), (&json!(["m/one", "m/two"]), None));
}

#[test]
fn tokens_are_counted_without_an_output_limit() {
    let count = |body: Value| {
        let request = with(&body, messages::read_prompt)?;
        ChatRequest::read(Json::parse(&request.chat).expect("JSON")).map(|chat| chat.prompt_tokens())
    };
    let short = count(json!({"model": "m/one", "messages": [{"role": "user", "content": "hi"}]})).expect("a count");
    let long = count(json!({"model": "m/one", "messages": [{"role": "user", "content": "hi ".repeat(100)}]}))
        .expect("a count");
    assert!(0 < short && short < long);
    assert!(count(json!({"model": "m/one"})).is_err());
}
