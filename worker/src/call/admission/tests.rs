use super::{AdmittedCall, Draft};
use crate::access::admit_at_once as admit;
use crate::config::Config;
use crate::http::api_error::ApiError;
use crate::http::caller::Caller;
use failsoft::policy::Recover;
use failsoft::protocol::Protocol;
use failsoft::request::UsageChunk;
use failsoft::{Catalog, Json, Lane, Usd};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    let error = Draft::read(body.as_bytes(), Protocol::Chat, &config, &client).expect_err("an error");
    (error.code.status(), error.message)
}

#[test]
fn a_route_brings_its_chain_lane_and_policy() {
    let config = config();
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    let body = hello(json!({"model": "route/support", "failsoft": {"attempts": 2, "empty": "next"}}));
    let call = Draft::read(body.to_string().as_bytes(), Protocol::Chat, &config, &client).expect("a call").call;
    assert_eq!(call.request.models, ["a/a", "b/b"]);
    assert_eq!((call.request.lane, call.request.usage_chunk), (Lane::Relay, UsageChunk::Hidden));
    assert_eq!((call.policy.attempts, call.policy.timeouts.idle), (2, 300));
}

#[test]
fn a_client_chooses_rules_for_an_answer_and_tighter_bounds() {
    let config = config();
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    let asked = json!({
        "timeouts": {"firstToken": 1_000}, "reasoningOnly": "accept", "schemaMismatch": "fail", "tooShort": {"chars": 5},
        "pattern": {"literals": ["x"]}, "buffer": true, "recover": "error", "restartEvent": true, "maxCostUsd": 0.1,
        "maxPrice": {"prompt": 3, "completion": 9.5}, "invalidJson": {"action": "next", "repair": true},
    });
    let body = hello(json!({"model": "openai/gpt-4o", "failsoft": asked}));
    let policy =
        Draft::read(body.to_string().as_bytes(), Protocol::Chat, &config, &client).expect("a call").call.policy;
    assert!(policy.buffer && policy.restart_event && policy.repair_json);
    assert_eq!((policy.shortest, &policy.literals[..], policy.recover), (5, &["x".to_owned()][..], Recover::Error));
    assert_eq!(policy.max_cost, Some(Usd(100_000_000_000)));
    assert_eq!(policy.max_price, (Some(Usd(3_000_000_000_000)), Some(Usd(9_500_000_000_000))));
    // The hedge would start after the call has given up the first model.
    assert_eq!(policy.hedge, None);
    let body = hello(json!({"model": "openai/gpt-4o", "failsoft": {"holdChars": 40}}));
    let policy =
        Draft::read(body.to_string().as_bytes(), Protocol::Chat, &config, &client).expect("a call").call.policy;
    assert_eq!((policy.hold_chars, policy.hedge, policy.max_cost), (40, Some(2_000), Some(Usd(500_000_000_000))));
}

#[test]
fn a_request_beyond_the_clients_rights_is_refused_with_its_path() {
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
            "`messages` has 3 entries; this edge takes 2 at most (`limits.messages`)",
        ),
        (json!({"model": "openai/gpt-4o", "messages": []}), 400, "`messages` is empty; give at least one message"),
        (json!({}), 400, "`models` is missing; name at least one model"),
    ] {
        assert_eq!(refused(&hello(body).to_string()), (status, message.to_owned()));
    }
}

#[test]
fn a_body_that_is_no_json_object_is_refused_with_the_place() {
    assert_eq!(refused("{\"model\": }").1, "the body is not JSON: expected value at line 1 column 11");
    assert_eq!(refused("").1, "the body is not JSON: EOF while parsing a value at line 1 column 0");
    assert_eq!(refused("[]").1, "the body must be a JSON object");
}

