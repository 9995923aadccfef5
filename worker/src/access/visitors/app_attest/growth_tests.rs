//! Hostile attestations and certificates take steps in proportion to their size.

use super::APPLE_ROOT;
use super::attestation::{Wanted, check_assertion, check_attestation};
use super::certificate::Chain;
use crate::growth::{Case, assert_linear};

/// The bytes of an input, which is written in Latin-1.
fn bytes(input: &str) -> Vec<u8> {
    input.chars().map(|character| character as u8).collect()
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn read(input: &str) {
    let object = bytes(input);
    let wanted = Wanted { apps: &[], allows_development: false, root: APPLE_ROOT, now: 0 };
    let _ = std::hint::black_box(check_attestation(&object, &[0; 32], &[0; 32], wanted).is_ok());
    let _ = std::hint::black_box(check_assertion(&object, &[0; 32], "", &[4; 65]).is_ok());
    let _ = std::hint::black_box(Chain::check([&object, APPLE_ROOT], APPLE_ROOT, 0).is_ok());
}

/// An attestation whose first field `x` has this value.
fn field(value: &[u8]) -> String {
    text(&[&[0xa1, 0x61, b'x'], value].concat())
}

/// A DER value. Its length has the shortest form.
pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let long = [&[0x80 | (length.len() - zeros) as u8], &length[zeros..]].concat();
    let head = if content.len() < 0x80 { vec![content.len() as u8] } else { long };
    [&[tag][..], &head, content].concat()
}

/// A certificate of Apple's root's form, whose extensions are these.
pub(super) fn with_extensions(extensions: &[u8]) -> Vec<u8> {
    // The part that is signed begins behind two heads of four bytes, and the extensions begin with the tag [3].
    let at = APPLE_ROOT.windows(2).position(|bytes| bytes == [0xa3, 0x42]).expect("the extensions");
    let signed = der(0x30, &[&APPLE_ROOT[8..at], &*der(0xa3, &der(0x30, extensions))].concat());
    der(0x30, &[&signed, &APPLE_ROOT[at + 2 + 0x42..]].concat())
}

#[test]
fn no_attestation_takes_steps_out_of_proportion() {
    let case = |name, input| Case { name, input, work: read };
    let cases = [
        case("nested arrays", |size| field(&vec![0x81; size])),
        case("nested maps", |size| field(&[0xa1, 0].repeat(size / 2))),
        case("an array of arrays", |size| {
            let count = (size as u32 / 2).to_be_bytes();
            field(&[&[0x9a][..], &count, &[0x80].repeat(size / 2)].concat())
        }),
        case("an array that claims more items than there are", |size| {
            field(&[&[0x9b, 0x7f][..], &[255; 7], &[0x80].repeat(size)].concat())
        }),
        case("many fields", |size| {
            text(&[&[0xba][..], &(size as u32 / 3).to_be_bytes(), &[0x61, b'x', 0].repeat(size / 3)].concat())
        }),
        case("one name again and again", |size| {
            text(&[&[0xba][..], &(size as u32 / 3).to_be_bytes(), &[0x60, 0x40].repeat(size / 2)].concat())
        }),
        case("a long text", |size| field(&[&[0x7a][..], &(size as u32).to_be_bytes(), &vec![b'x'; size]].concat())),
        case("nested sequences", |size| text(&[0x30, 0x80].repeat(size / 2))),
        case("sequences of the right length in each other", |size| {
            let mut nested = vec![0; size];
            (0..200).for_each(|_| nested = der(0x30, &nested));
            text(&nested)
        }),
        case("a certificate with many extensions", |size| {
            let extension = [0x30, 9, 6, 3, 0x2a, 3, 4, 4, 2, 5, 0];
            text(&with_extensions(&extension.repeat(size / 11)))
        }),
        case("a certificate with a long extension", |size| {
            let extension = [&[6, 3, 0x2a, 3, 4][..], &der(4, &vec![0x30; size])].concat();
            text(&with_extensions(&der(0x30, &extension)))
        }),
    ];
    let test = "access::visitors::app_attest::growth_tests::no_attestation_takes_steps_out_of_proportion";
    assert_linear(test, &cases);
}
