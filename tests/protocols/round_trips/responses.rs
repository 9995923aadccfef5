//! Responses in, Responses out. Items as in `ResponseInputItem` of `openai/openai-node` `src/resources/responses/responses.ts`.

mod generator;

use super::super::random::Random;
use super::super::support::parsed;
use super::facts::{each, end_calls, free_results, is, keep, move_out_of_results, remove, repair_object, sort_turns};
use super::{Change, Changes, assert_same, seeds, sent};
use failsoft::protocol::{Native, Protocol, responses};
use failsoft::{Dialect, Json};
use serde_json::{Value, json};

/// What changes on the way through a chat request.
const CHANGES: [Change; 18] = [
    ("items of a tool at the vendor are left out", |facts| keep(facts, |fact| !is(fact, "foreign"))),
    ("reasoning that OpenAI did not encrypt is left out", |facts| {
        keep(facts, |fact| !is(fact, "reasoning") || fact["encrypted"].as_str().is_some_and(|text| !text.contains(':')))
    }),
    ("the text of encrypted reasoning is its summary", |facts| each(facts, text_in_summary)),
    ("the ids of items are left out", |facts| remove(facts, &["item_id"])),
    ("the status of an item is left out", |facts| remove(facts, &["status"])),
    ("the phase of a message is left out", |facts| remove(facts, &["phase"])),
    ("annotations and log probabilities of an earlier text are left out", |facts| {
        remove(facts, &["annotations", "logprobs"])
    }),
    ("marks of a cache are left out", |facts| remove(facts, &["cache"])),
    ("unknown fields are left out", |facts| remove(facts, &["novel"])),
    ("a developer's message is the system's", |facts| each(facts, |fact| rename(fact, "of", "developer", "system"))),
    ("the detail `original` is `auto`", |facts| each(facts, |fact| rename(fact, "detail", "original", "auto"))),
    ("a call of a custom tool is one of a function with one argument", |facts| each(facts, custom_is_function)),
    ("arguments that are no JSON object are an empty one", |facts| {
        each(facts, |fact| repair_object(fact, "arguments"))
    }),
    ("a turn has its reasoning first, then its text, then its calls", |facts| sort_turns(facts, rank)),
    ("what the assistant declined with is a text", |facts| remove(facts, &["is_refusal"])),
    ("images and files of a result follow the results", move_out_of_results),
    ("a result without its call is a user's text", free_results),
    ("a call without a result gets one", |facts| end_calls(facts, true)),
];

fn rename(fact: &mut Value, name: &str, old: &str, new: &str) -> bool {
    let is_old = fact[name] == old;
    if is_old {
        fact[name] = new.into();
    }
    is_old
}

fn text_in_summary(fact: &mut Value) -> bool {
    let texts = fact.as_object_mut().expect("an object").shift_remove("texts");
    let texts: Vec<Value> = texts.iter().filter_map(Value::as_array).flatten().cloned().collect();
    if let Some(summary) = fact.get_mut("summary").and_then(Value::as_array_mut) {
        summary.extend(texts.iter().cloned());
    }
    !texts.is_empty()
}

fn custom_is_function(fact: &mut Value) -> bool {
    let Some(input) = fact.as_object_mut().expect("an object").shift_remove("input") else { return false };
    fact["arguments"] = json!({"input": input});
    true
}

fn rank(fact: &Value) -> Option<usize> {
    match fact["of"].as_str().expect("a speaker") {
        "reasoning" => Some(0),
        "assistant" => Some(if fact["is_refusal"].is_null() { 1 } else { 2 }),
        "call" => Some(3),
        _ => None,
    }
}

/// The facts of a list of items.
fn facts(input: &Value) -> Vec<Value> {
    let Some(items) = input.as_array() else { return vec![json!({"of": "user", "text": input})] };
    items.iter().flat_map(item_facts).collect()
}

