//! Certificates (RFC 5280), as far as App Attest's chain of three needs them: keys on P-256 and P-384, signatures by ECDSA.

use der::asn1::{
    AnyRef, BitStringRef, ContextSpecific, GeneralizedTime, ObjectIdentifier, OctetStringRef, UintRef, UtcTime,
};
use der::{Decode, Reader, SliceReader, Tag, TagMode, TagNumber};

use super::Refused;
use crate::access::ecdsa::{Curve, Hash, PublicKey, Signature};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
/// Apple's extension with the nonce of an attestation.
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.2");

/// Apple's extension with the rules for the use of a key, and that with the system on which the key was made.
const KEY_RULES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.6");
const SYSTEM: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.7");

/// How [`SYSTEM`] names a Mac.
const MAC: &[u8] = b"macosx";
/// The rules of a key on a Mac that signs only with Full Security and System Integrity Protection.
const MAC_RULES: &[u8] = b"\x30\x46\xa3\x44\x04\x42\x30\x40\x0c\x02\x31\x31\x30\x3a\
    \x30\x09\x0c\x02ok\xa1\x03\x01\x01\xff\x30\x09\x0c\x02oa\xa1\x03\x01\x01\xff\x30\x0b\x0c\x04odel\xa1\x03\x01\x01\xff\
    \x30\x15\x0c\x04osgn\xa0\x06\x0c\x04rsec\x30\x05\xa6\x03\x02\x01\x01";

/// The bits `digitalSignature` and `keyCertSign` in the first byte of a key usage.
const DIGITAL_SIGNATURE: u8 = 0x80;
const CERTIFICATE_SIGNATURE: u8 = 0x04;

/// The parts of a certificate that the checks need.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// What the issuer signed, and how.
    signed: &'a [u8],
    hash: Hash,
    signature: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    /// In seconds since 1970.
    from: u64,
    until: u64,
    pub(super) key: PublicKey<'a>,
    extensions: Extensions<'a>,
}

#[derive(Debug, Default)]
struct Extensions<'a> {
    is_authority: Option<bool>,
    usage: Option<u8>,
    nonce: Option<&'a [u8]>,
    key_rules: Option<&'a [u8]>,
    system: Option<&'a [u8]>,
}

/// The chain from the root to the certificate of a device, without its signatures.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) leaf: Certificate<'a>,
    pub(super) signatures: [Signature<'a>; 2],
}

impl<'a> Chain<'a> {
    /// Checks everything but the signatures of a leaf and its issuer, whose issuer is `root`, at `now`, in seconds since 1970.
    pub(super) fn check(x5c: [&'a [u8]; 2], root: &'a [u8], now: u64) -> Result<Self, Refused> {
        let read = |bytes| Certificate::read(bytes).map_err(|_| Refused::Malformed);
        let (leaf, issuer, root) = (read(x5c[0])?, read(x5c[1])?, read(root)?);
        if leaf.issuer != issuer.subject || issuer.issuer != root.subject {
            return Err(Refused::Chain);
        }
        for authority in [&issuer, &root] {
            authority.check_role(true, CERTIFICATE_SIGNATURE)?;
        }
        leaf.check_role(false, DIGITAL_SIGNATURE)?;
        if [&leaf, &issuer, &root].iter().any(|certificate| now < certificate.from || now > certificate.until) {
            return Err(Refused::Expired);
        }
        let signatures = [issuer.signed_by(root.key)?, leaf.signed_by(issuer.key)?];
        Ok(Self { leaf, signatures })
    }
}

impl<'a> Certificate<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(bytes)?;
        let (signed, algorithm, signature) = reader
            .sequence(|parts| Ok((parts.tlv_bytes()?, parts.tlv_bytes()?, BitStringRef::decode(parts)?.as_bytes())))?;
        reader.finish(())?;
        let signature = signature.ok_or(Tag::BitString.value_error())?;
        let hash = read_algorithm(algorithm)?;
        SliceReader::new(signed)?.sequence(|parts| {
            if parts.context_specific::<u8>(TagNumber::N0, TagMode::Explicit)? != Some(2) {
                return Err(Tag::Integer.value_error());
            }
            UintRef::decode(parts)?; // the serial number
            if parts.tlv_bytes()? != algorithm {
                return Err(Tag::ObjectIdentifier.value_error());
            }
            let issuer = parts.tlv_bytes()?;
            let [from, until] = parts.sequence(|times| Ok([read_time(times)?, read_time(times)?]))?;
            let subject = parts.tlv_bytes()?;
            let key = read_key(parts)?;
            let extensions = ContextSpecific::<AnyRef<'_>>::decode_explicit(parts, TagNumber::N3)?;
            let extensions = extensions.map(|list| Extensions::read(list.value)).transpose()?.unwrap_or_default();
            Ok(Self { signed, hash, signature, issuer, subject, from, until, key, extensions })
        })
    }

    /// Checks whether the certificate is one of an authority or not, and that its key may be used for `usage`.
    fn check_role(&self, is_authority: bool, usage: u8) -> Result<(), Refused> {
        let is_right = self.extensions.is_authority.unwrap_or(false) == is_authority
            && self.extensions.usage.is_some_and(|usages| usages & usage != 0);
        if is_right { Ok(()) } else { Err(Refused::Chain) }
    }

    fn signed_by(&self, key: PublicKey<'a>) -> Result<Signature<'a>, Refused> {
        Signature::read(key, self.hash, self.signed.to_vec(), self.signature).ok_or(Refused::Malformed)
    }

    /// The nonce that Apple put into the certificate.
    pub(super) fn nonce(&self) -> Option<&'a [u8]> {
        let mut reader = SliceReader::new(self.extensions.nonce?).ok()?;
        let nonce =
            reader.sequence(|fields| fields.context_specific::<OctetStringRef<'_>>(TagNumber::N1, TagMode::Explicit));
        reader.finish(nonce.ok()?).ok()?.map(|nonce| nonce.as_bytes())
    }

    /// Whether the system runs no program that only claims to be an app. A Mac does, without System Integrity Protection.
    pub(super) fn is_of_safe_system(&self) -> bool {
        let is_mac = self.extensions.system.is_some_and(|system| system.windows(MAC.len()).any(|name| name == MAC));
        !is_mac || self.extensions.key_rules == Some(MAC_RULES)
    }
}

