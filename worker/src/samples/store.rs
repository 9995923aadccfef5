//! The rows of samples in the database. A text is encrypted, and bound to its row: it cannot be read as that of another call,
//! account or route.

use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{Env, Result};

use super::Sample;
use crate::config::{Config, Selection};
use crate::ledger::database::{self, query};
use crate::platform::{cipher, host};

/// What the key of the texts is derived for.
const USE: &str = "failsoft: text of a sample";

/// Stores `sample`. A failure is logged; no call depends on it.
pub(crate) async fn keep(env: &Env, config: &Config, sample: Sample) {
    let Some(secret) = &config.samples_secret else { return };
    let stored = async {
        let about = about(&sample.id, &sample.route, &sample.account);
        let sealed = cipher::seal(secret, USE, &about, &sample.text).await?;
        let number = |value: u64| JsValue::from(value as f64);
        let version = sample.version.map_or(JsValue::NULL, number);
        let (id, route, account) = (sample.id.as_str(), sample.route.as_str(), sample.account.as_str());
        let times = [number(sample.at), number(sample.expires), number(sample.cost)];
        let [at, expires, cost] = times;
        let values = [id.into(), route.into(), version, account.into(), at, expires, cost, sealed];
        let insert = "INSERT INTO samples VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
        query(env, insert, &values).await
    };
    if let Err(error) = stored.await {
        host::log(&json!({"event": "samples", "error": database::reason(&error)}).to_string());
    }
}

/// The text of the sample `id`; nothing, if it is deleted or has expired, or if the secret is another one.
pub(crate) async fn read(env: &Env, config: &Config, id: &str) -> Result<Option<String>> {
    let Some(secret) = &config.samples_secret else { return Ok(None) };
    let select = "SELECT route, account, text FROM samples WHERE id = ?1 AND expires > ?2";
    let rows = query(env, select, &[id.into(), now()]).await?;
    let Some([Value::String(route), Value::String(account), Value::String(sealed)]) = rows.first().map(Vec::as_slice)
    else {
        return Ok(None);
    };
    Ok(cipher::open(secret, USE, &about(id, route, account), sealed).await)
}

/// How many samples each route has, when its newest one was made, and when the oldest one expires.
pub(crate) async fn list(env: &Env) -> Result<Vec<Value>> {
    let select = "SELECT route, count(*), count(DISTINCT account), max(at), min(expires), sum(length(text)) FROM samples \
                  WHERE expires > ?1 GROUP BY route ORDER BY route";
    let rows = query(env, select, &[now()]).await?;
    let show = |row: Vec<Value>| json!({"route": row[0], "samples": row[1], "accounts": row[2], "newest": row[3], "expires": row[4], "bytes": row[5]});
    Ok(rows.into_iter().filter(|row| row.len() == 6).map(show).collect())
}

/// Deletes samples, and returns how many.
pub(crate) async fn delete(env: &Env, selection: &Selection) -> Result<u64> {
    let (condition, name) = match selection {
        Selection::All => ("?1 = ''", ""),
        Selection::Route(name) => ("route = ?1", name.as_str()),
        Selection::Account(name) => ("account = ?1", name.as_str()),
    };
    let statement = ["DELETE FROM samples WHERE ", condition, " RETURNING 1"].concat();
    Ok(query(env, &statement, &[name.into()]).await?.len() as u64)
}

/// Deletes what has expired.
pub(crate) async fn forget(env: &Env) -> Result<()> {
    query(env, "DELETE FROM samples WHERE expires <= ?1", &[now()]).await.map(drop)
}

fn now() -> JsValue {
    (host::now() as f64).into()
}

/// What a text is bound to.
fn about(id: &str, route: &str, account: &str) -> String {
    [id, "\0", route, "\0", account].concat()
}
