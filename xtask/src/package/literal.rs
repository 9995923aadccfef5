//! Bytes as a literal of JavaScript: `bytesOf` of pkg-template/load.js reads them back. With gzip that is 2 % more than the
//! bytes themselves; base64 would be a quarter more.
//!
//! The literal is ASCII without a NUL, so it means the same in a page of any charset, and between the tags of an HTML page.

/// Stands before a character and makes its byte larger by [`STEP`]; twice, by twice as much.
const SHIFT: char = '\x7f';
/// The number of bytes that are one character.
const STEP: u8 = 126;

/// The string literal that stands for `bytes`.
pub(super) fn literal(bytes: &[u8]) -> String {
    let mut literal = String::from("'");
    for &byte in bytes {
        literal.extend((0..byte / STEP).map(|_| SHIFT));
        match byte % STEP + 1 {
            b'\n' => literal.push_str("\\n"),
            b'\r' => literal.push_str("\\r"),
            code @ (b'\\' | b'\'') => literal.extend(['\\', char::from(code)]),
            code => literal.push(char::from(code)),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn every_byte_has_characters_of_its_own_that_are_ascii() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let literals: std::collections::BTreeSet<String> = all.iter().map(|byte| literal(&[*byte])).collect();
        assert_eq!(literals.len(), all.len());
        assert!(literal(&all).bytes().all(|byte| (1..=127).contains(&byte)));
    }

    #[test]
    fn a_byte_is_its_successor_and_what_a_literal_cannot_hold_is_escaped() {
        assert_eq!(literal(b"\0asm\x01"), "'\u{1}btn\u{2}'");
        assert_eq!(literal(b"\t\x0c&["), "'\\n\\r\\'\\\\'");
        assert_eq!(literal(&[125, 126, 252, 255]), "'\u{7e}\u{7f}\u{1}\u{7f}\u{7f}\u{1}\u{7f}\u{7f}\u{4}'");
    }
}
