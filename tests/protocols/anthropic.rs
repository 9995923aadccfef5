//! The dialect `anthropic`: requests, streams and messages of upstreams.

use super::answers::{self, Part};
use super::messages;
use super::messages_client;
use super::random::Random;
use super::responses::check_message;
use super::support::{parsed, with};
use failsoft::failure::classify;
use failsoft::protocol::anthropic::{Body, Translator, body, completion};
use failsoft::protocol::messages::{Writer, message, read};
use failsoft::reader::StreamReader;
use failsoft::{Headers, Json, Kind};
use serde_json::{Value, json};

fn sent(chat: Value) -> (Value, Vec<String>) {
    let Body { json, lost } = with(&chat, |chat| body(chat, Json::NULL));
    (parsed(&json), lost)
}

fn chat(model: &str, fields: Value) -> Value {
    let mut chat = json!({"model": model, "max_tokens": 5_000, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in fields.as_object().expect("an object") {
        chat[name] = value.clone();
    }
    chat
}

fn sent_messages(model: &str, messages: Value) -> Value {
    sent(chat(model, json!({"messages": messages}))).0["messages"].clone()
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn every_field_of_a_chat_request_has_its_place_or_is_named() {
    let (sent, lost) = sent(chat(
        "claude-sonnet-4-5",
        json!({
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]},
                {"role": "developer", "content": "c"},
                {"role": "user", "content": "hi"},
            ],
            "temperature": 1.5, "top_p": 0.5, "top_k": 4, "stop": ["x", " \n"], "user": "u", "stream": true, "seed": 1, "n": 1,
            "logprobs": false, "frequency_penalty": 0.5, "stream_options": {"include_usage": true},
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"properties": {}}, "strict": true}}],
            "tool_choice": "required", "parallel_tool_calls": false, "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        }),
    ));
    assert_eq!(
        sent,
        json!({
            "model": "claude-sonnet-4-5", "max_tokens": 5_000, "stream": true,
            "system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, text("b"), text("c")],
            "messages": [{"role": "user", "content": [text("hi")]}],
            "temperature": 1, "top_k": 4, "stop_sequences": ["x"], "metadata": {"user_id": "u"},
            "tools": [{"name": "f", "description": "d", "input_schema": {"properties": {}, "type": "object"}, "strict": true}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        })
    );
    assert_eq!(lost, ["seed", "frequency_penalty"]);
}

#[test]
fn each_generation_gets_what_it_accepts() {
    let ask = |model: &str, fields: Value| {
        let mut fields = fields;
        fields["temperature"] = 0.5.into();
        let (sent, _) = sent(chat(model, fields));
        (sent["thinking"].clone(), sent["output_config"]["effort"].clone(), sent["temperature"].clone())
    };
    let effort = |effort: &str| json!({"reasoning_effort": effort});
    let null = Value::Null;
    for (model, fields, expected) in [
        ("claude-3-5-haiku-latest", effort("high"), (null.clone(), null.clone(), json!(0.5))),
        (
            "claude-sonnet-4-5",
            effort("low"),
            (json!({"type": "enabled", "budget_tokens": 1_024}), null.clone(), null.clone()),
        ),
        (
            "claude-sonnet-4-5",
            effort("high"),
            (json!({"type": "enabled", "budget_tokens": 4_000}), null.clone(), null.clone()),
        ),
        (
            "claude-sonnet-4-5",
            json!({"reasoning": {"max_tokens": 2_000}}),
            (json!({"type": "enabled", "budget_tokens": 2_000}), null.clone(), null.clone()),
        ),
        (
            "claude-sonnet-4-5",
            json!({"reasoning": {"max_tokens": 9_000}}),
            (json!({"type": "enabled", "budget_tokens": 4_999}), null.clone(), null.clone()),
        ),
        (
            "claude-sonnet-4-5",
            json!({"reasoning": {"enabled": true}, "max_tokens": 1_000}),
            (null.clone(), null.clone(), json!(0.5)),
        ),
        ("claude-opus-4-6", effort("xhigh"), (json!({"type": "adaptive"}), json!("high"), null.clone())),
        (
            "claude-opus-4.7",
            effort("minimal"),
            (json!({"type": "adaptive", "display": "summarized"}), json!("low"), null.clone()),
        ),
        (
            "claude-opus-4.7",
            json!({"reasoning": {"enabled": true, "exclude": true}}),
            (json!({"type": "adaptive"}), null.clone(), null.clone()),
        ),
        ("claude-opus-5", effort("none"), (json!({"type": "disabled"}), null.clone(), null.clone())),
        ("claude-opus-5", json!({}), (null.clone(), null.clone(), null.clone())),
        ("claude-sonnet-4-5", effort("none"), (null.clone(), null.clone(), json!(0.5))),
    ] {
        assert_eq!(ask(model, fields.clone()), expected, "{model} {fields}");
    }
    // A forced tool and thinking exclude each other (can1357/oh-my-pi#341).
    assert_eq!(ask("claude-opus-4-6", json!({"reasoning_effort": "low", "tool_choice": "required"})).0, null);
}

