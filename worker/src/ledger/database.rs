//! Queries the ledger's database, which is optional.

use failsoft::Millis;
use serde_json::Value;
use wasm_bindgen::JsValue;
use worker::{Env, Error};

use crate::platform::timer::within;

/// The binding of the database.
pub(super) const DATABASE: &str = "LEDGER";

/// How long a query may take, in milliseconds.
const TIMEOUT: Millis = 5_000;

/// Whether the database is bound.
pub(crate) fn exists(env: &Env) -> bool {
    env.d1(DATABASE).is_ok()
}

/// Runs `statement` with `values` as its parameters, and returns the rows.
pub(crate) async fn query(env: &Env, statement: &str, values: &[JsValue]) -> worker::Result<Vec<Vec<Value>>> {
    let statement = env.d1(DATABASE)?.prepare(statement);
    let statement = if values.is_empty() { statement } else { statement.bind(values)? };
    within(TIMEOUT, statement.raw()).await.unwrap_or_else(|| Err("the database does not answer".into()))
}

/// Describes an error in the database's own words, which name tables and columns but no values.
pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::D1(error) => error.cause(),
        error => error.to_string(),
    }
}
