//! What is a refusal: a text that declines to help, and does not go on to help.
//!
//! A text declines if, near its beginning, one clause has all parts of a row of [`DECLINES`]: "I … can't … assist". An apology
//! alone declines nothing, nor do somebody else's words: a quotation, a letter, a translation. A text that lacks knowledge or
//! access ([`LIMITS`]) is an answer. A text goes on to help if an answer follows the clause: a "but" that is no offer, a number,
//! code, or many words. `refusal/words.rs` has the words of each language.

mod words;

use crate::text::{cut, find, split};
use words::{CONTRASTS, DECLINES, GREETINGS, LIMITS, OFFERS, OPENINGS, SELF};

/// Numbers of emergency calls, and an age that refusals name. Other numbers are a part of an answer.
const EMERGENCIES: &str = "911|988|112|999|110|119|111|116|123|113|120|3114|024|188|741741|190|17|24|7|18";

/// A text declines within this many bytes, or not at all.
const HEAD: usize = 240;
/// A text that goes on for this many bytes behind the sentence that declines is an answer.
const LONG: usize = 700;
/// A text without a known opening declines only if it is shorter.
const SHORT: usize = 600;

/// What the beginning of an answer says about the whole answer. If several phrases disagree, the last of these values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beginning {
    /// The answer is no refusal.
    Clear,
    /// The answer may still become a refusal.
    Open,
    /// The answer is a refusal, if nothing else follows.
    Refused,
}

/// Whether a whole answer is a refusal: by its meaning, or if there are `phrases`, by its beginning.
pub fn is_refusal(text: &str, phrases: &[String]) -> bool {
    let found = beginning(text, phrases);
    let is_short = found == Beginning::Clear && phrases.is_empty() && text.len() < SHORT;
    found == Beginning::Refused || is_short && declines(&normalized_text(text)) == Some(false)
}

/// What the beginning of an answer says. Compares it with `phrases`, or if there are none, with the openings of texts that
/// decline. A text that begins in another way is clear at once, so an ordinary stream waits for a word or two at most.
pub fn beginning(text: &str, phrases: &[String]) -> Beginning {
    let start = text.trim_start_matches(|mark: char| mark.is_ascii_whitespace() || mark == '*');
    let mut found = Beginning::Clear;
    // Most phrases differ in the first letter.
    let letter = start.chars().next().map(normalized);
    let mut check = |phrase: &str| {
        if letter.is_none_or(|letter| phrase.starts_with(letter)) {
            found = found.max(compare(start, phrase));
        }
    };
    if !phrases.is_empty() {
        phrases.iter().for_each(|phrase| check(phrase));
        return found;
    }
    split(OPENINGS, b'|').for_each(&mut check);
    for row in split(DECLINES, b'\n') {
        let (negations, _) = cut(cut(row, b'/').1, b'/');
        split(negations, b'|').for_each(|phrase| check(phrase.trim_ascii_start()));
    }
    if found != Beginning::Refused {
        return found;
    }
    match declines(&normalized_text(start)) {
        Some(true) => Beginning::Clear,
        Some(false) => Beginning::Refused,
        None if start.len() < HEAD => Beginning::Open,
        None => Beginning::Clear,
    }
}

/// What one phrase says about a text, which is read only as far as needed.
fn compare(text: &str, phrase: &str) -> Beginning {
    // No useful phrase is longer.
    let mut characters = text.chars().take(80).map(normalized);
    for character in phrase.chars() {
        match characters.next() {
            None => return Beginning::Open,
            Some(other) if other != character => return Beginning::Clear,
            Some(_) => {}
        }
    }
    Beginning::Refused
}

/// In lower case, with straight quotes.
fn normalized(character: char) -> char {
    match character {
        '\u{2019}' | '\u{2018}' => '\'',
        'ё' | 'Ё' => 'е',
        // Latin and Cyrillic capital letters. A table of all letters would be a large download.
        'À'..='Þ' | 'А'..='Я' => char::from_u32(character as u32 + 0x20).unwrap_or(character),
        other => other.to_ascii_lowercase(),
    }
}

/// As much of a text as decides whether the text declines, without the marks of bold text, and with a space before it.
fn normalized_text(text: &str) -> String {
    let mut start = String::from(" ");
    for character in text.chars().filter(|character| *character != '*').take(HEAD + LONG) {
        start.push(normalized(character));
    }
    start
}

/// `None`, if a text does not decline. Otherwise, whether the text goes on to help.
fn declines(text: &str) -> Option<bool> {
    if is_letter(text) || text.contains('`') {
        return None;
    }
    // What follows a colon or a quote may be somebody else's words.
    let quote = first_of(text, "\"“„«「—").unwrap_or(text.len());
    let own = first_of(text, ":：").filter(|at| !has(&text[..*at], SELF)).unwrap_or(quote).min(quote);
    let mut from = 0;
    while from < own.min(HEAD) {
        let end = from + clause_end(&text[from..]);
        let clause = &text[from..end.min(own)];
        if split(DECLINES, b'\n').any(|row| has_row(clause, row)) {
            let is_limit = has(&text[..end], LIMITS) || has_number(&text[..end]);
            return if is_limit { None } else { Some(goes_on(&text[end..])) };
        }
        from = end + text[end..].chars().next()?.len_utf8();
    }
    None
}

