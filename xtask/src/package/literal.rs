//! Bytes as a literal of JavaScript, a character for each: `bytesOf` of pkg-template/load.js reads them back. With gzip
//! that is three hundredths more than the bytes themselves; base64 would be a quarter more.

/// 0 changes places with a byte that is seldom: a NUL would not survive in an HTML page.
const INSTEAD_OF_NUL: u8 = b'W';

/// The template literal that stands for `bytes`.
pub(super) fn literal(bytes: &[u8]) -> String {
    let mut literal = String::from("`");
    for &byte in bytes {
        match byte {
            0 => literal.push(char::from(INSTEAD_OF_NUL)),
            INSTEAD_OF_NUL => literal.push('Ā'),
            // A line's end in a template literal is always LF.
            b'\r' => literal.push_str("\\r"),
            b'\\' | b'`' | b'$' => literal.extend(['\\', char::from(byte)]),
            byte => literal.push(char::from(byte)),
        }
    }
    literal.push('`');
    literal
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn every_byte_is_one_character_that_a_script_keeps() {
        assert_eq!(literal(b"\0asm\x01W\r\n\\`${\xff"), "`Wasm\u{1}Ā\\r\n\\\\\\`\\${\u{ff}`");
    }
}
