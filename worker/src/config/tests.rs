use failsoft::protocol::Protocol;
use failsoft::{Dialect, Json, Lane, Usd};
use serde_json::{Value, json};

use super::{Access, Config, Problem};

const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn read(mut value: Value) -> Result<Config, Vec<Problem>> {
    if value.get("keys").is_none() && value.get("access").is_none() {
        value["keys"] = json!([{"name": "web", "sha256": DIGEST}]);
    }
    Config::of(&value.to_string(), "sk-upstream")
}

fn messages(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn problem(value: Value) -> String {
    messages(&read(value).expect_err("a problem")).join("; ")
}

#[test]
fn the_defaults_are_openrouter_and_its_dialect() {
    let config = read(json!({})).expect("a configuration");
    assert_eq!(config.upstreams[0].url, "https://openrouter.ai/api/v1");
    assert_eq!(config.upstreams[0].dialect, Dialect::OpenRouter);
    assert_eq!(config.upstreams[0].key.as_deref(), Some("sk-upstream"));
    assert_eq!((config.limits.body_bytes, config.limits.messages), (1_000_000, 2_000));
}

#[test]
fn a_route_inherits_the_policy_and_changes_it() {
    let config = read(json!({
        "policy": {"attempts": 3},
        "routes": {"support": {"models": ["a/a", "b/b"], "policy": {"timeouts": {"idle": 300}}, "lane": "relay"}},
    }));
    let config = config.expect("a configuration");
    let route = config.route("support").expect("the route");
    assert_eq!((route.policy.attempts, route.policy.timeouts.idle), (3, 300));
    assert_eq!((route.lane, route.headers_within), (Lane::Relay, 5_000));
}

#[test]
fn a_problem_names_the_path_of_its_field() {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/fixtures/configuration/refused.json")).expect("JSON");
    for row in rows {
        let configuration = &row["configuration"];
        let expected = ["FAILSOFT: ", row["problem"].as_str().expect("a problem")].concat();
        assert_eq!(problem(configuration.clone()), expected, "{configuration}");
    }
}

#[test]
fn every_accepted_example_is_read() {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/fixtures/configuration/accepted.json")).expect("JSON");
    for configuration in rows {
        let text = configuration.to_string();
        let read = super::check(Json::parse(&text).expect("JSON"));
        assert!(read.is_ok(), "{configuration}: {:?}", read.err());
    }
}

#[test]
fn each_upstream_has_its_own_key_models_and_prices() {
    let failsoft = json!({
        "keys": [{"name": "web", "sha256": DIGEST}],
        "upstreams": [
            {},
            {
                "url": "https://api.example/v1",
                "key": "SECOND_KEY",
                "headers": {"X-Team": "a"},
                "models": ["gpt-4o-mini", {"id": "gpt-4o", "contextLength": 128000, "maxOutput": 16384, "prompt": 2.5, "completion": 10}],
            },
        ],
    });
    let read = |second: Option<&str>| {
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(failsoft.to_string()),
            "OPENROUTER_API_KEY" => Some("sk-first".into()),
            "SECOND_KEY" => second.map(Into::into),
            _ => None,
        };
        Config::read(variable)
    };
    let config = read(Some("sk-second\n")).expect("a configuration");
    let keys: Vec<_> = config.upstreams.iter().map(|upstream| upstream.key.as_deref()).collect();
    assert_eq!(keys, [Some("sk-first"), Some("sk-second")]);
    let second = &config.upstreams[1];
    assert_eq!(second.models, ["gpt-4o-mini", "gpt-4o"]);
    assert_eq!(second.headers, [("X-Team".to_owned(), "a".to_owned())]);
    assert_eq!(second.catalog.find("gpt-4o-mini"), None);
    let info = second.catalog.find("gpt-4o").expect("facts");
    assert_eq!((info.context_length, info.max_output), (Some(128_000), Some(16_384)));
    assert_eq!(info.price, (Some(Usd(2_500_000)), Some(Usd(10_000_000))));
    let problems = messages(&read(None).expect_err("a problem"));
    assert_eq!(problems, ["SECOND_KEY is not set: run `wrangler secret put SECOND_KEY`"]);
}

#[test]
fn an_upstream_with_an_old_key_has_a_spare_behind_it() {
    let failsoft =
        json!({"access": "loopback", "upstreams": [{"models": ["a"]}, {"url": "https://b.example", "key": "B_KEY"}]});
    let read = |old: &str| {
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(failsoft.to_string()),
            "UPSTREAM_API_KEY" => Some("sk-new".into()),
            "UPSTREAM_API_KEY_OLD" => Some(old.to_owned()),
            "B_KEY" => Some("sk-b".into()),
            _ => None,
        };
        Config::read(variable)
    };
    let config = read("sk-old\n").expect("a configuration");
    let upstreams = config.upstreams.iter();
    let keys: Vec<_> =
        upstreams.map(|upstream| (upstream.key.as_deref(), upstream.is_spare, upstream.models.len())).collect();
    assert_eq!(keys, [(Some("sk-new"), false, 1), (Some("sk-old"), true, 1), (Some("sk-b"), false, 0)]);
    assert!(messages(&read(" ").expect_err("a problem"))[0].starts_with("UPSTREAM_API_KEY_OLD is empty"));
    assert!(messages(&read("sk old").expect_err("a problem"))[0].starts_with("UPSTREAM_API_KEY_OLD holds a space"));
}

