//! What the owner of an edge watches: health, metrics, spans, alerts, and the work of the cron trigger.

pub(crate) mod audit;
pub(crate) mod cron;
pub(crate) mod dashboard;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod playground;
pub(crate) mod refusals;
pub(crate) mod spans;
