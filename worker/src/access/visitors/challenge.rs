//! Challenges, which bind an attestation to one request for a session. The edge stores no challenge until it is used.
//!
//! A challenge is 75 characters of base64url: the time of its end and random bytes, and their HMAC with a key that is derived from
//! `SESSION_SECRET`. It is a valid nonce of Play Integrity, too.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::Millis;
use serde_json::json;
use worker::Env;

use super::{check_native, internal, is_first_use, is_ours, native_visitors};
use crate::access::brake;
use crate::access::crypto::{self, Use};
use crate::config::{Config, Visitors};
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::platform::host;

/// How long a challenge is valid, in seconds. Used challenges must be remembered for longer.
const LIFETIME: u64 = 300;

/// The characters of the data: 24 bytes in base64url.
const DATA: usize = 32;

/// A challenge of this edge that is valid now, as far as nobody has used it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge<'a> {
    pub(super) text: &'a str,
    data: &'a str,
    /// In seconds since 1970.
    until: u64,
}

/// Answers `POST /v1/session/challenge`.
pub(crate) async fn create_challenge(head: &RequestHead, config: &Config, env: &Env) -> Result<Reply, ApiError> {
    let visitors = native_visitors(config)?;
    check_native(&head.caller)?;
    brake::check(env, &head.caller, "challenge").await?;
    let until = host::now() / 1_000 + LIFETIME;
    let data = URL_SAFE_NO_PAD.encode([&until.to_be_bytes()[..], &crypto::random::<16>()].concat());
    let mac = crypto::mac(&visitors.session_secret, Use::Challenge, &data).await.map_err(|_| internal())?;
    let challenge = [data, URL_SAFE_NO_PAD.encode(mac)].concat();
    Ok(Reply::json(200, json!({"challenge": challenge, "expires_in": LIFETIME})))
}

impl<'a> Challenge<'a> {
    /// Checks that this edge made the challenge `text`, and that the challenge is not too old.
    pub(super) async fn verify(visitors: &Visitors, text: &'a str) -> Result<Self, ApiError> {
        let (challenge, mac) = Self::read(text, host::now()).ok_or_else(refused)?;
        match is_ours(visitors, Use::Challenge, challenge.data, &mac).await {
            Ok(true) => Ok(challenge),
            Ok(false) => Err(refused()),
            Err(_) => Err(internal()),
        }
    }

    fn read(text: &'a str, now: Millis) -> Option<(Self, Vec<u8>)> {
        let (data, mac) = text.split_at_checked(DATA)?;
        let bytes = URL_SAFE_NO_PAD.decode(data).ok()?;
        let until = u64::from_be_bytes(*bytes.first_chunk()?);
        let is_valid = bytes.len() == 24 && now / 1_000 < until;
        Some((Self { text, data, until }, URL_SAFE_NO_PAD.decode(mac).ok()?)).filter(|_| is_valid)
    }

    /// When the challenge was made, in milliseconds since 1970.
    pub(super) fn made(&self) -> Millis {
        self.until.saturating_sub(LIFETIME) * 1_000
    }

    /// Uses the challenge, which nobody can do a second time.
    pub(super) async fn spend(&self, env: &Env) -> Result<(), ApiError> {
        if is_first_use(env, "challenge", self.data).await? { Ok(()) } else { Err(refused()) }
    }
}

fn refused() -> ApiError {
    let message = "this challenge is not valid: it was used, is older than five minutes, or is not of this edge; POST /v1/session/challenge gives a new one";
    ApiError::new(Code::ChallengeRefused, message).about("challenge")
}

#[cfg(test)]
mod tests {
    use super::{Challenge, LIFETIME};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn challenge(until: u64) -> String {
        let data = [&until.to_be_bytes()[..], &[7; 16]].concat();
        [URL_SAFE_NO_PAD.encode(data), URL_SAFE_NO_PAD.encode([9; 32])].concat()
    }

    #[test]
    fn a_challenge_has_one_spelling_and_an_end() {
        let text = challenge(1_000);
        assert_eq!(text.len(), 75);
        assert_eq!(URL_SAFE_NO_PAD.decode(&text).expect("base64url, as a whole too").len(), 56);
        let (read, mac) = Challenge::read(&text, 999_999).expect("a challenge");
        assert_eq!((read.until, read.made(), mac), (1_000, (1_000 - LIFETIME) * 1_000, vec![9; 32]));
        assert_eq!(Challenge::read(&text, 1_000_000), None);
        let (last, rest) = (text.chars().last().expect("a character"), &text[..74]);
        let spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=".chars();
        for other in spellings.filter(|other| *other != last) {
            let same = Challenge::read(&[rest, &other.to_string()].concat(), 0).map(|(_, mac)| mac);
            assert_ne!(same, Some(vec![9; 32]), "{other}");
        }
        for text in ["", "a", &text[1..], &["é", &text].concat(), &[&text, "="].concat(), &"é".repeat(40)] {
            assert_eq!(Challenge::read(text, 0).filter(|(_, mac)| mac.len() == 32), None, "{text}");
        }
    }
}