#[test]
fn turns_alternate_and_results_follow_their_calls() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
    let sent = sent_messages(
        "claude-sonnet-4-5",
        json!([
            {"role": "user", "content": "one"},
            {"role": "user", "content": [{"type": "text", "text": " "}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}]},
            {"role": "assistant", "content": "", "tool_calls": [call("c:1"), call("c2"), call("c3")]},
            {"role": "tool", "tool_call_id": "c:1", "content": "r1"},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
            {"role": "user", "content": "and?"},
            {"role": "system", "content": "later"},
            {"role": "assistant", "content": "end  \n"},
        ]),
    );
    let use_block = |id: &Value| json!({"type": "tool_use", "id": id, "name": "f", "input": {"a": 1}});
    let id = sent[1]["content"][0]["id"].clone();
    assert!(id.as_str().is_some_and(|id| id.starts_with("c1_") && !id.contains(':')));
    let result = |id: &Value, content: Value| json!({"type": "tool_result", "tool_use_id": id, "content": content});
    assert_eq!(
        sent,
        json!([
            {"role": "user", "content": [
                text("one"),
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}, "title": "a.pdf"},
            ]},
            {"role": "assistant", "content": [use_block(&id), use_block(&json!("c2")), use_block(&json!("c3"))]},
            {"role": "user", "content": [
                result(&id, json!([text("r1")])), result(&json!("c2"), json!([])),
                result(&json!("c3"), json!([text("The tool did not run.")])), text("and?"), text("later"),
            ]},
            {"role": "assistant", "content": [text("end")]},
        ])
    );
}

// anomalyco/opencode#14772
#[test]
fn a_message_of_an_aborted_turn_is_no_prefill() {
    let turns = json!([{"role": "assistant", "content": "first"}, {"role": "user", "content": ""}, {"role": "assistant", "content": "half"}]);
    let old = sent_messages("claude-sonnet-4-5", turns.clone());
    assert_eq!((&old[0]["role"], old.as_array().map(Vec::len)), (&json!("user"), Some(4)));
    let new = sent_messages("claude-opus-4-6", turns);
    assert_eq!(new[4]["role"], "user");
}

#[test]
fn only_claudes_own_reasoning_is_sent() {
    let details = json!([
        {"type": "reasoning.text", "text": "a", "signature": "S", "format": "anthropic-claude-v1"},
        {"type": "reasoning.text", "text": "b", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "D", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "E", "format": "openai-responses-v1"},
    ]);
    let messages = json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "reasoning": "z", "reasoning_details": details}, {"role": "user", "content": "z"}]);
    let (sent, lost) = sent(chat("claude-sonnet-4-5", json!({"messages": messages})));
    assert_eq!(
        sent["messages"][1]["content"],
        json!([{"type": "thinking", "thinking": "a", "signature": "S"}, {"type": "redacted_thinking", "data": "D"}, text("y")])
    );
    assert_eq!(lost, ["reasoning_details"]);
}