/// `text` begins as a letter does: with a greeting and a name, or with a line that is no sentence.
fn is_letter(text: &str) -> bool {
    let line = first_of(text, "\n").unwrap_or(0);
    let greeting = split(GREETINGS, b'|').any(|greeting| text.starts_with(greeting));
    let end = first_of(text, ".!?。！？,:");
    greeting && end.is_some_and(|end| end < 32)
        || line > 0 && line < 60 && first_of(&text[..line], ".!?。！？").is_none()
}

/// `clause` has an alternative of each part of a row of [`DECLINES`].
fn has_row(clause: &str, row: &str) -> bool {
    let (who, parts) = cut(row, b'/');
    let (negations, acts) = cut(parts, b'/');
    if who != "~" {
        // The last row is empty.
        return !row.is_empty() && has(clause, negations) && has(clause, acts) && has(clause, who);
    }
    split(negations, b'|').any(|negation| {
        let mut from = 0;
        while let Some(at) = find(&clause[from..], negation) {
            from += at + negation.len();
            let (_, next) = cut(&clause[from..], b' ');
            if split(acts, b'|').any(|act| clause[from..].starts_with(act) || next.starts_with(act)) {
                return true;
            }
        }
        false
    })
}

/// `text` has one of the alternatives. Most alternatives begin with two bytes that the text does not have together, and a stream
/// is checked again and again: so only the others are searched for.
#[inline(never)]
fn has(text: &str, alternatives: &str) -> bool {
    let pair = |first: u8, second: u8| usize::from(first ^ second << 3);
    let mut pairs = [false; 256];
    for bytes in text.as_bytes().windows(2) {
        pairs[pair(bytes[0], bytes[1])] = true;
    }
    split(alternatives, b'|').any(|one| match one.as_bytes() {
        [first, second, ..] => pairs[pair(*first, *second)] && find(text, one).is_some(),
        _ => find(text, one).is_some(),
    })
}

/// Where the first of these characters is.
#[inline(never)]
fn first_of(text: &str, characters: &str) -> Option<usize> {
    text.char_indices().find(|(_, character)| characters.chars().any(|one| one == *character)).map(|(at, _)| at)
}

/// Where the clause at the beginning of `text` ends.
fn clause_end(text: &str) -> usize {
    let mut end = first_of(text, ".!?\n。！？").unwrap_or(text.len());
    for contrast in split(CONTRASTS, b'|') {
        end = end.min(find(&text[..end], contrast).unwrap_or(end));
    }
    end
}

/// An answer follows in `rest`, which is behind a sentence that declines.
fn goes_on(rest: &str) -> bool {
    rest.len() > LONG || find(rest, "```").is_some() || has_number(rest) || has_contrast(rest)
}

/// A number that is no number to call. More digits may follow the digits at the end.
fn has_number(text: &str) -> bool {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !byte.is_ascii_digit() {
            if start < at && split(EMERGENCIES, b'|').all(|known| known != &text[start..at]) {
                return true;
            }
            start = at + 1;
        }
    }
    false
}

/// A "but" follows, and no offer behind it.
fn has_contrast(rest: &str) -> bool {
    split(CONTRASTS, b'|').any(|contrast| {
        let mut from = 0;
        while let Some(at) = find(&rest[from..], contrast) {
            from += at + contrast.len();
            let behind = rest[from..].trim_start_matches([' ', ',', '、', '，']);
            let sentence = &behind[..first_of(behind, ".!?。！？\n").unwrap_or(behind.len())];
            // The beginning of an offer may become one.
            let is_offer = has(sentence, OFFERS) || split(OFFERS, b'|').any(|offer| offer.starts_with(sentence));
            if !is_offer && sentence.len() >= 12 {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::{Beginning, beginning, is_refusal};

    #[test]
    fn a_text_is_clear_as_soon_as_it_cannot_decline() {
        for (text, expected) in [
            ("", Beginning::Open),
            ("I", Beginning::Open),
            ("I can", Beginning::Open),
            ("I can tell you", Beginning::Clear),
            ("Hello", Beginning::Clear),
            ("I'm sorry", Beginning::Open),
            ("I can't help with that", Beginning::Refused),
            ("I can't help with that, but the store next door", Beginning::Clear),
        ] {
            assert_eq!(beginning(text, &[]), expected, "{text}");
        }
        let long = "I'm sorry to hear that. ".repeat(12);
        assert_eq!(beginning(&long, &[]), Beginning::Clear);
    }

    #[test]
    fn a_text_declines_in_any_case_and_without_a_known_opening() {
        for text in ["I CAN’T ASSIST WITH THAT.", "ИЗВИНИТЕ, НО Я НЕ МОГУ С ЭТИМ ПОМОЧЬ.", "No. I won't do that."]
        {
            assert!(is_refusal(text, &[]), "{text}");
        }
        for text in [
            "I cannot help but admire this poem.",
            "The error means: I cannot create content without a title.",
            "Sorry, the log says \"I can't help with that\" whenever the token has expired.",
        ] {
            assert!(!is_refusal(text, &[]), "{text}");
        }
    }
}
