//! `/admin/keys`: client keys are made, shown, changed, rotated and revoked, by whoever has the secret `ADMIN_TOKEN`.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/keys` | all keys |
//! | `POST /admin/keys` | makes one of `{"name", "expiresAt", "origins", "routes", "models", "budget"}`; shows it, once |
//! | `GET /admin/keys/ID` | one key, as it is |
//! | `PATCH /admin/keys/ID` | changes what is named; `null` takes it away |
//! | `POST /admin/keys/ID/rotate` | another secret; the old one works for `{"grace"}` seconds more, 0 if not said |
//! | `DELETE /admin/keys/ID` | revokes it |
//!
//! The object of a key is told first, and the list of all keys then: what a key may do is never behind what is shown. The
//! list shows of each key its name and its dates.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use serde_json::{Map, Value, json};
use worker::Env;

use super::bearer;
use super::keys::{Answer, Message, Record, Secret, ask, unavailable};
use crate::config::{Access, Config, check_managed_key, digest, is_key_id};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};
use crate::http::reply::{Reply, list};
use crate::http::request_head::RequestHead;
use crate::{http::body, platform::host};

/// Bytes of a request.
const LARGEST: usize = 16 * 1024;
/// The longest grace of a rotated key, in seconds: 30 days.
const LONGEST_GRACE: u64 = 30 * 24 * 60 * 60;
/// The object with the list of all keys. No id is spelt like that.
const REGISTRY: &str = "registry";

