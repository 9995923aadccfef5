//! What a call asks its host to do, and what the host reports.

use super::outcome::Outcome;
use crate::Millis;
use crate::attempt::AttemptId;
use crate::chunk::Chunks;
use crate::failure::Failure;
use crate::http::{Headers, HttpRequest};

/// What the host should do. An action only starts work. The host reports the result with [`Call::handle`](super::Call::handle).
#[derive(Debug)]
pub enum Action {
    /// Send `request`. Report [`Input::Head`] or [`Input::Failed`].
    Send {
        /// The attempt that begins with this request.
        attempt: AttemptId,
        /// What to send.
        request: HttpRequest,
    },
    /// Read one chunk of the body. Report the chunk, or the end of the body. Do not read another before the next `Read`.
    Read {
        /// The attempt to read from.
        attempt: AttemptId,
    },
    /// Give these chunks to the reader. The first `Yield` means that the call is committed. Until the host polls again, the
    /// reader is busy and no clock runs.
    Yield(Chunks),
    /// The call is committed. Give `held` to the reader, then the rest of the body as it comes. The host still reports what
    /// it sees; on the lane `lean`, that is only [`Input::End`] or [`Input::Failed`] after the whole body. A call on these
    /// lanes yields chunks instead, if its answer ended before the call was committed.
    Relay {
        /// The attempt whose body goes to the reader.
        attempt: AttemptId,
        /// The bytes of the body that were read before.
        held: Vec<u8>,
    },
    /// Close the connection of this attempt. What it reports from now on is ignored.
    Cancel {
        /// The attempt to close.
        attempt: AttemptId,
    },
    /// Do nothing until something happens, or until this point in time.
    Wait {
        /// When to poll again at the latest. Milliseconds since the UNIX epoch.
        until: Millis,
    },
    /// The call is over.
    Done(Box<Outcome>),
}

/// What happened. Inputs may come in any order; an input of an attempt that is over is ignored.
#[derive(Debug)]
pub enum Input<'a> {
    /// The head of the response has come.
    Head {
        /// The attempt that this input belongs to.
        attempt: AttemptId,
        /// The HTTP status.
        status: u16,
        /// At least the headers in [`READ_HEADERS`](crate::http::READ_HEADERS), as far as the host may read them.
        headers: Headers,
    },
    /// Bytes of the body have come.
    Bytes {
        /// The attempt that this input belongs to.
        attempt: AttemptId,
        /// The next bytes, cut anywhere.
        bytes: &'a [u8],
    },
    /// The body is complete, as its protocol says.
    End {
        /// The attempt that this input belongs to.
        attempt: AttemptId,
    },
    /// No connection was made, or the connection broke.
    Failed {
        /// The attempt that this input belongs to.
        attempt: AttemptId,
        /// Why.
        failure: Box<Failure>,
    },
    /// The request never reached the upstream, so it costs nothing. Otherwise as [`Input::Failed`].
    Unsent {
        /// The attempt that this input belongs to.
        attempt: AttemptId,
        /// Why.
        failure: Box<Failure>,
    },
    /// The point in time of [`Action::Wait`] has come.
    Woken,
    /// The caller aborted the call.
    Aborted,
}
