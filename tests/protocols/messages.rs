//! Messages: requests, streams, message objects and errors.

use super::answers::{self, Part, chunk, usage};
use super::messages_client::{self, check_whole};
use super::responses::check_message;
use super::support::{completion, events, parsed, through_core, upstream_sse, with};
use failsoft::protocol::messages::{self, Context, PING, Writer};
use failsoft::{ChatRequest, Failure, Json, Kind};
use serde_json::{Value, json};

const SEED: u64 = 7;

pub(crate) fn read(body: &Value) -> Result<(Value, Context), String> {
    let request = with(body, messages::read).map_err(|error| error.to_string())?;
    // Whatever is accepted is a chat request.
    ChatRequest::read(Json::parse(&request.chat).expect("JSON")).map_err(|error| error.to_string())?;
    Ok((parsed(&request.chat), request.context))
}

fn body(fields: Value) -> Value {
    let mut body = json!({"model": "m/one", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

pub(crate) fn context(fields: Value) -> Context {
    read(&body(fields)).expect("a valid request").1
}

pub(crate) fn thinking() -> Context {
    context(json!({"thinking": {"type": "adaptive"}}))
}

pub(crate) fn stream(context: Context, chunks: &[Value]) -> String {
    let mut writer = Writer::new(context, SEED);
    let mut sse: String = chunks.iter().map(|chunk| with(chunk, |chunk| writer.take_chunk(chunk))).collect();
    sse.push_str(&writer.finish(None));
    sse
}

fn chat_messages(messages: Value) -> Value {
    read(&body(json!({"messages": messages}))).expect("a valid request").0["messages"].clone()
}

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

#[test]
fn any_answer_is_a_stream_that_clients_accept_and_the_same_message_in_one_piece() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let streamed = messages_client::read(&stream(thinking(), &answer.chunks));
        check(&answer.parts, &streamed, seed);
        let whole = completion(&answer.chunks);
        let whole = parsed(&messages::message(Json::parse(&whole).expect("JSON"), thinking(), SEED, None));
        check_whole(&whole);
        check(&answer.parts, &whole, seed);
        assert_eq!((&whole["id"], &whole["stop_reason"]), (&streamed["id"], &streamed["stop_reason"]));
    }
}

/// The blocks of `message` are the `parts` of the answer.
fn check(parts: &[Part], message: &Value, seed: u64) {
    let content = message["content"].as_array().expect("blocks");
    assert_eq!(content.len(), parts.len(), "seed {seed}: {message}");
    for (part, block) in parts.iter().zip(content) {
        match part {
            Part::Text(text) => assert_eq!(block["text"], json!(text), "seed {seed}"),
            Part::Reasoning(text) => {
                assert_eq!((&block["thinking"], &block["signature"]), (&json!(text), &json!("")));
            }
            Part::Signed(text, signature) => {
                assert_eq!((&block["thinking"], &block["signature"]), (&json!(text), &json!(signature)), "seed {seed}");
            }
            Part::Encrypted(data, format) => {
                let sent = block["data"].as_str().expect("data");
                assert!(if format.contains("claude") { sent == data } else { sent.contains(data) && sent != data });
            }
            Part::Call(id, name, arguments) => {
                let expected = json!({"type": "tool_use", "id": id, "name": name, "input": arguments});
                assert_eq!(*block, expected, "seed {seed}");
            }
        }
    }
    let usage = &message["usage"];
    assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&json!(50), &json!(20)));
    assert_eq!((&usage["cache_creation_input_tokens"], &usage["output_tokens"]), (&json!(30), &json!(10)));
}

#[test]
fn an_answer_that_a_client_sends_back_is_the_same_message() {
    for seed in 0..2_000 {
        let answer = answers::random(seed);
        let message = messages_client::read(&stream(thinking(), &answer.chunks));
        let turns = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": message["content"]}]);
        check_message(&answer.parts, &chat_messages(turns)[1], seed);
    }
}

#[test]
fn events_do_not_depend_on_where_the_bytes_of_the_upstream_are_cut() {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34] {
        let answer = answers::random(seed);
        let bytes = upstream_sse(&answer.chunks);
        let write = |cut| {
            let mut writer = Writer::new(thinking(), SEED);
            let (first, second) = bytes.as_bytes().split_at(cut);
            through_core([first, second], |chunks| writer.take(chunks)) + &writer.finish(None)
        };
        let expected = write(0);
        check(&answer.parts, &messages_client::read(&expected), seed);
        for cut in 0..=bytes.len() {
            assert_eq!(write(cut), expected, "seed {seed}, cut at {cut}");
        }
    }
}

#[test]
fn a_client_that_did_not_ask_for_thinking_gets_only_claudes_own() {
    let plain = chunk(json!({"reasoning": "hm", "content": "a"}), Some("stop"));
    let message = messages_client::read(&stream(context(json!({})), &[plain]));
    assert_eq!(message["content"], json!([{"type": "text", "text": "a"}]));
    let detail = json!({"type": "reasoning.text", "text": "hm", "signature": "Eu", "format": "anthropic-claude-v1"});
    let signed = chunk(json!({"reasoning": "hm", "reasoning_details": [detail], "content": "a"}), Some("stop"));
    let message = messages_client::read(&stream(context(json!({})), &[signed]));
    assert_eq!(message["content"][0], json!({"type": "thinking", "thinking": "hm", "signature": "Eu"}));
}

