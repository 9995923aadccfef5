//! What is wrong with a configuration.

use core::fmt;

use failsoft::Invalid;

/// One thing to set right. Shows no value: anyone may ask `/healthz`.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The secret of this name is not set.
    SecretMissing(String),
    SecretEmpty(String),
    /// It cannot be sent.
    SecretUnprintable(String),
    /// It is not set, or holds no headers.
    SecretWithoutHeaders(String),
    /// The variable is no JSON.
    Syntax(Option<serde_json::Error>),
    /// A field of the variable cannot be used.
    Field(Box<Invalid>),
    /// No key is known, so nobody may call.
    NoKeys,
    /// What calls use cannot be counted.
    NoAccounts,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretMissing(name) => write!(f, "{name} is not set: `wrangler secret put {name}`"),
            Self::SecretEmpty(name) => write!(f, "{name} is empty"),
            Self::SecretUnprintable(name) => write!(f, "{name} holds characters that no header may carry"),
            Self::SecretWithoutHeaders(name) => write!(f, "{name} must hold headers, as name=value,name=value"),
            Self::Syntax(Some(error)) => write!(f, "FAILSOFT is not JSON: {error}"),
            Self::Syntax(None) => f.write_str("FAILSOFT is nested too deeply"),
            Self::Field(invalid) if invalid.path.is_empty() => write!(f, "FAILSOFT {}", invalid.problem),
            Self::Field(invalid) => write!(f, "FAILSOFT: {invalid}"),
            Self::NoKeys => f.write_str("FAILSOFT has no `keys`, so nobody may call: add {\"name\", \"sha256\"}"),
            Self::NoAccounts => f.write_str(
                "the binding ACCOUNTS is missing, so no budget can be kept: bind it to the class Account, as wrangler.jsonc does",
            ),
        }
    }
}
