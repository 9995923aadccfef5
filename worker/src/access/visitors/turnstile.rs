//! Cloudflare Turnstile: verifies the token of a visitor.

use failsoft::Json;
use serde_json::json;

use crate::config::{Visitors, digest};
use crate::http::api_error::{ApiError, Code};
use crate::platform::{fetch, host};

/// Milliseconds.
const TIME_LIMIT: u32 = 5_000;

/// The verdict in an answer.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Person,
    /// The token is not valid: not a person, another page, or an old token.
    Refused,
    /// Turnstile could not decide, because of the edge's own request or an error of its own.
    Unknown(String),
}

/// Checks that `token` comes from a person on one of the app's pages.
pub(super) async fn verify(visitors: &Visitors, token: &str, address: Option<&str>) -> Result<(), ApiError> {
    let key = idempotency_key(token);
    let mut body = json!({"secret": visitors.turnstile_secret, "response": token, "idempotency_key": key});
    if let Some(address) = address {
        body["remoteip"] = address.into();
    }
    let body = body.to_string();
    let request = fetch::Request::post(&visitors.siteverify, &body).within(TIME_LIMIT);
    let verdict = match request.text().await {
        Ok(answer) => read_verdict(visitors, &answer),
        Err(fault) => Verdict::Unknown(fault.to_string()),
    };
    match verdict {
        Verdict::Person => Ok(()),
        Verdict::Refused => Err(refused()),
        Verdict::Unknown(error) => {
            host::log(&json!({"event": "turnstile", "error": error}).to_string());
            let message = "visitors cannot be verified now; try again in a moment";
            Err(ApiError::new(Code::TurnstileUnavailable, message))
        }
    }
}

/// The UUID by which Turnstile knows a repeated request: of one token always the same. So Turnstile answers again about a token
/// whose first answer was lost, or that gave no session because something else failed. The edge itself gives one session for a token.
fn idempotency_key(token: &str) -> String {
    let mut bytes = digest::of(&["failsoft: siteverify\0", token].concat());
    // A UUID of version 4 (RFC 9562, 5.4).
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = digest::hex(&bytes[..16]);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The error for a token that is not valid, or no longer valid.
pub(super) fn refused() -> ApiError {
    let message = "this Turnstile token is not valid: reset the widget, and send its new token";
    ApiError::new(Code::TurnstileRefused, message)
}

fn read_verdict(visitors: &Visitors, answer: &str) -> Verdict {
    let json = Json::parse(answer).unwrap_or(Json::NULL);
    match json.get("success").flag() {
        Some(true) => {
            let is_here = visitors.hostnames.iter().any(|hostname| json.get("hostname").is(hostname));
            let has_action = visitors.action.as_ref().is_none_or(|action| json.get("action").is(action));
            if is_here && has_action { Verdict::Person } else { Verdict::Refused }
        }
        Some(false) => {
            // Only known codes go into the log, so that an answer cannot write there.
            let is_ours =
                |code: &str| matches!(code, "missing-input-secret" | "invalid-input-secret" | "internal-error");
            let code = json.get("error-codes").items().filter_map(Json::text).find(|code| is_ours(code));
            code.map_or(Verdict::Refused, |code| Verdict::Unknown(code.into()))
        }
        None => Verdict::Unknown("the answer contains no verdict".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, idempotency_key, read_verdict};
    use crate::access::visitors::tests::visitors;

    #[test]
    fn each_token_has_one_idempotency_key_which_is_a_uuid() {
        let key = idempotency_key("a");
        assert_eq!(key, idempotency_key("a"));
        assert_ne!(key, idempotency_key("b"));
        let lengths: Vec<usize> = key.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(key.as_bytes()[14] == b'4' && matches!(key.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{key}");
    }

    #[test]
    fn a_token_is_valid_on_the_apps_pages_and_for_the_right_action() {
        let visitors = visitors();
        let unknown = |error: &str| Verdict::Unknown(error.into());
        for (answer, verdict) in [
            (r#"{"success": true, "hostname": "app.example", "action": "chat"}"#, Verdict::Person),
            (r#"{"success": true, "hostname": "b.example", "action": "chat"}"#, Verdict::Person),
            (r#"{"success": true, "hostname": "evil.example", "action": "chat"}"#, Verdict::Refused),
            (r#"{"success": true, "hostname": "app.example", "action": "login"}"#, Verdict::Refused),
            (r#"{"success": true, "action": "chat"}"#, Verdict::Refused),
            (r#"{"success": false, "error-codes": ["timeout-or-duplicate"]}"#, Verdict::Refused),
            (r#"{"success": false, "error-codes": ["invalid-input-response"]}"#, Verdict::Refused),
            (r#"{"success": false, "error-codes": ["invalid-input-secret"]}"#, unknown("invalid-input-secret")),
            (
                r#"{"success": "true", "hostname": "app.example", "action": "chat"}"#,
                unknown("the answer contains no verdict"),
            ),
            ("<html>", unknown("the answer contains no verdict")),
        ] {
            assert_eq!(read_verdict(&visitors, answer), verdict, "{answer}");
        }
    }
}
