//! Users of the app: a token of the app's issuer admits its user, who has an account.

use std::time::Duration;

use serde_json::json;
use worker::Delay;

use super::crypto;
use super::jwk::{Jwk, read_keys};
use super::jwt::{Invalid, Jwt};
use super::key_set::{KeySet, Step, TIME_LIMIT, with_key_set};
use crate::config::{Grant, Issuer, digest};
use crate::http::api_error::{ApiError, Code};
use crate::platform::{fetch, host};

/// The pause before this request checks again whether another request has fetched the keys.
const CHECK_PAUSE: Duration = Duration::from_millis(20);

/// Verifies `token`, and returns the grant of its user.
pub(super) async fn admit(issuers: &[Issuer], token: &str) -> Result<Grant, ApiError> {
    let jwt = Jwt::read(token).ok_or_else(invalid)?;
    let issuer = jwt.issuer(issuers).filter(|issuer| issuer.algorithms.contains(&jwt.algorithm)).ok_or_else(invalid)?;
    let key = find_key(&issuer.jwks, &jwt).await?;
    if !crypto::is_signed(&key, jwt.signed.as_bytes(), &jwt.signature).await {
        return Err(invalid());
    }
    let user = jwt.user(issuer, host::now()).map_err(|reason| {
        let code = if reason == Invalid::Expired { Code::TokenExpired } else { Code::TokenInvalid };
        let message = match reason {
            Invalid::Expired => "this token has expired; the app must get a new one for its user",
            Invalid::NotYet => "this token is not valid yet",
            Invalid::NoExpiry => "this token has no `exp`, so it would be valid forever; the issuer must set `exp`",
            Invalid::TooLong => "this token is valid for more than a year; the issuer must set a nearer `exp`",
            Invalid::NoUser => "this token does not name its user in the claim that this edge reads",
        };
        ApiError::new(code, message)
    })?;
    let mut grant = issuer.grant.clone();
    grant.account.name = account(&issuer.issuer, &user);
    Ok(grant)
}

/// The error for a token that is not valid here. It reveals neither the issuers nor what was wrong with the token.
fn invalid() -> ApiError {
    let message = "this token is not valid here: it must be signed by the app's issuer, and for this audience";
    ApiError::new(Code::TokenInvalid, message)
}

/// The name of a user's account. The name does not reveal the user.
fn account(issuer: &str, user: &str) -> String {
    let hash = digest::hex(&digest::of(&[issuer, "\0", user].concat()));
    format!("user:{}", &hash[..32])
}

/// Finds the key of `jwt` among the keys at `url`, and fetches these keys if necessary.
async fn find_key(url: &str, jwt: &Jwt<'_>) -> Result<Jwk, ApiError> {
    loop {
        let next_step = |keys: &mut KeySet| keys.next_step(jwt.algorithm, jwt.key.as_deref(), host::now());
        match with_key_set(url, next_step) {
            Step::Use(key) => return Ok(key),
            Step::Fetch => {
                let fetched = fetch_keys(url).await;
                with_key_set(url, |keys| keys.record_fetch(fetched, host::now()));
            }
            Step::Wait => Delay::from(CHECK_PAUSE).await,
            Step::Unknown => return Err(invalid()),
            Step::Unavailable => {
                let message = "tokens cannot be verified now, because the keys of their issuer cannot be fetched; try again in a moment";
                return Err(ApiError::new(Code::IssuerUnavailable, message));
            }
        }
    }
}

async fn fetch_keys(url: &str) -> Option<Vec<Jwk>> {
    let answer = fetch::Request::get(url).within(TIME_LIMIT).text().await;
    let keys = answer.as_deref().ok().and_then(read_keys);
    if keys.is_none() {
        let error = answer.map_or_else(|fault| fault.to_string(), |_| "the answer contains no usable key".into());
        host::log(&json!({"event": "jwks", "url": url, "error": error}).to_string());
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn an_account_belongs_to_one_user_of_one_issuer_and_does_not_reveal_the_user() {
        let ann = account("https://id.example", "ann");
        assert_eq!(ann.len(), "user:".len() + 32);
        assert!(!ann.contains("ann"));
        assert_ne!(ann, account("https://id.example", "bob"));
        assert_ne!(ann, account("https://id.example\0", "ann"));
        assert_ne!(account("a", "bc"), account("ab", "c"));
    }
}
