//! The messages to the objects of the class `Keys`, and their answers. The names of the variants are on the wire, so they
//! stay as they are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Denied, Device, Ended, Login, Record};
use crate::platform::object;

/// A message. An object is one of five kinds: the object of a key, the registry, a store of used tokens, the store of admin sessions,
/// or the object of a device's key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// To the object of a key: is the key with this digest valid?
    Admit { digest: String },
    /// To the object of a key: store this new key.
    Create(Record),
    /// To the object of a key: return the key.
    Show,
    /// To the object of a key: change these terms; `null` removes a term.
    Change { terms: Map<String, Value> },
    /// To the object of a key: replace the secret. The old secret works for `grace` milliseconds more.
    Rotate { digest: String, grace: u64 },
    /// To the object of a key: end the key for good.
    Revoke,
    /// To the registry: set the list's row of the key `id`.
    Enter { id: String, row: Value },
    /// To the registry: return all rows.
    List,
    /// To a store of used tokens: mark the token with this digest as used.
    Spend { digest: String },
    /// To the store of admin sessions: store a new id.
    OpenLogin { digest: String, login: Login },
    /// To the store of admin sessions: return the sign-in of an id.
    FindLogin { digest: String },
    /// To the store of admin sessions: replace the id `old`, which works for `grace` milliseconds more.
    RenewLogin { old: String, digest: String, until: u64, grace: u64 },
    /// To the store of admin sessions: end sessions.
    EndLogins(Ended),
    /// To the object of a device's key: store this new key.
    RegisterDevice(Device),
    /// To the object of a device's key: return the key.
    FindDevice,
    /// To the object of a device's key: store the counter of an assertion, if it is larger than the last one.
    CountAssertion { counter: u32 },
    /// To the object of a device's key: give the key no session any more.
    RevokeDevice,
}

impl object::Message for Message {
    fn is_idempotent(&self) -> bool {
        match self {
            Self::Admit { .. } | Self::Show | Self::List | Self::Change { .. } | Self::Revoke | Self::Enter { .. } => {
                true
            }
            Self::FindDevice | Self::RevokeDevice => true,
            // They are bound to an id.
            Self::OpenLogin { .. } | Self::FindLogin { .. } | Self::RenewLogin { .. } | Self::EndLogins(_) => true,
            // The second time, the key exists, its new secret is the old one, the token is used, or the counter is the last one.
            Self::Create(_) | Self::Rotate { .. } | Self::Spend { .. } => false,
            Self::RegisterDevice(_) | Self::CountAssertion { .. } => false,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Admitted {
        terms: Map<String, Value>,
    },
    Denied(Denied),
    /// The key as it is now.
    Key(Record),
    /// No key has this id.
    Missing,
    /// A key with this id exists already.
    Taken,
    /// The key was revoked, so it cannot change, or gives no session.
    Revoked,
    Listed(Vec<Value>),
    /// There are too many keys.
    Full,
    Done,
    /// The token was used before.
    Spent,
    Login(Login),
    Device(Device),
}