#[test]
fn upstreams_that_know_the_account_get_it_by_default() {
    let fields = |upstream: Value| {
        let failsoft = json!({"access": "loopback", "upstream": upstream}).to_string();
        Config::of(&failsoft, "sk").expect("a configuration").upstreams[0].account_fields.clone()
    };
    assert_eq!(fields(json!({})), ["user"]);
    assert_eq!(fields(json!({"url": "https://gateway.example/v1", "dialect": "openrouter"})), ["user"]);
    assert_eq!(fields(json!({"url": "https://api.openai.com/v1"})), ["user", "safety_identifier"]);
    assert!(fields(json!({"url": "https://api.mistral.ai/v1"})).is_empty());
    assert!(fields(json!({"url": "https://api.openai.com.evil.example/v1"})).is_empty());
    assert!(fields(json!({"accountFields": []})).is_empty());
    assert_eq!(
        fields(json!({"url": "https://a.example", "accountFields": ["safety_identifier"]})),
        ["safety_identifier"]
    );
}

#[test]
fn an_upstream_speaks_the_protocols_of_its_host_unless_the_configuration_names_others() {
    use Protocol::{Chat, Messages, Responses};
    let protocols = |upstream: Value| {
        let failsoft = json!({"access": "loopback", "upstream": upstream}).to_string();
        Config::of(&failsoft, "sk").expect("a configuration").upstreams[0].protocols.clone()
    };
    assert_eq!(protocols(json!({})), [Chat]);
    assert_eq!(protocols(json!({"url": "https://api.openai.com/v1"})), [Chat, Responses]);
    assert_eq!(protocols(json!({"url": "https://api.openai.com/v1", "protocols": ["chat"]})), [Chat]);
    assert_eq!(protocols(json!({"url": "https://api.openai.com.evil.example/v1"})), [Chat]);
    assert_eq!(protocols(json!({"protocols": ["responses", "chat"]})), [Responses, Chat]);
    let azure =
        json!({"url": "https://a.example/openai/v1?api-version=v1", "dialect": "azure", "protocols": ["responses"]});
    assert_eq!(protocols(azure), [Responses]);
    assert_eq!(protocols(json!({"url": "https://api.anthropic.com/v1", "dialect": "anthropic"})), [Messages]);
}

#[test]
fn nobody_may_call_unless_somebody_is_named() {
    let problems = messages(&Config::read(|_| None).expect_err("problems"));
    assert!(problems[0].contains("UPSTREAM_API_KEY is not set"), "{problems:?}");
    assert!(problems[1].contains("no `keys`, `users` or `visitors`, and ADMIN_TOKEN is not set"), "{problems:?}");
    assert_eq!(problems.len(), 2);
}

#[test]
fn each_way_in_is_enough_by_itself_and_says_what_it_needs() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let users = r#"{"users": [{"issuer": "i", "audience": "a", "jwks": "https://a.example"}]}"#;
    let visitors = r#"{"visitors": {"origins": ["https://a.example"]}}"#;
    let read = |failsoft: &str, set: &[(&str, &str)]| {
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(failsoft.to_owned()),
            "UPSTREAM_API_KEY" => Some("sk".into()),
            _ => set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into()),
        };
        Config::read(variable).map_or_else(|problems| messages(&problems).join("; "), |_| String::new())
    };
    assert_eq!(read(users, &[]), "");
    assert_eq!(read("{}", &[("ADMIN_TOKEN", SECRET), ("KEYS", "{}")]), "");
    assert!(read("{}", &[("ADMIN_TOKEN", SECRET)]).starts_with("KEYS is not bound"));
    assert!(read("{}", &[("ADMIN_TOKEN", &SECRET[1..]), ("KEYS", "{}")]).starts_with("ADMIN_TOKEN is too short"));
    let all = [("TURNSTILE_SECRET", "a"), ("SESSION_SECRET", SECRET), ("KEYS", "{}")];
    assert_eq!(read(visitors, &all), "");
    assert!(read(visitors, &all[1..]).starts_with("TURNSTILE_SECRET is not set"));
    assert!(read(visitors, &all[..2]).starts_with("KEYS is not bound"));
    assert!(read(visitors, &[all[0], ("SESSION_SECRET", ""), all[2]]).starts_with("SESSION_SECRET is too short"));
}

#[test]
fn a_local_edge_needs_neither_keys_nor_an_upstream_that_wants_one() {
    let local = r#"{"access": "loopback", "upstream": {"url": "http://gpu-box:8000/v1"}}"#;
    let config = Config::of(local, "").expect("a configuration");
    assert_eq!((&config.access, &config.upstreams[0].key), (&Access::Loopback, &None));
}
