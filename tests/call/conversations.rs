//! A call that is a turn of a conversation: which model is asked first, and what a switch loses.

use failsoft::{Catalog, Json, Turn};
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::script::{Run, Script};

const MODELS: [&str; 3] = ["a/one", "openai/gpt-5", "anthropic/claude-opus-5"];

fn after(model: &str, policy: Value) -> Script {
    let row = |id: &&str| json!({"id": id, "pricing": {"prompt": "0.000004", "completion": "0.00001", "input_cache_read": "0.000001"}});
    let rows = json!({"data": MODELS.iter().map(row).collect::<Vec<_>>()});
    let mut script = Script::new(&MODELS).policy(policy);
    script.catalog = Catalog::read(Json::parse(&rows.to_string()).expect("JSON"));
    let served = format!("https://upstream.example/v1 {model}");
    script.turn_before = Some(Turn { served, cached: 1_000, lifetime: 1 });
    script
}

fn answer(model: &str, usage: Value) -> Reply {
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"});
    Reply::json(&json!({"model": model, "choices": [choice], "usage": usage}))
}

fn asked(run: &Run) -> Vec<String> {
    run.asked().concat()
}

#[test]
fn a_sticky_conversation_asks_the_model_before_first_and_then_the_chain() {
    let fine = || Reply::says(MODELS[2], "fine");
    let run = after(MODELS[2], json!({"sticky": {}})).run(&[fine()]);
    assert_eq!(asked(&run), [MODELS[2]]);
    assert!(run.outcome.report.fallback, "it is not the first model of the chain");
    let run = after(MODELS[2], json!({"sticky": {}})).run(&[Reply::status(503), Reply::says(MODELS[0], "fine")]);
    assert_eq!(asked(&run), [MODELS[2], MODELS[0]]);
    for policy in [json!({}), json!({"sticky": {"seconds": 0}})] {
        assert_eq!(asked(&after(MODELS[2], policy).run(&[Reply::says(MODELS[0], "fine")])), [MODELS[0]]);
    }
    let run = after("not/allowed", json!({"sticky": {}})).run(&[Reply::says(MODELS[0], "fine")]);
    assert_eq!(asked(&run), [MODELS[0]], "the chain decides what may be asked");
}

#[test]
fn the_report_says_what_the_cache_of_the_model_before_would_have_saved() {
    let lost = |model: &str, usage: Value| {
        let run = after(MODELS[1], Value::Null).run(&[answer(MODELS[0], usage)]);
        let _ = model;
        run.report()["attempts"][0]["lostCache"].clone()
    };
    let usage = |prompt: u64, cached: u64| json!({"prompt_tokens": prompt, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": cached}});
    assert_eq!(lost(MODELS[0], usage(1_200, 0)), json!({"tokens": 1_000, "cost": 0.003}));
    assert_eq!(lost(MODELS[0], usage(1_200, 400)), json!({"tokens": 600, "cost": 0.0018}), "it has a cache of its own");
    assert_eq!(lost(MODELS[0], usage(500, 0)), json!({"tokens": 500, "cost": 0.0015}), "the prompt is shorter now");
    assert_eq!(lost(MODELS[0], usage(1_200, 1_200)), Value::Null);
    let same = after(MODELS[0], Value::Null).run(&[answer(MODELS[0], usage(1_200, 0))]);
    assert_eq!(same.report()["attempts"][0]["lostCache"], Value::Null, "the same model has answered");
}

#[test]
fn a_turn_counts_as_long_as_its_vendors_cache_or_as_the_policy_says() {
    let turn = |model: &str, policy: Value, more: Value| {
        let mut script = Script::new(&[model]).policy(policy);
        script.body["messages"][0]["cache_control"] = more;
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 50}});
        script.run(&[answer(model, usage)]).outcome.turn.expect("a turn")
    };
    let lifetime = |model: &str, policy: Value, more: Value| turn(model, policy, more).lifetime / 60_000;
    assert_eq!(turn(MODELS[2], Value::Null, Value::Null).cached, 90);
    assert_eq!(lifetime(MODELS[0], Value::Null, Value::Null), 5);
    assert_eq!(lifetime(MODELS[1], Value::Null, Value::Null), 10);
    assert_eq!(lifetime(MODELS[2], json!({"sticky": {}}), Value::Null), 5);
    assert_eq!(lifetime(MODELS[2], Value::Null, json!({"type": "ephemeral", "ttl": "1h"})), 60);
    assert_eq!(lifetime(MODELS[2], json!({"sticky": {"seconds": 120}}), Value::Null), 2);
    assert!(Script::new(&[MODELS[0]]).run(&[Reply::error(401, json!({"message": "no"}))]).outcome.turn.is_none());
}
