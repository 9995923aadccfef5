//! Mistakes of other gateways, one test each. The comment names the thread.

use super::answers::{chunk, usage};
use super::messages;
use super::responses;
use super::support::events;
use super::{messages_client, responses_client};
use serde_json::{Value, json};

fn names(sse: &str) -> Vec<String> {
    events(sse).into_iter().map(|(name, _)| name).collect()
}

fn respond(chunks: &[Value]) -> String {
    responses::stream(responses::context(json!({})), chunks)
}

fn message(chunks: &[Value]) -> String {
    messages::stream(messages::thinking(), chunks)
}

fn call(index: u64, id: &str, name: &str, arguments: &str) -> Value {
    json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}]})
}

fn more(index: u64, arguments: &str) -> Value {
    json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})
}

// BerriAI/litellm#24445, BerriAI/litellm#22102
#[test]
fn an_item_and_its_part_are_announced_before_the_first_delta() {
    let sse = respond(&[chunk(json!({"content": "a"}), None), chunk(json!({"content": "b"}), Some("stop"))]);
    let expected = "response.created response.in_progress response.output_item.added response.content_part.added \
                    response.output_text.delta response.output_text.delta response.output_text.done \
                    response.content_part.done response.output_item.done response.completed";
    assert_eq!(names(&sse).join(" "), expected);
}

// BerriAI/litellm#36375
#[test]
fn one_counter_numbers_items_of_all_kinds() {
    let chunks = [
        chunk(json!({"reasoning": "hm"}), None),
        chunk(json!({"content": "a"}), None),
        chunk(call(0, "c1", "f", "{}"), None),
        chunk(call(1, "c2", "f", "{}"), Some("tool_calls")),
    ];
    let response = responses_client::read(&respond(&chunks));
    let types: Vec<&str> =
        response["output"].as_array().expect("items").iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(types, ["reasoning", "message", "function_call", "function_call"]);
}

// BerriAI/litellm#32777
#[test]
fn reasoning_has_the_events_of_a_summary_and_text_begins_another_item() {
    let sse = respond(&[chunk(json!({"reasoning_content": "hm"}), None), chunk(json!({"content": "a"}), Some("stop"))]);
    let names = names(&sse);
    let expected = "response.output_item.added response.reasoning_summary_part.added response.reasoning_summary_text.delta \
                    response.reasoning_summary_text.done response.reasoning_summary_part.done response.output_item.done \
                    response.output_item.added";
    assert_eq!(names[2..9].join(" "), expected);
}

// BerriAI/litellm#36327
#[test]
fn a_chunk_with_reasoning_and_text_gives_both() {
    let chunks = [chunk(json!({"reasoning": "hm", "content": "a"}), Some("stop"))];
    assert_eq!(responses_client::read(&respond(&chunks))["output"].as_array().map(Vec::len), Some(2));
    assert_eq!(messages_client::read(&message(&chunks))["content"].as_array().map(Vec::len), Some(2));
}

// BerriAI/litellm#28899: `responses_client` checks numbers, `text.format` and details of the usage in every test.
#[test]
fn an_upstream_without_usage_still_gives_a_whole_response() {
    let response = responses_client::read(&respond(&[chunk(json!({"content": "a"}), Some("stop"))]));
    assert_eq!(response["usage"]["output_tokens_details"]["reasoning_tokens"], 0);
}

// openai/codex#41340
#[test]
fn exactly_one_event_ends_a_response() {
    for reason in ["stop", "length", "content_filter", "tool_calls"] {
        let sse = respond(&[chunk(json!({"content": "a"}), Some(reason)), usage(1, 0, 0, 1)]);
        let ends = ["response.completed", "response.incomplete", "response.failed"];
        assert_eq!(names(&sse).iter().filter(|name| ends.contains(&&***name)).count(), 1);
    }
}

