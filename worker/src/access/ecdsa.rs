//! Keys and signatures of ECDSA on NIST's curves, as certificates have them, in the form that WebCrypto takes.

use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// The name of the curve in WebCrypto.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// The bytes of a coordinate.
    fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    /// The name of the hash in WebCrypto.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
        }
    }
}

/// A public key: a point, uncompressed. WebCrypto checks whether the point is on the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    pub(crate) curve: Curve,
    pub(crate) point: &'a [u8],
}

impl<'a> PublicKey<'a> {
    pub(crate) fn new(curve: Curve, point: &'a [u8]) -> Option<Self> {
        let is_uncompressed = point.len() == 1 + 2 * curve.size() && point[0] == 4;
        is_uncompressed.then_some(Self { curve, point })
    }
}

/// A signature that is still to be verified.
#[derive(Debug)]
pub(crate) struct Signature<'a> {
    pub(crate) key: PublicKey<'a>,
    pub(crate) hash: Hash,
    pub(crate) signed: Vec<u8>,
    /// The two numbers of the signature, each as long as a coordinate.
    pub(crate) numbers: Vec<u8>,
}

impl<'a> Signature<'a> {
    /// Reads `signature` in the form of certificates: a DER sequence of two numbers (RFC 3279, 2.2.3).
    pub(crate) fn read(key: PublicKey<'a>, hash: Hash, signed: Vec<u8>, signature: &[u8]) -> Option<Self> {
        let size = key.curve.size();
        let mut reader = SliceReader::new(signature).ok()?;
        let pair = reader.sequence(|numbers| Ok([UintRef::decode(numbers)?, UintRef::decode(numbers)?])).ok()?;
        let mut numbers = Vec::with_capacity(2 * size);
        for number in reader.finish(pair).ok()? {
            let zeros = size.checked_sub(number.as_bytes().len())?;
            numbers.resize(numbers.len() + zeros, 0);
            numbers.extend(number.as_bytes());
        }
        Some(Self { key, hash, signed, numbers })
    }
}

#[cfg(test)]
mod tests {
    use super::{Curve, Hash, PublicKey, Signature};

    fn numbers(signature: &[u8]) -> Option<Vec<u8>> {
        let point = [&[4][..], &[1; 64]].concat();
        let key = PublicKey::new(Curve::P256, &point).expect("a key");
        Signature::read(key, Hash::Sha256, Vec::new(), signature).map(|signature| signature.numbers)
    }

    #[test]
    fn the_numbers_of_a_signature_are_as_long_as_a_coordinate() {
        let long = [&[0x30, 38, 0x02, 33, 0][..], &[0xff; 32], &[0x02, 1, 7]].concat();
        assert_eq!(numbers(&long), Some([&[0xff; 32][..], &[0; 31], &[7]].concat()));
        for signature in [
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0][..],   // a byte after the sequence
            &[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1], // three numbers
            &[0x30, 3, 2, 1, 1],                   // one number
            &[0x30, 6, 2, 1, 0x81, 2, 1, 1],       // a negative number
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1],       // a number with a zero too many
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],    // a length that is longer than necessary
            &[0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0], // an indefinite length
            &[],
        ] {
            assert_eq!(numbers(signature), None, "{signature:x?}");
        }
        let too_long = [&[0x30, 38, 0x02, 33, 1][..], &[0xff; 32], &[0x02, 1, 7]].concat();
        assert_eq!(numbers(&too_long), None);
    }

    #[test]
    fn a_key_is_an_uncompressed_point_of_its_curve() {
        for (curve, length, first, is_key) in [
            (Curve::P256, 65, 4, true),
            (Curve::P384, 97, 4, true),
            (Curve::P256, 97, 4, false),
            (Curve::P384, 65, 4, false),
            (Curve::P256, 33, 2, false),
            (Curve::P256, 65, 6, false),
            (Curve::P256, 0, 0, false),
        ] {
            let mut point = vec![1; length];
            point.iter_mut().take(1).for_each(|byte| *byte = first);
            assert_eq!(PublicKey::new(curve, &point).is_some(), is_key, "{curve:?} {length} {first}");
        }
    }
}
