//! Bytes in, server-sent events out. Knows nothing of JSON.
//!
//! The rules are those of WHATWG HTML 9.2.6: CR, LF and CRLF all end a line, a leading byte order mark is dropped, a
//! line without a colon is a field without a value, several `data` lines join with a line feed, an event that the end
//! of the stream cuts off is discarded. Where a chunk of bytes ends never matters, not even inside a character.
//!
//! ```
//! use failsoft::sse::{Decoder, Event};
//!
//! let mut seen = Vec::new();
//! let mut decoder = Decoder::new(1024);
//! for chunk in [&b"data: h\xc3"[..], b"\xa9llo\r", b"\n\r\n: still here\n"] {
//!     decoder.feed(chunk, |event| match event {
//!         Event::Data(data) => seen.push(data.to_owned()),
//!         Event::Comment(comment) => seen.push(format!("({comment})")),
//!     })?;
//! }
//! assert_eq!(seen, ["héllo", "(still here)"]);
//! # Ok::<(), failsoft::sse::TooLarge>(())
//! ```

use crate::text::{line_end, lossy};

/// One thing a stream said.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The joined `data` lines of one event. Invalid UTF-8 is replaced by U+FFFD.
    Data(&'a str),
    /// The text of a comment line, without the colon and one leading space.
    Comment(&'a str),
}

/// An event, or a line of one, is larger than the decoder's bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The bound, in bytes.
    pub limit: usize,
}

/// Splits a byte stream into events; holds at most one incomplete line and one incomplete event.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The data lines so far, each followed by a line feed.
    data: Vec<u8>,
    /// The last byte was a CR that ended a line: an LF that comes next belongs to the same ending.
    after_cr: bool,
    /// Nothing but a possible byte order mark has come.
    at_start: bool,
}

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Decoder {
    /// A decoder that keeps at most `limit` bytes of an event.
    pub fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new(), data: Vec::new(), after_cr: false, at_start: true }
    }

    /// Takes the next bytes, and calls `each` for every event and comment that they complete, in order.
    ///
    /// # Errors
    /// [`TooLarge`] when a line or an event outgrows the bound; the stream cannot go on.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.step(&mut rest, &mut each)?;
        }
        Ok(())
    }

    /// Takes a line off `rest`, or what there is of it, and calls `each` if it completes something.
    pub(crate) fn step(&mut self, rest: &mut &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
            *rest = &rest[1..];
            return Ok(());
        }
        let end = line_end(rest);
        let (piece, ending) = rest.split_at(end);
        self.bounded(self.line.len() + piece.len())?;
        self.line.extend_from_slice(piece);
        *rest = ending;
        if let Some((end, behind)) = ending.split_first() {
            self.after_cr = *end == b'\r';
            *rest = behind;
            self.end_line(each)?;
        }
        Ok(())
    }

    /// An event ended with the last byte, or a comment did: what comes next is a line of its own.
    pub(crate) fn is_between(&self) -> bool {
        self.line.is_empty() && self.data.is_empty() && !self.after_cr && !self.at_start
    }

    fn end_line(&mut self, each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let is_first = std::mem::take(&mut self.at_start);
        let line = match self.line.strip_prefix(BYTE_ORDER_MARK) {
            Some(line) if is_first => line,
            _ => &self.line,
        };
        if line.is_empty() {
            if self.data.pop().is_some() {
                each(Event::Data(&lossy(&self.data)));
                self.data.clear();
            }
        } else if let Some(comment) = line.strip_prefix(b":") {
            each(Event::Comment(&lossy(without_space(comment))));
        } else if let Some(value @ ([] | [b':', ..])) = line.strip_prefix(b"data") {
            // `event`, `id` and `retry` carry nothing in this protocol; unknown fields are ignored by the standard.
            let value = without_space(value.get(1..).unwrap_or_default());
            self.bounded(self.data.len() + value.len())?;
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        }
        self.line.clear();
        Ok(())
    }

    fn bounded(&self, size: usize) -> Result<(), TooLarge> {
        if size > self.limit { Err(TooLarge { limit: self.limit }) } else { Ok(()) }
    }
}

fn without_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}
