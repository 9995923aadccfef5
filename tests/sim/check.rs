//! The invariants of the core: what a call may do, and how it may end.

pub(crate) mod breaker;
pub(crate) mod judge;
pub(crate) mod outcome;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod request;
