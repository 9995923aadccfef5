//! Everything that touches JavaScript: the clock, `fetch`, promises, timers, streams and objects of the platform.

pub(crate) mod cipher;
pub(crate) mod disconnect;
pub(crate) mod exchange;
pub(crate) mod executor;
pub(crate) mod fetch;
pub(crate) mod host;
pub(crate) mod object;
pub(crate) mod output;
pub(crate) mod timer;
