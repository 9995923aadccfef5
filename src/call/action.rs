//! What the machine and its host say to each other.

use super::outcome::Outcome;
use crate::Millis;
use crate::attempt::AttemptId;
use crate::chunk::Chunks;
use crate::failure::Failure;
use crate::http::{Headers, HttpRequest};

/// What the host should do. An action only starts work; what comes of it is told to [`Call::handle`].
#[derive(Debug)]
pub enum Action {
    /// Send `request`; tell its [`Input::Head`] or [`Input::Failed`].
    Send {
        /// The attempt that this begins.
        attempt: AttemptId,
        /// What to send.
        request: HttpRequest,
    },
    /// Read one chunk of the body; tell it, or its end. No further chunk until this is asked again.
    Read {
        /// The attempt to read from.
        attempt: AttemptId,
    },
    /// Give these chunks to the reader. The first time means that the call is committed. While the host does not poll
    /// again, the reader is busy, and no clock runs.
    Yield(Chunks),
    /// The call is committed: give `held` to the reader and let the body follow as it comes. The host goes on to report
    /// what it sees; on the lane `lean` that is [`Input::End`] or [`Input::Failed`], once the body has gone over. In place
    /// of this, a call that relays may yield: an answer that ended before it was committed.
    Relay {
        /// The attempt whose body goes over.
        attempt: AttemptId,
        /// The bytes of the body that were read already.
        held: Vec<u8>,
    },
    /// Close the connection of this attempt; nothing of it counts any more.
    Cancel {
        /// The attempt to close.
        attempt: AttemptId,
    },
    /// Nothing to do before something happens, or this point in time comes.
    Wait {
        /// When to poll again at the latest.
        until: Millis,
    },
    /// The call is over.
    Done(Box<Outcome>),
}

/// What happened, in any order. Inputs of an attempt that is over are ignored.
#[derive(Debug)]
pub enum Input<'a> {
    /// The response's head.
    Head {
        /// Whose.
        attempt: AttemptId,
        /// The HTTP status.
        status: u16,
        /// At least [`READ_HEADERS`](crate::http::READ_HEADERS), where the host may see them.
        headers: Headers,
    },
    /// Bytes of the body.
    Bytes {
        /// Whose.
        attempt: AttemptId,
        /// Cut anywhere.
        bytes: &'a [u8],
    },
    /// The body ended as its protocol says.
    End {
        /// Whose.
        attempt: AttemptId,
    },
    /// The connection could not be made, or broke.
    Failed {
        /// Whose.
        attempt: AttemptId,
        /// Why, as the host says it.
        failure: Box<Failure>,
    },
    /// The time that [`Action::Wait`] named has come.
    Woken,
    /// The caller wants no answer any more.
    Aborted,
}
