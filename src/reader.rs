//! The streaming reader alone, for a response that the caller requested by itself.
//!
//! ```
//! use failsoft::reader::StreamReader;
//!
//! let mut reader = StreamReader::default();
//! let body = br#"data: {"model": "openai/gpt-4o", "choices": [{"delta": {"content": "Hel"}}]}
//!
//! data: {"choices": [{"delta": {"content": "lo"}}]}
//!
//! "#;
//! assert_eq!(reader.feed(body, 0).text(), "Hello");
//! assert_eq!(reader.answer().model(), Some("openai/gpt-4o"));
//! // The body ends, and no finish reason has come: the answer was cut.
//! assert_eq!(reader.finish().unwrap_err().kind, failsoft::Kind::Cut);
//! ```

use crate::Millis;
use crate::chunk::{Accumulator, Chunks};
use crate::events::Events;
use crate::failure::Failure;
use crate::request::UsageChunk;

/// Reads one stream of chat completion chunks.
#[derive(Debug)]
pub struct StreamReader(Events);

impl Default for StreamReader {
    fn default() -> Self {
        Self(Events::new(UsageChunk::AsSent))
    }
}

impl StreamReader {
    /// Takes the next bytes, cut anywhere. Returns the chunks that they complete. `now` is in milliseconds since the UNIX
    /// epoch.
    pub fn feed(&mut self, bytes: &[u8], now: Millis) -> Chunks {
        self.0.feed(bytes, now);
        std::mem::take(&mut self.0.waiting)
    }

    /// The body has ended as its protocol says, which also ends its last event. Returns the last chunks. A chunk with a finish
    /// reason is held until `[DONE]` or until here, because more of the answer may follow.
    pub fn end(&mut self, now: Millis) -> Chunks {
        self.0.finish(now);
        self.0.end();
        std::mem::take(&mut self.0.waiting)
    }

    /// The failure that the stream reported. What comes after it is not read.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.failure.as_deref()
    }

    /// `[DONE]` has come.
    pub fn is_done(&self) -> bool {
        self.0.done
    }

    /// The number of events that were skipped because they are not JSON.
    pub fn malformed(&self) -> u32 {
        self.0.malformed
    }

    /// The answer so far.
    pub fn answer(&self) -> &Accumulator {
        &self.0.answer
    }

    /// Checks whether the answer is whole.
    ///
    /// # Errors
    /// The failure that the stream reported, [`Kind::Cut`](crate::Kind::Cut) when no finish reason has come, or the failure of
    /// a tool call that has a hole.
    pub fn finish(&self) -> Result<(), Box<Failure>> {
        match &self.0.failure {
            Some(failure) => Err(failure.clone()),
            None if self.0.answer.is_finished() => self.0.check_calls(),
            None => Err(Failure::cut()),
        }
    }
}
