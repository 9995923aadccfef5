//! Messages in, Messages out. Blocks as in `ContentBlockParam` of `anthropics/anthropic-sdk-typescript`
//! `src/resources/messages/messages.ts`.

mod generator;

use super::super::random::Random;
use super::super::support::parsed;
use super::facts::{each, end_calls, free_results, is, keep, move_out_of_results, remove, repair_object, sort_turns};
use super::{Change, Changes, assert_same, seeds, sent};
use failsoft::protocol::{Native, Protocol, messages};
use failsoft::{Dialect, Json};
use serde_json::{Value, json};

/// What changes on the way through a chat request.
const CHANGES: [Change; 17] = [
    ("blocks of a tool at Anthropic are left out", |facts| keep(facts, |fact| !is(fact, "foreign"))),
    ("thinking without a signature is left out", |facts| keep(facts, |fact| fact["signature"] != "")),
    ("thinking of another vendor is left out", |facts| keep(facts, |fact| !is_carrier(fact))),
    ("blank texts are left out", leave_out_blank),
    ("the citations of an earlier text are left out", |facts| remove(facts, &["citations"])),
    ("whether a document may be cited is left out", |facts| remove(facts, &["may_cite"])),
    ("the context of a document is left out", |facts| remove(facts, &["context"])),
    ("unknown fields are left out", |facts| remove(facts, &["novel"])),
    ("marks of a cache are left out at calls and results", |facts| {
        each(facts, |fact| fact["id"].is_string() && remove_field(fact, "cache"))
    }),
    ("an input that is no object is an empty one", |facts| each(facts, |fact| repair_object(fact, "input"))),
    ("a turn has its thinking first, then its text, then its calls", |facts| sort_turns(facts, rank)),
    ("results come before the other blocks of a user's message", |facts| sort_turns(facts, results_first)),
    ("a failed result begins with a sentence that says so", |facts| each(facts, say_failed)),
    ("images and files of a result follow the results", move_out_of_results),
    ("a result without its call is a user's text", |facts| {
        let changed = free_results(facts);
        sort_turns(facts, results_first);
        changed
    }),
    ("a call without a result gets one", |facts| end_calls(facts, false)),
    ("instructions in the middle are a user's text", |facts| instructions_are_users(facts)),
];

fn remove_field(fact: &mut Value, name: &str) -> bool {
    fact.as_object_mut().expect("an object").shift_remove(name).is_some()
}

fn is_carrier(fact: &Value) -> bool {
    [&fact["signature"], &fact["data"]].iter().any(|text| text.as_str().is_some_and(|text| text.contains(':')))
}

fn leave_out_blank(facts: &mut Vec<Value>) -> bool {
    let is_blank = |fact: &Value| fact["text"].as_str().is_some_and(|text| text.trim().is_empty());
    let before = facts.len();
    facts.retain(|fact| !is_blank(fact));
    let mut changed = facts.len() < before;
    for content in facts.iter_mut().filter_map(|fact| fact.get_mut("content")?.as_array_mut()) {
        changed |= leave_out_blank(content);
    }
    changed
}

fn rank(fact: &Value) -> Option<usize> {
    match fact["of"].as_str().expect("a speaker") {
        "thinking" => Some(0),
        "assistant" => Some(1),
        "call" => Some(2),
        _ => None,
    }
}

fn results_first(fact: &Value) -> Option<usize> {
    match fact["of"].as_str().expect("a speaker") {
        "result" => Some(0),
        "user" => Some(1),
        _ => None,
    }
}

fn say_failed(fact: &mut Value) -> bool {
    let failed = remove_field(fact, "is_error");
    if let Some(content) = fact.get_mut("content").and_then(Value::as_array_mut).filter(|_| failed) {
        content.insert(0, json!({"of": "result", "text": "The tool failed."}));
    }
    failed
}

fn instructions_are_users(facts: &mut [Value]) -> bool {
    let begin = facts.iter().position(|fact| !is(fact, "system")).unwrap_or(facts.len());
    let mut changed = false;
    for fact in facts[begin..].iter_mut().filter(|fact| is(fact, "system")) {
        fact["of"] = "user".into();
        changed = true;
    }
    changed
}

/// The facts of the instructions and the messages of a request.
fn facts(request: &Value) -> Vec<Value> {
    let mut all = match &request["system"] {
        Value::Null => Vec::new(),
        system => content_facts(system, "system"),
    };
    for message in request["messages"].as_array().expect("messages") {
        all.extend(content_facts(&message["content"], message["role"].as_str().expect("a role")));
    }
    all
}

