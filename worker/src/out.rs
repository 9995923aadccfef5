//! The stream to the client. One write is under way at most: the next waits for the reader.

use std::task::Poll;

use js_sys::futures::JsFuture;
use wasm_bindgen::JsValue;
use web_sys::{AbortController, ReadableStream, StreamPipeOptions, WritableStream, WritableStreamDefaultWriter};

use crate::host::{self, IdentityTransformStream};
use crate::task::{Bell, Ring};

/// The writing end.
#[derive(Debug)]
pub(crate) struct Out {
    writable: WritableStream,
    writer: Option<WritableStreamDefaultWriter>,
    bell: Bell,
    /// The write, or the pipe, that is under way.
    busy: Option<Ring>,
    /// Stops the pipe.
    stop: Option<AbortController>,
}

impl Out {
    /// Both ends: the one to write to, and the body of the response.
    pub(crate) fn open(bell: &Bell) -> Result<(Self, ReadableStream), JsValue> {
        let through = IdentityTransformStream::new();
        let writable = through.writable();
        let writer = Some(writable.get_writer()?);
        Ok((Self { writable, writer, bell: bell.clone(), busy: None, stop: None }, through.readable()))
    }

    /// Starts to write. Only after [`Out::poll`] said that the last write is over.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if let Some(writer) = &self.writer {
            self.busy = Some(self.bell.hang(|ring, task, slot| host::write(writer, bytes, ring, task, slot)));
        }
    }

    /// Lets `body` follow natively. Its end closes nothing here, and its failure breaks nothing.
    pub(crate) fn pipe(&mut self, body: &ReadableStream) {
        if let Some(writer) = self.writer.take() {
            writer.release_lock();
        }
        let options = StreamPipeOptions::new();
        options.set_prevent_close(true);
        options.set_prevent_abort(true);
        self.stop = AbortController::new().ok();
        if let Some(stop) = &self.stop {
            options.set_signal(&stop.signal());
        }
        self.busy = Some(self.bell.promise(&body.pipe_to_with_options(&self.writable, &options)));
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
    pub(crate) async fn close(mut self) {
        let closing = match self.writer.take().map_or_else(|| self.writable.get_writer(), Ok) {
            Ok(writer) => writer.close(),
            Err(_) => return,
        };
        // Whoever has gone away is not told.
        let _ = JsFuture::from(closing).await;
    }

    /// Breaks the connection, so that nobody takes what was sent for the whole.
    pub(crate) async fn abort(self) {
        let reason = JsValue::from_str("the upstream failed");
        if let Some(stop) = &self.stop {
            stop.abort();
        }
        let aborting = match &self.writer {
            Some(writer) => writer.abort_with_reason(&reason),
            None => self.writable.abort_with_reason(&reason),
        };
        let _ = JsFuture::from(aborting).await;
    }
}
