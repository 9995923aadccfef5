//! The fields in the body of a request to `/admin`.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use serde_json::{Map, Value};

use super::AdminRequest;
use crate::http::api_error::{ApiError, Code};
use crate::http::body;

/// The most bytes of a request about a client key.
const LARGEST: usize = 16 * 1024;

impl AdminRequest<'_> {
    /// Reads the fields in the body, and checks them with `check`. An empty body has no fields.
    pub(super) async fn read_fields(
        &self,
        check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
    ) -> Result<Map<String, Value>, ApiError> {
        self.read_fields_within(LARGEST, check).await
    }

    /// Reads the fields in a body of at most `limit` bytes, and checks them with `check`.
    pub(crate) async fn read_fields_within(
        &self,
        limit: usize,
        check: impl FnOnce(&Section<'_>) -> Result<(), Box<Invalid>>,
    ) -> Result<Map<String, Value>, ApiError> {
        parse_fields(&body::read_small(self.request, self.head, limit).await?, check)
    }
}

pub(super) fn parse_fields(
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