fn item_facts(item: &Value) -> Vec<Value> {
    let mut all = match item["type"].as_str().unwrap_or("message") {
        "message" => part_facts(&item["content"], item["role"].as_str().expect("a role")),
        "function_call" => {
            let arguments = item["arguments"].as_str().expect("a text");
            let arguments = serde_json::from_str(arguments).unwrap_or(json!(arguments));
            vec![json!({"of": "call", "id": item["call_id"], "name": item["name"], "arguments": arguments})]
        }
        "custom_tool_call" => {
            vec![json!({"of": "call", "id": item["call_id"], "name": item["name"], "input": item["input"]})]
        }
        "function_call_output" | "custom_tool_call_output" => {
            vec![json!({"of": "result", "id": item["call_id"], "content": part_facts(&item["output"], "result")})]
        }
        "reasoning" => return vec![reasoning_facts(item)],
        foreign => vec![json!({"of": "foreign", "type": foreign})],
    };
    for fact in &mut all {
        for (name, field) in [("item_id", "id"), ("status", "status"), ("phase", "phase"), ("novel", "novel")] {
            if !item[field].is_null() {
                fact[name] = item[field].clone();
            }
        }
    }
    all
}

fn reasoning_facts(item: &Value) -> Value {
    let texts = |list: &Value| -> Vec<Value> {
        let texts = list.as_array().into_iter().flatten().map(|part| part["text"].clone());
        texts.filter(|text| *text != "").collect()
    };
    let mut fact = json!({"of": "reasoning", "id": item["id"], "summary": texts(&item["summary"])});
    fact["encrypted"] = item["encrypted_content"].clone();
    let content = texts(&item["content"]);
    if !content.is_empty() {
        fact["texts"] = content.into();
    }
    fact
}

fn part_facts(content: &Value, of: &str) -> Vec<Value> {
    let Some(parts) = content.as_array() else { return vec![json!({"of": of, "text": content})] };
    parts.iter().map(|part| part_fact(part, of)).collect()
}

fn part_fact(part: &Value, of: &str) -> Value {
    let mut fact = match part["type"].as_str().expect("a type") {
        "input_text" | "output_text" => json!({"of": of, "text": part["text"]}),
        "refusal" => json!({"of": of, "text": part["refusal"], "is_refusal": true}),
        "input_image" => {
            json!({"of": of, "image": part["image_url"], "detail": part["detail"].as_str().unwrap_or("auto")})
        }
        "input_file" => {
            let data = if part["file_data"].is_null() { &part["file_url"] } else { &part["file_data"] };
            json!({"of": of, "file": data, "name": part["filename"].as_str().unwrap_or("file")})
        }
        unknown => panic!("a part of an unknown type: {unknown}"),
    };
    for (name, field) in
        [("annotations", "annotations"), ("logprobs", "logprobs"), ("cache", "prompt_cache_breakpoint")]
    {
        if part[field].as_array().map_or(!part[field].is_null(), |list| !list.is_empty()) {
            fact[name] = part[field].clone();
        }
    }
    fact
}

#[test]
fn a_request_of_responses_means_the_same_to_an_upstream_of_responses() {
    let mut changes = Changes::default();
    for seed in seeds() {
        let request = json!({"model": "gpt-5", "input": generator::input(&mut Random::new(seed))});
        let text = request.to_string();
        let read = responses::read(Json::parse(&text).expect("JSON")).expect("a valid request");
        let own = facts(&request["input"]);
        assert_eq!(read.foreign.is_some(), own.iter().any(|fact| is(fact, "foreign")), "seed {seed}");

        let body = sent(Dialect::OpenAi, Protocol::Responses, &read.chat, None);
        let mut expected = own.clone();
        changes.make(&CHANGES, &mut expected);
        assert_same(facts(&parsed(&body)["input"]), expected, seed, &request, &body);

        // In the client's own words, only reasoning of another issuer is left out, and with it the ids of the other items.
        let native = Native { protocol: Protocol::Responses, json: read.native };
        let body = sent(Dialect::OpenAi, Protocol::Responses, &read.chat, Some(native));
        let mut expected = own;
        let is_readable = |fact: &Value| !is(fact, "reasoning") || is_own(fact);
        if expected.iter().all(is_readable) {
            assert!(body.contains(&request["input"].to_string()), "seed {seed}: {body}");
        } else {
            expected.retain(is_readable);
            remove(&mut expected, &["item_id"]);
        }
        assert_same(facts(&parsed(&body)["input"]), expected, seed, &request, &body);
    }
    changes.check(&CHANGES);
}

/// OpenAI accepts the reasoning as it stands: it has encrypted it, or the text is there.
fn is_own(fact: &Value) -> bool {
    match fact["encrypted"].as_str() {
        Some(text) => !text.contains(':'),
        None => !fact["texts"].is_null(),
    }
}
