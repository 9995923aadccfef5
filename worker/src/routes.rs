//! Routes that the owner edits without a deployment: in the database, and as this isolate knows them.
//!
//! ```text
//!  /admin/routes ──▶ rows of D1 ──▶ the object of the edge has the number of the last change
//!                        │                     │ each isolate asks for the decisions of the owner every few seconds
//!                        ▼                     ▼
//!                    changed rows ◀── a higher number than this isolate knows
//!                        │
//!                        ▼ all at once
//!                    Rc<Config> ──▶ new calls. A running call keeps the configuration with which it began.
//! ```
//!
//! No call reads the database, except the first one that sees a change. An edge without stored routes never reads it.

mod known;
pub(crate) mod store;

pub(crate) use known::current;
