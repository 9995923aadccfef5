//! `/admin`: makes, shows, changes, rotates and revokes client keys, revokes sessions, and pauses the edge. A request needs an
//! admin token: the secret `ADMIN_TOKEN`, or a token of `admins` whose scopes allow the request. The dashboard's requests have
//! the cookie of an admin session instead (`session.rs`).
//!
//! | request | |
//! |---|---|
//! | `GET /admin/keys` | all keys |
//! | `POST /admin/keys` | makes a key from `{"name", "expiresAt", "origins", "addresses", "routes", "models", "budget", "report"}`, and shows it once |
//! | `GET /admin/keys/ID` | one key |
//! | `PATCH /admin/keys/ID` | changes the given terms; `null` removes a term |
//! | `POST /admin/keys/ID/rotate` | replaces the secret; the old one works for `{"grace"}` seconds more (default 0) |
//! | `DELETE /admin/keys/ID` | revokes the key |
//! | `DELETE /admin/sessions/ID` | revokes a visitor's session |
//! | `GET`, `POST /admin/pause`, `POST /admin/resume` | see `switch.rs` |
//! | `/admin/session` | see `session.rs` |
//!
//! A change goes to the object of the key first, and then to the list of all keys. So the key itself is never older than
//! the list, which shows the name and the dates of each key.

mod action;
mod session;
mod switch;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use serde_json::{Map, Value, json};
use worker::Env;

use action::{Action, not_found, read_action};
use session::Session;

use super::keys::{Answer, Message, Record, Secret, read_grant, send, unavailable};
use super::{bearer, brake, without_key};
use crate::account::AccountClient;
use crate::config::{Access, Account, Admin, Config, Scope, check_managed_key, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};
use crate::http::encryption::is_secure;
use crate::http::reply::{Reply, list};
use crate::http::request_head::RequestHead;
use crate::{http::body, platform::host};

/// The most bytes of a request.
const LARGEST: usize = 16 * 1024;
/// The longest grace of a rotated key, in seconds: 30 days.
const LONGEST_GRACE: u64 = 30 * 24 * 60 * 60;
/// The object with the list of all keys. No id of a key is spelt like this.
const REGISTRY: &str = "registry";

/// Who sent a request to `/admin`.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) admin: &'a Admin,
    /// The session, if the request has its cookie in place of a token.
    session: Option<Session>,
}

/// Whoever uses a loopback edge: a program on this machine, or the edge's own page. There are no keys to manage.
static LOCAL: LazyLock<Admin> = LazyLock::new(Admin::local);

/// Admits the sender of a request to `/admin`.
pub(crate) async fn admit<'a>(
    config: &'a Config,
    request: &web_sys::Request,
    caller: &Caller,
    env: &Env,
) -> Result<Sender<'a>, ApiError> {
    if let (Access::Keys(ways), None) = (&config.access, &caller.authorization)
        && !ways.admins.is_empty()
        && let Some((admin, session)) = session::admit(ways, request, caller, is_secure(config, caller), env).await?
    {
        return Ok(Sender { admin, session: Some(session) });
    }
    match find_admin(config, caller) {
        Err(error) if error.code == Code::InvalidAdminToken => {
            Err(brake::wrong_guess(env, caller, "ADMIN_TOKEN", error).await)
        }
        admin => admin.map(|admin| Sender { admin, session: None }),
    }
}

/// Refuses a request with the cookie of a session that another page may have sent.
pub(crate) fn check_purpose(
    sender: &Sender<'_>,
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
) -> Result<(), ApiError> {
    match &sender.session {
        Some(session) => session::check_purpose(session, request, head, is_secure(config, &head.caller)),
        None => Ok(()),
    }
}

