//! SHA-256 digests: the edge stores and compares keys as digests.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of `text`.
pub(crate) fn of(text: &str) -> [u8; 32] {
    of_bytes(text.as_bytes())
}

/// Returns the SHA-256 of `bytes`.
pub(crate) fn of_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Writes bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads 64 hex digits.
pub(crate) fn read(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Whether both digests are equal. The comparison reads every byte, so its duration reveals nothing.
pub(crate) fn same(known: &[u8; 32], sent: &[u8; 32]) -> bool {
    known.iter().zip(sent).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::{hex, of, read, same};

    #[test]
    fn a_digest_is_written_and_read_in_hex() {
        let foo = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        assert_eq!(hex(&of("foo")), foo);
        assert_eq!(read(foo), Some(of("foo")));
        assert_eq!(read(&foo.to_uppercase()), Some(of("foo")));
        for other in [&foo[1..], "+1".repeat(32).as_str(), &"é".repeat(32)] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn one_bit_is_a_difference_wherever_it_is() {
        let known = of("foo");
        assert!(same(&known, &of("foo")));
        for at in 0..32 {
            let mut other = known;
            other[at] ^= 0x10;
            assert!(!same(&known, &other), "{at}");
        }
    }
}
