//! Each way to bill: what the answers say, and what is charged.

mod support;

use failsoft_emulator::{Billing, Condition, Emulator, Options};
use serde_json::{Value, json};
use support::*;

const MODEL: &str = "openai/gpt-4o";
/// Picodollars of one prompt token, and of one token of the answer.
const PROMPT: u64 = 2_500_000;
const COMPLETION: u64 = 10_000_000;

fn billed(name: &str) -> Emulator {
    let billing = Billing::parse(name).expect("a way to bill");
    Emulator::start_blocking(Options { billing, ..Options::default() }).expect("a free port")
}

fn charges(emulator: &Emulator) -> Vec<u64> {
    let pico = |generation: &Value| (generation["total_cost"].as_f64().expect("a cost") * 1e12).round() as u64;
    emulator.generations().iter().map(pico).collect()
}

#[test]
fn an_answer_reports_its_tokens_without_their_cost_and_nothing_names_its_generation() {
    for name in ["no-cost", "charged-errors"] {
        let emulator = billed(name);
        let reply = complete(&emulator, MODEL);
        let body = reply.json();
        assert_eq!((&body["usage"]["completion_tokens"], &body["usage"]["cost"]), (&json!(12), &Value::Null));
        assert_eq!(reply.header("x-generation-id"), None);
        let id = body["id"].as_str().expect("an id");
        assert!(id.starts_with("chatcmpl-"), "{id}");
        assert_eq!(get(&emulator, &format!("/api/v1/generation?id={id}"))["error"]["code"], 404);
        assert_eq!(charges(&emulator), [PROMPT + 12 * COMPLETION]);
    }
}

#[test]
fn separate_reasoning_is_charged_beside_the_tokens_of_the_answer_and_beyond_its_limit() {
    let emulator = billed("separate-reasoning");
    for (reasoning, expected) in [(json!({}), 30), (json!({ "max_tokens": 7 }), 7)] {
        let more = json!({ "max_tokens": 5, "reasoning": reasoning });
        let usage = chat(&emulator, &body(MODEL, "words:12 think:30", more)).json()["usage"].clone();
        assert_eq!((&usage["completion_tokens"], &usage["total_tokens"]), (&json!(5), &json!(2 + 5 + expected)));
        assert_eq!(charges(&emulator).last(), Some(&(2 * PROMPT + (5 + expected) * COMPLETION)));
    }
}

#[test]
fn charged_errors_cost_the_answer_that_they_replace_and_refusals_are_free() {
    let emulator = billed("charged-errors");
    let paid = ["server-error", "bad-gateway", "gateway-timeout", "cloudflare-524", "error-in-200", "malformed-body"];
    for (sent, fault) in paid.iter().enumerate() {
        emulator.script(MODEL, &[fault]).expect("a script");
        complete(&emulator, MODEL);
        assert_eq!(charges(&emulator).len(), sent + 1, "{fault}");
    }
    assert!(charges(&emulator).iter().all(|cost| *cost == PROMPT + 12 * COMPLETION));
    for fault in ["rate-limited", "bad-request", "unauthorized", "unavailable", "overloaded"] {
        emulator.script(MODEL, &[fault]).expect("a script");
        complete(&emulator, MODEL);
    }
    assert_eq!(charges(&emulator).len(), paid.len());
}

#[test]
fn an_under_reported_cost_is_two_fifths_of_what_is_charged() {
    let emulator = billed("under-reported");
    let cost = complete(&emulator, MODEL).json()["usage"]["cost"].as_f64().expect("a cost");
    assert_eq!(charges(&emulator), [PROMPT + 12 * COMPLETION]);
    assert!((cost * 1e12 - 0.4 * (PROMPT + 12 * COMPLETION) as f64).abs() < 1.0, "{cost}");
}

#[test]
fn only_openrouter_charges_less_when_the_client_leaves() {
    for (name, expected) in [("openrouter", 3), ("no-cost", 12)] {
        let emulator = billed(name);
        emulator.script(MODEL, &["stall-3"]).expect("a script");
        let mut connection = connect(&emulator);
        send_chat(&mut connection, &body(MODEL, "words:12", json!({ "stream": true })));
        read_until(&mut connection, "\" word3\"");
        drop(connection);
        wait(&emulator, 1, Condition::Finished);
        assert_eq!(charges(&emulator), [PROMPT + expected * COMPLETION], "{name}");
    }
}
