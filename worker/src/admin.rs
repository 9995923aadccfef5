//! The owner's endpoints that need the whole edge: stored routes. Client keys and the pause are in `access::admin`.

pub(crate) mod routes;
