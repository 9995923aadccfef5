//! HTTP between the client and the edge: the router, the head and body of a request, CORS, replies and errors.

pub(crate) mod api_error;
pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod cors;
pub(crate) mod encryption;
pub(crate) mod in_flight;
pub(crate) mod reply;
pub(crate) mod request_head;
pub(crate) mod router;
pub(crate) mod trace_context;
