//! What an account may use, and what it has used.
//!
//! One account pays for a call: the account of a client key, of a user of the app, or of a visitor. Each account has one
//! Durable Object, which knows all limits of the account and everything that is held against them. So the object decides
//! exactly whether a call may be made, however many calls arrive at once. A call sends the object one message before
//! anything goes upstream, to *hold* the most that the call can use, and one message after the response, to *settle*
//! what the call did use.
//!
//! ```text
//!  isolate ── CallHold ── hold, note, settle ──▶ Account (object) ── Balance ── rows in its storage
//!               │                                  │
//!             Leases ◀── shared budgets            └── alarm: expired holds, cost look-ups, the ledger's outbox
//! ```

mod amount;
mod attempt_log;
mod balance;
mod call_hold;
mod client;
mod edge_state;
mod exceeded;
mod generation;
mod known_state;
mod lease;
mod limits;
mod message;
mod object;
mod period;
mod quotas;
mod shared_budget;

pub(crate) use amount::Usage;
pub(crate) use attempt_log::{AttemptLog, Most};
pub(crate) use call_hold::{CallHold, HoldTerms};
pub(crate) use client::AccountClient;
pub(crate) use known_state::{check_pause, is_session_revoked, last_route_change};
pub(crate) use quotas::Quotas;
pub(crate) use shared_budget::{SharedBudget, budget_owners};
