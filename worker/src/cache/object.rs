//! The Durable Object that stores the answers of a part of the accounts.

use std::rc::Rc;

use failsoft::{Json, Millis};
use serde_json::json;
use worker::{DurableObject, Env, Request, Response, SqlStorage, SqlStorageValue, State, Storage, durable_object};

use crate::config;
use crate::platform::{host, object};
use crate::routes;

/// How often the object looks for answers that must go, in milliseconds. A route without a cache keeps its answers for less than a
/// minute: this time, and the time in which a change of a route reaches the object.
const ROUND: Millis = 40_000;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS answers (number INTEGER PRIMARY KEY, account TEXT NOT NULL, \
                      key TEXT NOT NULL, route TEXT NOT NULL, until INTEGER NOT NULL, bytes INTEGER NOT NULL, \
                      entry TEXT NOT NULL, UNIQUE (account, key))";
const FIND: &str = "SELECT entry FROM answers WHERE account = ? AND key = ? AND until > ?";
const STORE: &str =
    "INSERT OR REPLACE INTO answers (account, key, route, until, bytes, entry) VALUES (?, ?, ?, ?, ?, ?)";
/// Removes the oldest answers of an account beyond a number of bytes.
const SHORTEN: &str = "DELETE FROM answers WHERE number IN (SELECT number FROM (SELECT number, sum(bytes) OVER \
                       (ORDER BY number DESC) AS total FROM answers WHERE account = ?) WHERE total > ?)";
const LIST: &str = "SELECT count(*) || ' ' || sum(bytes) || ' ' || route FROM answers GROUP BY route";
const REMOVE: &str = "DELETE FROM answers WHERE (?1 IS NULL OR route = ?1) AND (?2 IS NULL OR account = ?2)";

/// The Durable Object.
#[durable_object(alarm)]
pub struct Cache {
    storage: Storage,
    sql: SqlStorage,
    env: Env,
}

impl DurableObject for Cache {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        Self { sql: storage.sql(), storage, env }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let text = object::read_text(&request).await?;
        let message = Json::parse(&text).unwrap_or(Json::NULL);
        self.sql.exec(CREATE, None)?;
        Response::ok(match message.get("act").word() {
            "find" => self.find(message)?,
            "store" => self.store(message).await?,
            "list" => self.list()?,
            _ => self.remove(message)?,
        })
    }

    async fn alarm(&self) -> worker::Result<Response> {
        if let Err(error) = self.clean().await {
            host::log(&json!({"event": "cache", "act": "clean", "error": error.to_string()}).to_string());
            self.storage.set_alarm(ROUND as i64).await?;
        }
        Response::empty()
    }
}

impl Cache {
    /// The stored entry, or an empty text.
    fn find(&self, message: Json<'_>) -> worker::Result<String> {
        let values = vec![text(message, "account"), text(message, "key"), number(host::now())];
        let found = self.sql.exec(FIND, values)?.raw().next().transpose()?;
        Ok(match found.as_deref() {
            Some([SqlStorageValue::String(entry)]) => entry.clone(),
            _ => String::new(),
        })
    }

    async fn store(&self, message: Json<'_>) -> worker::Result<String> {
        let [lifetime, most] = ["lifetime", "most"].map(|name| message.get(name).whole().unwrap_or_default());
        let entry = message.get("entry").text().unwrap_or_default();
        let (account, bytes) = (text(message, "account"), number(entry.len() as u64));
        let until = number(host::now() + lifetime);
        let values = vec![account.clone(), text(message, "key"), text(message, "route"), until, bytes, (*entry).into()];
        self.sql.exec(STORE, values)?;
        self.sql.exec(SHORTEN, vec![account, number(most)])?;
        if self.storage.get_alarm().await?.is_none() {
            self.storage.set_alarm(ROUND as i64).await?;
        }
        Ok(String::new())
    }

    /// For each route, a line with the number of its answers, their bytes, and its name.
    fn list(&self) -> worker::Result<String> {
        let mut lines = String::new();
        for row in self.sql.exec(LIST, None)?.raw() {
            if let [SqlStorageValue::String(line)] = &row?[..] {
                lines.extend([line, "\n"]);
            }
        }
        Ok(lines)
    }

    /// Returns how many answers there were.
    fn remove(&self, message: Json<'_>) -> worker::Result<String> {
        self.count_removed(vec![text(message, "route"), text(message, "account")])
    }

    fn count_removed(&self, values: Vec<SqlStorageValue>) -> worker::Result<String> {
        self.sql.exec(REMOVE, values)?;
        let changed = self.sql.exec("SELECT changes()", None)?.raw().next().transpose()?;
        Ok(match changed.as_deref() {
            Some([SqlStorageValue::Integer(count)]) => count.to_string(),
            _ => String::new(),
        })
    }

    /// Removes what is too old, and what belongs to routes that have no cache any more. When nothing is left, the object stores
    /// nothing.
    async fn clean(&self) -> worker::Result<()> {
        self.sql.exec(CREATE, None)?;
        self.sql.exec("DELETE FROM answers WHERE until <= ?", vec![number(host::now())])?;
        let names = self.sql.exec("SELECT DISTINCT route FROM answers", None)?.raw();
        let names = names.collect::<worker::Result<Vec<_>>>()?.into_iter().flatten();
        let names: Vec<_> = names.collect();
        if names.is_empty() {
            return self.storage.delete_all().await;
        }
        let setup = config::setup(&self.env);
        let current = match setup.as_ref() {
            Ok(deployed) if deployed.may_store_routes() => Some(routes::current(deployed, &self.env).await),
            Ok(deployed) => Some(Rc::clone(deployed)),
            // An edge that is not set up answers nobody.
            Err(_) => None,
        };
        for name in names {
            let SqlStorageValue::String(route) = &name else { continue };
            let has_cache = current.as_ref().is_some_and(|config| config.caches_route(route));
            if !has_cache {
                self.count_removed(vec![name, SqlStorageValue::Null])?;
            }
        }
        self.storage.set_alarm(ROUND as i64).await
    }
}

/// The field `name` of a message; null if it is missing.
fn text(message: Json<'_>, name: &str) -> SqlStorageValue {
    message.get(name).text().map_or(SqlStorageValue::Null, |text| (*text).into())
}

fn number(number: u64) -> SqlStorageValue {
    (number as f64).into()
}
