//! Client keys: those of the configuration, and those that `/admin/keys` makes.
//!
//! A managed key is `fs_ID_SECRET`. Its id names a Durable Object, which knows the digest of the whole key, what the key
//! allows, and whether it is still valid. Every request with the key asks this object, so a change or a revocation takes
//! effect for all isolates at once, and each object serves one key. The object of an unknown id stores nothing. One more
//! object (`registry`) has the list of all keys, for `/admin` only.

mod devices;
mod logins;
mod message;
mod object;
mod record;

use std::cell::RefCell;
use std::collections::HashSet;

use failsoft::Json;
use failsoft::invalid::Section;
use failsoft::json::Object;
use worker::Env;

pub(crate) use devices::{Device, device_object};
pub(crate) use logins::{Ended, Login};
pub(crate) use message::{Answer, Message};
pub(crate) use object::send;
pub(crate) use record::{Denied, Record};

use super::{brake, crypto, denied};
use crate::config::{ClientKey, Grant, digest, is_key_id};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;

const PREFIX: &str = "fs_";

/// What a client with an unknown key is told.
pub(super) const UNKNOWN: &str = "this client key is not known here";

/// A new key. `/admin` shows it once.
#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Secret {
    /// Makes a key with a new id.
    pub(crate) fn new() -> Self {
        Self::with_id(digest::hex(&crypto::random::<8>()))
    }

    /// Makes another key with this id.
    pub(crate) fn with_id(id: String) -> Self {
        let key = [PREFIX, &id, "_", &digest::hex(&crypto::random::<32>())].concat();
        let key = [&key, &*checksum(&key)].concat();
        Self { id, key }
    }

    /// The SHA-256 of the key in hex, which the object stores in place of the key.
    pub(crate) fn digest(&self) -> String {
        digest::hex(&digest::of(&self.key))
    }
}

/// The length of a key without a checksum. Keys of earlier versions have none.
const PLAIN_LENGTH: usize = PREFIX.len() + 16 + 1 + 64;

/// The checksum at the end of a key: a typing error or an invented key is found without asking an object.
fn checksum(key: &str) -> String {
    digest::hex(&digest::of(key)[..4])
}

/// The token has no checksum, or the right one.
fn has_right_checksum(token: &str) -> bool {
    token.len() == PLAIN_LENGTH || token.split_at_checked(PLAIN_LENGTH).is_some_and(|(key, end)| end == checksum(key))
}

/// Returns the id in a token that is spelt like a managed key.
pub(super) fn key_id(token: &str) -> Option<&str> {
    let (id, _) = token.strip_prefix(PREFIX)?.split_once('_')?;
    Some(id).filter(|id| is_key_id(id))
}

/// Returns the grant of the configuration's key `token`.
pub(super) fn find_configured<'a>(keys: &'a [ClientKey], token: &str) -> Option<&'a Grant> {
    let digest = digest::of(token);
    let mut found = None;
    // The loop compares every key in full, so its duration reveals nothing.
    for key in keys {
        if digest::same(&key.sha256, &digest) {
            found = Some(&key.grant);
        }
    }
    found
}

/// The most keys that an isolate knows to exist.
const MOST_KNOWN: usize = 10_000;

thread_local! {
    /// The keys that were admitted in this isolate. Only a key that is not among them may be a stranger's guess.
    static KNOWN: RefCell<HashSet<String>> = RefCell::default();
}

/// Asks the object of the managed key `token` for the key's grant.
pub(super) async fn admit(env: &Env, id: &str, token: &str, caller: &Caller) -> Result<Grant, ApiError> {
    // An object that was asked once exists for good, so a stranger's guesses must not make objects.
    if !has_right_checksum(token) {
        return Err(denied(UNKNOWN));
    }
    if !KNOWN.with_borrow(|known| known.contains(id)) {
        brake::check_blocked(caller, "key")?;
    }
    let grant = match read_terms(env, id, token).await {
        Err(error) if error.code.status() == 401 => {
            brake::check(env, caller, "key").await?;
            return Err(error);
        }
        terms => terms?,
    };
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(id.into());
    });
    Ok(grant)
}

