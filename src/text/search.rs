//! Finds a byte, eight bytes at a time. Most texts that are searched do not contain the byte.
//!
//! Subtracting N from every byte of a word at once borrows where a byte is below N, and sets its highest bit. A byte whose
//! highest bit was set before does not count. A byte that borrows also takes one from the byte behind it, which may then
//! seem to be below N as well. So only the first find in a word counts, and the first is the one that is wanted.

const EACH: u64 = u64::from_le_bytes([1; 8]);

/// How many bytes come before the first byte that is `mark`, or that is below `limit` after an exclusive or with `mask`. All
/// three are below 0x80. With a limit of 0, only the mark counts.
pub(crate) fn first(bytes: &[u8], mark: u8, mask: u8, limit: u8) -> usize {
    let each = |byte: u8| EACH * u64::from(byte);
    let (marks, masks, limits) = (each(mark), each(mask), each(limit));
    let (words, tail) = bytes.as_chunks();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let borrowed = (word ^ marks).wrapping_sub(EACH) | (word ^ masks).wrapping_sub(limits);
        let found = borrowed & !word & EACH << 7;
        if found != 0 {
            return 8 * at + found.trailing_zeros() as usize / 8;
        }
    }
    let is_found = |byte: &u8| *byte == mark || byte ^ mask < limit;
    8 * words.len() + tail.iter().position(is_found).unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use super::first;

    /// The same search, byte by byte.
    fn expected(bytes: &[u8], mark: u8, mask: u8, limit: u8) -> usize {
        bytes.iter().take_while(|byte| **byte != mark && **byte ^ mask >= limit).count()
    }

    #[test]
    fn a_byte_is_found_where_a_search_byte_by_byte_finds_it() {
        for (mark, mask, limit) in [(b'|', 0, 0), (b'\n', b'\r', 1), (b'\\', 2, 0x21), (0, 0x7f, 0x7f)] {
            let arounds = [0, 2, 0x20, 0x21, 0x23, 0x5d, 0x7f, 0x80, 0xff];
            for (around, byte) in arounds.iter().flat_map(|around| (0..=255).map(move |byte| (around, byte))) {
                for (length, at) in (0..18).flat_map(|length| (0..length).map(move |at| (length, at))) {
                    let mut bytes = vec![*around; length];
                    bytes[at] = byte;
                    let found = first(&bytes, mark, mask, limit);
                    assert_eq!(found, expected(&bytes, mark, mask, limit), "{mark} {mask} {limit} in {bytes:?}");
                }
            }
        }
    }
}
