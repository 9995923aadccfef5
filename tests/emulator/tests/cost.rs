//! The charges, and the places that show them.

mod support;

use std::time::Duration;

use failsoft_emulator::{Condition, Emulator, Options};
use serde_json::json;
use support::*;

/// The price of one prompt token and `completion` words of gpt-4o.
fn price(completion: u32) -> f64 {
    2.5e-6 + f64::from(completion) * 1e-5
}

fn same(a: &serde_json::Value, b: f64) -> bool {
    a.as_f64().is_some_and(|a| (a - b).abs() < 1e-12)
}

#[test]
fn the_usage_the_generation_the_key_and_the_ledger_agree() {
    let emulator = emulator();
    let reply = complete(&emulator, "openai/gpt-4o");
    let id = reply.json()["id"].as_str().expect("an id").to_owned();
    wait(&emulator, 1, Condition::Finished);
    assert!(same(&reply.json()["usage"]["cost"], price(12)));
    let generation = get(&emulator, &format!("/api/v1/generation?id={id}"))["data"].clone();
    assert!(same(&generation["total_cost"], price(12)));
    assert_eq!((&generation["cancelled"], &generation["tokens_completion"]), (&json!(false), &json!(12)));
    assert!(same(&get(&emulator, "/api/v1/key")["data"]["usage"], price(12)));
    assert_eq!(emulator.generations(), std::slice::from_ref(&generation));
    assert_eq!(get(&emulator, "/emulator/generations"), json!([generation]));
}

/// Leaves after the third of twelve words, and returns the record of the generation.
fn aborted(model: &str) -> serde_json::Value {
    let emulator = emulator();
    emulator.script(model, &["stall-3"]).expect("a script");
    let mut connection = connect(&emulator);
    send_chat(&mut connection, &body(model, "words:12", json!({ "stream": true })));
    read_until(&mut connection, "\" word3\"");
    drop(connection);
    let entry = wait(&emulator, 1, Condition::Finished);
    let id = entry.generation_id.expect("an id");
    get(&emulator, &format!("/api/v1/generation?id={id}"))["data"].clone()
}

#[test]
fn an_aborted_stream_costs_the_delivered_part_unless_the_provider_does_not_notice() {
    let delivered = aborted("openai/gpt-4o");
    assert_eq!((&delivered["cancelled"], &delivered["tokens_completion"]), (&json!(true), &json!(3)));
    assert!(same(&delivered["total_cost"], price(3)));
    let ignored = aborted("google/gemini-2.5-flash");
    assert_eq!((&ignored["cancelled"], &ignored["tokens_completion"]), (&json!(true), &json!(12)));
}

#[test]
fn an_aborted_json_request_costs_the_whole_answer_and_an_http_error_nothing() {
    let emulator = emulator();
    emulator.script("openai/gpt-4o", &["slow-headers", "server-error"]).expect("a script");
    let mut connection = connect(&emulator);
    send_chat(&mut connection, &body("openai/gpt-4o", "words:12", json!({})));
    wait(&emulator, 1, Condition::Arrived);
    drop(connection);
    wait(&emulator, 1, Condition::Finished);
    complete(&emulator, "openai/gpt-4o");
    let charged = emulator.generations();
    assert_eq!(charged.len(), 1);
    assert!(same(&charged[0]["total_cost"], price(12)));
}

#[test]
fn a_generation_is_unknown_for_as_long_as_the_options_say() {
    let options = Options { generation_delay: Duration::from_secs(3_600), ..Options::default() };
    let emulator = Emulator::start_blocking(options).expect("a free port");
    let id = complete(&emulator, "openai/gpt-4o").json()["id"].as_str().expect("an id").to_owned();
    wait(&emulator, 1, Condition::Finished);
    assert_eq!(get(&emulator, &format!("/api/v1/generation?id={id}"))["error"]["code"], 404);
    assert_eq!(emulator.generations().len(), 1);
}
