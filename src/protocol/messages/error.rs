//! Errors (platform.claude.com/docs/en/api/errors). Anthropic's SDKs choose the class of an exception by the status.

use crate::failure::Failure;
use crate::json::Object;

/// The `type` of an error with the HTTP status `status`.
pub fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        ..500 => "invalid_request_error",
        500.. => "api_error",
    }
}

/// The JSON text of the body of an error. `fields` are more fields of the error itself: the JSON text of an object.
pub fn error(status: u16, message: &str, request_id: Option<&str>, fields: &str) -> String {
    let mut json = Object::default();
    json.text("type", "error").open("error", "{").text("type", error_type(status)).text("message", message);
    json.fields(fields).close("}");
    match request_id {
        Some(id) => json.text("request_id", id),
        None => json.raw("request_id", "null"),
    };
    json.end()
}

/// [`error`] for a `failure`.
pub fn failure(failure: &Failure, request_id: Option<&str>) -> String {
    let mut fields = Object::default();
    fields.maybe_text("code", failure.code.as_deref()).text("kind", failure.kind.name());
    error(failure.http_status(), &failure.message, request_id, &fields.end())
}

#[cfg(test)]
mod tests {
    use super::{error, error_type, failure};
    use crate::failure::{Failure, Kind};

    #[test]
    fn each_status_has_its_type() {
        for (status, name) in [
            (400, "invalid_request_error"),
            (422, "invalid_request_error"),
            (401, "authentication_error"),
            (402, "billing_error"),
            (403, "permission_error"),
            (404, "not_found_error"),
            (413, "request_too_large"),
            (429, "rate_limit_error"),
            (500, "api_error"),
            (502, "api_error"),
            (504, "timeout_error"),
            (529, "overloaded_error"),
        ] {
            assert_eq!(error_type(status), name, "{status}");
        }
    }

    #[test]
    fn an_error_has_the_shape_that_the_sdks_read() {
        let wrong = error(400, "no", Some("req_1"), "{}");
        let expected =
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"req_1"}"#;
        assert_eq!(wrong, expected);
        let limited = failure(&Failure::new(Kind::RateLimited, "slow down"), None);
        assert!(
            limited.contains(r#""type":"rate_limit_error","message":"slow down","kind":"rateLimited""#),
            "{limited}"
        );
        assert!(limited.ends_with(r#""request_id":null}"#));
    }
}
