//! A client of Responses, as strict as `openai/openai-node` `src/internal/responses/response-accumulator.ts`.

use super::support::events;
use serde_json::{Value, json};

/// The response that a stream leads to. Panics where a client would.
pub(crate) fn read(sse: &str) -> Value {
    let mut client = Client::default();
    for (at, (name, data)) in events(sse).into_iter().enumerate() {
        assert_eq!(data["sequence_number"], json!(at), "{name}");
        client.take(at, &name, &data);
    }
    let response = client.ended.expect("an event that ends the stream");
    assert_eq!(client.raised, response["status"] == "failed", "an error event follows a response that failed");
    response
}

#[derive(Default)]
struct Client {
    /// What the events so far add up to.
    items: Vec<Value>,
    done: Vec<bool>,
    ended: Option<Value>,
    /// An event at which the SDKs of OpenAI raise an error.
    raised: bool,
}

impl Client {
    fn take(&mut self, at: usize, name: &str, data: &Value) {
        if name == "error" {
            let failed = self.ended.as_ref().map(|response| &response["error"]);
            assert_eq!((failed, &data["message"]), (Some(&data["error"]), &data["error"]["message"]));
            assert!(data["code"].is_string() && data["error"]["type"].is_string());
            self.raised = true;
            return;
        }
        assert!(self.ended.is_none(), "{name} comes behind the end");
        match name {
            "response.created" | "response.in_progress" => {
                assert_eq!(at, usize::from(name == "response.in_progress"));
                check_object(&data["response"], "in_progress");
                assert_eq!(data["response"]["output"], json!([]));
            }
            "response.output_item.added" => {
                assert_eq!(data["output_index"], json!(self.items.len()), "items are announced in order");
                assert!(self.done.iter().all(|done| *done), "an item begins behind the end of the one before");
                let id = &data["item"]["id"];
                assert!(id.is_string() && self.items.iter().all(|item| item["id"] != *id), "an id is used once");
                let status = &data["item"]["status"];
                // OpenAI's own reasoning items have none.
                assert!(status == "in_progress" || status.is_null() && data["item"]["type"] == "reasoning");
                self.items.push(data["item"].clone());
                self.done.push(false);
            }
            "response.output_item.done" => {
                let item = self.item(data);
                let mut whole = data["item"].clone();
                whole["status"] = item["status"].clone();
                if let Some(whole) = whole.as_object_mut() {
                    whole.remove("encrypted_content");
                    whole.retain(|name, value| name != "status" || !value.is_null());
                }
                assert_eq!(*item, whole, "the pieces add up to the item");
                *item = data["item"].clone();
                let at = data["output_index"].as_u64().expect("an index") as usize;
                self.done[at] = true;
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                check_object(&data["response"], &name["response.".len()..]);
                self.check_end(&data["response"], name == "response.failed");
                self.ended = Some(data["response"].clone());
            }
            _ => self.take_piece(name, data),
        }
    }

    fn item(&mut self, data: &Value) -> &mut Value {
        let at = data["output_index"].as_u64().expect("an index") as usize;
        assert!(!self.done[at], "an item is over");
        if data["item_id"].is_string() {
            assert_eq!(self.items[at]["id"], data["item_id"]);
        }
        &mut self.items[at]
    }

    fn take_piece(&mut self, name: &str, data: &Value) {
        let item = self.item(data);
        assert_eq!(item["id"], data["item_id"], "{name} names its item");
        let list = if name.contains("summary") { "summary" } else { "content" };
        let part = if list == "summary" { &data["summary_index"] } else { &data["content_index"] };
        let part = part.as_u64().map(|at| at as usize);
        match name {
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                let parts = item[list].as_array_mut().expect("a list of parts");
                assert_eq!(part, Some(parts.len()));
                parts.push(data["part"].clone());
            }
            "response.output_text.delta"
            | "response.reasoning_summary_text.delta"
            | "response.reasoning_text.delta" => {
                push(&mut item[list][part.expect("an index")]["text"], data);
                if let Some(logprobs) = data["logprobs"].as_array() {
                    let known = item[list][part.expect("an index")]["logprobs"].as_array_mut().expect("a list");
                    known.extend(logprobs.iter().cloned());
                }
                assert_eq!(data["logprobs"].is_array(), name == "response.output_text.delta");
            }
            "response.refusal.delta" => push(&mut item[list][part.expect("an index")]["refusal"], data),
            "response.output_text.annotation.added" => {
                let known = item[list][part.expect("an index")]["annotations"].as_array_mut().expect("a list");
                assert_eq!(data["annotation_index"], json!(known.len()));
                known.push(data["annotation"].clone());
            }
            "response.function_call_arguments.delta" => push(&mut item["arguments"], data),
            "response.custom_tool_call_input.delta" => push(&mut item["input"], data),
            "response.output_text.done" | "response.reasoning_summary_text.done" | "response.reasoning_text.done" => {
                assert_eq!(item[list][part.expect("an index")]["text"], data["text"]);
            }
            "response.refusal.done" => assert_eq!(item[list][part.expect("an index")]["refusal"], data["refusal"]),
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                assert_eq!(item[list][part.expect("an index")], data["part"]);
            }
            "response.function_call_arguments.done" => {
                assert_eq!((&item["arguments"], &item["name"]), (&data["arguments"], &data["name"]));
            }
            "response.custom_tool_call_input.done" => assert_eq!(item["input"], data["input"]),
            unknown => panic!("an event of an unknown type: {unknown}"),
        }
    }

    /// The last event has what was announced, and nothing else.
    fn check_end(&self, response: &Value, failed: bool) {
        let output = response["output"].as_array().expect("a list of items");
        assert_eq!(output.len(), self.items.len());
        for (at, (item, announced)) in output.iter().zip(&self.items).enumerate() {
            assert_eq!(item["id"], announced["id"]);
            assert!(failed || self.done[at], "an item has no end");
            if self.done[at] {
                assert_eq!(item, announced);
            }
        }
    }
}

fn push(text: &mut Value, data: &Value) {
    let delta = data["delta"].as_str().expect("a delta");
    *text = format!("{}{delta}", text.as_str().expect("a text")).into();
}

/// What typed clients need (`Response` in `openai/openai-openapi` `openapi.yaml`).
pub(crate) fn check_object(response: &Value, status: &str) {
    for name in [
        "id",
        "object",
        "created_at",
        "error",
        "incomplete_details",
        "instructions",
        "model",
        "tools",
        "output",
        "parallel_tool_calls",
        "metadata",
        "tool_choice",
        "temperature",
        "top_p",
        "usage",
        "store",
    ] {
        assert!(response.get(name).is_some(), "{name} is missing: {response}");
    }
    assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!(status)));
    assert!(response["text"]["format"]["type"].is_string());
    assert_eq!(response["error"].is_object(), status == "failed");
    assert_eq!(response["incomplete_details"]["reason"].is_string(), status == "incomplete");
    if status != "in_progress" {
        let usage = &response["usage"];
        for name in ["input_tokens", "output_tokens", "total_tokens"] {
            assert!(usage[name].is_u64(), "{name}");
        }
        assert!(usage["input_tokens_details"]["cached_tokens"].is_u64());
        assert!(usage["output_tokens_details"]["reasoning_tokens"].is_u64());
    }
}