fn priced() -> Catalog {
    let rows = json!({"data": [
        {"id": "openai/gpt-4o", "pricing": {"prompt": "0", "completion": "0.00001"}},
        {"id": "anthropic/opus", "pricing": {"prompt": "0.001", "completion": "0.000025"}, "top_provider": {"max_completion_tokens": 1000}},
        {"id": "anthropic/asks", "pricing": {"prompt": "0", "completion": "0", "request": "0.5"}},
        {"id": "anthropic/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
    ]});
    Catalog::read(Json::parse(&rows.to_string()).expect("JSON"))
}

/// The admitted call for `body`, on an account with or without a budget in USD.
fn bounded(body: Value, policy: Value, has_budget: bool) -> Result<AdmittedCall, ApiError> {
    let usd = if has_budget { json!({"usd": {"day": 1}}) } else { json!({}) };
    let key = Sha256::digest("fs_app").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let config = json!({
        "keys": [{"name": "app", "sha256": key, "budget": usd}],
        "models": ["*", "openai/gpt-4o:online"],
        "policy": policy,
    });
    let config = Config::of(&config.to_string(), "sk").expect("a configuration");
    let caller = Caller { authorization: Some("Bearer fs_app".into()), host: "edge".into(), ..Caller::default() };
    let client = admit(&config, &caller).expect("a client");
    let catalog = priced();
    let draft = Draft::read(hello(body).to_string().as_bytes(), Protocol::Chat, &config, &client)?;
    draft.admit(&catalog)
}

fn held(body: Value) -> (u64, Option<u64>) {
    let call = bounded(body, json!({}), true).expect("a call");
    (call.worst.usd.0, call.policy.max_cost.map(|cost| cost.0))
}

const CENT: u64 = 10_000_000_000;

#[test]
fn two_answers_of_the_most_expensive_model_are_held_and_the_policy_keeps_the_call_within_that() {
    assert_eq!(held(json!({"model": "openai/gpt-4o"})), (2 * 4_096 * CENT / 1_000, Some(2 * 4_096 * CENT / 1_000)));
    let cent = |body| held(body).0 / (CENT / 100);
    assert_eq!(cent(json!({"model": "openai/gpt-4o", "max_tokens": 1_000})), 200);
    assert_eq!(cent(json!({"model": "openai/gpt-4o", "max_tokens": 1_000, "n": 4})), 800);
    assert_eq!(cent(json!({"models": ["openai/gpt-4o", "anthropic/asks"], "max_tokens": 1_000})), 10_200);
    // The prompt has at most a hundred tokens, and an answer of this model has a thousand.
    let expensive = cent(json!({"model": "anthropic/opus"}));
    assert!((500 + 2 * 50..500 + 2 * 100 * 11).contains(&expensive), "{expensive}");
    let call = bounded(json!({"model": "openai/gpt-4o"}), json!({}), true).expect("a call");
    assert!((2 * 4_096..2 * 4_200).contains(&call.worst.tokens), "{}", call.worst.tokens);
}

#[test]
fn a_lower_bound_of_the_policy_or_the_caller_is_held_instead() {
    let body = || json!({"model": "openai/gpt-4o"});
    let call = bounded(body(), json!({"maxCostUsd": 0.01}), false).expect("a call");
    assert_eq!((call.worst.usd.0, call.policy.max_cost.map(|cost| cost.0)), (CENT, Some(CENT)));
    let mut lower = body();
    lower["failsoft"] = json!({"maxCostUsd": 0.001});
    let call = bounded(lower, json!({"maxCostUsd": 0.01}), true).expect("a call");
    assert_eq!(call.worst.usd.0, CENT / 10);
}

#[test]
fn a_call_without_bounds_needs_no_price() {
    let call = bounded(json!({"model": "nobody/knows"}), json!({}), false).expect("a call");
    assert_eq!((call.worst.usd.0, call.policy.max_cost), (0, None));
    let call = bounded(json!({"model": "openai/gpt-4o"}), json!({}), false).expect("a call");
    assert_eq!((call.worst.usd.0 > 0, call.policy.max_cost), (true, None));
}

#[test]
fn a_bounded_call_needs_a_price_and_a_search_has_none() {
    for (model, status, code) in [
        ("nobody/knows", 503, "price_unknown"),
        ("anthropic/auto", 503, "price_unknown"),
        ("openai/gpt-4o:online", 403, "model_not_allowed"),
    ] {
        let error = bounded(json!({"model": model}), json!({}), true).expect_err("an error");
        assert_eq!((error.code.status(), error.code.name()), (status, code), "{model}");
    }
    assert!(bounded(json!({"model": "openai/gpt-4o:online"}), json!({}), false).is_ok(), "its owner lists it by name");
    assert!(bounded(json!({"models": ["nobody/knows", "openai/gpt-4o"]}), json!({}), true).is_ok());
}

#[test]
fn the_scores_of_a_judge_are_held_too() {
    let alone = bounded(json!({"model": "openai/gpt-4o"}), json!({}), true).expect("a call").worst;
    let judge = json!({"judge": {"model": "openai/gpt-4o"}});
    let judged = bounded(json!({"model": "openai/gpt-4o"}), judge, true).expect("a call").worst;
    assert_eq!(judged.usd.0 - alone.usd.0, 2 * CENT, "two scores of a thousand tokens");
    let capped = json!({"judge": {"model": "openai/gpt-4o", "maxCostUsd": 0.001}});
    let capped = bounded(json!({"model": "openai/gpt-4o"}), capped, true).expect("a call").worst;
    assert_eq!(capped.usd.0 - alone.usd.0, CENT / 5);
}

#[test]
fn a_pattern_allows_models_only_and_a_full_name_allows_anything() {
    let refused = |model: &str| bounded(json!({"model": model}), json!({}), false).is_err();
    for model in
        ["openrouter/auto", "@preset/x", "a/a@preset/x", "a/a:online", "a/../b", "a/a b", "á/a", "a/a:free:online"]
    {
        assert!(refused(model), "{model}");
    }
    for model in ["a/a", "a/a:free", "a/a:nitro", "a/a-2.5_x:thinking", "~anthropic/latest", "openai/gpt-4o:online"] {
        assert!(!refused(model), "{model}");
    }
}

#[test]
fn the_owner_can_open_fields_except_those_that_the_edge_reads() {
    let config = |fields: Value| Config::of(&json!({"access": "loopback", "fields": fields}).to_string(), "sk");
    let opened = config(json!(["plugins", "top_n_sigma"])).expect("a configuration");
    let client = admit(&opened, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    let body = hello(json!({"model": "a/a", "plugins": [{"id": "web"}], "top_n_sigma": 1}));
    assert!(Draft::read(body.to_string().as_bytes(), Protocol::Chat, &opened, &client).is_ok());
    assert!(config(json!(["max_tokens"])).is_err());
}

#[test]
fn where_tokens_are_bounded_every_request_is_held() {
    let held = |budget: Value| {
        let key = Sha256::digest("fs_app").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let config = json!({"keys": [{"name": "app", "sha256": key, "budget": budget}], "models": ["*"]});
        let config = Config::of(&config.to_string(), "sk").expect("a configuration");
        let caller = Caller { authorization: Some("Bearer fs_app".into()), host: "edge".into(), ..Caller::default() };
        let client = admit(&config, &caller).expect("a client");
        let body = hello(json!({"model": "openai/gpt-4o", "max_tokens": 1_000}));
        let draft = Draft::read(body.to_string().as_bytes(), Protocol::Chat, &config, &client).expect("a call");
        let call = draft.admit(&priced()).expect("a call");
        (call.worst.tokens, call.policy.attempts)
    };
    let (two, attempts) = held(json!({}));
    assert!(two > 2_000 && attempts > 4);
    assert_eq!(held(json!({"tokens": {"day": 100_000}})), (2 * two, 4));
}

#[test]
fn a_prompt_is_held_at_one_token_for_each_byte() {
    let long = |piece: &str| piece.repeat(1_000);
    let messages = |message: Value| json!({"model": "openai/gpt-4o", "max_tokens": 1, "messages": [message]});
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": long("x ")}});
    let file = json!({"type": "file", "file": {"content": [{"type": "text", "text": long("x ")}]}});
    for (message, least) in [
        (json!({"role": "user", "content": long("\u{7f}")}), 1_000),
        (json!({"role": "user", "content": long("\u{85}")}), 2_000),
        (json!({"role": "user", "content": long("\r")}), 1_000),
        (json!({"role": "user", "content": long("!")}), 1_000),
        (json!({"role": "user", "content": long("훻")}), 3_000),
        (json!({"role": "assistant", "content": "x", "tool_calls": [call]}), 2_000),
        (json!({"role": "assistant", "content": "x", "annotations": [file]}), 2_000),
        (json!({"role": "assistant", "content": "x", "novel": {"a": [long("x ")]}}), 2_000),
        (json!({"role": "assistant", "content": [{"type": "thinking", "thinking": long("x ")}]}), 2_000),
    ] {
        let call = bounded(messages(message.clone()), json!({}), true).expect("a call");
        assert!(call.worst.tokens >= 2 * least, "{} of {message}", call.worst.tokens);
    }
    let image = json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}});
    assert!(bounded(messages(json!({"role": "user", "content": image})), json!({}), true).is_err());
}

#[test]
fn a_file_is_held_as_the_owner_says_and_a_text_file_also_as_its_text() {
    let held = |data: &str| {
        let config = json!({"access": "loopback", "limits": {"files": 2, "fileTokens": 9_000}});
        let config = Config::of(&config.to_string(), "sk").expect("a configuration");
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
        let file = json!({"type": "file", "file": {"file_data": format!("{data}{}", "A".repeat(5_000))}});
        let body = json!({"model": "a/a", "max_tokens": 1, "messages": [{"role": "user", "content": [file, file]}]});
        let call = Draft::read(body.to_string().as_bytes(), Protocol::Chat, &config, &client).expect("a call").call;
        call.request.prompt_most.expect("a bound")
    };
    for (data, least) in
        [("data:application/pdf;base64,", 18_000), ("https://a.example/", 18_000), ("data:text/plain;base64,", 28_000)]
    {
        assert!((least..least + 500).contains(&held(data)), "{data}: {}", held(data));
    }
}
