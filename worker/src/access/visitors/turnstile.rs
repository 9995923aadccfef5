//! Turnstile's verdict on a visitor.

use failsoft::Json;
use serde_json::json;

use crate::config::Visitors;
use crate::http::api_error::{ApiError, Code};
use crate::platform::{fetch, host};

/// Milliseconds.
const TIME_LIMIT: u32 = 5_000;

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Person,
    /// No person, not here, or not any more.
    Refused,
    /// It cannot tell, because of what this edge sent or because of itself.
    Unknown(String),
}

/// Asks whether `token` is that of a person on one of the app's pages.
pub(super) async fn verify(visitors: &Visitors, token: &str, address: Option<&str>) -> Result<(), ApiError> {
    let mut body = json!({"secret": visitors.turnstile_secret, "response": token});
    if let Some(address) = address {
        body["remoteip"] = address.into();
    }
    let body = body.to_string();
    let request = fetch::Request::post(&visitors.siteverify, &body).within(TIME_LIMIT);
    let verdict = match request.text().await {
        Ok(answer) => judged(visitors, &answer),
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

/// The token is not, or no longer, one that opens anything.
pub(super) fn refused() -> ApiError {
    let message = "this Turnstile token does not count: reset the widget, and send the token that it gives then";
    ApiError::new(Code::TurnstileRefused, message)
}

fn judged(visitors: &Visitors, answer: &str) -> Verdict {
    let json = Json::parse(answer).unwrap_or(Json::NULL);
    match json.get("success").flag() {
        Some(true) => {
            let here = visitors.hostnames.iter().any(|hostname| json.get("hostname").is(hostname));
            let meant = visitors.action.as_ref().is_none_or(|action| json.get("action").is(action));
            if here && meant { Verdict::Person } else { Verdict::Refused }
        }
        Some(false) => {
            // Only codes of its own vocabulary go into the log.
            let is_ours =
                |code: &str| matches!(code, "missing-input-secret" | "invalid-input-secret" | "internal-error");
            let code = json.get("error-codes").items().filter_map(Json::text).find(|code| is_ours(code));
            code.map_or(Verdict::Refused, |code| Verdict::Unknown(code.into()))
        }
        None => Verdict::Unknown("no verdict".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judged};
    use crate::access::visitors::tests::visitors;

    #[test]
    fn a_person_is_one_on_a_page_of_the_app_who_did_what_was_asked() {
        let judged = |answer: &str| judged(&visitors(), answer);
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
            (r#"{"success": "true", "hostname": "app.example", "action": "chat"}"#, unknown("no verdict")),
            ("<html>", unknown("no verdict")),
        ] {
            assert_eq!(judged(answer), verdict, "{answer}");
        }
    }
}
