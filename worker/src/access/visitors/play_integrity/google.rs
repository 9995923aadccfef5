//! Google's endpoints: an access token for the owner's service account (RFC 7523), and what is in an integrity token.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};
use serde_json::json;

use crate::access::crypto;
use crate::config::PlayIntegrity;
use crate::http::api_error::{ApiError, Code};
use crate::platform::fetch::{Fault, Request};
use crate::platform::host;

const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const API: &str = "https://playintegrity.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/playintegrity";

/// How long an access token is asked for, in seconds.
const LIFETIME: u64 = 3_600;
/// An access token is not used in the last part of its life, in milliseconds.
const RESERVE: Millis = 60_000;
/// Milliseconds.
const TIME_LIMIT: u32 = 5_000;

thread_local! {
    /// The access token of the service account, and until when it is used.
    static ACCESS: RefCell<Option<(String, Millis)>> = const { RefCell::new(None) };
}

/// Asks Google what is in `token`. Returns Google's answer, or nothing if Google does not accept the token.
///
/// # Errors
/// Google does not answer, or not to this service account.
pub(super) async fn decode(terms: &PlayIntegrity, token: &str) -> Result<Option<String>, ApiError> {
    let access = fetch_access_token(terms).await?;
    let base = terms.endpoint.as_deref().unwrap_or(API);
    let url = [base, "/v1/", &terms.package, ":decodeIntegrityToken"].concat();
    let authorization = ["Bearer ", &access].concat();
    let body = json!({"integrityToken": token}).to_string();
    let request = Request::post(&url, &body).header("authorization", &authorization).within(TIME_LIMIT);
    match request.text().await {
        Ok(answer) => Ok(Some(answer)),
        Err(Fault::Status(400)) => Ok(None),
        Err(fault) => {
            // Any other problem stays with a new access token: to ask for one each time would only add a request.
            if matches!(fault, Fault::Status(401)) {
                ACCESS.take();
            }
            Err(unavailable(&fault.to_string()))
        }
    }
}

async fn fetch_access_token(terms: &PlayIntegrity) -> Result<String, ApiError> {
    let now = host::now();
    let known = ACCESS.with_borrow(|access| access.clone().filter(|(_, until)| now < *until));
    if let Some((token, _)) = known {
        return Ok(token);
    }
    let url = terms.endpoint.as_ref().map(|base| [base, "/token"].concat());
    let url = url.as_deref().unwrap_or(TOKEN_URL);
    let assertion = sign_assertion(terms, now / 1_000).await?;
    let form = ["grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=", &assertion].concat();
    let answer = Request::post_form(url, &form).within(TIME_LIMIT).text().await;
    let answer = answer.map_err(|fault| unavailable(&["no access token: ", &fault.to_string()].concat()))?;
    let json = Json::parse(&answer).unwrap_or(Json::NULL);
    let token = json.get("access_token").text().filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| unavailable("the answer has no access token"))?.into_owned();
    let lifetime = json.get("expires_in").whole().unwrap_or(0).min(LIFETIME) * 1_000;
    ACCESS.set(Some((token.clone(), (now + lifetime).saturating_sub(RESERVE))));
    Ok(token)
}

/// The JWT with which the service account asks for an access token.
async fn sign_assertion(terms: &PlayIntegrity, now: u64) -> Result<String, ApiError> {
    let account = &terms.account;
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": account.key_id}).to_string();
    let claims = json!({"iss": account.email, "scope": SCOPE, "aud": TOKEN_URL, "iat": now, "exp": now + LIFETIME});
    let signed = [URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string())].join(".");
    let signature = crypto::sign_rs256(&account.key, &signed).await;
    let signature = signature.map_err(|_| unavailable("PLAY_INTEGRITY_KEY holds no RSA key that can sign"))?;
    Ok([&signed, ".", &URL_SAFE_NO_PAD.encode(signature)].concat())
}

/// The error for the app. The owner reads the reason in the log; no answer and no token stands there.
fn unavailable(reason: &str) -> ApiError {
    host::log(&json!({"event": "playIntegrity", "error": reason}).to_string());
    let message = "integrity tokens cannot be verified now; try again in a moment";
    ApiError::new(Code::PlayIntegrityUnavailable, message)
}
