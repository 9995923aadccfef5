//! The ledger: what each call cost, as one row for each attempt, also for hedges, judges, and attempts that failed or were
//! aborted.
//!
//! No row contains a prompt or an answer. A row goes to the object of its account behind the response. The object keeps
//! the row in its outbox until the database has it, so a failing database delays no call and loses no row.

pub(crate) mod alerts;
pub(crate) mod database;
mod outbox;
mod retry;
mod row;
pub(crate) mod sums;

pub(crate) use outbox::Outbox;
pub(crate) use row::{CACHED, Context, Row, rows, settled};
