//! The owner's endpoints that need the whole edge: stored routes, and stored answers. Client keys and the pause are in `access::admin`.

pub(crate) mod cache;
pub(crate) mod routes;
