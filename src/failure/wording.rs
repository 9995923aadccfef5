//! What the words of an error mean: how a text becomes words, and how words are compared with the table of meanings.

mod meanings;

use self::meanings::{
    ABOUT_MODEL, MEANINGS, MISTAKE, NAMES, NO_MONEY, REFILLS, UNKNOWN_FIELD, UNSUPPORTED, VAGUE_NAMES,
};
use super::{Kind, RequestFields};
use crate::text::split;

/// The kind that a name means, if the name is specific; or with `vague`, any known name.
pub(super) fn by_name(names: &str, vague: bool) -> Option<Kind> {
    let rows: &[(Kind, &str)] = if vague { &VAGUE_NAMES } else { &NAMES };
    let is_named = |known: &str| !known.is_empty() && is_in(names, known);
    rows.iter().find(|(_, known)| split(known, b' ').any(is_named)).map(|(kind, _)| *kind)
}

/// The kind that the words of an error mean, as [`normalize`] writes them.
pub(super) fn by_words(words: &str) -> Option<Kind> {
    MEANINGS.iter().find(|(_, patterns)| matches(words, patterns)).map(|(kind, _)| *kind)
}

/// The words say that the account has no money.
pub(super) fn says_no_money(words: &str) -> bool {
    matches(words, NO_MONEY)
}

/// The words refuse the request in a sentence about the model.
pub(super) fn is_about_model(words: &str) -> bool {
    matches(words, ABOUT_MODEL)
}

/// The words say that the caller made a mistake.
pub(super) fn is_mistake(words: &str) -> bool {
    matches(words, MISTAKE)
}

/// The words say that the limit is gone after a while.
pub(super) fn says_refill(words: &str) -> bool {
    matches(words, REFILLS)
}

/// One of the `patterns`, each on a line, matches: one sentence of `words` has an alternative of each group.
fn matches(words: &str, patterns: &str) -> bool {
    let has_group = |sentence: &str, group: &str| split(group, b'|').any(|words| has(sentence, words));
    let is_match = |pattern: &str| {
        split(words, b'\n').any(|sentence| split(pattern, b' ').all(|group| has_group(sentence, group)))
    };
    split(patterns, b'\n').map(str::trim_ascii).any(|pattern| !pattern.is_empty() && is_match(pattern))
}

/// `sentence` has `words` at the beginning of a word. A short one is a whole word: `no` is not the beginning of `note`.
fn has(sentence: &str, words: &str) -> bool {
    let (text, words) = (sentence.as_bytes(), words.as_bytes());
    let is_same = |(ours, theirs): (&u8, &u8)| ours == theirs || *theirs == b'_' && *ours == b' ';
    (0..text.len()).any(|at| {
        let Some(piece) = text.get(at..at + words.len()) else { return false };
        let begins = words[0] >= 0x80 || at == 0 || text[at - 1] == b' ';
        let ends = words.len() > 4 || words[0] >= 0x80 || text.get(at + words.len()).is_none_or(|next| *next == b' ');
        begins && ends && piece.iter().zip(words).all(is_same)
    })
}

/// The fields of the request that the words reject.
pub(super) fn rejected_fields(words: &str) -> RequestFields {
    let mut fields = RequestFields::default();
    if matches(words, UNKNOWN_FIELD) || matches(words, UNSUPPORTED) {
        for (field, names) in RequestFields::NAMES {
            if matches(words, names) {
                fields.add(*field);
            }
        }
        if fields.has(RequestFields::STREAM_OPTIONS) {
            fields.remove(RequestFields::STREAM);
        }
    }
    #[cfg(feature = "protocols")]
    if matches(words, RequestFields::ABOUT_SIGNATURES) {
        fields.add(RequestFields::SIGNATURES);
    }
    fields
}

/// `list`, of words with a space between them, has `word`.
#[inline(never)]
pub(super) fn is_in(list: &str, word: &str) -> bool {
    split(list, b' ').any(|known| known == word)
}

/// `name` in small letters, without the marks between its words.
pub(super) fn squeeze(name: &str) -> String {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// Adds `text` to `words`: in small letters, with one space between words and each sentence on a line. `camelCase` and
/// `snake_case` become words too, so that a name reads like a sentence. An apostrophe joins: `doesn't` is `doesnt`.
pub(super) fn normalize(text: &str, words: &mut String) {
    let mut rest = text.chars().peekable();
    let mut last = '\n';
    while let Some(character) = rest.next() {
        let is_end = rest.peek().is_none_or(|next| next.is_ascii_whitespace());
        let next = match character {
            '\n' | '。' | '，' => '\n',
            '.' | '!' | '?' if is_end => '\n',
            '\'' | '\u{2019}' => continue,
            'A'..='Z' | 'a'..='z' | '0'..='9' | '\u{80}'.. => character,
            _ => ' ',
        };
        if next.is_ascii_uppercase() && last.is_ascii_lowercase() {
            words.push(' ');
        }
        if !matches!((last, next), (' ' | '\n', ' ') | ('\n', '\n')) {
            words.push(next.to_ascii_lowercase());
        }
        last = next;
    }
    words.push('\n');
}
