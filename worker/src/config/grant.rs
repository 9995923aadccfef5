//! What a client may ask for, and which account pays for its calls.

use super::Budget;

/// What a client may ask for, and which account pays for its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The client's name in logs.
    pub(crate) name: String,
    pub(crate) account: Account,
    /// The web pages that may use the grant. Without this list, any page and any program may.
    pub(crate) origins: Option<Vec<String>>,
    /// The routes that the client may name. Without this list, it may name all routes.
    pub(crate) routes: Option<Vec<String>>,
    /// The models that the client may name. Without this list, the models of the configuration apply.
    pub(crate) models: Option<Vec<String>>,
}

/// The account that pays for a call, and its budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// The name of the account's Durable Object: `key:NAME`, `user:HASH`, `visitor:HASH` or `loopback`.
    pub(crate) name: String,
    pub(crate) budget: Budget,
}