// anomalyco/opencode#3077
#[test]
fn a_budget_is_not_sent_inside_a_loop_without_its_thinking() {
    let messages = |details: Value| {
        json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "reasoning_details": details, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ])
    };
    let thinking = |details: Value| {
        sent(chat("claude-sonnet-4-5", json!({"messages": messages(details), "reasoning_effort": "high"}))).0["thinking"].is_object()
    };
    assert!(!thinking(json!([])));
    assert!(thinking(
        json!([{"type": "reasoning.text", "text": "a", "signature": "S", "format": "anthropic-claude-v1"}])
    ));
}

#[test]
fn calls_without_tools_name_the_tools() {
    let messages = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]);
    let (sent, _) = sent(chat("claude-sonnet-4-5", json!({"messages": messages})));
    assert_eq!((&sent["tools"][0]["name"], &sent["tool_choice"]), (&json!("f"), &json!({"type": "none"})));
    assert_eq!(sent["messages"][1]["content"][0]["input"], json!({"text": "{"}));
}

/// A conversation of a client of Messages.
fn conversation(random: &mut Random) -> Value {
    let words = ["Hello", "wörld 🦀", "a \"b\"\n\nc", "x"];
    let mut turns = vec![json!({"role": "user", "content": [text(words[random.below(4)])]})];
    for turn in 0..random.below(4) {
        let mut blocks = Vec::new();
        if random.once_in(2) {
            blocks.push(json!({"type": "thinking", "thinking": words[random.below(4)], "signature": "EuYB"}));
        }
        if random.once_in(3) {
            blocks.push(json!({"type": "redacted_thinking", "data": "Em4K"}));
        }
        blocks.push(text(words[random.below(4)]));
        let calls: Vec<String> = (0..random.below(3)).map(|call| format!("toolu_{turn}_{call}")).collect();
        for id in &calls {
            blocks.push(
                json!({"type": "tool_use", "id": id, "name": "f", "input": {"a": words[random.below(4)], "b": []}}),
            );
        }
        turns.push(json!({"role": "assistant", "content": blocks}));
        let result = |id: &String| json!({"type": "tool_result", "tool_use_id": id, "content": [text("r")]});
        let mut answer: Vec<Value> = calls.iter().map(result).collect();
        if answer.is_empty() || random.once_in(2) {
            let mut block = text(words[random.below(4)]);
            if random.once_in(3) {
                block["cache_control"] = json!({"type": "ephemeral"});
            }
            answer.push(block);
        }
        if random.once_in(3) {
            answer.push(
                json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}),
            );
        }
        turns.push(json!({"role": "user", "content": answer}));
    }
    json!(turns)
}

#[test]
fn a_conversation_of_messages_is_the_same_on_the_other_side() {
    for seed in 0..2_000 {
        let turns = conversation(&mut Random::new(seed));
        let request = json!({
            "model": "claude-sonnet-4-5", "max_tokens": 100, "messages": turns, "system": [text("s")], "temperature": 0.5,
            "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}, "stop_sequences": ["x"], "metadata": {"user_id": "u"},
            "stream": true,
        });
        let read = with(&request, read).expect("a valid request");
        let translated = parsed(&body(Json::parse(&read.chat).expect("JSON"), Json::NULL).json);
        let native =
            parsed(&body(Json::parse(&read.chat).expect("JSON"), Json::parse(&read.native).expect("JSON")).json);
        assert_eq!(native, request, "seed {seed}");
        assert_eq!(translated, request, "seed {seed}");
    }
}

