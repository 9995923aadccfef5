//! Bytes as a literal of JavaScript: pkg-template/decode.wat reads them back. With gzip that is 2 % more than the bytes
//! themselves; base64 would be a quarter more.
//!
//! The literal is ASCII, so it means the same in a page of any charset. A NUL stands for itself, as an escape for each would
//! cost a hundredth more. Bundlers that print the script anew write an escape; who puts the file as it is between the tags
//! of an HTML page, where no NUL survives, has to do so too.

use crate::failure::{Failure, Result};

/// Stands before a character and makes its byte larger by the same number; twice, by twice as much.
const SHIFT: u8 = 127;

/// The number of characters that decode.wat has room for.
const ROOM: usize = 4 * 64 * 1024;

/// The string literal that stands for `bytes`.
///
/// # Errors
/// If decode.wat has no room for it.
pub(super) fn literal(bytes: &[u8]) -> Result<String> {
    let mut literal = String::from("'");
    for &byte in bytes {
        literal.extend((0..byte / SHIFT).map(|_| char::from(SHIFT)));
        match byte % SHIFT {
            b'\n' => literal.push_str("\\n"),
            b'\r' => literal.push_str("\\r"),
            code @ (b'\\' | b'\'') => literal.extend(['\\', char::from(code)]),
            code => literal.push(char::from(code)),
        }
    }
    literal.push('\'');
    if literal.len() > ROOM {
        let expected = "a WebAssembly for which the memory in pkg-template/decode.wat has room";
        return Err(Failure::Invalid { what: "the package".to_owned(), expected });
    }
    Ok(literal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ROOM, literal};

    fn literal_of(bytes: &[u8]) -> String {
        literal(bytes).expect("there is room")
    }

    #[test]
    fn every_byte_has_characters_of_its_own_that_are_ascii() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let literals: BTreeSet<String> = all.iter().map(|byte| literal_of(&[*byte])).collect();
        assert_eq!(literals.len(), all.len());
        assert!(literal_of(&all).is_ascii());
    }

    #[test]
    fn a_byte_is_its_own_character_and_what_a_literal_cannot_hold_is_escaped() {
        assert_eq!(literal_of(b"\0asm~"), "'\0asm~'");
        assert_eq!(literal_of(b"\n\r\\'"), r"'\n\r\\\''");
        assert_eq!(literal_of(&[126, 127, 254, 255]), "'\u{7e}\u{7f}\0\u{7f}\u{7f}\0\u{7f}\u{7f}\u{1}'");
    }

    #[test]
    fn a_literal_that_the_decoder_has_no_room_for_is_refused() {
        assert!(literal(&vec![0; ROOM - 2]).is_ok());
        assert!(literal(&vec![0; ROOM]).is_err());
    }
}
