//! The cache: answers that are given again to the account that got them, for the same request to the same version of a route.
//!
//! It is off unless a route has `cache`. Sixteen Durable Objects store the answers, each those of its part of the accounts: an
//! object is the same for all isolates in the world, and an answer is gone everywhere when it is deleted there. Cloudflare's Cache
//! API would store copies in each data centre that nobody can list. The number of objects is fixed, so that a deletion reaches all
//! of them.
//!
//! ```text
//!  isolate ── CacheClient ── find, store ──▶ Cache (object) ── rows in its storage
//!                             remove           └── alarm: removes what is too old, and what belongs to routes without a cache
//! ```

mod client;
mod key;
mod object;

pub(crate) use client::{CacheClient, Place, StoredAnswer};
