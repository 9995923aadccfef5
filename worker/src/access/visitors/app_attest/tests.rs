//! Real attestations and assertions, at the time at which they were made.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha384};

use super::attestation::{Asserted, Attested, Wanted, check_assertion, check_attestation};
use super::certificate::Certificate;
use super::growth_tests::{der, with_extensions};
use super::{APPLE_ROOT, Refused};
use crate::access::ecdsa::{Curve, Hash, Signature};
use crate::config::digest;

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../../tests/fixtures/app-attest/vectors.json");
    serde_json::from_str(text).expect("JSON")
});

/// A vector, with its bytes.
#[derive(Clone, Debug)]
struct Vector {
    row: &'static Value,
    object: Vec<u8>,
    key: Vec<u8>,
    hash: Vec<u8>,
    apps: Vec<String>,
}

impl Vector {
    fn all(kind: &str, object: &str, key: &str) -> Vec<Self> {
        let bytes = |row: &Value, name: &str| STANDARD.decode(row[name].as_str().expect(name)).expect(name);
        let read = |row: &'static Value| Self {
            row,
            object: bytes(row, object),
            key: bytes(row, key),
            hash: bytes(row, "clientDataHash"),
            apps: vec!["ABCDE12345.com.example.other".into(), row["app"].as_str().expect("an app").into()],
        };
        VECTORS[kind].as_array().expect(kind).iter().map(read).collect()
    }

    fn attestations() -> Vec<Self> {
        Self::all("attestations", "attestation", "keyId")
    }

    fn assertions() -> Vec<Self> {
        Self::all("assertions", "assertion", "publicKey")
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            apps: &self.apps,
            allows_development: self.row["isDevelopment"] == true,
            root: APPLE_ROOT,
            now: self.row["time"].as_u64().expect("a time"),
        }
    }

    /// What the checks say, with the signatures.
    fn check<'a>(&'a self, wanted: Wanted<'a>) -> Result<Attested<'a>, Refused> {
        let attested = check_attestation(&self.object, &self.key, &self.hash, wanted)?;
        if attested.signatures.iter().all(is_signed) { Ok(attested) } else { Err(Refused::Signature) }
    }

    fn check_assertion(&self) -> Result<Asserted<'_>, Refused> {
        let asserted = check_assertion(&self.object, &self.hash, &self.apps[1], &self.key)?;
        if is_signed(&asserted.signature) { Ok(asserted) } else { Err(Refused::Signature) }
    }
}

/// What WebCrypto says in the Worker.
fn is_signed(signature: &Signature<'_>) -> bool {
    let hash = match signature.hash {
        Hash::Sha256 => Sha256::digest(&signature.signed).to_vec(),
        Hash::Sha384 => Sha384::digest(&signature.signed).to_vec(),
    };
    let (point, numbers) = (signature.key.point, &signature.numbers);
    match signature.key.curve {
        Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .and_then(|key| key.verify_prehash(&hash, &p256::ecdsa::Signature::from_slice(numbers)?))
            .is_ok(),
        Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point)
            .and_then(|key| key.verify_prehash(&hash, &p384::ecdsa::Signature::from_slice(numbers)?))
            .is_ok(),
    }
}

#[test]
fn the_root_is_apples() {
    // As the packages node-app-attest (npm), pyattest (Python) and app-attest (Go) have it.
    let known = "1cb9823ba28ba6ad2d33a006941de2ae4f513ef1d4e831b9f7e0fa7b6242c932";
    assert_eq!(digest::hex(&digest::of_bytes(APPLE_ROOT)), known);
}

#[test]
fn real_attestations_are_accepted_at_their_time_and_for_what_they_are() {
    let vectors = Vector::attestations();
    assert_eq!(vectors.len(), 5);
    for vector in &vectors {
        let (name, wanted) = (&vector.row["name"], vector.wanted());
        let attested = vector.check(wanted).unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
        assert_eq!(attested.app, vector.row["app"], "{name}");
        assert_eq!(attested.is_development, vector.row["isDevelopment"] == true, "{name}");
        assert_eq!(digest::of_bytes(attested.point).to_vec(), vector.key, "{name}");
        let refused = |wanted: Wanted<'_>| vector.check(wanted).expect_err("a refusal");
        if attested.is_development {
            assert_eq!(refused(Wanted { allows_development: false, ..wanted }), Refused::Environment, "{name}");
        }
        assert_eq!(refused(Wanted { apps: &vector.apps[..1], ..wanted }), Refused::App, "{name}");
        assert_eq!(refused(Wanted { apps: &[], ..wanted }), Refused::App, "{name}");
        for now in [0, wanted.now - 400 * 86_400, 1_796_000_000, u64::MAX] {
            assert_eq!(refused(Wanted { now, ..wanted }), Refused::Expired, "{name} {now}");
        }
        let other = |change: fn(&mut Vector)| {
            let mut other = vector.clone();
            change(&mut other);
            other.check(wanted).expect_err("a refusal")
        };
        assert_eq!(other(|vector| vector.hash[0] ^= 1), Refused::Nonce, "{name}");
        assert_eq!(other(|vector| vector.key[31] ^= 1), Refused::KeyId, "{name}");
        assert_eq!(other(|vector| vector.object.push(0)), Refused::Malformed, "{name}");
    }
}

