//! Bytes as a literal of JavaScript, a character for each: `bytesOf` of pkg-template/load.js reads them back. With gzip
//! that is three hundredths more than the bytes themselves; base64 would be a quarter more.
//!
//! A NUL stands for itself, as an escape for each would cost a hundredth more. Bundlers that print the script anew write
//! an escape; who puts the file as it is between the tags of an HTML page, where no NUL survives, has to do so too.

/// The string literal that stands for `bytes`.
pub(super) fn literal(bytes: &[u8]) -> String {
    let mut literal = String::from("'");
    for &byte in bytes {
        match byte {
            b'\n' => literal.push_str("\\n"),
            b'\r' => literal.push_str("\\r"),
            b'\\' | b'\'' => literal.extend(['\\', char::from(byte)]),
            byte => literal.push(char::from(byte)),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn every_byte_is_one_character_that_a_string_may_hold() {
        assert_eq!(literal(b"\0asm\x01\r\n\\'\xff"), "'\0asm\u{1}\\r\\n\\\\\\'\u{ff}'");
    }
}
