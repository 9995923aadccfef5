//! The grammar of JSON (RFC 8259), over bytes.

use std::borrow::Cow;

use crate::text::first;

/// Values nest at most this deep. A deeper value is no answer of a model, and reading it could overflow the stack.
const DEEPEST: u32 = 128;

/// Reads a text from its beginning. The end reads as NUL, a byte that JSON does not allow.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Some string has half of a surrogate pair.
    has_half: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, has_half: false }
    }

    /// Reads what is behind the opening bracket of `text`. The closing bracket ends the values, because no value begins with
    /// it.
    pub(super) fn inside(text: &'a str) -> Self {
        Self { text, at: 1, has_half: false }
    }

    /// The next value, if there is one, behind separators that were checked before.
    pub(super) fn part(&mut self) -> Option<&'a str> {
        while let b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' = self.peek() {
            self.at += 1;
        }
        self.value()
    }

    /// No value comes before the closing bracket.
    pub(super) fn is_over(&mut self) -> bool {
        self.blank();
        matches!(self.peek(), b']' | 0)
    }

    /// The only value of the text, if it is JSON, with nothing but white space around it.
    pub(super) fn whole(&mut self) -> Option<&'a str> {
        self.blank();
        let value = self.value()?;
        self.blank();
        if self.at == self.text.len() { Some(value) } else { None }
    }

    /// [`Scanner::whole`], if no string has half of a surrogate pair.
    pub(super) fn whole_in_pairs(&mut self) -> Option<&'a str> {
        self.whole().filter(|_| !self.has_half)
    }

    /// The value that begins here, if there is one.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        if self.pass(DEEPEST) { self.text.get(start..self.at) } else { None }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn next(&mut self) -> u8 {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == byte;
        self.at += usize::from(here);
        here
    }

    fn blank(&mut self) {
        while let b' ' | b'\t' | b'\n' | b'\r' = self.peek() {
            self.at += 1;
        }
    }

    /// Passes over one value. False, if there is no value.
    fn pass(&mut self, depth: u32) -> bool {
        match self.next() {
            b'{' => self.items(b'}', depth),
            b'[' => self.items(b']', depth),
            b'"' => self.string(),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            first => self.number(first),
        }
    }

    fn word(&mut self, rest: &[u8]) -> bool {
        rest.iter().all(|byte| self.take(*byte))
    }

    fn items(&mut self, close: u8, depth: u32) -> bool {
        self.blank();
        if depth == 0 || self.take(close) {
            return depth != 0;
        }
        loop {
            self.blank();
            if close == b'}' && !self.key() {
                return false;
            }
            if !self.pass(depth - 1) {
                return false;
            }
            self.blank();
            if !self.take(b',') {
                return self.take(close);
            }
        }
    }

    fn key(&mut self) -> bool {
        if !self.take(b'"') || !self.string() {
            return false;
        }
        self.blank();
        let named = self.take(b':');
        self.blank();
        named
    }

    fn string(&mut self) -> bool {
        loop {
            self.at += plain(&self.text.as_bytes()[self.at.min(self.text.len())..]);
            match self.next() {
                b'"' => return true,
                b'\\' => match self.next() {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => match hex(self.text, self.at) {
                        Some(code) => self.pass_code(code),
                        None => return false,
                    },
                    _ => return false,
                },
                _ => return false,
            }
        }
    }

    /// Passes over the digits of an escape, and over the other half of a surrogate pair.
    fn pass_code(&mut self, code: u32) {
        self.at += 4;
        if code >> 11 == 0xd800 >> 11 {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let low = if rest.starts_with("\\u") { hex(rest, 2) } else { None };
            let is_pair = code >> 10 == 0xd800 >> 10 && low.is_some_and(|low| low >> 10 == 0xdc00 >> 10);
            self.has_half |= !is_pair;
            self.at += if is_pair { 6 } else { 0 };
        }
    }

    fn number(&mut self, first: u8) -> bool {
        let first = if first == b'-' { self.next() } else { first };
        if !first.is_ascii_digit() {
            return false;
        }
        // A digit behind a leading zero belongs neither to the number nor to anything else.
        if first != b'0' {
            self.digits();
        }
        if self.take(b'.') && !self.digits() {
            return false;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            return self.digits();
        }
        true
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at > start
    }
}

