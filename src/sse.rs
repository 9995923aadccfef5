//! Reads bytes, and returns server-sent events. It does not know JSON.
//!
//! The rules are those of WHATWG HTML 9.2.6:
//!
//! - CR, LF and CRLF end a line; a byte order mark at the beginning is dropped;
//! - a line without a colon is a field without a value; a line that begins with a colon is a comment;
//! - several `data` lines of one event are joined with a line feed; an empty line ends the event;
//! - an event that the end of the stream cuts off is discarded.
//!
//! Some upstreams keep to these rules only in part. [`Decoder::tolerant`] reads what they mean.
//!
//! The bytes may be cut anywhere, also inside a character.
//!
//! ```
//! use failsoft::sse::{Decoder, Event};
//!
//! let mut seen = Vec::new();
//! let mut decoder = Decoder::new(1024);
//! for chunk in [&b"data: h\xc3"[..], b"\xa9llo\r", b"\n\r\n: still here\n"] {
//!     decoder.feed(chunk, |event| match event {
//!         Event::Data(data) | Event::Error(data) => seen.push(data.to_owned()),
//!         Event::Comment(comment) => seen.push(format!("({comment})")),
//!     })?;
//! }
//! assert_eq!(seen, ["héllo", "(still here)"]);
//! # Ok::<(), failsoft::sse::TooLarge>(())
//! ```

use crate::text::{line_end, lossy};

/// One event or comment of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The joined `data` lines of one event. Invalid UTF-8 is replaced by U+FFFD.
    Data(&'a str),
    /// The same of an event with the name `error`. An empty line between the name and the data does not end the name.
    Error(&'a str),
    /// The text of a comment line, without the colon and one leading space.
    Comment(&'a str),
}

/// An event or a line is larger than the decoder's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit, in bytes.
    pub limit: usize,
}

/// Splits a byte stream into events. It holds at most one incomplete line and one incomplete event.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The beginning of an incomplete line.
    line: Vec<u8>,
    /// The `data` lines of an incomplete event, each followed by a line feed.
    data: Vec<u8>,
    /// The last byte was a CR. An LF that follows belongs to the same line end.
    after_cr: bool,
    /// No line has ended, so that a byte order mark may come.
    at_start: bool,
    /// The next event has the name `error`.
    is_error: bool,
    /// Whether a text is the whole data of an event, where the decoder is tolerant.
    is_whole: Option<fn(&str) -> bool>,
    /// The bytes of the event's data that were read to find out whether they are whole.
    searched: usize,
}

/// The data of an event that has many lines are read at most this often, to find out whether they are whole behind a line.
const SEARCHES: usize = 16;

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Decoder {
    /// A decoder for events of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            data: Vec::new(),
            after_cr: false,
            at_start: true,
            is_error: false,
            is_whole: None,
            searched: 0,
        }
    }

    /// A decoder for events of at most `limit` bytes, which `is_whole` recognises.
    ///
    /// - A `data` line behind whole data begins another event, as if an empty line were between them.
    /// - A line without a known field goes on with data that are not whole: a line feed was not escaped.
    /// - [`Decoder::finish`] gives whole data that the end of the stream cuts off.
    pub(crate) fn tolerant(limit: usize, is_whole: fn(&str) -> bool) -> Self {
        Self { is_whole: Some(is_whole), ..Self::new(limit) }
    }

    /// Takes the next bytes, and calls `each` for every event and comment that they complete, in order.
    ///
    /// # Errors
    /// [`TooLarge`] when a line or an event is larger than the limit. The rest of the stream cannot be read.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.step(&mut rest, &mut each)?;
        }
        Ok(())
    }

    /// Takes a line, or the beginning of a line, off `rest`. Calls `each` if that completes an event or a comment.
    pub(crate) fn step(&mut self, rest: &mut &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
            *rest = &rest[1..];
            return Ok(());
        }
        let end = line_end(rest);
        let (piece, ending) = rest.split_at(end);
        self.check_size(self.line.len() + piece.len())?;
        self.line.extend_from_slice(piece);
        *rest = ending;
        if let Some((end, behind)) = ending.split_first() {
            self.after_cr = *end == b'\r';
            *rest = behind;
            self.end_line(each)?;
        }
        Ok(())
    }

    /// The last byte ended an event or a comment, so the next byte begins a line.
    pub(crate) fn is_between(&self) -> bool {
        self.line.is_empty() && self.data.is_empty() && !self.after_cr && !self.at_start
    }

    fn end_line(&mut self, each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let is_first = std::mem::take(&mut self.at_start);
        let mut whole = std::mem::take(&mut self.line);
        let line = match whole.strip_prefix(BYTE_ORDER_MARK) {
            Some(line) if is_first => line,
            _ => &whole[..],
        };
        if line.is_empty() {
            self.end_event(each);
        } else if let Some(comment) = line.strip_prefix(b":") {
            each(Event::Comment(&lossy(without_space(comment))));
        } else if let Some(value) = field(line, b"data") {
            let before = self.data.len();
            self.check_size(before + value.len())?;
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
            if before > 0 {
                self.split_event(before, each);
            }
        } else if let Some(name) = field(line, b"event") {
            self.is_error = name == b"error";
        } else if !self.data.is_empty() && field(line, b"id").or(field(line, b"retry")).is_none() {
            // The standard ignores unknown fields.
            let (before, size) = (self.data.len(), line.len());
            if self.is_whole.is_some() && before + size <= self.limit {
                self.data.extend_from_slice(line);
                self.data.push(b'\n');
                if self.split_event(before, each) {
                    self.data.clear();
                }
            }
        }
        whole.clear();
        self.line = whole;
        Ok(())
    }

    /// Ends an event, if there is one.
    fn end_event(&mut self, each: &mut impl FnMut(Event<'_>)) {
        if self.data.pop().is_some() {
            let data = &lossy(&self.data);
            each(if self.is_error { Event::Error(data) } else { Event::Data(data) });
            self.is_error = false;
            self.data.clear();
            if !cfg!(feature = "browser") {
                self.searched = 0;
            }
        }
    }

    /// Ends an event behind its first `before` bytes, if they are whole. Keeps the rest.
    #[cold]
    fn split_event(&mut self, before: usize, each: &mut impl FnMut(Event<'_>)) -> bool {
        // Each line reads the lines before it again, so a stranger's event of many lines would take work out of proportion.
        if !cfg!(feature = "browser") {
            if self.searched > SEARCHES * before {
                return false;
            }
            self.searched += before;
        }
        let is_whole = self.is_whole.is_some_and(|is_whole| is_whole(&lossy(&self.data[..before - 1])));
        if is_whole {
            let rest = self.data.split_off(before);
            self.end_event(each);
            self.data = rest;
        }
        is_whole
    }

    /// The stream has ended as its protocol says. Calls `each` for the last event, if it is whole.
    pub(crate) fn finish(&mut self, each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        if !self.line.is_empty() {
            self.end_line(each)?;
        }
        let data = &self.data[..self.data.len().saturating_sub(1)];
        if self.is_whole.is_some_and(|is_whole| is_whole(&lossy(data))) {
            self.end_event(each);
        }
        Ok(())
    }

    fn check_size(&self, size: usize) -> Result<(), TooLarge> {
        if size > self.limit { Err(TooLarge { limit: self.limit }) } else { Ok(()) }
    }
}

/// The value of `line`, if `line` is a field `name`.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', value @ ..] => Some(without_space(value)),
        _ => None,
    }
}

fn without_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}
