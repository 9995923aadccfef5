use failsoft::Dialect;
use failsoft::request::Lane;
use serde_json::{Value, json};

use super::{Access, Config, Problem, authority, is_loopback};

const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn read(mut value: Value) -> Result<Config, Vec<Problem>> {
    if value.get("keys").is_none() && value.get("access").is_none() {
        value["keys"] = json!([{"name": "web", "sha256": DIGEST}]);
    }
    Config::read(Some(&value.to_string()), Some("sk-upstream"))
}

fn said(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn problem(value: Value) -> String {
    said(&read(value).expect_err("a problem")).join("; ")
}

#[test]
fn the_defaults_are_openrouter_and_its_dialect() {
    let config = read(json!({})).expect("a configuration");
    assert_eq!(config.upstream.url, "https://openrouter.ai/api/v1");
    assert_eq!(config.upstream.dialect, Dialect::OpenRouter);
    assert_eq!(config.upstream.key.as_deref(), Some("sk-upstream"));
    assert_eq!((config.limits.body_bytes, config.limits.messages), (1_000_000, 256));
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
    assert_eq!((route.lane, route.headers_within), (Lane::Relay, 10_000));
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    for (value, expected) in [
        (json!({"rotes": {}}), "FAILSOFT: `rotes` is not a known field; did you mean `routes`?"),
        (json!({"routes": {"a": {}}}), "FAILSOFT: `routes.a.models` must name at least one model"),
        (
            json!({"routes": {"a": {"models": ["x"], "policy": {"attempts": 0}}}}),
            "FAILSOFT: `routes.a.policy.attempts` must be a whole number from 1 to 32",
        ),
        (
            json!({"routes": {"a": {"models": ["x"], "lane": "fast"}}}),
            "FAILSOFT: `routes.a.lane` must be one of: gate, relay",
        ),
        (
            json!({"policy": {"timeouts": {"firsttoken": 1}}}),
            "FAILSOFT: `policy.timeouts.firsttoken` is not a known field; did you mean `firstToken`?",
        ),
        (
            json!({"keys": [{"name": "a", "sha256": "abc"}]}),
            "FAILSOFT: `keys[0].sha256` must be the SHA-256 of the client's key, 64 hex digits",
        ),
        (
            json!({"keys": [{"name": "a", "sha256": DIGEST, "routes": ["nope"]}]}),
            "FAILSOFT: `keys[0].routes[0]` is not one of `routes`",
        ),
        (json!({"models": ["a*b"]}), "FAILSOFT: `models[0]` must be a model's id, or the beginning of one and `*`"),
        (
            json!({"origins": ["https://a.example/"]}),
            "FAILSOFT: `origins[0]` must be an origin such as https://app.example, without a path",
        ),
        (
            json!({"upstream": {"url": "http://api.example/v1"}}),
            "FAILSOFT: `upstream.url` must begin with https://, or the key would travel in the clear",
        ),
        (json!({"access": "open"}), "FAILSOFT: `access` must be one of: keys, loopback"),
        (
            json!({"limits": {"messages": "many"}}),
            "FAILSOFT: `limits.messages` must be a whole number from 1 to 100000",
        ),
    ] {
        assert_eq!(problem(value), expected);
    }
}

#[test]
fn nobody_may_call_unless_somebody_is_named() {
    let problems = said(&Config::read(None, None).expect_err("problems"));
    assert!(problems[0].contains("UPSTREAM_API_KEY is not set"), "{problems:?}");
    assert!(problems[1].contains("no `keys`"), "{problems:?}");
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_local_edge_needs_neither_keys_nor_an_upstream_that_wants_one() {
    let local = r#"{"access": "loopback", "upstream": {"url": "http://gpu-box:8000/v1"}}"#;
    let config = Config::read(Some(local), Some("")).expect("a configuration");
    assert_eq!((config.access, config.upstream.key), (Access::Loopback, None));
}

#[test]
fn this_machine_has_three_names() {
    for host in ["127.0.0.1", "127.0.0.1:8787", "localhost:1", "[::1]", "[::1]:8787"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "",
        "localhost.example",
        "127.0.0.1.example:80",
        "[::2]",
        "10.0.0.1",
        "evil.example:8787",
        "127.0.0.1:80@evil.example",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
    assert!(!is_loopback(authority("http://127.0.0.1:80@evil.example/")));
}
