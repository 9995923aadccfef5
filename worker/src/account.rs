//! On whose account a call is, and what that account may use.
//!
//! Every call is on one account: that of a client key, of a user of the app, or of a visitor. An account has one Durable
//! Object, which knows all of its bounds and all that is held against them, so that the answer to "may this call be made?"
//! is exact however many calls come at once. It is asked once before anything is sent, to *hold* the worst that the call
//! can use, and told once behind the response, to *settle* what was used.
//!
//! ```text
//!  isolate ── Held ── hold, note, settle ──▶ object ── Books ── rows in its storage
//!               │                              │
//!            Shares ◀── a route's budget       └── alarm: leases that ran out, costs to look up, the ledger's outbox
//! ```

mod attempt_log;
mod balance;
mod calendar;
mod generation;
mod lease;
mod limit;
mod link;
mod message;
mod object;

pub(crate) use attempt_log::AttemptLog;
pub(crate) use link::{Accounts, Claim, Held, Pool};

use failsoft::report::Usd;

/// What a call uses, or at worst can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) tokens: u64,
    pub(crate) usd: Usd,
}
