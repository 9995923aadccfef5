//! The state machine of a call, as a dialogue with scripted upstreams. A script has a reply for each request, and a host
//! without I/O runs the call.

mod abort;
mod best_answer;
mod body;
mod breaker;
mod chain;
mod clock;
#[cfg(feature = "protocols")]
mod conversations;
mod cost_limit;
mod costs;
mod edge;
mod fallback;
mod hedge;
mod host;
#[cfg(feature = "protocols")]
mod issuers;
mod judge;
mod lane;
mod one_piece;
mod recovery;
mod reply;
mod rules;
mod script;
mod silence;
mod stream;
mod wire;

use script::Script;

/// A call with two models.
fn two() -> Script {
    Script::new(&["a/one", "b/two"])
}
