//! The streams of a WebAssembly as a literal of JavaScript: pkg-template/decode.wat reads them back.
//!
//! The literal has only printable ASCII, and nothing that needs an escape. So the literal means the same in a page of any
//! charset and in a script inside HTML, and does not grow when a bundler prints the script anew. Escapes of control
//! characters would make the download of a bundled page 7 % larger.
//!
//! One character stands for each of the most frequent bytes, two for each of the others. In front are one bit for each
//! byte, whether it is one of the most frequent, and the addresses of the streams behind the first.

use std::cmp::Reverse;

use crate::failure::{Failure, Result};

/// The bytes that one character stands for.
const SINGLES: usize = 89;
/// The number of the first character that stands for a byte. Those before begin the two characters of another byte.
const FIRST: usize = 2;

/// The address of the literal in the memory of decode.wat, and the number of characters that the memory has room for.
const ADDRESS: usize = 0x40000;
const ROOM: usize = 0x40000;

/// The string literal that stands for the bytes of `streams`.
///
/// # Errors
/// If decode.wat has no room for it.
pub(super) fn literal(streams: &[Vec<u8>; 4]) -> Result<String> {
    let is_single = most_frequent(&streams.concat());
    let characters = characters(&is_single);
    let texts = streams
        .each_ref()
        .map(|stream| -> String { stream.iter().map(|byte| characters[usize::from(*byte)].as_str()).collect() });
    let mut head: String = is_single
        .chunks(4)
        .map(|four| digit(four.iter().rfold(0, |bits, bit| bits << 1 | usize::from(*bit))))
        .collect();
    let mut address = ADDRESS + head.len() + 3 * 4;
    for text in &texts[..3] {
        address += text.len();
        // Four digits with five bits each.
        head.extend((0..4).rev().map(|place| digit(address >> (5 * place) & 0x1F)));
    }
    let literal = ["\"", &head, &texts.concat(), "\""].concat();
    if literal.len() > ROOM {
        let expected = "a WebAssembly for which the memory in pkg-template/decode.wat has room";
        return Err(Failure::Invalid { what: "the package".to_owned(), expected });
    }
    Ok(literal)
}

/// Whether each byte is one of the most frequent.
fn most_frequent(bytes: &[u8]) -> [bool; 256] {
    let mut counts = [0; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let mut order: Vec<usize> = (0..256).collect();
    order.sort_by_key(|byte| Reverse(counts[*byte]));
    let mut is_single = [false; 256];
    order.iter().take(SINGLES).for_each(|byte| is_single[*byte] = true);
    is_single
}

/// The characters that stand for each byte.
fn characters(is_single: &[bool; 256]) -> Vec<String> {
    let (mut singles, mut others) = (0.., 0..);
    let mut characters = |is_single: &bool| {
        let at = if *is_single { singles.next() } else { others.next() }.unwrap_or_default();
        let last = digit(FIRST + at % SINGLES);
        if *is_single { last.to_string() } else { String::from_iter([digit(at / SINGLES), last]) }
    };
    is_single.iter().map(&mut characters).collect()
}

/// The characters begin behind the quotation mark, and the backslash is left out.
fn digit(number: usize) -> char {
    char::from(b'#' + number as u8 + u8::from(number > 56))
}

#[cfg(test)]
mod tests {
    use super::{ROOM, literal};

    /// The literal of one stream, without its quotation marks.
    fn literal_of(bytes: Vec<u8>) -> String {
        let literal = literal(&[bytes, vec![], vec![], vec![]]).expect("there is room");
        literal[1..literal.len() - 1].to_owned()
    }

    #[test]
    fn the_literal_is_printable_and_needs_no_escape() {
        let literal = literal_of((0..=u8::MAX).collect());
        assert!(literal.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)), "{literal}");
    }

    #[test]
    fn a_frequent_byte_is_one_character_and_another_two() {
        let frequent = (100..189).cycle().take(2 * 89);
        let literal = literal_of(frequent.chain([0, 99, 189, 255]).collect());
        let (head, text) = literal.split_at(64 + 12);
        // 0 to 99 are the first, 189 to 255 are the last of the bytes with two characters.
        assert_eq!((&head[..25], &head[25..27]), ("#".repeat(25).as_str(), "22"));
        let (singles, others) = text.split_at(2 * 89);
        assert_eq!((&singles[..2], &singles[88..90]), ("%&", "~%"));
        assert_eq!(others, "#%$/$0$s");
    }

    #[test]
    fn the_addresses_of_the_streams_are_in_front() {
        let literal = literal(&[vec![1; 5], vec![2; 3], vec![3], vec![4]]).expect("there is room");
        // The first stream is at 0x40000 + 76, which is 8, 0, 2, 12 with five bits each.
        assert_eq!(&literal[65..77], "+#%4+#%7+#%8");
    }

    #[test]
    fn a_literal_that_the_decoder_has_no_room_for_is_refused() {
        let of_length = |length| literal(&[vec![0; length], vec![], vec![], vec![]]);
        assert!(of_length(ROOM - 78).is_ok());
        assert!(of_length(ROOM - 77).is_err());
    }
}