#[test]
fn a_clients_own_messages_are_sent_byte_for_byte_unless_they_would_be_refused() {
    let send = |model: &str, turns: &str| {
        let text = format!(r#"{{"model":"{model}", "max_tokens":9, "messages": {turns}}}"#);
        let request = read(Json::parse(&text).expect("JSON")).expect("a valid request");
        body(Json::parse(&request.chat).expect("JSON"), Json::parse(&request.native).expect("JSON")).json
    };
    let own = r#"[ {"role":"user","content":"\u00e9", "novel":1.50} ]"#;
    assert!(send("claude-opus-5", own).contains(own));
    for refused in [
        r#"[{"role":"user","content":"a"}, {"role":"assistant","content":"b"}]"#,
        r#"[{"role":"user","content":"a"}, {"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":""},{"type":"text","text":"b"}]}, {"role":"user","content":"c"}]"#,
    ] {
        assert!(!send("claude-opus-5", refused).contains(refused));
    }
}

/// The events with which Anthropic would send an answer.
fn anthropic_sse(parts: &[Part], random: &mut Random) -> String {
    let start = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m/one", "content": [], "stop_reason": null,
        "usage": {"input_tokens": 50, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30, "output_tokens": 1}});
    let mut events = vec![json!({"type": "message_start", "message": start}), json!({"type": "ping"})];
    for (index, part) in parts.iter().enumerate() {
        let (block, deltas) = match part {
            Part::Text(text) => (json!({"type": "text", "text": ""}), deltas("text_delta", "text", text, random)),
            Part::Reasoning(text) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                deltas("thinking_delta", "thinking", text, random),
            ),
            Part::Signed(text, signature) => {
                let mut all = deltas("thinking_delta", "thinking", text, random);
                all.push(json!({"type": "signature_delta", "signature": signature}));
                (json!({"type": "thinking", "thinking": "", "signature": ""}), all)
            }
            Part::Encrypted(data, _) => (json!({"type": "redacted_thinking", "data": data}), Vec::new()),
            Part::Call(id, name, input) => {
                let is_empty = input.as_object().is_some_and(serde_json::Map::is_empty);
                let all = if is_empty {
                    Vec::new()
                } else {
                    deltas("input_json_delta", "partial_json", &input.to_string(), random)
                };
                (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), all)
            }
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        events.extend(
            deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let calls = parts.iter().any(|part| matches!(part, Part::Call(..)));
    let delta = json!({"stop_reason": if calls { "tool_use" } else { "end_turn" }, "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 10}}));
    events.push(json!({"type": "message_stop"}));
    events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")))
        .collect()
}

fn deltas(kind: &str, name: &str, text: &str, random: &mut Random) -> Vec<Value> {
    random.pieces(text).into_iter().map(|piece| json!({"type": kind, name: piece})).collect()
}

/// An answer that Claude can give.
fn claudes(seed: u64) -> Vec<Part> {
    let mut parts = answers::random(seed).parts;
    for part in &mut parts {
        match part {
            Part::Encrypted(_, format) => *format = "anthropic-claude-v1",
            Part::Reasoning(text) => *part = Part::Signed(std::mem::take(text), "EuYB".into()),
            Part::Text(_) | Part::Signed(..) | Part::Call(..) => {}
        }
    }
    parts
}

#[test]
fn an_answer_of_anthropic_is_the_same_for_a_client_of_messages() {
    for seed in 0..1_000 {
        let parts = claudes(seed);
        let sse = anthropic_sse(&parts, &mut Random::new(seed));
        let chunks = Translator::new(1).feed(sse.as_bytes());
        let mut reader = StreamReader::default();
        let mut writer = Writer::new(messages::thinking(), 7);
        let mut out = writer.take(&reader.feed(chunks.as_bytes(), 0));
        reader.finish().expect("a whole answer");
        out.push_str(&writer.finish(None));
        let (upstream, client) = (messages_client::read(&sse), messages_client::read(&out));
        assert_eq!(client["content"], upstream["content"], "seed {seed}");
        assert_eq!((&client["stop_reason"], &client["model"]), (&upstream["stop_reason"], &upstream["model"]));
        assert_eq!((&client["usage"]["input_tokens"], &client["usage"]["output_tokens"]), (&json!(50), &json!(10)));

        let answer = parsed(&reader.answer().completion());
        check_message(&parts, &answer["choices"][0]["message"], seed);
        let mut whole = upstream.clone();
        whole["usage"] = json!({"input_tokens": 50, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30, "output_tokens": 10});
        let whole = with(&whole, |whole| completion(whole, 1)).expect("a completion");
        let whole = message(Json::parse(&whole).expect("JSON"), messages::thinking(), 7, None);
        assert_eq!(parsed(&whole)["stop_reason"], upstream["stop_reason"]);
        // A completion has one text and the reasoning before it.
        assert_eq!(parsed(&whole)["content"], upstream["content"], "seed {seed}");
    }
}

#[test]
fn chunks_do_not_depend_on_where_the_bytes_are_cut() {
    for seed in [1, 2, 3, 5, 8, 13] {
        let sse = anthropic_sse(&claudes(seed), &mut Random::new(seed))
            .replace('\n', if seed % 2 == 0 { "\n" } else { "\r\n" });
        let expected = Translator::new(1).feed(sse.as_bytes());
        for cut in 0..=sse.len() {
            let mut translator = Translator::new(1);
            let both = translator.feed(&sse.as_bytes()[..cut]) + &translator.feed(&sse.as_bytes()[cut..]);
            assert_eq!(both, expected, "seed {seed}, cut at {cut}");
        }
    }
}

#[test]
fn stop_reasons_are_those_of_chat() {
    for (reason, finish) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ] {
        let message = json!({"type": "message", "content": [text("a")], "stop_reason": reason, "usage": {}});
        let choice =
            parsed(&with(&message, |message| completion(message, 1)).expect("a completion"))["choices"][0].clone();
        assert_eq!((&choice["finish_reason"], &choice["native_finish_reason"]), (&json!(finish), &json!(reason)));
    }
}

#[test]
fn an_error_in_a_stream_is_a_failure_of_its_kind() {
    for (kind, name) in [
        (Kind::Unavailable, "overloaded_error"),
        (Kind::RateLimited, "rate_limit_error"),
        (Kind::ServerError, "api_error"),
    ] {
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{}}}\n\n";
        let error = format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{name}\",\"message\":\"no\"}}}}\n\n"
        );
        let chunks = Translator::new(1).feed(format!("{start}{error}").as_bytes());
        let mut reader = StreamReader::default();
        reader.feed(chunks.as_bytes(), 0);
        assert_eq!(reader.finish().expect_err("a failure").kind, kind, "{name}");
    }
}

