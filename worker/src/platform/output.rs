//! The stream to the client. One write is under way at most: the next waits for the reader.

use std::task::Poll;

use js_sys::futures::JsFuture;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::platform::executor::{Executor, Pending};
use crate::platform::host;

/// The writing end.
#[derive(Debug)]
pub(crate) struct Out {
    platform: host::Out,
    bell: Executor,
    /// The write, or the pipe, that is under way.
    busy: Option<Pending>,
}

impl Out {
    /// Both ends: the one to write to, and the body of the response.
    pub(crate) fn open(bell: &Executor) -> (Self, ReadableStream) {
        let platform = host::Out::new(bell.task());
        let body = platform.readable();
        (Self { platform, bell: bell.clone(), busy: None }, body)
    }

    /// Starts to write. Only after [`Out::poll`] said that the last write is over.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.busy = Some(self.bell.hang(|task, slot| self.platform.write(bytes, task, slot)));
    }

    /// Lets `body` follow natively, after all that was written.
    pub(crate) fn pipe(&mut self, body: &ReadableStream) {
        self.busy = Some(self.bell.hang(|task, slot| self.platform.pipe(body, task, slot)));
    }

    /// Is what was started over? An error is that of the reader, who went away, or of the body that was piped.
    pub(crate) fn poll(&mut self) -> Poll<Result<(), JsValue>> {
        let Some(busy) = &self.busy else { return Poll::Ready(Ok(())) };
        let ended = std::task::ready!(busy.told());
        self.busy = None;
        Poll::Ready(ended.map(drop))
    }

    /// Nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.is_none()
    }

    /// Ends the body as its protocol says.
    pub(crate) async fn close(self) {
        // Whoever has gone away is not told.
        if let Ok(closing) = self.platform.close() {
            let _ = JsFuture::from(closing).await;
        }
    }

    /// Breaks the connection, so that nobody takes what was sent for the whole.
    pub(crate) async fn abort(self) {
        let _ = JsFuture::from(self.platform.abort()).await;
    }
}