const KEYS: &str = "/admin/keys";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Action<'a> {
    List,
    Create,
    Show(&'a str),
    Change(&'a str),
    Rotate(&'a str),
    Revoke(&'a str),
}

/// Does it.
pub(crate) async fn answer(
    request: &web_sys::Request,
    visit: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    admit(config, &visit.caller)?;
    match action(&visit.method, &visit.path)? {
        Action::List => match ask(env, REGISTRY, &Message::List).await? {
            Answer::Listed(rows) => Ok(Reply::json(200, list(rows))),
            _ => Err(unavailable()),
        },
        Action::Create => create(request, visit, config, env).await,
        Action::Show(id) => Ok(Reply::json(200, key(ask(env, id, &Message::Show).await?)?.shown())),
        Action::Change(id) => {
            let terms = given(request, visit, |section| check_managed_key(section, &config.routes)).await?;
            changed(env, id, &Message::Change { terms }).await
        }
        Action::Rotate(id) => rotate(request, visit, id, env).await,
        Action::Revoke(id) => changed(env, id, &Message::Revoke).await,
    }
}

/// Lets in who has the secret, and no web page from elsewhere.
fn admit(config: &Config, caller: &Caller) -> Result<(), ApiError> {
    let Access::Keys(ways) = &config.access else {
        let message = "this edge needs no keys: its `access` is `loopback`";
        return Err(ApiError::new(Code::UnknownUrl, message));
    };
    let Some(secret) = &ways.admin else {
        let message = "/admin is not set up: `wrangler secret put ADMIN_TOKEN`, with at least 32 characters";
        return Err(ApiError::new(Code::AdminNotSetUp, message));
    };
    if caller.origin.as_deref().is_some_and(|origin| !is_own(origin, &caller.host)) {
        return Err(ApiError::new(Code::OriginNotAllowed, "no other web page may use /admin"));
    }
    match bearer(caller) {
        Ok(token) if digest::same(secret, &digest::of(token)) => Ok(()),
        _ => {
            let message = "send `Authorization: Bearer` and the secret ADMIN_TOKEN of this edge";
            Err(ApiError::new(Code::InvalidAdminToken, message))
        }
    }
}

fn action<'a>(method: &str, path: &'a str) -> Result<Action<'a>, ApiError> {
    let unknown = || ApiError::new(Code::UnknownUrl, format!("there is nothing here; there is {KEYS}"));
    let rest = path.trim_end_matches('/').strip_prefix(KEYS).ok_or_else(unknown)?;
    let (id, verb) = match rest.strip_prefix('/') {
        None if rest.is_empty() => ("", ""),
        None => return Err(unknown()),
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
    };
    if !id.is_empty() && !is_key_id(id) {
        return Err(missing());
    }
    match (method, id, verb) {
        ("GET", "", "") => Ok(Action::List),
        ("POST", "", "") => Ok(Action::Create),
        (_, "", _) => Err(wrong_method("GET, POST")),
        ("GET", id, "") => Ok(Action::Show(id)),
        ("PATCH", id, "") => Ok(Action::Change(id)),
        ("DELETE", id, "") => Ok(Action::Revoke(id)),
        (_, _, "") => Err(wrong_method("GET, PATCH, DELETE")),
        ("POST", id, "rotate") => Ok(Action::Rotate(id)),
        (_, _, "rotate") => Err(wrong_method("POST")),
        _ => Err(unknown()),
    }
}

fn wrong_method(methods: &'static str) -> ApiError {
    let message = ["this takes ", methods].concat();
    let mut refusal = ApiError::new(Code::MethodNotAllowed, message);
    refusal.allow = Some(methods);
    refusal
}

fn missing() -> ApiError {
    ApiError::new(Code::KeyNotFound, "there is no such key")
}

async fn create(
    request: &web_sys::Request,
    visit: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let terms = given(request, visit, |section| {
        check_managed_key(section, &config.routes)?;
        match section.text("name")? {
            Some(_) => Ok(()),
            None => Err(section.wrong("name", "is missing: logs call the key by it")),
        }
    });
    let mut terms = terms.await?;
    terms.retain(|_, value| !value.is_null());
    let secret = Secret::new();
    let record = Record::new(secret.id.clone(), terms, secret.digest(), host::now());
    let record = key(ask(env, &secret.id, &Message::Create(record)).await?)?;
    // If that fails, there is a key that nobody has seen.
    enter(env, &record).await?;
    Ok(shown_once(201, &record, &secret))
}

async fn rotate(request: &web_sys::Request, visit: &RequestHead, id: &str, env: &Env) -> Result<Reply, ApiError> {
    let mut grace = 0;
    given(request, visit, |section| {
        section.only("grace")?;
        section.whole("grace", 0, LONGEST_GRACE, &mut grace)
    })
    .await?;
    let secret = Secret::of(id.into());
    let message = Message::Rotate { digest: secret.digest(), grace: grace * 1_000 };
    let record = key(ask(env, id, &message).await?)?;
    // The new secret is shown now or never, whether or not the list has its date.
    let _ = enter(env, &record).await;
    Ok(shown_once(200, &record, &secret))
}

/// The key as it is after `message`.
async fn changed(env: &Env, id: &str, message: &Message) -> Result<Reply, ApiError> {
    let record = key(ask(env, id, message).await?)?;
    enter(env, &record).await?;
    Ok(Reply::json(200, record.shown()))
}

/// The key that an object answers with.
fn key(answer: Answer) -> Result<Record, ApiError> {
    let conflict = |code, message: &str| Err(ApiError::new(code, message));
    match answer {
        Answer::Key(record) => Ok(record),
        Answer::Missing => Err(missing()),
        Answer::Revoked => conflict(Code::KeyRevoked, "this key was revoked, and stays so; make another one"),
        Answer::Taken => conflict(Code::KeyExists, "there is such a key already; try again"),
        _ => Err(unavailable()),
    }
}

async fn enter(env: &Env, record: &Record) -> Result<(), ApiError> {
    match ask(env, REGISTRY, &Message::Enter { id: record.id.clone(), row: record.row() }).await? {
        Answer::Done => Ok(()),
        Answer::Full => Err(ApiError::new(Code::TooManyKeys, "there are as many keys as can be")),
        _ => Err(unavailable()),
    }
}

fn shown_once(status: u16, record: &Record, secret: &Secret) -> Reply {
    let mut shown = record.shown();
    shown["key"] = json!(secret.key);
    Reply::json(status, shown)
}

/// The object in the body; nothing is an empty one.
async fn given(
    request: &web_sys::Request,
    visit: &RequestHead,
    check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
) -> Result<Map<String, Value>, ApiError> {
    read(&body::read_small(request, visit, LARGEST).await?, check)
}

fn read(
    body: &[u8],
    check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
) -> Result<Map<String, Value>, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let not_json = || ApiError::new(Code::InvalidJson, "the body must be a JSON object");
    let value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    let Value::Object(fields) = value else { return Err(not_json()) };
    // Checked is what is kept: of two fields with one name, it is the last that was read.
    let text = Value::Object(fields.clone()).to_string();
    check(&Section::object("", Json::parse(&text).unwrap_or(Json::NULL))?)?;
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::{Action, action, admit, read};
    use crate::config::{Config, check_managed_key};
    use crate::http::caller::Caller;
    use serde_json::{Value, json};

    const ID: &str = "0123456789abcdef";
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
    fn who_has_the_secret_is_let_in_and_from_no_page_but_the_edges_own() {
        let set = config(Some(&[TOKEN, "\n"].concat()));
        let status = |config: &Config, token: &str, origin: Option<&str>| {
            let caller = Caller {
                authorization: Some(format!("Bearer {token}")),
                host: "edge.example".into(),
                origin: origin.map(Into::into),
                ..Caller::default()
            };
            admit(config, &caller).map_or_else(|refusal| refusal.code.status(), |()| 200)
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
    fn a_path_and_a_method_are_an_action_or_an_answer_that_helps() {
        let id = |rest: &str| ["/admin/keys/", ID, rest].concat();
        assert_eq!(action("GET", "/admin/keys/").ok(), Some(Action::List));
        assert_eq!(action("POST", "/admin/keys").ok(), Some(Action::Create));
        assert_eq!(action("PATCH", &id("")).ok(), Some(Action::Change(ID)));
        assert_eq!(action("DELETE", &id("/")).ok(), Some(Action::Revoke(ID)));
        assert_eq!(action("POST", &id("/rotate")).ok(), Some(Action::Rotate(ID)));
        for (method, path, expected) in [
            ("PUT", "/admin/keys".to_owned(), 405),
            ("POST", id(""), 405),
            ("GET", id("/rotate"), 405),
            ("GET", id("/other"), 404),
            ("GET", "/admin".into(), 404),
            ("GET", "/admin/keysy".into(), 404),
            ("GET", "/admin/keys/registry".into(), 404),
            ("GET", "/admin/keys/..%2Fregistry".into(), 404),
        ] {
            let refusal = action(method, &path).expect_err(&path);
            assert_eq!(refusal.code.status(), expected, "{method} {path}");
        }
    }

    #[test]
    fn terms_are_checked_as_those_of_the_configuration_with_their_path() {
        let check = |given: Value| {
            let given = given.to_string();
            read(given.as_bytes(), |section| check_managed_key(section, &config(None).routes))
                .map_err(|refusal| refusal.message)
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
            let said = check(given).expect_err("a problem");
            assert!(said.contains(problem), "{said}");
        }
    }
}
