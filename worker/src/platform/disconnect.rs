//! Notices when the client disconnects: `request.signal`, with the compatibility flag `enable_request_signal`.

use web_sys::Request;

use crate::platform::executor::{Executor, Pending};
use crate::platform::host;

/// Watches the signal for as long as it lives.
#[derive(Debug)]
pub(crate) enum Disconnect {
    /// The client is there, as far as the signal says.
    Watched(Pending),
    Happened,
    /// The call goes on without its client.
    Never,
}

impl Disconnect {
    pub(crate) fn watch(request: &Request, executor: &Executor) -> Self {
        let mut has_happened = false;
        let pending = executor.wait_for(|task, slot| has_happened = host::watch_disconnect(request, task, slot));
        if has_happened { Self::Happened } else { Self::Watched(pending) }
    }

    /// Whether the client has disconnected.
    pub(crate) fn has_happened(&mut self) -> bool {
        if matches!(self, Self::Watched(pending) if pending.poll_result().is_ready()) {
            *self = Self::Happened;
        }
        matches!(self, Self::Happened)
    }
}
