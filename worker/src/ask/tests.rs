use super::Draft;
use crate::access::{Caller, admit};
use crate::config::Config;
use crate::refusal::Refusal;
use failsoft::policy::Recover;
use failsoft::report::Usd;
use failsoft::request::{Lane, UsageChunk};
use serde_json::{Value, json};

fn config() -> Config {
    let config = json!({
        "access": "loopback",
        "models": ["openai/gpt-4o", "anthropic/*"],
        "policy": {"attempts": 5, "maxCostUsd": 0.5, "maxPrice": {"completion": 10}, "hedge": {"after": 2000}},
        "routes": {"support": {"models": ["a/a", "b/b"], "lane": "relay", "policy": {"timeouts": {"idle": 300}}}},
        "limits": {"messages": 2},
    });
    Config::of(&config.to_string(), "sk").expect("a configuration")
}

fn hello(mut body: Value) -> Value {
    if body.get("messages").is_none() {
        body["messages"] = json!([{"role": "user", "content": "hello"}]);
    }
    body
}

fn refused(body: &str) -> (u16, String) {
    let config = config();
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
    let Refusal { failure, .. } = Draft::read(body.as_bytes(), &config, &client).expect_err("a refusal");
    (failure.http_status(), failure.message)
}

#[test]
fn a_route_brings_its_chain_lane_and_policy() {
    let config = config();
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
    let body = hello(json!({"model": "route/support", "failsoft": {"attempts": 2, "empty": "next"}}));
    let ask = Draft::read(body.to_string().as_bytes(), &config, &client).expect("a call").ask;
    assert_eq!(ask.request.models, ["a/a", "b/b"]);
    assert_eq!((ask.request.lane, ask.request.usage_chunk), (Lane::Relay, UsageChunk::Hidden));
    assert_eq!((ask.policy.attempts, ask.policy.timeouts.idle), (2, 300));
}

#[test]
fn a_client_says_what_it_wants_of_an_answer_and_tightens_bounds() {
    let config = config();
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("let in");
    let asked = json!({
        "timeouts": {"firstToken": 1_000}, "reasoningOnly": "accept", "schemaMismatch": "fail", "tooShort": {"chars": 5},
        "pattern": {"literals": ["x"]}, "buffer": true, "recover": "error", "restartEvent": true, "maxCostUsd": 0.1,
        "maxPrice": {"prompt": 3, "completion": 9.5}, "invalidJson": {"action": "next", "repair": true},
    });
    let body = hello(json!({"model": "openai/gpt-4o", "failsoft": asked}));
    let policy = Draft::read(body.to_string().as_bytes(), &config, &client).expect("a call").ask.policy;
    assert!(policy.buffer && policy.restart_event && policy.repair_json);
    assert_eq!((policy.shortest, policy.literals, policy.recover), (5, vec!["x".to_owned()], Recover::Error));
    assert_eq!(policy.max_cost, Some(Usd(100_000_000_000)));
    assert_eq!(policy.max_price, (Some(Usd(3_000_000_000_000)), Some(Usd(9_500_000_000_000))));
    // The second model would be asked after the first is given up.
    assert_eq!(policy.hedge, None);
    let body = hello(json!({"model": "openai/gpt-4o", "failsoft": {"holdChars": 40}}));
    let policy = Draft::read(body.to_string().as_bytes(), &config, &client).expect("a call").ask.policy;
    assert_eq!((policy.hold_chars, policy.hedge, policy.max_cost), (40, Some(2_000), Some(Usd(500_000_000_000))));
}

#[test]
fn what_a_client_may_not_ask_for_is_refused_with_its_path() {
    for (body, status, message) in [
        (
            json!({"model": "openai/o3"}),
            403,
            "this key may not ask for this model; it may ask for: route/support, openai/gpt-4o, anthropic/*",
        ),
        (
            json!({"models": ["anthropic/claude-opus-4.7", "a/a"]}),
            403,
            "this key may not ask for this model; it may ask for: route/support, openai/gpt-4o, anthropic/*",
        ),
        (json!({"model": "route/nope"}), 404, "there is no such route for this key; there are: route/support"),
        (
            json!({"model": "route/support", "models": ["a/a"]}),
            400,
            "`models` cannot stand beside a route: the route names its models",
        ),
        (
            json!({"models": ["route/support"]}),
            400,
            "`models` holds a route; name it as `model`, and nothing beside it",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"attempts": 6}}),
            400,
            "`failsoft.attempts` cannot be more than 5 here",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"timeouts": {"idle": 60_000}}}),
            400,
            "`failsoft.timeouts.idle` cannot be more than 30000 here",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"timeouts": {"firsttoken": 1}}}),
            400,
            "`failsoft.timeouts.firsttoken` is not a known field; did you mean `firstToken`?",
        ),
        (json!({"model": "openai/gpt-4o", "failsoft": {"retry": {}}}), 400, "`failsoft.retry` is decided by the edge"),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"hedge": {"after": 1}}}),
            400,
            "`failsoft.hedge` is decided by the edge",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"judge": {"model": "a/a"}}}),
            400,
            "`failsoft.judge` is decided by the edge",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"maxCostUsd": 0.51}}),
            400,
            "`failsoft.maxCostUsd` cannot be more than 0.5 here",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"maxPrice": {"completion": 10.5}}}),
            400,
            "`failsoft.maxPrice.completion` cannot be more than 10 here",
        ),
        (
            json!({"model": "openai/gpt-4o", "failsoft": {"atempts": 1}}),
            400,
            "`failsoft.atempts` is not a known field; did you mean `attempts`?",
        ),
        (json!({"model": "openai/gpt-4o", "failsoft": 1}), 400, "`failsoft` must be an object"),
        (
            json!({"model": "openai/gpt-4o", "messages": [{}, {}, {}]}),
            400,
            "`messages` has 3 entries; this edge takes 2 at most",
        ),
        (json!({"model": "openai/gpt-4o", "messages": []}), 400, "`messages` is empty; give at least one message"),
        (json!({}), 400, "`models` is missing; name at least one model"),
    ] {
        assert_eq!(refused(&hello(body).to_string()), (status, message.to_owned()));
    }
}

#[test]
fn what_is_no_json_object_is_refused_with_the_place() {
    assert_eq!(refused("{\"model\": }").1, "the body is not JSON: expected value at line 1 column 11");
    assert_eq!(refused("").1, "the body is not JSON: EOF while parsing a value at line 1 column 0");
    assert_eq!(refused("[]").1, "the body must be a JSON object");
}
