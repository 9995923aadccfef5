//! Asking the database, which may not be there.

use failsoft::Millis;
use serde_json::Value;
use wasm_bindgen::JsValue;
use worker::{Env, Error};

use super::DATABASE;
use crate::platform::timer::within;

/// In milliseconds.
const TIMEOUT: Millis = 5_000;

/// There is one.
pub(crate) fn exists(env: &Env) -> bool {
    env.d1(DATABASE).is_ok()
}

/// The rows that `statement` gives, with `values` for its parameters.
pub(crate) async fn query(env: &Env, statement: &str, values: &[JsValue]) -> worker::Result<Vec<Vec<Value>>> {
    let statement = env.d1(DATABASE)?.prepare(statement);
    let statement = if values.is_empty() { statement } else { statement.bind(values)? };
    within(TIMEOUT, statement.raw()).await.unwrap_or_else(|| Err("the database does not answer".into()))
}

/// Why, in the database's own words, which name tables and columns and no values.
pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::D1(error) => error.cause(),
        error => error.to_string(),
    }
}
