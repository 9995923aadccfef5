//! Client keys: those of the configuration, and those that `/admin/keys` makes.
//!
//! A managed key is `fs_ID_SECRET`. Its id leads to a Durable Object of its own, which knows the digest of the whole key,
//! what it opens, and whether it still does. Every request with it asks that object, so that a key is changed and revoked
//! for all isolates at once, and no object is asked for more than one key. An id that nobody made is denied without a
//! trace: such an object keeps nothing. One more object (`registry`) has the list of all keys, for `/admin` alone.

mod message;
mod object;
mod record;

use failsoft::Json;
use failsoft::invalid::Section;
use failsoft::json::Object;
use worker::Env;

pub(crate) use message::{Answer, Message};
pub(crate) use object::ask;
pub(crate) use record::{Denied, Record};

use super::{crypto, denied};
use crate::config::{ClientKey, Grant, digest, is_key_id};
use crate::http::api_error::{ApiError, Code};

const PREFIX: &str = "fs_";

/// A key that was just made. It is shown once.
#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Secret {
    /// A key of its own.
    pub(crate) fn new() -> Self {
        Self::of(digest::hex(&crypto::random::<8>()))
    }

    /// Another key with this id.
    pub(crate) fn of(id: String) -> Self {
        let key = [PREFIX, &id, "_", &digest::hex(&crypto::random::<32>())].concat();
        Self { id, key }
    }

    /// What is kept of it.
    pub(crate) fn digest(&self) -> String {
        digest::hex(&digest::of(&self.key))
    }
}

/// The id in what looks like a managed key.
pub(crate) fn id(token: &str) -> Option<&str> {
    let (id, _) = token.strip_prefix(PREFIX)?.split_once('_')?;
    Some(id).filter(|id| is_key_id(id))
}

/// What the key opens that the configuration knows as `token`.
pub(crate) fn listed<'a>(keys: &'a [ClientKey], token: &str) -> Option<&'a Grant> {
    let digest = digest::of(token);
    let mut found = None;
    // Every key is looked at in full, so that time tells nothing.
    for key in keys {
        if digest::same(&key.sha256, &digest) {
            found = Some(&key.grant);
        }
    }
    found
}

/// What the managed key `token` opens, as its object says.
pub(crate) async fn managed(env: &Env, id: &str, token: &str) -> Result<Grant, ApiError> {
    let message = Message::Admit { digest: digest::hex(&digest::of(token)) };
    match ask(env, id, &message).await? {
        Answer::Admitted { terms } => granted(id, &terms),
        Answer::Denied(reason) => Err(denied(match reason {
            Denied::Unknown => "this client key is not known here",
            Denied::Expired => "this client key has expired",
            Denied::Revoked => "this client key was revoked",
        })),
        _ => Err(unavailable()),
    }
}

/// The terms were checked when they were given.
fn granted(id: &str, given: &serde_json::Map<String, serde_json::Value>) -> Result<Grant, ApiError> {
    let mut object = Object::default();
    given.iter().for_each(|(name, value)| {
        object.raw(name, &value.to_string());
    });
    let text = object.end();
    let section = Section::object("key", Json::parse(&text).unwrap_or(Json::NULL));
    let name = given.get("name").and_then(|name| name.as_str()).unwrap_or(id);
    section.and_then(|section| Grant::read(&section, name, format!("key:{id}"))).map_err(|_| unavailable())
}

/// Keys cannot be looked up. Nobody is let in without.
pub(crate) fn unavailable() -> ApiError {
    ApiError::new(Code::KeysUnavailable, "client keys cannot be looked up now; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::{granted, id};
    use serde_json::json;

    #[test]
    fn a_managed_key_shows_its_id() {
        let secret = "0".repeat(64);
        assert_eq!(id(&["fs_0123456789abcdef_", &secret].concat()), Some("0123456789abcdef"));
        for other in
            ["fs_web", "fs_web_example", "fs_0123456789abcdeg_x", "fs_0123456789ABCDEF_x", "fsv_0123456789abcdef_x", ""]
        {
            assert_eq!(id(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_key_opens_is_read_as_in_the_configuration() {
        let terms =
            json!({"name": "<b>'; DROP TABLE keys", "routes": ["a"], "models": [], "budget": {"concurrent": 2}});
        let grant = granted("0123456789abcdef", terms.as_object().expect("terms")).expect("a grant");
        assert_eq!(
            (grant.name.as_str(), grant.account.name.as_str()),
            ("<b>'; DROP TABLE keys", "key:0123456789abcdef")
        );
        assert_eq!((grant.routes, grant.models, grant.origins), (Some(vec!["a".into()]), Some(vec![]), None));
        assert_eq!(grant.account.budget.concurrent, Some(2));
    }
}
