//! The app's own users: who has a token of the app's issuer may call, on an account of their own.

use std::time::Duration;

use serde_json::json;
use worker::Delay;

use super::jwks::{self, Jwk, Step};
use super::jwt::{Jwt, Unfit};
use super::{crypto, denied};
use crate::config::{Grant, Issuer, digest};
use crate::http::api_error::{ApiError, Code};
use crate::platform::{fetch, host};

/// Between two looks at what another request is asking for.
const LOOK: Duration = Duration::from_millis(20);

/// What `token` opens.
pub(super) async fn admitted(issuers: &[Issuer], token: &str) -> Result<Grant, ApiError> {
    let jwt = Jwt::read(token).ok_or_else(invalid)?;
    let issuer = jwt.issuer(issuers).filter(|issuer| issuer.algorithms.contains(&jwt.algorithm)).ok_or_else(invalid)?;
    let key = key(&issuer.jwks, &jwt).await?;
    if !crypto::is_signed(&key, jwt.signed.as_bytes(), &jwt.signature).await {
        return Err(invalid());
    }
    let owner = jwt.owner(issuer, host::now()).map_err(|unfit| {
        denied(match unfit {
            Unfit::Expired => "this token has expired: the app has to get a new one for its user",
            Unfit::NotYet => "this token is not valid yet",
            Unfit::NoExpiry => "this token has no `exp`, so it would be valid for ever",
            Unfit::Nobody => "this token does not name its user in the claim that this edge looks at",
        })
    })?;
    let mut grant = issuer.grant.clone();
    grant.account.name = account(&issuer.issuer, &owner);
    Ok(grant)
}

/// Strangers learn no more: not who issues tokens here, nor what was wrong with this one.
fn invalid() -> ApiError {
    denied("this token is not valid here: it must be signed by the app's issuer, and for this audience")
}

/// The name of a user's account. Nobody reads from it who that is.
fn account(issuer: &str, owner: &str) -> String {
    let hash = digest::hex(&digest::of(&[issuer, "\0", owner].concat()));
    format!("user:{}", &hash[..32])
}

/// The key that `jwt` names, of those at `url`.
async fn key(url: &str, jwt: &Jwt<'_>) -> Result<Jwk, ApiError> {
    loop {
        let step = |known: &mut jwks::KeySet| known.next(jwt.algorithm, jwt.key.as_deref(), host::now());
        match jwks::with_keys(url, step) {
            Step::Use(key) => return Ok(key),
            Step::Fetch => {
                let keys = fetched(url).await;
                jwks::with_keys(url, |known| known.settle(keys, host::now()));
            }
            Step::Wait => Delay::from(LOOK).await,
            Step::Unknown => return Err(invalid()),
            Step::Unavailable => {
                let message =
                    "tokens cannot be verified now: their issuer's keys are not to be had; try again in a moment";
                return Err(ApiError::new(Code::IssuerUnavailable, message));
            }
        }
    }
}

async fn fetched(url: &str) -> Option<Vec<Jwk>> {
    let answer = fetch::Request::get(url).within(jwks::TIME_LIMIT).text().await;
    let keys = answer.as_deref().ok().and_then(jwks::read);
    if keys.is_none() {
        let error = answer.map_or_else(|fault| fault.to_string(), |_| "no keys that could be used".into());
        host::log(&json!({"event": "jwks", "url": url, "error": error}).to_string());
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn an_account_is_one_users_of_one_issuer_and_does_not_tell_who() {
        let ann = account("https://id.example", "ann");
        assert_eq!(ann.len(), "user:".len() + 32);
        assert!(!ann.contains("ann"));
        assert_ne!(ann, account("https://id.example", "bob"));
        assert_ne!(ann, account("https://id.example\0", "ann"));
        assert_ne!(account("a", "bc"), account("ab", "c"));
    }
}