/// Answers a request of `sender`.
pub(crate) async fn answer(
    sender: &Sender<'_>,
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let Sender { admin, session } = sender;
    check_purpose(sender, request, head, config)?;
    if let Some(answer) = session::answer(admin, session.as_ref(), request, head, config, env).await {
        return answer;
    }
    let action = read_action(&head.method, &head.path)?;
    check_scope(admin, action.scope())?;
    if config.access == Access::Loopback && action.is_about_clients() {
        let message = "this edge has no client keys, no sessions and no pause, because its `access` is `loopback`";
        return Err(ApiError::new(Code::UnknownUrl, message));
    }
    match action {
        Action::Switch(switch) => switch.act(env).await,
        Action::RevokeSession(id) => {
            AccountClient::new(env).revoke_session(id).await?;
            Ok(Reply::json(200, json!({"id": id, "revoked": true})))
        }
        Action::List => match send(env, REGISTRY, &Message::List).await? {
            Answer::Listed(rows) => Ok(Reply::json(200, list(rows))),
            _ => Err(unavailable()),
        },
        Action::Create => create(request, head, config, env).await,
        Action::Show(id) => Ok(Reply::json(200, expect_key(send(env, id, &Message::Show).await?)?.details())),
        Action::Change(id) => {
            let terms = read_fields(request, head, |section| check_managed_key(section, &config.routes)).await?;
            change(config, env, id, &Message::Change { terms }).await
        }
        Action::Rotate(id) => rotate(request, head, id, env).await,
        Action::Revoke(id) => change(config, env, id, &Message::Revoke).await,
    }
}

/// The accounts of managed keys that are valid, each with the name of the key: `most` of them behind the first `after`. Also
/// returns whether there are more.
pub(crate) async fn find_managed_accounts(
    config: &Config,
    env: &Env,
    after: usize,
    most: usize,
) -> Result<(Vec<(String, Account)>, bool), ApiError> {
    let Access::Keys(ways) = &config.access else { return Ok((Vec::new(), false)) };
    if ways.admins.is_empty() {
        return Ok((Vec::new(), false));
    }
    let Answer::Listed(rows) = send(env, REGISTRY, &Message::List).await? else { return Err(unavailable()) };
    let valid = rows.iter().filter(|row| row.get("revokedAt").is_none());
    let mut ids = valid.filter_map(|row| row.get("id")?.as_str()).skip(after);
    let mut accounts = Vec::new();
    for id in ids.by_ref().take(most) {
        let record = expect_key(send(env, id, &Message::Show).await?)?;
        let grant = read_grant(id, &record.terms)?;
        accounts.push((["Key ", &grant.name].concat(), grant.account));
    }
    Ok((accounts, ids.next().is_some()))
}

/// Finds the admin whose token `caller` sent. Refuses web pages of another origin.
fn find_admin<'a>(config: &'a Config, caller: &Caller) -> Result<&'a Admin, ApiError> {
    let is_foreign = caller.origin.as_deref().is_some_and(|origin| !is_own(origin, &caller.host));
    let foreign = || ApiError::new(Code::OriginNotAllowed, "web pages of another origin may not use /admin");
    let Access::Keys(ways) = &config.access else {
        without_key::check(config, caller)?;
        // Not even a page in `origins`.
        return if is_foreign { Err(foreign()) } else { Ok(&LOCAL) };
    };
    if ways.admins.is_empty() {
        let message = "/admin is not set up: run `wrangler secret put ADMIN_TOKEN`, with at least 32 characters";
        return Err(ApiError::new(Code::AdminNotSetUp, message));
    }
    if is_foreign {
        return Err(foreign());
    }
    let sent = bearer(caller).map(digest::of).ok();
    // The loop compares every token in full, so its duration reveals nothing.
    let mut found = None;
    for admin in &ways.admins {
        if sent.as_ref().is_some_and(|sent| admin.has_token(sent)) {
            found = Some(admin);
        }
    }
    found.ok_or_else(|| {
        let message =
            "the admin token is wrong or missing: send `Authorization: Bearer` and the secret ADMIN_TOKEN of this edge";
        ApiError::new(Code::InvalidAdminToken, message)
    })
}

/// Refuses a request that the token of `admin` does not allow.
pub(crate) fn check_scope(admin: &Admin, scope: Scope) -> Result<(), ApiError> {
    if admin.scopes.contains(&scope) {
        return Ok(());
    }
    let message = ["this admin token has not the scope `", scope.name(), "`, which this request needs"].concat();
    Err(ApiError::new(Code::InsufficientScope, message))
}

