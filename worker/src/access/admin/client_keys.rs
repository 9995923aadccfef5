//! `/admin/keys`: makes, shows, changes, rotates and revokes client keys.
//!
//! | request | |
//! |---|---|
//! | `GET /admin/keys` | all keys |
//! | `POST /admin/keys` | makes a key from `{"name", "expiresAt", "origins", "addresses", "routes", "models", "budget", "report"}`, and shows it once |
//! | `GET /admin/keys/ID` | one key |
//! | `PATCH /admin/keys/ID` | changes the given terms; `null` removes a term |
//! | `POST /admin/keys/ID/rotate` | replaces the secret; the old one works for `{"grace"}` seconds more (default 0) |
//! | `DELETE /admin/keys/ID` | revokes the key |
//!
//! A change goes to the object of the key first, and then to the list of all keys. So the key itself is never older than
//! the list, which shows the name and the dates of each key.

use failsoft::invalid::Section;
use serde_json::{Value, json};
use worker::Env;

use super::AdminRequest;
use super::action::{KeyAction as Action, key_not_found};
use crate::access::keys::{Answer, Message, Record, Secret, read_grant, send, unavailable};
use crate::config::{Access, Account, Config, check_managed_key};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::{Reply, list};
use crate::platform::host;

/// The longest grace of a rotated key, in seconds: 30 days.
const LONGEST_GRACE: u64 = 30 * 24 * 60 * 60;
/// The object with the list of all keys. No id of a key is spelt like this.
const REGISTRY: &str = "registry";

/// Answers a request about client keys.
pub(super) async fn answer(action: Action<'_>, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    let (config, env) = (&**request.config, request.env);
    match action {
        Action::List => match send(env, REGISTRY, &Message::List).await? {
            Answer::Listed(rows) => Ok(Reply::json(200, list(rows))),
            _ => Err(unavailable()),
        },
        Action::Create => create(request).await,
        Action::Show(id) => Ok(Reply::json(200, expect_key(send(env, id, &Message::Show).await?)?.details())),
        Action::Change(id) => {
            let terms = request.read_fields(|section| check_managed_key(section, &config.routes)).await?;
            change(config, env, id, &Message::Change { terms }).await
        }
        Action::Rotate(id) => rotate(request, id).await,
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

async fn create(request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    let (config, env) = (&**request.config, request.env);
    let terms = request.read_fields(|section| {
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

async fn rotate(request: &AdminRequest<'_>, id: &str) -> Result<Reply, ApiError> {
    let (mut grace, env) = (0, request.env);
    let check = |section: &Section<'_>| {
        section.only("grace")?;
        section.whole("grace", 0, LONGEST_GRACE, &mut grace)
    };
    request.read_fields(check).await?;
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
        Answer::Missing => Err(key_not_found()),
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
