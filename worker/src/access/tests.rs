use super::{Credential, admit_at_once as admit, bearer, classify, covers};
use crate::config::{Access, Config, Ways};
use crate::http::caller::Caller;
use serde_json::{Value, json};

/// The digest of another key than `fs_web` and `fs_app`.
const WEB: &str = "3e4ac8e5fd41ad2cd53b6b16e67bd1b3b3cba7a0f6a3c9f8a2ef1ad0e1c2d3f4";

fn config(value: Value) -> Config {
    Config::of(&value.to_string(), "sk").expect("a configuration")
}

fn hex(key: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keyed() -> Config {
    config(json!({
        "routes": {"support": {"models": ["a/a", "b/b"]}, "private": {"models": ["c/c"]}},
        "keys": [
            {"name": "web", "sha256": hex("fs_web"), "origins": ["https://app.example"], "routes": ["support"]},
            {"name": "app", "sha256": hex("fs_app"), "models": ["x/*", "y/y"]},
            {"name": "other", "sha256": WEB},
        ],
    }))
}

fn with_key(key: &str, origin: Option<&str>) -> Caller {
    Caller {
        authorization: Some(format!("Bearer {key}")),
        host: "edge.example".into(),
        origin: origin.map(Into::into),
        ..Caller::default()
    }
}

fn ways(config: &Config) -> &Ways {
    let Access::Keys(ways) = &config.access else { panic!("a loopback") };
    ways
}

fn status(config: &Config, caller: &Caller) -> u16 {
    admit(config, caller).map_or_else(|error| error.code.status(), |_| 200)
}

#[test]
fn a_key_is_known_by_its_digest_alone() {
    let config = keyed();
    assert_eq!(admit(&config, &with_key("fs_app", None)).expect("admitted").name(), "app");
    assert_eq!(status(&config, &with_key(WEB, None)), 401);
    assert_eq!(status(&config, &with_key("", None)), 401);
    assert_eq!(status(&config, &Caller::default()), 401);
    let basic = Caller { authorization: Some("Basic fs_app".into()), ..Caller::default() };
    assert_eq!(status(&config, &basic), 401);
}

#[test]
fn the_shape_of_a_token_decides_what_it_is_and_a_way_in_that_is_not_configured_is_closed() {
    let users = json!([{"issuer": "i", "audience": "a", "jwks": "https://id.example/jwks"}]);
    let all = json!({"users": users, "visitors": {"origins": ["https://app.example"]}});
    let variable = |name: &str| match name {
        "FAILSOFT" => Some(all.to_string()),
        name => Some(format!("{name}-that-has-enough-characters")),
    };
    let (open, closed) = (Config::read(variable).expect("a configuration"), keyed());
    for (token, expected) in [
        ("fs_0123456789abcdef_x.y.z", "ManagedKey(\"0123456789abcdef\")"),
        ("fsv_x.y.z", "Session("),
        ("x.y.z", "UserToken"),
        ("fs_web", "Unknown"),
        ("x.y", "Unknown"),
        ("", "Unknown"),
    ] {
        let found = format!("{:?}", classify(ways(&open), token));
        assert!(found.starts_with(expected), "{token}: {found}");
        let none = matches!(classify(ways(&closed), token), Credential::Unknown | Credential::ConfiguredKey(_));
        assert!(none, "{token}");
    }
    let long = Caller { authorization: Some(format!("Bearer {}", "x".repeat(20_000))), ..Caller::default() };
    assert!(bearer(&long).is_err());
}

#[test]
fn a_key_with_origins_works_on_these_pages_only() {
    let config = keyed();
    assert_eq!(status(&config, &with_key("fs_web", Some("https://app.example"))), 200);
    assert_eq!(status(&config, &with_key("fs_web", Some("https://edge.example"))), 200);
    assert_eq!(status(&config, &with_key("fs_web", Some("https://evil.example"))), 403);
    assert_eq!(status(&config, &with_key("fs_web", None)), 403);
}

#[test]
fn a_client_may_name_its_own_models_or_those_of_its_routes() {
    let config = keyed();
    let web = admit(&config, &with_key("fs_web", Some("https://app.example"))).expect("admitted");
    assert_eq!(web.models(), ["a/a", "b/b"]);
    assert!(web.may_name("a/a") && !web.may_name("c/c"));
    assert_eq!(web.routes().map(|route| route.name.as_str()).collect::<Vec<_>>(), ["support"]);
    let app = admit(&config, &with_key("fs_app", None)).expect("admitted");
    assert!(app.may_name("x/anything") && app.may_name("y/y") && !app.may_name("y/y:online") && !app.may_name("a/a"));
}

#[test]
fn a_star_is_the_end_of_a_pattern() {
    assert!(covers("*", "a/a") && covers("a/*", "a/b") && covers("a/b", "a/b"));
    assert!(!covers("a/*", "b/a") && !covers("a/b", "a/bc"));
}