#[test]
fn real_assertions_are_accepted_and_only_as_they_are() {
    for vector in Vector::assertions() {
        let name = &vector.row["name"];
        let asserted = vector.check_assertion().unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
        assert_eq!(u64::from(asserted.counter), vector.row["counter"], "{name}");
        for at in 0..vector.object.len() {
            let mut other = vector.clone();
            other.object.truncate(at);
            assert!(other.check_assertion().is_err(), "{name} cut at {at}");
            other.object = vector.object.clone();
            other.object[at] ^= 1 << (at % 8);
            assert!(other.check_assertion().is_err(), "{name} changed at {at}");
        }
    }
}

/// Verifying takes long in a build without optimisation, so not every byte is changed.
#[test]
fn an_attestation_with_another_byte_is_refused() {
    let vector = &Vector::attestations()[0];
    for at in (0..vector.object.len()).step_by(31) {
        let mut other = vector.clone();
        other.object[at] ^= 1 << (at % 8);
        assert!(other.check(vector.wanted()).is_err(), "{at}");
    }
    for at in 0..vector.object.len() {
        let mut other = vector.clone();
        other.object.truncate(at);
        assert_eq!(other.check(vector.wanted()).expect_err("a refusal"), Refused::Malformed, "{at}");
    }
}

#[test]
fn another_root_of_the_same_name_is_refused() {
    let vector = &Vector::attestations()[0];
    let mut root = APPLE_ROOT.to_vec();
    // The generator of P-384 (SEC 2, 2.5.1) is a point on the curve, and so a key.
    let generator = "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";
    let point = bytes(generator);
    let at = root.windows(4).position(|bytes| bytes == [3, 0x62, 0, 4]).expect("the root's key") + 3;
    root[at..at + 97].copy_from_slice(&point);
    let refused = vector.check(Wanted { root: &root, ..vector.wanted() });
    assert_eq!(refused.expect_err("a refusal"), Refused::Signature);
}

/// The bytes that `hex` spells.
fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// One of Apple's extensions, 1.2.840.113635.100.8.`last`.
fn extension(last: u8, value: &[u8]) -> Vec<u8> {
    let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x08, last];
    der(0x30, &[der(6, &id), der(4, value)].concat())
}

#[test]
fn a_key_of_a_mac_counts_only_with_the_rules_that_protect_it() {
    let system = |name: &[u8]| der(0x30, &[&[0xbf, 0x88, 0x02][..], &der(4, name)].concat());
    // The policy of Apple's documentation, in its two wrappers.
    let policy = "MEAMAjExMDowCQwCb2uhAwEB/zAJDAJvYaEDAQH/MAsMBG9kZWyhAwEB/zAVDARvc2duoAYMBHJzZWMwBaYDAgEB";
    let rules = |policy: &[u8]| der(0x30, &der(0xa3, &der(4, policy)));
    let policy = STANDARD.decode(policy).expect("base64");
    let mut weak = policy.clone();
    *weak.last_mut().expect("a byte") = 0;
    let (mac, phone) = (extension(7, &system(b"macosx")), extension(7, &system(b"iphoneos")));
    // As Apple put them into the certificate of a Mac with macOS 27.2.
    let real = "3081bdbf8a7806040432372e32bf885003020102bf8a79090407312e302e323333bf8a7b0a04083236423530393167\
                bf8a7c06040432372e32bf8a7d06040432372e32bf8a7e03020100bf8a7f03020100bf8b0003020100bf8b0103020100\
                bf8b0203020100bf8b0303020100bf8b0403020100bf8b0503020100bf8b0a0f040d32362e322e39312e352e372c30\
                bf8b0b0f040d32362e322e39312e352e372c30bf8b0c0f040d32362e322e39312e352e372c30bf88020804066d61636f7378";
    let real_rules = "3046a344044230400c023131303a30090c026f6ba1030101ff30090c026f61a1030101ff300b0c046f64656c\
                      a1030101ff30150c046f73676ea0060c04727365633005a603020101";
    let (real, real_rules) = (extension(7, &bytes(real)), extension(6, &bytes(real_rules)));
    for (extensions, is_safe) in [
        (vec![], true),
        (real.clone(), false),
        ([&*real, &extension(6, &rules(&weak))].concat(), false),
        ([&*real, &real_rules].concat(), true),
        (phone.clone(), true),
        ([phone, extension(6, &rules(&weak))].concat(), true),
        (mac.clone(), false),
        ([&*mac, &extension(6, &rules(&weak))].concat(), false),
        ([&*mac, &extension(6, &policy)].concat(), false),
        ([&*mac, &extension(6, &[])].concat(), false),
        ([&*mac, &extension(6, &rules(&policy))].concat(), true),
        ([&*extension(6, &rules(&policy)), &mac].concat(), true),
    ] {
        let bytes = with_extensions(&extensions);
        let certificate = Certificate::read(&bytes).expect("a certificate");
        assert_eq!(certificate.is_of_safe_system(), is_safe, "{extensions:x?}");
    }
    assert!(Certificate::read(&with_extensions(&[&*mac, &mac].concat())).is_err(), "an extension counts once");
}
