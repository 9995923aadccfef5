//! Has the client gone away? `request.signal` tells, with the compatibility flag `enable_request_signal`.

use web_sys::Request;

use crate::platform::executor::{Executor, Pending};
use crate::platform::host;

/// Listens for as long as it lives.
#[derive(Debug)]
pub(crate) struct Disconnect {
    /// Nothing, once the client is known to be gone.
    ring: Option<Pending>,
}

impl Disconnect {
    pub(crate) fn listen(request: &Request, bell: &Executor) -> Self {
        let mut gone = false;
        let ring = bell.hang(|task, slot| gone = host::listen(request, task, slot));
        Self { ring: Some(ring).filter(|_| !gone) }
    }

    /// The client went away.
    pub(crate) fn is_gone(&mut self) -> bool {
        if self.ring.as_ref().is_some_and(|ring| ring.told().is_ready()) {
            self.ring = None;
        }
        self.ring.is_none()
    }
}