#[test]
fn errors_before_an_answer_are_read_without_translation() {
    for (status, name, message, kind) in [
        (529, "overloaded_error", "Overloaded", Kind::Unavailable),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", Kind::ContextLength),
        (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API.",
            Kind::PaymentRequired,
        ),
        (404, "not_found_error", "model: claude-x", Kind::UnknownModel),
        (401, "authentication_error", "invalid x-api-key", Kind::Unauthorized),
    ] {
        let error = json!({"type": "error", "error": {"type": name, "message": message}, "request_id": "req_1"});
        assert_eq!(classify(status, &Headers::default(), error.to_string().as_bytes(), 0).kind, kind, "{message}");
        assert!(with(&error, |error| completion(error, 1)).is_none());
    }
}

#[test]
fn a_stream_that_breaks_is_cut() {
    let sse = anthropic_sse(&[Part::Text("Hello".into())], &mut Random::new(1));
    let end = sse.find("event: message_delta").expect("an end");
    let mut reader = StreamReader::default();
    reader.feed(Translator::new(1).feed(&sse.as_bytes()[..end]).as_bytes(), 0);
    assert_eq!(reader.finish().expect_err("a failure").kind, Kind::Cut);
}

// BerriAI/litellm#27442
#[test]
fn a_delta_without_its_beginning_is_read() {
    let delta = |kind: &str, name: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"{kind}\",\"{name}\":\"a\"}}}}\n\n"
        )
    };
    let chunks = Translator::new(1).feed(
        [delta("thinking_delta", "thinking"), delta("text_delta", "text"), delta("input_json_delta", "partial_json")]
            .concat()
            .as_bytes(),
    );
    let mut reader = StreamReader::default();
    reader.feed(chunks.as_bytes(), 0);
    assert_eq!(
        (reader.answer().text(), reader.answer().has_reasoning(), reader.answer().has_tool_call()),
        ("a", true, false)
    );
}
