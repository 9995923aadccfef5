//! The rows of stored routes in the database. Each function is one statement, so a change happens as a whole or not at all.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use serde_json::Value;
use wasm_bindgen::JsValue;
use worker::{Env, Result};

use crate::config::Split;
use crate::ledger::database::query;
use crate::platform::host;

/// The most changes that one statement reads.
pub(crate) const PAGE: usize = 100;

/// The most names, of deleted routes too.
const MOST_NAMES: f64 = 3_000.0;

/// A route that changed, for isolates.
#[derive(Debug)]
pub(crate) struct ChangedRoute {
    /// The number of the change.
    pub(crate) number: u64,
    pub(crate) name: String,
    /// The version and its text. Nothing: the route is deleted.
    pub(crate) current: Option<(u64, String)>,
    /// The version that a part of the calls gets, its text, and the text of the split.
    pub(crate) second: Option<((u64, String), String)>,
}

/// A stored route: which version counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredRoute {
    pub(crate) name: String,
    pub(crate) current: Option<u64>,
    /// The version that a part of the calls gets, and the text of the split.
    pub(crate) second: Option<(u64, String)>,
    pub(crate) latest: u64,
    /// The number of its last change, which a change has to name.
    pub(crate) changed: u64,
    pub(crate) at: u64,
    pub(crate) admin: String,
    /// The text of the current version; of a list, its models.
    pub(crate) text: String,
}

/// A version of a route.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) version: u64,
    /// Nothing, in a list of versions.
    pub(crate) text: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) at: u64,
    pub(crate) admin: String,
}

/// What a change records beside the route: who, and when.
#[derive(Debug)]
pub(crate) struct Author<'a> {
    pub(crate) admin: &'a str,
    pub(crate) note: Option<&'a str>,
}

