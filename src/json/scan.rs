//! The grammar of JSON (RFC 8259), over bytes.

use std::borrow::Cow;

/// Values nest at most this deep. More is no answer of a model, and would take the stack of whoever reads it.
const DEEPEST: u32 = 128;

/// `text` is one JSON value, with nothing but white space around it.
pub(super) fn whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    match value(bytes, blank(bytes, 0), 0) {
        Some(end) => blank(bytes, end) == bytes.len(),
        None => false,
    }
}

pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The end of the value at `at`, if it is one.
pub(super) fn value(bytes: &[u8], at: usize, depth: u32) -> Option<usize> {
    match bytes.get(at)? {
        b'{' => items(bytes, at, b'}', depth),
        b'[' => items(bytes, at, b']', depth),
        b'"' => string(bytes, at),
        b't' => word(bytes, at, b"true"),
        b'f' => word(bytes, at, b"false"),
        b'n' => word(bytes, at, b"null"),
        _ => number(bytes, at),
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    bytes[at..].starts_with(word).then_some(at + word.len())
}

fn items(bytes: &[u8], at: usize, close: u8, depth: u32) -> Option<usize> {
    let mut at = blank(bytes, at + 1);
    if depth == DEEPEST {
        return None;
    }
    if *bytes.get(at)? == close {
        return Some(at + 1);
    }
    loop {
        if close == b'}' {
            if *bytes.get(at)? != b'"' {
                return None;
            }
            at = blank(bytes, string(bytes, at)?);
            if *bytes.get(at)? != b':' {
                return None;
            }
            at = blank(bytes, at + 1);
        }
        at = blank(bytes, value(bytes, at, depth + 1)?);
        match *bytes.get(at)? {
            b',' => at = blank(bytes, at + 1),
            end if end == close => return Some(at + 1),
            _ => return None,
        }
    }
}

fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => {
                at += 1;
                match *bytes.get(at)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' if hex(bytes, at + 1).is_some() => at += 4,
                    _ => return None,
                }
            }
            0..=0x1f => return None,
            _ => {}
        }
        at += 1;
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |code, digit| Some(code * 16 + (*digit as char).to_digit(16)?))
}

fn digits(bytes: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    (at > start).then_some(at)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let start = at + usize::from(bytes[at] == b'-');
    let mut end = digits(bytes, start)?;
    if bytes[start] == b'0' && end > start + 1 {
        return None;
    }
    if bytes.get(end) == Some(&b'.') {
        end = digits(bytes, end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(bytes, end + 1 + signed)?;
    }
    Some(end)
}

/// The length of the value that `bytes` begin with, known to be JSON.
pub(super) fn skip(bytes: &[u8]) -> usize {
    match bytes[0] {
        b'"' => string_end(bytes, 0),
        b'{' | b'[' => {
            let (mut at, mut depth) = (0, 0);
            loop {
                match bytes[at] {
                    b'"' => at = string_end(bytes, at) - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
        }
        _ => bytes.iter().position(|byte| matches!(byte, b',' | b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(bytes.len()),
    }
}

/// Behind the quote that ends the string at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', &bytes[at..]).expect("a string of checked JSON ends");
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
}

/// The text of a string, without its quotes.
pub(super) fn unescaped(inside: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', inside.as_bytes()) else { return Cow::Borrowed(inside) };
    let mut text = String::with_capacity(inside.len());
    text.push_str(&inside[..first]);
    let mut rest = &inside[first..];
    while let Some(escape) = rest.as_bytes().get(1) {
        let (character, length) = match escape {
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            b'u' => code_point(rest.as_bytes()),
            other => (*other as char, 2),
        };
        text.push(character);
        rest = &rest[length..];
        let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(text)
}

/// The character of the `\uXXXX` that `bytes` begin with, or of the pair of them, and its length.
fn code_point(bytes: &[u8]) -> (char, usize) {
    let high = hex(bytes, 2).unwrap_or_default();
    if (0xd800..0xdc00).contains(&high) && bytes.get(6..8) == Some(b"\\u") {
        let low = hex(bytes, 8).unwrap_or_default();
        if (0xdc00..0xe000).contains(&low) {
            let paired = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return (char::from_u32(paired).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
        }
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// The whole number that `text` is, if it is one of digits and not too large.
///
/// The standard library's way multiplies in 128 bits, which a page would have to download.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let append = |value: u64, byte: u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || value > (u64::MAX - 9) / 10 { None } else { Some(value * 10 + u64::from(digit)) }
    };
    if text.is_empty() { None } else { text.bytes().try_fold(0, append) }
}

/// A decimal number times 10^12, cut off below and bounded above; nothing if it is negative.
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
    // No more than twenty digits fit.
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
