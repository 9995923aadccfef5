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

/// A decimal number times 10^12, cut off below and bounded above; nothing if it is negative.
pub(super) fn trillionths(number: &str) -> Option<u64> {
    if number.starts_with('-') {
        return None;
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().unwrap_or(i64::MAX / 2);
    let scale = exponent.saturating_add(12).saturating_sub(fraction.len() as i64);
    let digits = || whole.bytes().chain(fraction.bytes());
    let kept = digits().count().saturating_sub(scale.min(0).unsigned_abs() as usize);
    let append = |value: u64, digit: u8| value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    let value = digits().take(kept).fold(0, append);
    Some((0..scale.max(0)).take_while(|_| value > 0).take(20).fold(value, |value, _| value.saturating_mul(10)))
}
