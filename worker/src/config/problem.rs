//! What is wrong with a configuration.

use core::fmt;

use failsoft::Invalid;

/// One problem, and what the owner has to do about it. `/healthz` is public, so no value appears in a message.
#[derive(Debug)]
pub(crate) enum Problem {
    SecretMissing(String),
    SecretEmpty(String),
    /// The secret holds characters that no header may carry.
    SecretUnprintable(String),
    /// The secret is not set, or holds no headers.
    SecretWithoutHeaders(String),
    /// The secret is not the key file of a service account.
    SecretNoServiceAccount(String),
    /// The variable is not JSON.
    Syntax(Option<serde_json::Error>),
    /// A field of the variable cannot be used.
    Field(Box<Invalid>),
    /// The secret is short enough to be guessed; the number is the shortest length.
    SecretShort(String, usize),
    /// The secret has the value of something with another purpose: of a secret, or of a client key.
    SecretShared(String, String),
    /// The Durable Objects of client keys are not bound.
    KeysUnbound,
    /// Nobody may call.
    NoWayIn,
    /// The Durable Objects of the accounts are not bound.
    NoAccounts,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretMissing(name) => write!(f, "{name} is not set: run `wrangler secret put {name}`"),
            Self::SecretEmpty(name) => write!(f, "{name} is empty: run `wrangler secret put {name}` again"),
            Self::SecretUnprintable(name) => {
                write!(f, "{name} holds a space or a character outside ASCII, which no key has: set it again")
            }
            Self::SecretWithoutHeaders(name) => {
                write!(f, "{name} must hold headers in the form name=value,name=value: run `wrangler secret put {name}`")
            }
            Self::SecretNoServiceAccount(name) => {
                write!(f, "{name} must hold the key file (JSON) of a Google service account: run `wrangler secret put {name} < key.json`")
            }
            Self::Syntax(Some(error)) => write!(f, "FAILSOFT is not JSON: {error}"),
            Self::Syntax(None) => f.write_str("FAILSOFT is nested too deeply"),
            Self::Field(invalid) if invalid.path.is_empty() => write!(f, "FAILSOFT {}", invalid.problem),
            Self::Field(invalid) => write!(f, "FAILSOFT: {invalid}"),
            Self::SecretShort(name, least) => {
                write!(f, "{name} is too short: set at least {least} characters, for example from `openssl rand -hex 32`")
            }
            Self::SecretShared(name, other) => write!(
                f,
                "{name} has the same value as {other}: give each its own value"
            ),
            Self::KeysUnbound => f.write_str(
                "KEYS is not bound, but visitors and keys from /admin need it: add KEYS, of class Keys, to \
                 `durable_objects` in wrangler.jsonc",
            ),
            Self::NoWayIn => f.write_str(
                "nobody may call: FAILSOFT has no `keys`, `users` or `visitors`, and ADMIN_TOKEN is not set; add \
                 {\"name\", \"sha256\"} to `keys`, or run `wrangler secret put ADMIN_TOKEN` and make keys at /admin/keys",
            ),
            Self::NoAccounts => f.write_str(
                "ACCOUNTS is not bound, so the edge cannot keep budgets: add ACCOUNTS, of class Account, to \
                 `durable_objects` in wrangler.jsonc",
            ),
        }
    }
}