fn content_facts(content: &Value, of: &str) -> Vec<Value> {
    match content.as_array() {
        Some(blocks) => blocks.iter().flat_map(|block| block_facts(block, of)).collect(),
        None => vec![json!({"of": of, "text": content})],
    }
}

fn block_facts(block: &Value, of: &str) -> Vec<Value> {
    let mut all = match block["type"].as_str().expect("a type") {
        "text" => vec![json!({"of": of, "text": block["text"]})],
        "image" => vec![json!({"of": of, "image": block["source"]})],
        "document" => document_facts(block, of),
        // A search result has no other form than text.
        "search_result" => {
            let head = [&block["title"], &block["source"]].map(|text| text.as_str().expect("a text")).join("\n");
            let mut all = vec![json!({"of": of, "text": head})];
            all.extend(content_facts(&block["content"], of));
            all
        }
        "thinking" => {
            vec![json!({"of": "thinking", "thinking": block["thinking"], "signature": block["signature"]})]
        }
        "redacted_thinking" => vec![json!({"of": "thinking", "data": block["data"]})],
        "tool_use" => {
            vec![json!({"of": "call", "id": block["id"], "name": block["name"], "input": block["input"]})]
        }
        "tool_result" => {
            let content = match &block["content"] {
                Value::Null => Vec::new(),
                content => content_facts(content, "result"),
            };
            vec![json!({"of": "result", "id": block["tool_use_id"], "content": content})]
        }
        foreign => vec![json!({"of": "foreign", "type": foreign})],
    };
    let last = all.last_mut().expect("a fact");
    if block["is_error"] == true {
        last["is_error"] = true.into();
    }
    for (name, field) in [("cache", "cache_control"), ("citations", "citations"), ("novel", "novel")] {
        if block["type"] != "document" || field != "citations" {
            copy(block, field, last, name);
        }
    }
    all
}

/// A document of text is its title and its text.
fn document_facts(block: &Value, of: &str) -> Vec<Value> {
    let (source, title) = (&block["source"], &block["title"]);
    let mut all = match source["type"].as_str().expect("a type") {
        "text" => vec![json!({"of": of, "text": match title.as_str() {
            Some(title) => format!("{title}\n\n{}", source["data"].as_str().expect("a text")),
            None => source["data"].as_str().expect("a text").into(),
        }})],
        "content" => {
            let mut all: Vec<Value> =
                title.as_str().map(|title| json!({"of": of, "text": title})).into_iter().collect();
            all.extend(content_facts(&source["content"], of));
            all
        }
        _ => {
            vec![json!({"of": of, "document": source, "title": title.as_str().unwrap_or("document.pdf")})]
        }
    };
    let last = all.last_mut().expect("a fact");
    copy(block, "context", last, "context");
    copy(block, "citations", last, "may_cite");
    all
}

fn copy(block: &Value, field: &str, fact: &mut Value, name: &str) {
    if !block[field].is_null() {
        fact[name] = block[field].clone();
    }
}

#[test]
fn a_request_of_messages_means_the_same_to_an_upstream_of_messages() {
    let mut changes = Changes::default();
    for seed in seeds() {
        let request = generator::request(&mut Random::new(seed));
        let text = request.to_string();
        let read = messages::read(Json::parse(&text).expect("JSON")).expect("a valid request");
        let own = facts(&request);
        assert_eq!(read.foreign.is_some(), own.iter().any(|fact| is(fact, "foreign")), "seed {seed}");

        let body = sent(Dialect::Anthropic, Protocol::Messages, &read.chat, None);
        let mut expected = own.clone();
        changes.make(&CHANGES, &mut expected);
        assert_same(facts(&parsed(&body)), expected, seed, &request, &body);

        let native = Native { protocol: Protocol::Messages, json: read.native };
        let body = sent(Dialect::Anthropic, Protocol::Messages, &read.chat, Some(native));
        let is_unreadable = |fact: &Value| is_carrier(fact) || fact["signature"] == "";
        if !own.iter().any(is_unreadable) {
            assert!(body.contains(&request["messages"].to_string()), "seed {seed}: {body}");
            assert_eq!(parsed(&body)["system"], request["system"], "seed {seed}");
        }
    }
    changes.check(&CHANGES);
}
