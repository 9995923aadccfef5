//! Which entries of a store an owner chooses.

/// All entries, those of a route, or those of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Route(String),
    Account(String),
}