impl<'a> Extensions<'a> {
    fn read(list: AnyRef<'a>) -> der::Result<Self> {
        let mut extensions = Self::default();
        list.sequence(|list| {
            while !list.is_finished() {
                list.sequence(|parts| {
                    let id = ObjectIdentifier::decode(parts)?;
                    let is_critical = match parts.peek_tag()? {
                        Tag::Boolean => bool::decode(parts)?,
                        _ => false,
                    };
                    extensions.add(id, is_critical, OctetStringRef::decode(parts)?.as_bytes())
                })?;
            }
            Ok(())
        })?;
        Ok(extensions)
    }

    fn add(&mut self, id: ObjectIdentifier, is_critical: bool, value: &'a [u8]) -> der::Result<()> {
        let is_new = match id {
            BASIC_CONSTRAINTS => self.is_authority.replace(read_basic_constraints(value)?).is_none(),
            KEY_USAGE => self.usage.replace(first_byte(BitStringRef::from_der(value)?)).is_none(),
            NONCE => self.nonce.replace(value).is_none(),
            KEY_RULES => self.key_rules.replace(value).is_none(),
            SYSTEM => self.system.replace(value).is_none(),
            // What a critical extension demands must be understood (RFC 5280, 4.2).
            _ => !is_critical,
        };
        if is_new { Ok(()) } else { Err(Tag::ObjectIdentifier.value_error()) }
    }
}

fn first_byte(bits: BitStringRef<'_>) -> u8 {
    bits.raw_bytes().first().copied().unwrap_or_default()
}

/// Whether the certificate is one of an authority. A bound on the length of the chain needs no check: the chain always has three.
fn read_basic_constraints(value: &[u8]) -> der::Result<bool> {
    let mut reader = SliceReader::new(value)?;
    let is_authority = reader.sequence(|parts| {
        let is_authority = !parts.is_finished() && bool::decode(parts)?;
        if !parts.is_finished() {
            UintRef::decode(parts)?;
        }
        Ok(is_authority)
    })?;
    reader.finish(is_authority)
}

fn read_algorithm(algorithm: &[u8]) -> der::Result<Hash> {
    let id = SliceReader::new(algorithm)?.sequence(ObjectIdentifier::decode)?;
    match id {
        ECDSA_WITH_SHA256 => Ok(Hash::Sha256),
        ECDSA_WITH_SHA384 => Ok(Hash::Sha384),
        _ => Err(Tag::ObjectIdentifier.value_error()),
    }
}

fn read_key<'a>(parts: &mut impl Reader<'a>) -> der::Result<PublicKey<'a>> {
    parts.sequence(|parts| {
        let ids = parts.sequence(|ids| Ok([ObjectIdentifier::decode(ids)?, ObjectIdentifier::decode(ids)?]))?;
        let curve = match ids {
            [EC_PUBLIC_KEY, P256] => Curve::P256,
            [EC_PUBLIC_KEY, P384] => Curve::P384,
            _ => return Err(Tag::ObjectIdentifier.value_error()),
        };
        let point = BitStringRef::decode(parts)?.as_bytes();
        point.and_then(|point| PublicKey::new(curve, point)).ok_or(Tag::BitString.value_error())
    })
}

/// Reads a time, in seconds since 1970.
fn read_time<'a>(parts: &mut impl Reader<'a>) -> der::Result<u64> {
    Ok(match parts.peek_tag()? {
        Tag::UtcTime => UtcTime::decode(parts)?.to_unix_duration(),
        _ => GeneralizedTime::decode(parts)?.to_unix_duration(),
    }
    .as_secs())
}
