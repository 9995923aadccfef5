//! A chat call: its admission, the requests to upstreams, and the delivery of the answer.

pub(crate) mod abandoned;
pub(crate) mod admission;
pub(crate) mod chat;
pub(crate) mod conversations;
mod cost_check;
pub(crate) mod delivery;
pub(crate) mod disclosure;
pub(crate) mod driver;
pub(crate) mod log;
pub(crate) mod model_list;
pub(crate) mod model_state;
pub(crate) mod owner_notice;
pub(crate) mod plan;
pub(crate) mod repeats;
pub(crate) mod upstream_request;