#[test]
fn thinking_that_is_not_shown_keeps_its_signature() {
    let detail = json!({"type": "reasoning.text", "signature": "Eu", "format": "anthropic-claude-v1", "index": 0});
    let chunks = [chunk(json!({"reasoning_details": [detail]}), None), chunk(json!({"content": "a"}), Some("stop"))];
    let message = messages_client::read(&stream(thinking(), &chunks));
    assert_eq!(message["content"][0], json!({"type": "thinking", "thinking": "", "signature": "Eu"}));
}

#[test]
fn encrypted_thoughts_in_a_row_stay_apart_whatever_their_index_is() {
    for index in [json!({"index": 0}), json!({})] {
        let thought = |data: &str| {
            let mut detail = json!({"type": "reasoning.encrypted", "data": data, "format": "anthropic-claude-v1"});
            detail.as_object_mut().expect("an object").extend(index.as_object().expect("an object").clone());
            chunk(json!({"reasoning_details": [detail]}), None)
        };
        let chunks = [thought("Em4K"), thought("Em5L"), chunk(json!({"content": "a"}), Some("stop"))];
        let message = messages_client::read(&stream(thinking(), &chunks));
        let redacted = |data: &str| json!({"type": "redacted_thinking", "data": data});
        assert_eq!(message["content"], json!([redacted("Em4K"), redacted("Em5L"), {"type": "text", "text": "a"}]));
    }
}

/// OpenRouter's streams give each thought the same index (OpenRouterTeam/ai-sdk-provider#519).
#[test]
fn a_thought_ends_with_its_signature_whatever_its_index_is() {
    for index in [json!({"index": 0}), json!({})] {
        let piece = |fields: Value| {
            let mut detail = json!({"type": "reasoning.text", "format": "anthropic-claude-v1"});
            for more in [&fields, &index] {
                detail.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            }
            chunk(json!({"reasoning_details": [detail]}), None)
        };
        let chunks = [
            piece(json!({"text": "Let "})),
            piece(json!({"text": "me"})),
            piece(json!({"text": "", "signature": "Eu"})),
            piece(json!({"text": "think", "signature": "Ev"})),
            piece(json!({"text": "more"})),
            piece(json!({"signature": "Ew"})),
            chunk(json!({"content": "a"}), Some("stop")),
        ];
        let message = messages_client::read(&stream(thinking(), &chunks));
        let thought =
            |text: &str, signature: &str| json!({"type": "thinking", "thinking": text, "signature": signature});
        let thoughts = [thought("Let me", "Eu"), thought("think", "Ev"), thought("more", "Ew")];
        assert_eq!(message["content"].as_array().expect("blocks")[..3], thoughts, "{index}");
        assert_eq!(message["content"][3], json!({"type": "text", "text": "a"}));
    }
}

#[test]
fn a_message_ends_for_its_reason() {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]});
    for (delta, finish, native, expected) in [
        (json!({"content": "a"}), "stop", "stop", "end_turn"),
        (json!({"content": "a"}), "stop", "stop_sequence", "stop_sequence"),
        (json!({"content": "a"}), "stop", "pause_turn", "pause_turn"),
        (json!({"content": "a"}), "length", "length", "max_tokens"),
        (json!({"content": "a"}), "length", "model_context_window_exceeded", "model_context_window_exceeded"),
        (json!({"content": "a"}), "content_filter", "refusal", "refusal"),
        (json!({"refusal": "no"}), "stop", "stop", "refusal"),
        (call.clone(), "tool_calls", "tool_use", "tool_use"),
        (call, "stop", "stop", "tool_use"),
    ] {
        let mut chunk = chunk(delta, Some(finish));
        chunk["choices"][0]["native_finish_reason"] = native.into();
        let message = messages_client::read(&stream(context(json!({})), &[chunk, usage(1, 0, 0, 1)]));
        assert_eq!(message["stop_reason"], expected);
    }
}

#[test]
fn an_answer_that_breaks_ends_with_an_error() {
    let mut writer = Writer::new(context(json!({})), SEED);
    let mut sse = with(&chunk(json!({"content": "half"}), None), |chunk| writer.take_chunk(chunk));
    sse.push_str(PING);
    sse.push_str(&writer.fail(&Failure::new(Kind::Cut, "cut\nshort")));
    let events = events(&sse);
    let (name, last) = events.last().expect("an event");
    assert_eq!(
        (&**name, &last["error"]["type"], &last["error"]["message"]),
        ("error", &json!("api_error"), &json!("cut\nshort"))
    );
    assert!(events.iter().all(|(name, _)| name != "message_stop"));
}

#[test]
fn a_text_with_a_line_feed_stays_in_one_line_of_data() {
    let sse = stream(context(json!({})), &[chunk(json!({"content": "a\n\nevent: x\r\u{2028}"}), Some("stop"))]);
    assert_eq!(messages_client::read(&sse)["content"][0]["text"], "a\n\nevent: x\r\u{2028}");
}