/// Reads the changes after the number `after`, the oldest first.
pub(crate) async fn read_changes(env: &Env, after: u64) -> Result<Vec<ChangedRoute>> {
    let statement = "SELECT routes.changed, routes.name, first.version, first.route, second.version, second.route, routes.split \
                     FROM routes \
                     LEFT JOIN route_versions AS first ON first.name = routes.name AND first.version = current \
                     LEFT JOIN route_versions AS second ON second.name = routes.name AND second.version = split_version \
                     WHERE routes.changed > ?1 ORDER BY routes.changed LIMIT ?2";
    let rows = query(env, statement, &[number(after), number(PAGE as u64)]).await?;
    let read = |row: &Vec<Value>| {
        Some(ChangedRoute {
            number: row.first()?.as_u64()?,
            name: text(row, 1)?,
            current: row.get(2).and_then(Value::as_u64).zip(text(row, 3)),
            second: row.get(4).and_then(Value::as_u64).zip(text(row, 5)).zip(text(row, 6)),
        })
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// The number of the last change of any route.
pub(crate) async fn last_change(env: &Env) -> Result<u64> {
    let rows = query(env, "SELECT coalesce(max(changed), 0) FROM routes", &[]).await?;
    Ok(rows.first().and_then(|row| row.first()?.as_u64()).unwrap_or_default())
}

const COLUMNS: &str =
    "SELECT routes.name, current, latest, changed, routes.at, routes.admin, split_version, routes.split";
const JOIN: &str = "FROM routes LEFT JOIN route_versions ON route_versions.name = routes.name AND version = current";

fn read_route(row: &[Value]) -> Option<StoredRoute> {
    let whole = |at: usize| row.get(at).and_then(Value::as_u64);
    Some(StoredRoute {
        name: text(row, 0)?,
        current: whole(1),
        latest: whole(2)?,
        changed: whole(3)?,
        at: whole(4)?,
        admin: text(row, 5)?,
        second: whole(6).zip(text(row, 7)),
        text: text(row, 8).unwrap_or_default(),
    })
}

/// Reads all routes that are not deleted, with the models of each in the place of its text.
pub(crate) async fn list(env: &Env) -> Result<Vec<StoredRoute>> {
    let statement = [COLUMNS, ", route -> 'models' ", JOIN, " WHERE current IS NOT NULL ORDER BY routes.name"].concat();
    Ok(query(env, &statement, &[]).await?.iter().filter_map(|row| read_route(row)).collect())
}

/// Reads the route `name`, also if it is deleted.
pub(crate) async fn read(env: &Env, name: &str) -> Result<Option<StoredRoute>> {
    let statement = [COLUMNS, ", route ", JOIN, " WHERE routes.name = ?1"].concat();
    Ok(query(env, &statement, &[name.into()]).await?.first().and_then(|row| read_route(row)))
}

/// Makes a row for the route `name`, which has no version yet. Does nothing if there is a row, or if there are too many.
pub(crate) async fn make_row(env: &Env, name: &str, author: &Author<'_>) -> Result<()> {
    let statement = "INSERT INTO routes (name, latest, changed, at, admin) \
                     SELECT ?1, 0, (SELECT coalesce(max(changed), 0) + 1 FROM routes), ?2, ?3 \
                     WHERE (SELECT count(*) FROM routes) < ?4 ON CONFLICT DO NOTHING";
    let values = [name.into(), now(), author.admin.into(), MOST_NAMES.into()];
    query(env, statement, &values).await.map(drop)
}

/// The number of routes that are not deleted.
pub(crate) async fn count(env: &Env) -> Result<u64> {
    let rows = query(env, "SELECT count(*) FROM routes WHERE current IS NOT NULL", &[]).await?;
    Ok(rows.first().and_then(|row| row.first()?.as_u64()).unwrap_or_default())
}

/// Publishes `route` as the next version, for a part of the calls if there is a `split`, if the last change of the route `name` is
/// still `changed`. Returns the version.
pub(crate) async fn publish(
    env: &Env,
    name: &str,
    changed: u64,
    (route, split): (&str, Option<&str>),
    author: &Author<'_>,
) -> Result<Option<u64>> {
    let statement = "INSERT INTO route_versions (name, version, route, note, at, admin, split) \
                     SELECT name, latest + 1, ?2, ?3, ?4, ?5, ?7 FROM routes WHERE name = ?1 AND changed = ?6 \
                     RETURNING version";
    let text = |text: Option<&str>| text.map_or(JsValue::NULL, JsValue::from);
    let values =
        [name.into(), route.into(), text(author.note), now(), author.admin.into(), number(changed), text(split)];
    Ok(query(env, statement, &values).await?.first().and_then(|row| row.first()?.as_u64()))
}

/// Makes `current` the version that counts, with `second` for a part of the calls, if the last change of the route `name` is still
/// `changed`. Without `current`, the route is deleted. Returns the number of the change.
pub(crate) async fn point(
    env: &Env,
    name: &str,
    changed: u64,
    (current, second): (Option<u64>, Option<&(u64, String)>),
    author: &Author<'_>,
) -> Result<Option<u64>> {
    let statement = "UPDATE routes SET current = ?2, split_version = ?6, split = ?7, \
                     changed = (SELECT max(changed) + 1 FROM routes), at = ?3, admin = ?4 \
                     WHERE name = ?1 AND changed = ?5 RETURNING changed";
    let current = current.map_or(JsValue::NULL, number);
    let (version, split) = match second {
        Some((version, split)) => (number(*version), split.as_str().into()),
        None => (JsValue::NULL, JsValue::NULL),
    };
    let values = [name.into(), current, now(), author.admin.into(), number(changed), version, split];
    Ok(query(env, statement, &values).await?.first().and_then(|row| row.first()?.as_u64()))
}

/// Reads a stored split.
pub(crate) fn read_split(text: &str) -> std::result::Result<Split, Box<Invalid>> {
    Split::read(&Section::object("split", Json::parse(text).unwrap_or(Json::NULL))?)
}

/// Reads the versions of the route `name` without their texts, the newest first.
pub(crate) async fn versions(env: &Env, name: &str) -> Result<Vec<Version>> {
    let statement = "SELECT version, NULL, note, at, admin FROM route_versions WHERE name = ?1 ORDER BY version DESC";
    Ok(query(env, statement, &[name.into()]).await?.iter().filter_map(|row| read_version(row)).collect())
}

/// Reads one version of the route `name`.
pub(crate) async fn version(env: &Env, name: &str, version: u64) -> Result<Option<Version>> {
    let statement = "SELECT version, route, note, at, admin FROM route_versions WHERE name = ?1 AND version = ?2";
    Ok(query(env, statement, &[name.into(), number(version)]).await?.first().and_then(|row| read_version(row)))
}

fn read_version(row: &[Value]) -> Option<Version> {
    Some(Version {
        version: row.first()?.as_u64()?,
        text: text(row, 1),
        note: text(row, 2),
        at: row.get(3)?.as_u64()?,
        admin: text(row, 4)?,
    })
}

/// The tokens of a prompt of the route `name` that one prompt in a hundred exceeds, of the last 10,000 that stored versions answered.
pub(crate) async fn long_prompt(env: &Env, name: &str) -> Result<Option<u64>> {
    let recent = "SELECT prompt_tokens FROM attempts WHERE route = ?1 AND version IS NOT NULL AND role = 'answer' \
                  AND prompt_tokens IS NOT NULL ORDER BY at DESC LIMIT 10000";
    let statement = [
        "WITH recent AS (",
        recent,
        ") SELECT prompt_tokens FROM recent ORDER BY prompt_tokens DESC LIMIT 1 OFFSET (SELECT count(*) / 100 FROM recent)",
    ];
    let rows = query(env, &statement.concat(), &[name.into()]).await?;
    Ok(rows.first().and_then(|row| row.first()?.as_u64()))
}

fn now() -> JsValue {
    number(host::now())
}

fn number(value: u64) -> JsValue {
    (value as f64).into()
}

fn text(row: &[Value], at: usize) -> Option<String> {
    row.get(at)?.as_str().map(str::to_owned)
}