// BerriAI/litellm#13420
#[test]
fn reasoning_items_are_understood_with_null_fields() {
    for item in [
        json!({"type": "reasoning", "id": "rs_1", "summary": []}),
        json!({"type": "reasoning", "id": null, "summary": null, "content": null, "encrypted_content": null, "status": null}),
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}),
    ] {
        let input = json!([{"role": "user", "content": "x"}, item, {"role": "user", "content": "y"}]);
        assert!(responses::read(&json!({"model": "m/one", "input": input})).is_ok());
    }
}

// laravel/ai#1052
#[test]
fn calls_and_results_are_paired_by_call_id() {
    let input = json!([
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "x"},
    ]);
    let (chat, _) = responses::read(&json!({"model": "m/one", "input": input})).expect("a valid request");
    assert_eq!(chat["messages"][0]["tool_calls"][0]["id"], "call_1");
    assert!(!chat.to_string().contains("fc_1") && chat["messages"][1]["tool_call_id"] == "call_1");
}

// open-webui/open-webui#30046: a tool without `strict` is not strict in chat, and the response says so.
#[test]
fn a_tool_without_strict_is_reported_as_not_strict() {
    let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object"}}]);
    let context = responses::context(json!({"tools": tools}));
    let response = responses_client::read(&responses::stream(context, &[chunk(json!({"content": "a"}), Some("stop"))]));
    assert_eq!(response["tools"][0]["strict"], false);
}

// router-for-me/CLIProxyAPI#1584
#[test]
fn no_signature_is_invented() {
    let chunks = [chunk(json!({"reasoning": "hm"}), None), chunk(json!({"content": "a"}), Some("stop"))];
    assert!(!message(&chunks).contains("signature_delta"));
    assert_eq!(messages_client::read(&message(&chunks))["content"][0]["signature"], "");
    let context = responses::context(json!({"include": ["reasoning.encrypted_content"]}));
    assert!(!responses::stream(context, &chunks).contains("encrypted_content"));
}

// agno-agi/agno#8794, vercel/ai#19663
#[test]
fn pieces_of_reasoning_are_merged_by_index_and_a_signature_is_written_once() {
    let piece = |index: u64, detail: Value| {
        let mut detail = detail;
        detail["type"] = "reasoning.text".into();
        detail["index"] = index.into();
        detail["format"] = "anthropic-claude-v1".into();
        chunk(json!({"reasoning_details": [detail]}), None)
    };
    let chunks = [
        piece(0, json!({"text": "a"})),
        piece(0, json!({"text": "b"})),
        piece(0, json!({"signature": "S"})),
        piece(0, json!({"signature": "1"})),
        piece(1, json!({"text": "c", "signature": "S2"})),
        chunk(json!({"content": "x"}), Some("stop")),
    ];
    let sse = message(&chunks);
    let content = messages_client::read(&sse)["content"].clone();
    assert_eq!(content[0], json!({"type": "thinking", "thinking": "ab", "signature": "S1"}));
    assert_eq!(content[1], json!({"type": "thinking", "thinking": "c", "signature": "S2"}));
    assert_eq!(sse.matches("signature_delta").count(), 2);
}

// rikkahub/rikkahub#1076
#[test]
fn a_signature_behind_the_text_disturbs_nothing() {
    let detail = |fields: Value| {
        let mut detail = json!({"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"});
        detail.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        json!({"reasoning_details": [detail]})
    };
    let chunks = [
        chunk(detail(json!({"text": "hm"})), None),
        chunk(json!({"content": "a"}), None),
        chunk(detail(json!({"signature": "S"})), None),
        chunk(json!({"content": "b"}), Some("stop")),
    ];
    assert_eq!(messages_client::read(&message(&chunks))["content"][1]["text"], "ab");
    assert_eq!(responses_client::read(&respond(&chunks))["output"].as_array().map(Vec::len), Some(2));
}

