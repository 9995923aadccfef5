//! The dialect `anthropic`: the requests that upstreams get.

use super::random::Random;
use super::support::{parsed, with};
use failsoft::protocol::messages::read;
use failsoft::protocol::{Native, Protocol, Target};
use failsoft::{Dialect, Json};
use serde_json::{Value, json};

fn sent(chat: Value) -> (Value, Vec<String>) {
    let model = [chat["model"].as_str().expect("a model").to_owned()];
    let sent = failsoft::protocol::request(&anthropic(&model), chat.to_string(), None);
    (parsed(&sent.json), sent.lost)
}

fn anthropic(models: &[String]) -> Target<'_> {
    Target {
        dialect: Dialect::Anthropic,
        protocol: Protocol::Messages,
        models,
        refuses_signatures: false,
        refuses_reasoning: false,
    }
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
    assert!(lost.is_empty(), "what only another vendor can read has its own list");
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
        let models = ["claude-sonnet-4-5".to_owned()];
        let own = Native { protocol: Protocol::Messages, json: read.native };
        let [translated, native] = [None, Some(&own)]
            .map(|native| parsed(&failsoft::protocol::request(&anthropic(&models), read.chat.clone(), native).json));
        assert_eq!(native, request, "seed {seed}");
        assert_eq!(translated, request, "seed {seed}");
    }
}

#[test]
fn a_clients_own_messages_are_sent_byte_for_byte_unless_they_would_be_refused() {
    let send = |model: &str, turns: &str| {
        let text = format!(r#"{{"model":"{model}", "max_tokens":9, "messages": {turns}}}"#);
        let request = read(Json::parse(&text).expect("JSON")).expect("a valid request");
        let own = Native { protocol: Protocol::Messages, json: request.native };
        failsoft::protocol::request(&anthropic(&[model.to_owned()]), request.chat, Some(&own)).json
    };
    let own = r#"[ {"role":"user","content":"\u00e9", "novel":1.50} ]"#;
    assert!(send("claude-opus-5", own).contains(own));
    for refused in [
        r#"[{"role":"user","content":"a"}, {"role":"assistant","content":"b"}]"#,
        r#"[{"role":"user","content":"a"}, {"role":"assistant","content":[{"type":"tool_use","id":"functions.f:0","name":"f","input":{}}]}, {"role":"user","content":[{"type":"tool_result","tool_use_id":"functions.f:0"}]}]"#,
        r#"[{"role":"user","content":"a"}, {"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":""},{"type":"text","text":"b"}]}, {"role":"user","content":"c"}]"#,
    ] {
        assert!(!send("claude-opus-5", refused).contains(refused));
    }
}
