//! What is said to an object of [`Keys`](super::Keys), and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Denied, Record};

/// By whom it is heard is up to who sends it: each object is of one kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// To a key's: does the key with this digest open anything?
    Admit { digest: String },
    /// To a key's: be this key.
    Create(Record),
    /// To a key's.
    Show,
    /// To a key's: other terms; `null` takes one away.
    Change { terms: Map<String, Value> },
    /// To a key's: another secret. The old one works for `grace` milliseconds more.
    Rotate { digest: String, grace: u64 },
    /// To a key's.
    Revoke,
    /// To the registry: there is a key with this id, and the list is to say this of it.
    Enter { id: String, row: Value },
    /// To the registry.
    List,
    /// To one that remembers what visitors have used up.
    Spend { digest: String },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Admitted {
        terms: Map<String, Value>,
    },
    Denied(Denied),
    /// The key as it is now.
    Key(Record),
    /// There is no such key.
    Missing,
    /// There is such a key already.
    Taken,
    /// It was revoked, and stays so.
    Revoked,
    Listed(Vec<Value>),
    /// There are too many keys.
    Full,
    Done,
    /// It was used up before.
    Spent,
}
