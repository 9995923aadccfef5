use super::fields::parse_fields;
use super::{check_scope, find_admin};
use crate::config::{Admin, Config, Scope, check_managed_key};
use crate::growth::{Case, assert_linear};
use crate::http::caller::Caller;
use serde_json::{Value, json};

const TOKEN: &str = "an admin token of enough characters";

fn config(token: Option<&str>) -> Config {
    let variable = |name: &str| match name {
        "FAILSOFT" => Some(json!({"keys": [{"name": "a", "sha256": "0".repeat(64)}]}).to_string()),
        "UPSTREAM_API_KEY" | "KEYS" => Some("sk".into()),
        "ADMIN_TOKEN" => token.map(Into::into),
        _ => None,
    };
    Config::read(variable).expect("a configuration")
}

#[test]
fn the_admin_token_admits_requests_except_from_other_web_pages() {
    let set = config(Some(&[TOKEN, "\n"].concat()));
    let status = |config: &Config, token: &str, origin: Option<&str>| {
        let caller = Caller {
            authorization: Some(format!("Bearer {token}")),
            host: "edge.example".into(),
            origin: origin.map(Into::into),
            ..Caller::default()
        };
        find_admin(config, &caller).map_or_else(|error| error.code.status(), |_| 200)
    };
    assert_eq!(status(&set, TOKEN, None), 200);
    assert_eq!(status(&set, TOKEN, Some("https://edge.example")), 200);
    assert_eq!(status(&set, TOKEN, Some("https://evil.example")), 403);
    assert_eq!(status(&set, &TOKEN[1..], None), 401);
    assert_eq!(status(&set, "", None), 401);
    assert_eq!(status(&config(None), TOKEN, None), 404);
    assert_eq!(status(&config(None), "", None), 404);
}

#[test]
fn a_scope_that_the_token_has_not_is_refused() {
    let set = config(Some(TOKEN));
    let caller = Caller { authorization: Some(format!("Bearer {TOKEN}")), ..Caller::default() };
    let owner = find_admin(&set, &caller).expect("the owner");
    assert!([Scope::Read, Scope::Keys, Scope::Routes].into_iter().all(|scope| check_scope(owner, scope).is_ok()));
    let mut reader = Admin::default();
    reader.scopes.push(Scope::Read);
    assert!(check_scope(&reader, Scope::Read).is_ok());
    let error = check_scope(&reader, Scope::Routes).expect_err("an error");
    assert_eq!((error.code.status(), error.message.contains("`routes`")), (403, true));
}

#[test]
fn terms_are_checked_like_the_configuration_and_problems_have_a_path() {
    let check = |given: Value| {
        let given = given.to_string();
        parse_fields(given.as_bytes(), |section| check_managed_key(section, &config(None).routes))
            .map_err(|error| error.message)
    };
    let given = json!({"name": "a", "budget": {"usd": {"day": 1.5}}, "expiresAt": 1_800_000_000, "origins": null});
    assert_eq!(check(given.clone()).map(Value::Object), Ok(given));
    for (given, problem) in [
        (json!({"id": "x"}), "`id` is not a known field"),
        (json!({"name": ""}), "`name` must have 1 to 100 characters"),
        (json!({"name": "a\r\nset-cookie: b"}), "none of them a control character"),
        (json!({"name": 1}), "`name` must be a string"),
        (json!({"expiresAt": 1_800_000_000_000_u64}), "`expiresAt` must be a whole number from 0 to 9999999999"),
        (json!({"routes": ["nope"]}), "`routes[0]` is not one of `routes`"),
        (json!({"origins": ["*"]}), "`origins` cannot hold \"*\""),
        (json!({"origins": ["https://a.example/x"]}), "`origins[0]` must be an origin"),
        (json!({"budget": {"usd": {"year": 1}}}), "`budget.usd.year` is not a known field"),
        (json!({"models": "a"}), "`models` must be an array"),
        (json!([]), "must be a JSON object"),
    ] {
        let message = check(given).expect_err("a problem");
        assert!(message.contains(problem), "{message}");
    }
}

#[test]
fn no_body_takes_steps_out_of_proportion() {
    fn read(body: &str) {
        let config = config(Some(TOKEN));
        if let Err(error) = parse_fields(body.as_bytes(), |section| check_managed_key(section, &config.routes)) {
            assert!(error.message.len() < 1_000, "{}", error.message.len());
        }
    }
    let case = |name, input| Case { name, input, work: read };
    let cases = [
        case("a long field", |size| json!({ "n".repeat(size): 1 }).to_string()),
        case("many null fields", |size| {
            json!((0..size / 12).map(|at| (format!("f{at}"), Value::Null)).collect::<serde_json::Map<_, _>>())
                .to_string()
        }),
        case("one field again and again", |size| format!("{{{}\"name\":\"a\"}}", "\"name\":\"a\",".repeat(size / 11))),
        case("a long name", |size| json!({"name": "é".repeat(size / 2)}).to_string()),
        case("deep nesting", |size| "[".repeat(size)),
        case("a long limit", |size| json!({"budget": {"x".repeat(size): 1}}).to_string()),
        case("many origins", |size| list_of("origins", size)),
        case("many routes", |size| list_of("routes", size)),
        case("many models", |size| list_of("models", size)),
    ];
    assert_linear("access::admin::tests::no_body_takes_steps_out_of_proportion", &cases);
}

fn list_of(name: &str, size: usize) -> String {
    let items: Vec<String> = (0..size / 24).map(|at| format!("https://a{at:07}.example")).collect();
    json!({ name: items }).to_string()
}
