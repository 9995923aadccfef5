//! Small functions for strings. A page downloads their code, so they are written for size: a call for each piece of a string
//! instead of an array of pieces, and loops over bytes instead of the searchers of the standard library, which are made for
//! long texts.

mod search;

use std::borrow::Cow;
use std::hint::black_box;

pub(crate) use search::first;

/// A `String` of several `&str`, with a usual capacity.
macro_rules! text {
    ($($piece:expr),+ $(,)?) => {{
        let mut text = String::with_capacity(64);
        $($crate::text::push(&mut text, $piece);)+
        text
    }};
}
pub(crate) use text;

/// `push_str`, as a call that is not inlined.
#[inline(never)]
pub(crate) fn push(text: &mut String, piece: &str) {
    text.push_str(piece);
}

/// A long text grows by this many bytes.
const STEP: usize = 256 * 1024;

/// `String::reserve`, for a text that may become as long as an answer. Doubling its capacity again and again would take three
/// times its size: the old text, the new text, and the freed memory of earlier ones.
pub(crate) fn reserve(text: &mut String, length: usize) {
    if text.len() < STEP / 4 {
        text.reserve(length);
    } else if text.capacity() - text.len() < length {
        // The last block in memory grows in place, if the memory behind it is there. This allocation adds that memory.
        drop(black_box(Vec::<u8>::with_capacity(STEP + length)));
        text.reserve_exact(STEP + length);
    }
}

/// `bytes` begin with `known`. Compares eight bytes at a time: a standard library that is built for size compares byte by
/// byte.
pub(crate) fn begins(bytes: &[u8], known: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..known.len()) else { return false };
    let ((ours, our_tail), (theirs, their_tail)) = (known.as_chunks(), bytes.as_chunks());
    let is_same = |(ours, theirs): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*ours) == u64::from_le_bytes(*theirs);
    our_tail == their_tail && ours.iter().zip(theirs).all(is_same)
}

/// Where `part` begins in `text`. The time is linear for every text and part (Knuth, Morris and Pratt): a caller may choose
/// both.
pub(crate) fn find(text: &str, part: &str) -> Option<usize> {
    let part = part.as_bytes();
    // For each beginning of the part: the length of the longest shorter beginning with which this beginning ends.
    let mut borders = vec![0; part.len()];
    let advance = |borders: &[usize], mut matched: usize, byte: u8| {
        while matched > 0 && part[matched] != byte {
            matched = borders[matched - 1];
        }
        matched + usize::from(part[matched] == byte)
    };
    for at in 1..part.len() {
        borders[at] = advance(&borders, borders[at - 1], part[at]);
    }
    let mut matched = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matched == part.len() {
            return Some(at - matched);
        }
        matched = advance(&borders, matched, byte);
    }
    if matched == part.len() { Some(text.len() - matched) } else { None }
}

/// The pieces of a text between `mark`, an ASCII character, as `str::split`.
pub(crate) fn split(text: &str, mark: u8) -> Split<'_> {
    Split { rest: Some(text), mark }
}

/// See [`split`].
#[derive(Clone, Debug)]
pub(crate) struct Split<'a> {
    rest: Option<&'a str>,
    mark: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (piece, rest) = cut(self.rest?, self.mark);
        let is_last = piece.len() == self.rest?.len();
        self.rest = if is_last { None } else { Some(rest) };
        Some(piece)
    }
}

/// `text`, cut after at most `most` bytes. An ellipsis stands for the rest.
pub fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// The words of a text, which are separated by spaces, with commas between them.
pub(crate) fn comma_separated(words: &str) -> String {
    let mut list = String::new();
    for word in split(words, b' ') {
        let between = if list.is_empty() { "" } else { ", " };
        push(&mut list, between);
        push(&mut list, word);
    }
    list
}

/// `text` without the white space at its end.
pub(crate) fn trim_end(text: &str) -> &str {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        if !is_space(character) {
            end = at + character.len_utf8();
        }
    }
    &text[..end]
}

/// The texts before and behind the first `mark`, an ASCII character. Without a mark, the whole text and an empty text.
pub(crate) fn cut(text: &str, mark: u8) -> (&str, &str) {
    let at = first(text.as_bytes(), mark, 0, 0);
    (&text[..at], text.get(at + 1..).unwrap_or_default())
}

/// The text is empty, or white space only.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// White space of any script. The standard library has a larger table.
fn is_space(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// The text of `bytes`, if they are UTF-8.
pub(crate) fn of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The text of `bytes`, with U+FFFD in the place of bytes that are not UTF-8. For valid bytes, this is eight times faster than
/// `String::from_utf8_lossy`.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    of(bytes).map_or_else(|| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Where the first line of `bytes` ends.
pub(crate) fn line_end(bytes: &[u8]) -> usize {
    first(bytes, b'\n', b'\r', 1)
}

#[cfg(test)]
mod tests {
    use super::{comma_separated, cut, find, is_blank, lossy, of, split, trim_end};

    #[test]
    fn a_part_is_found_where_it_begins_first() {
        for (text, part, at) in [
            ("abcabd", "abd", Some(3)),
            ("abc", "", Some(0)),
            ("aab", "ab", Some(1)),
            ("abababc", "ababc", Some(2)),
            ("aabaaabaaac", "aabaaac", Some(4)),
            ("ab", "abc", None),
            ("", "a", None),
        ] {
            assert_eq!(find(text, part), at, "{part} in {text}");
        }
    }

    #[test]
    fn a_text_is_cut_at_the_first_mark() {
        assert_eq!(cut("é:b:c", b':'), ("é", "b:c"));
        assert_eq!(cut("none", b':'), ("none", ""));
    }

    #[test]
    fn a_text_is_blank_if_the_standard_library_calls_it_white_space() {
        let blanks = (0..=0x3fff).filter_map(char::from_u32).filter(|character| is_blank(&character.to_string()));
        let expected = (0..=0x3fff).filter_map(char::from_u32).filter(|character| character.is_whitespace());
        assert!(blanks.eq(expected) && is_blank("") && is_blank(" \u{3000}") && !is_blank(" a"));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_no_text_or_are_replaced() {
        assert_eq!((of(b"\xc3\xa9"), of(b"\xc3")), (Some("é"), None));
        assert_eq!((&*lossy(b"\xc3\xa9"), &*lossy(b"a\xc3b")), ("é", "a\u{fffd}b"));
    }

    #[test]
    fn a_text_is_split_as_the_standard_library_splits_it() {
        for text in ["", "a", "a b", " a  b ", "é ü"] {
            assert!(split(text, b' ').eq(text.split(' ')), "{text}");
        }
    }

    #[test]
    fn white_space_at_the_end_is_trimmed_as_the_standard_library_trims_it() {
        for text in ["", " ", "a", " a \u{3000}\n", "é\u{a0}é\u{a0}"] {
            assert_eq!(trim_end(text), text.trim_end(), "{text}");
        }
    }

    #[test]
    fn commas_separate_words() {
        assert_eq!((comma_separated("a b"), comma_separated("a")), ("a, b".into(), "a".into()));
    }
}
