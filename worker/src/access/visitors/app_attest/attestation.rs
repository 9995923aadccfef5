//! Attestations and assertions of App Attest, by Apple's steps ("Validating apps that connect to your server"): everything but the
//! verification of the signatures, which is the platform's.

use super::Refused;
use super::cbor::{Cbor, Item};
use super::certificate::Chain;
use crate::access::ecdsa::{Curve, Hash, PublicKey, Signature};
use crate::config::digest;

/// The `aaguid` of an app that was built for production, and of one that was built for development.
const PRODUCTION: &[u8; 16] = b"appattest\0\0\0\0\0\0\0";
const DEVELOPMENT: &[u8; 16] = b"appattestdevelop";

/// The flag of authenticator data that contain a credential (WebAuthn, 6.1).
const HAS_CREDENTIAL: u8 = 0x40;

/// What an attestation has to be for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The app ids: `TEAMID.BUNDLE`.
    pub(super) apps: &'a [String],
    pub(super) allows_development: bool,
    /// The certificate of Apple's root.
    pub(super) root: &'a [u8],
    /// In seconds since 1970.
    pub(super) now: u64,
}

/// A key whose attestation is right, if the signatures are.
#[derive(Debug)]
pub(super) struct Attested<'a> {
    pub(super) app: &'a str,
    pub(super) is_development: bool,
    /// The point of the key.
    pub(super) point: &'a [u8],
    pub(super) signatures: [Signature<'a>; 2],
}

/// An assertion that is right, if the signature is, and if the counter is larger than that of the last one.
#[derive(Debug)]
pub(super) struct Asserted<'a> {
    pub(super) counter: u32,
    pub(super) signature: Signature<'a>,
}

/// Checks the attestation `object` of the key `key_id`, which must be for `client_data_hash`.
pub(super) fn check_attestation<'a>(
    object: &'a [u8],
    key_id: &[u8],
    client_data_hash: &[u8],
    wanted: Wanted<'a>,
) -> Result<Attested<'a>, Refused> {
    let (x5c, data) = read_attestation(object).ok_or(Refused::Malformed)?;
    let Chain { leaf, signatures } = Chain::check(x5c, wanted.root, wanted.now)?;
    if leaf.nonce() != Some(&nonce(data, client_data_hash)) {
        return Err(Refused::Nonce);
    }
    if leaf.key.curve != Curve::P256 || digest::of_bytes(leaf.key.point) != key_id {
        return Err(Refused::KeyId);
    }
    if !leaf.is_of_safe_system() {
        return Err(Refused::System);
    }
    let data = AuthenticatorData::read(data).ok_or(Refused::Malformed)?;
    let app = wanted.apps.iter().find(|app| data.is_of(app)).ok_or(Refused::App)?;
    if data.counter != 0 {
        return Err(Refused::Counter);
    }
    let (aaguid, credential) = data.credential().ok_or(Refused::Malformed)?;
    let is_development = match aaguid {
        aaguid if aaguid == PRODUCTION => false,
        aaguid if aaguid == DEVELOPMENT && wanted.allows_development => true,
        _ => return Err(Refused::Environment),
    };
    if credential != key_id {
        return Err(Refused::KeyId);
    }
    Ok(Attested { app, is_development, point: leaf.key.point, signatures })
}

/// Checks an assertion of `app` for `client_data_hash`, by the key with this `point`.
pub(super) fn check_assertion<'a>(
    object: &[u8],
    client_data_hash: &[u8],
    app: &str,
    point: &'a [u8],
) -> Result<Asserted<'a>, Refused> {
    let (signature, bytes) = read_assertion(object).ok_or(Refused::Malformed)?;
    let data = AuthenticatorData::read(bytes).ok_or(Refused::Malformed)?;
    if !data.is_of(app) {
        return Err(Refused::App);
    }
    // Extensions may follow, which nothing here reads.
    if !data.rest.is_empty() && count_maps(data.rest) != Some(1) {
        return Err(Refused::Malformed);
    }
    let key = PublicKey::new(Curve::P256, point).ok_or(Refused::KeyId)?;
    let signed = nonce(bytes, client_data_hash).to_vec();
    let signature = Signature::read(key, Hash::Sha256, signed, signature).ok_or(Refused::Malformed)?;
    Ok(Asserted { counter: data.counter, signature })
}

/// The value that binds authenticator data to what the edge asked for.
fn nonce(data: &[u8], client_data_hash: &[u8]) -> [u8; 32] {
    digest::of_bytes(&[data, client_data_hash].concat())
}

/// The two certificates and the authenticator data of an attestation.
fn read_attestation(object: &[u8]) -> Option<([&[u8]; 2], &[u8])> {
    let (mut format, mut x5c, mut data) = (None, None, None);
    read_map(object, |name, cbor| match name {
        b"fmt" => set(&mut format, Some(cbor.item()? == Item::Text(b"apple-appattest"))),
        b"attStmt" => cbor.fields(|name, cbor| match name {
            b"x5c" if cbor.item()? == Item::Array(2) => set(&mut x5c, cbor.bytes().zip(cbor.bytes())),
            b"x5c" => None,
            _ => cbor.skip(),
        }),
        b"authData" => set(&mut data, cbor.bytes()),
        _ => cbor.skip(),
    })?;
    let (leaf, issuer) = x5c.filter(|_| format == Some(true))?;
    Some(([leaf, issuer], data?))
}

/// The signature and the authenticator data of an assertion.
fn read_assertion(object: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut signature, mut data) = (None, None);
    read_map(object, |name, cbor| match name {
        b"signature" => set(&mut signature, cbor.bytes()),
        b"authenticatorData" => set(&mut data, cbor.bytes()),
        _ => cbor.skip(),
    })?;
    signature.zip(data)
}

/// Reads an object that is one map, and nothing else.
fn read_map<'a>(object: &'a [u8], read: impl FnMut(&'a [u8], &mut Cbor<'a>) -> Option<()>) -> Option<()> {
    let mut cbor = Cbor(object);
    cbor.fields(read)?;
    cbor.is_empty().then_some(())
}

/// Sets a field that is there once.
fn set<T>(field: &mut Option<T>, value: Option<T>) -> Option<()> {
    field.replace(value?).is_none().then_some(())
}

/// How many maps `bytes` are. `None`: they are something else.
fn count_maps(bytes: &[u8]) -> Option<usize> {
    let mut cbor = Cbor(bytes);
    let mut count = 0;
    while !cbor.is_empty() {
        let mut ahead = cbor;
        let is_map = matches!(ahead.item(), Some(Item::Map(_)));
        cbor.skip().filter(|()| is_map)?;
        count += 1;
    }
    Some(count)
}

/// Authenticator data (WebAuthn, 6.1).
#[derive(Debug)]
struct AuthenticatorData<'a> {
    /// The SHA-256 of the app id.
    app: &'a [u8],
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (app, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, rest) = rest.split_first_chunk()?;
        Some(Self { app, flags: *flags, counter: u32::from_be_bytes(*counter), rest })
    }

    fn is_of(&self, app: &str) -> bool {
        self.app == digest::of(app)
    }

    /// The `aaguid` and the id of the credential. Its public key follows, which the certificate has, too; and, since iOS 27,
    /// extensions, whether the flags say so or not.
    fn credential(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (aaguid, rest) = self.rest.split_at_checked(16)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let is_complete = self.flags & HAS_CREDENTIAL != 0 && matches!(count_maps(rest)?, 1 | 2);
        is_complete.then_some((aaguid, id))
    }
}
