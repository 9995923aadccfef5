//! Notices when the client disconnects: `request.signal`, with the compatibility flag `enable_request_signal`.

use web_sys::Request;

use crate::platform::executor::{Executor, Pending};
use crate::platform::host;

/// Watches the signal for as long as it lives.
#[derive(Debug)]
pub(crate) struct Disconnect {
    /// `None` once the client has disconnected.
    pending: Option<Pending>,
}

impl Disconnect {
    pub(crate) fn watch(request: &Request, executor: &Executor) -> Self {
        let mut has_happened = false;
        let pending = executor.wait_for(|task, slot| has_happened = host::watch_disconnect(request, task, slot));
        Self { pending: Some(pending).filter(|_| !has_happened) }
    }

    /// Whether the client has disconnected.
    pub(crate) fn has_happened(&mut self) -> bool {
        if self.pending.as_ref().is_some_and(|pending| pending.poll_result().is_ready()) {
            self.pending = None;
        }
        self.pending.is_none()
    }
}