async fn read_terms(env: &Env, id: &str, token: &str) -> Result<Grant, ApiError> {
    let message = Message::Admit { digest: digest::hex(&digest::of(token)) };
    match send(env, id, &message).await? {
        Answer::Admitted { terms } => read_grant(id, &terms),
        Answer::Denied(reason) => Err(match reason {
            Denied::Unknown => denied(UNKNOWN),
            Denied::Expired => {
                let message = "this client key has expired; ask the owner of this app for another one";
                ApiError::new(Code::ClientKeyExpired, message)
            }
            Denied::Revoked => {
                let message = "this client key was revoked; ask the owner of this app for another one";
                ApiError::new(Code::ClientKeyRevoked, message)
            }
        }),
        _ => Err(unavailable()),
    }
}

/// The grant of the managed key `id`, whether or not the key is still valid.
pub(super) async fn find_grant(env: &Env, id: &str) -> Result<Option<Grant>, ApiError> {
    match send(env, id, &Message::Show).await? {
        Answer::Key(record) => read_grant(id, &record.terms).map(Some),
        Answer::Missing => Ok(None),
        _ => Err(unavailable()),
    }
}

/// Reads the grant of a managed key. `/admin` checked its terms.
pub(crate) fn read_grant(id: &str, given: &serde_json::Map<String, serde_json::Value>) -> Result<Grant, ApiError> {
    let mut object = Object::default();
    given.iter().for_each(|(name, value)| {
        object.raw(name, &value.to_string());
    });
    let text = object.end();
    let section = Section::object("key", Json::parse(&text).unwrap_or(Json::NULL));
    let name = given.get("name").and_then(|name| name.as_str()).unwrap_or(id);
    section.and_then(|section| Grant::read(&section, name, format!("key:{id}"))).map_err(|_| unavailable())
}

/// The error where the object of a key does not answer.
pub(crate) fn unavailable() -> ApiError {
    ApiError::new(Code::KeysUnavailable, "client keys cannot be looked up now; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::{checksum, has_right_checksum, key_id, read_grant};
    use serde_json::json;

    #[test]
    fn an_invented_key_has_a_wrong_checksum_and_an_old_key_has_none() {
        let old = ["fs_0123456789abcdef_", &"0".repeat(64)].concat();
        let new = [&*old, &checksum(&old)].concat();
        assert!(has_right_checksum(&old) && has_right_checksum(&new));
        for wrong in
            [&*[&*old, "00000000"].concat(), &new[..new.len() - 1], &new.replace("def_0", "def_1"), "fs_", &old[1..]]
        {
            assert!(!has_right_checksum(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_managed_key_contains_its_id() {
        let secret = "0".repeat(64);
        assert_eq!(key_id(&["fs_0123456789abcdef_", &secret].concat()), Some("0123456789abcdef"));
        for other in
            ["fs_web", "fs_web_example", "fs_0123456789abcdeg_x", "fs_0123456789ABCDEF_x", "fsv_0123456789abcdef_x", ""]
        {
            assert_eq!(key_id(other), None, "{other}");
        }
    }

    #[test]
    fn the_grant_of_a_managed_key_is_read_as_in_the_configuration() {
        let terms =
            json!({"name": "<b>'; DROP TABLE keys", "routes": ["a"], "models": [], "budget": {"concurrent": 2}});
        let grant = read_grant("0123456789abcdef", terms.as_object().expect("terms")).expect("a grant");
        assert_eq!(
            (grant.name.as_str(), grant.account.name.as_str()),
            ("<b>'; DROP TABLE keys", "key:0123456789abcdef")
        );
        assert_eq!((grant.routes, grant.models, grant.origins), (Some(vec!["a".into()]), Some(vec![]), None));
        assert_eq!(grant.account.budget.concurrent, Some(2));
    }
}