async fn create(request: &web_sys::Request, head: &RequestHead, config: &Config, env: &Env) -> Result<Reply, ApiError> {
    let terms = read_fields(request, head, |section| {
        check_managed_key(section, &config.routes)?;
        match section.text("name")? {
            Some(_) => Ok(()),
            None => Err(section.wrong("name", "is missing: give the key a name for logs and budgets")),
        }
    });
    let mut terms = terms.await?;
    terms.retain(|_, value| !value.is_null());
    let secret = Secret::new();
    let record = Record::new(secret.id.clone(), terms, secret.digest(), host::now());
    let record = expect_key(send(env, &secret.id, &Message::Create(record)).await?)?;
    // If this fails, the key exists but nobody has seen its secret.
    register(env, &record).await?;
    warn(config, &record);
    Ok(show_once(201, &record, &secret))
}

async fn rotate(request: &web_sys::Request, head: &RequestHead, id: &str, env: &Env) -> Result<Reply, ApiError> {
    let mut grace = 0;
    read_fields(request, head, |section| {
        section.only("grace")?;
        section.whole("grace", 0, LONGEST_GRACE, &mut grace)
    })
    .await?;
    let secret = Secret::with_id(id.into());
    let message = Message::Rotate { digest: secret.digest(), grace: grace * 1_000 };
    let record = expect_key(send(env, id, &message).await?)?;
    // The new secret is shown only now, so a list that is not updated is no error.
    let _ = register(env, &record).await;
    Ok(show_once(200, &record, &secret))
}

/// Sends `message` to the object of the key, and answers with the changed key.
async fn change(config: &Config, env: &Env, id: &str, message: &Message) -> Result<Reply, ApiError> {
    let record = expect_key(send(env, id, message).await?)?;
    register(env, &record).await?;
    warn(config, &record);
    Ok(Reply::json(200, record.details()))
}

/// Writes a line to the log if the key may spend any amount.
fn warn(config: &Config, record: &Record) {
    let name = record.terms.get("name").and_then(Value::as_str).unwrap_or(&record.id);
    if let Some(warning) = config.warning_about(name, &record.terms).filter(|_| !record.is_revoked()) {
        host::log(&json!({"event": "setup", "warning": warning}).to_string());
    }
}

/// Returns the key in an answer, or the error that the answer stands for.
fn expect_key(answer: Answer) -> Result<Record, ApiError> {
    let conflict = |code, message: &str| Err(ApiError::new(code, message));
    match answer {
        Answer::Key(record) => Ok(record),
        Answer::Missing => Err(not_found()),
        Answer::Revoked => conflict(Code::KeyRevoked, "this key was revoked and cannot change; make another key"),
        Answer::Taken => conflict(Code::KeyExists, "a key with this id exists already; try again"),
        _ => Err(unavailable()),
    }
}

/// Updates the row of a key in the list of all keys.
async fn register(env: &Env, record: &Record) -> Result<(), ApiError> {
    match send(env, REGISTRY, &Message::Enter { id: record.id.clone(), row: record.list_row() }).await? {
        Answer::Done => Ok(()),
        Answer::Full => Err(ApiError::new(Code::TooManyKeys, "the list of keys is full: revoked keys stay in it")),
        _ => Err(unavailable()),
    }
}

/// The answer with a new secret. No later answer contains the secret.
fn show_once(status: u16, record: &Record, secret: &Secret) -> Reply {
    let mut details = record.details();
    details["key"] = json!(secret.key);
    Reply::json(status, details)
}

/// Reads the fields in the body, and checks them with `check`. An empty body has no fields.
async fn read_fields(
    request: &web_sys::Request,
    head: &RequestHead,
    check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
) -> Result<Map<String, Value>, ApiError> {
    read_fields_within(request, head, LARGEST, check).await
}

/// Reads the fields in a body of at most `limit` bytes, and checks them with `check`.
pub(crate) async fn read_fields_within(
    request: &web_sys::Request,
    head: &RequestHead,
    limit: usize,
    check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
) -> Result<Map<String, Value>, ApiError> {
    parse_fields(&body::read_small(request, head, limit).await?, check)
}

fn parse_fields(
    body: &[u8],
    check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
) -> Result<Map<String, Value>, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let not_json = || ApiError::new(Code::InvalidJson, "the body must be a JSON object");
    let value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    let Value::Object(fields) = value else { return Err(not_json()) };
    // The check reads what will be stored: of two fields with one name, serde_json keeps the last.
    let text = Value::Object(fields.clone()).to_string();
    check(&Section::object("", Json::parse(&text).unwrap_or(Json::NULL))?)?;
    Ok(fields)
}