/// How many bytes come before a quote, a backslash, a control character or the end. An exclusive or with 2 swaps the quote
/// with the space, which follows the control characters directly; control characters stay control characters.
pub(super) fn plain(bytes: &[u8]) -> usize {
    first(bytes, b'\\', b'"' ^ b' ', 0x21)
}

/// The four hexadecimal digits at `at`.
pub(super) fn hex(text: &str, at: usize) -> Option<u32> {
    let mut code = 0;
    for digit in text.as_bytes().get(at..at + 4)? {
        code = code * 16 + char::from(*digit).to_digit(16)?;
    }
    Some(code)
}

/// The text of a string, without its quotes.
pub(super) fn unescaped(inside: &str) -> Cow<'_, str> {
    // A quote inside a string always has a backslash before it.
    let mut end = plain(inside.as_bytes());
    if end == inside.len() {
        return Cow::Borrowed(inside);
    }
    let (mut text, mut rest) = (String::with_capacity(inside.len()), inside);
    loop {
        text.push_str(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        let (character, length) = match rest.as_bytes().first() {
            None => return Cow::Owned(text),
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'u') => code_point(rest),
            Some(itself) => (char::from(*itself), 1),
        };
        text.push(character);
        rest = &rest[length..];
        end = plain(rest.as_bytes());
    }
}

/// The character of the `uXXXX` at the beginning of `text`, or of a surrogate pair there, and the length of the escape.
fn code_point(text: &str) -> (char, usize) {
    let (high, low) = (hex(text, 1).unwrap_or_default(), hex(text, 7).unwrap_or_default());
    let paired = text[5..].starts_with("\\u") && high >> 10 == 0xd800 >> 10 && low >> 10 == 0xdc00 >> 10;
    let (code, length) = if paired { (0x10000 + ((high & 0x3ff) << 10 | low & 0x3ff), 11) } else { (high, 5) };
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), length)
}

/// The number that `text` is, if it has only digits and fits.
///
/// The standard library multiplies in 128 bits, code that a page would have to download.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let append = |value: u64, byte: u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || value > (u64::MAX - 9) / 10 { None } else { Some(value * 10 + u64::from(digit)) }
    };
    if text.is_empty() { None } else { text.bytes().try_fold(0, append) }
}

/// A decimal number in units of 10^-12, rounded down, at most `u64::MAX`. `None`, if it is negative.
pub(super) fn trillionths(number: &str) -> Option<u64> {
    let (mut value, mut scale, mut in_fraction) = (0_u64, 12_i64, false);
    let mut bytes = number.bytes();
    for byte in bytes.by_ref() {
        match byte {
            b'-' => return None,
            b'.' => in_fraction = true,
            b'0'..=b'9' => {
                let fits = value < u64::MAX / 10;
                if fits {
                    value = value * 10 + u64::from(byte - b'0');
                }
                scale += i64::from(!fits) - i64::from(in_fraction);
            }
            _ => break,
        }
    }
    let (mut exponent, mut is_negative) = (0, false);
    for byte in bytes {
        match byte {
            b'-' => is_negative = true,
            b'0'..=b'9' => exponent = (exponent * 10 + i64::from(byte - b'0')).min(999),
            _ => {}
        }
    }
    scale += if is_negative { -exponent } else { exponent };
    // At most twenty digits fit.
    for _ in 0..scale.unsigned_abs().min(20) {
        value = if scale < 0 {
            value / 10
        } else if value > u64::MAX / 10 {
            u64::MAX
        } else {
            value * 10
        };
    }
    Some(value)
}