// BerriAI/litellm#37273, BerriAI/litellm#32357: `messages_client` panics on a second stop, start or overlap.
#[test]
fn blocks_that_alternate_do_not_overlap() {
    let chunks = [
        chunk(call(0, "c1", "f", "{\"a\":"), None),
        chunk(call(1, "c2", "g", "{\"b\":"), None),
        chunk(more(0, "1}"), None),
        chunk(more(1, "2}"), Some("tool_calls")),
    ];
    let content = messages_client::read(&message(&chunks))["content"].clone();
    assert_eq!((&content[0]["input"], &content[1]["input"]), (&json!({"a": 1}), &json!({"b": 2})));
    assert_eq!(message(&chunks).matches("event: content_block_stop").count(), 2);
}

// mozilla-ai/any-llm#970
#[test]
fn a_call_is_given_as_soon_as_the_call_before_it_is_whole() {
    let chunks = [chunk(call(0, "c1", "f", "{}"), None), chunk(call(1, "c2", "g", "{\"b\":"), None)];
    let mut writer = failsoft::protocol::messages::Writer::new(messages::context(json!({})), 1);
    let sse: String =
        chunks.iter().map(|chunk| super::support::with(chunk, |chunk| writer.take_chunk(chunk))).collect();
    assert!(sse.contains("\"id\":\"c2\""), "{sse}");
}

// BerriAI/litellm#34692
#[test]
fn a_stream_with_a_call_stops_for_tool_use_and_has_no_empty_text() {
    let chunks =
        [chunk(json!({"role": "assistant", "content": ""}), None), chunk(call(0, "c", "f", "{}"), Some("tool_calls"))];
    let message = messages_client::read(&message(&chunks));
    assert_eq!((&message["stop_reason"], message["content"].as_array().map(Vec::len)), (&json!("tool_use"), Some(1)));
}

// BerriAI/litellm#23712
#[test]
fn an_image_in_a_tool_result_follows_in_a_users_message() {
    let input = json!([
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
    ]);
    let (chat, _) = responses::read(&json!({"model": "m/one", "input": input})).expect("a valid request");
    let source = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": [{"type": "image", "source": source}]});
    let turns = json!([
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [result]},
    ]);
    let body = json!({"model": "m/one", "max_tokens": 9, "messages": turns});
    let (other, _) = messages::read(&body).expect("a valid request");
    for messages in [&chat["messages"], &other["messages"]] {
        assert_eq!((&messages[1]["role"], &messages[2]["role"]), (&json!("tool"), &json!("user")));
        assert_eq!(messages[2]["content"][1]["image_url"]["url"], "data:image/png;base64,AA==");
    }
}

// router-for-me/CLIProxyAPI#1700
#[test]
fn a_message_starts_with_the_estimate_of_its_prompt() {
    let mut context = failsoft::protocol::Context::Messages(messages::context(json!({})));
    context.set_prompt_tokens(321);
    let sse = context.writer(1, 0).take_chunk(&chunk(json!({"content": "a"}), None).to_string());
    assert_eq!(events(&sse)[0].1["message"]["usage"]["input_tokens"], 321);
}

// pydantic/pydantic-ai#164
#[test]
fn azures_first_chunk_begins_nothing() {
    let first = json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []});
    let chunks = [first, chunk(json!({"content": "a"}), Some("stop"))];
    assert_eq!(responses_client::read(&respond(&chunks))["model"], "m/one");
    assert_eq!(messages_client::read(&message(&chunks))["model"], "m/one");
}

// BerriAI/litellm#27442
#[test]
fn a_call_without_an_id_or_an_index_gets_an_id() {
    let piece = json!({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]});
    let item = responses_client::read(&respond(&[chunk(piece.clone(), Some("tool_calls"))]))["output"][0].clone();
    assert!(item["call_id"].as_str().is_some_and(|id| id.starts_with("call_")));
    let block = messages_client::read(&message(&[chunk(piece, Some("tool_calls"))]))["content"][0].clone();
    assert!(block["id"].as_str().is_some_and(|id| id.starts_with("toolu_")));
}
