//! The stream to the client. At most one write is under way: the next write waits for the reader.

use std::task::Poll;

use js_sys::futures::JsFuture;
use wasm_bindgen::JsValue;
use web_sys::ReadableStream;

use crate::platform::executor::{Executor, Pending};
use crate::platform::host;

/// The writing end of the stream.
#[derive(Debug)]
pub(crate) struct Output {
    platform: host::Output,
    executor: Executor,
    /// The write, or the pipe, that is under way.
    busy: Option<Pending>,
}

impl Output {
    /// Opens a stream. Returns its writing end, and the body of the response.
    pub(crate) fn open(executor: &Executor) -> (Self, ReadableStream) {
        let platform = host::Output::new(executor.task());
        let body = platform.readable();
        (Self { platform, executor: executor.clone(), busy: None }, body)
    }

    /// Starts to write. Call this only when [`Output::poll`] says that the last write is over.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.busy = Some(self.executor.wait_for(|task, slot| self.platform.write(bytes, task, slot)));
    }

    /// Starts to pass `body` on natively, after everything that was written.
    pub(crate) fn pipe(&mut self, body: &ReadableStream) {
        self.busy = Some(self.executor.wait_for(|task, slot| self.platform.pipe(body, task, slot)));
    }

    /// Ready when the write or the pipe is over. The cause of an error is the reader, who went away, or the body of a pipe.
    pub(crate) fn poll(&mut self) -> Poll<Result<(), JsValue>> {
        let Some(busy) = &self.busy else { return Poll::Ready(Ok(())) };
        let ended = std::task::ready!(busy.poll_result());
        self.busy = None;
        Poll::Ready(ended.map(drop))
    }

    /// Whether no write and no pipe is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.is_none()
    }

    /// Ends the body as its protocol requires.
    pub(crate) async fn close(self) {
        // An error means that the client has gone away: nobody needs to know.
        if let Ok(closing) = self.platform.close() {
            let _ = JsFuture::from(closing).await;
        }
    }

    /// Breaks the connection, so that the client does not take an incomplete answer for the whole.
    pub(crate) async fn abort(self) {
        let _ = JsFuture::from(self.platform.abort()).await;
    }
}
