//! Apple's App Attest: an app registers a key of its device once, by an attestation that Apple has signed, and then gets sessions for
//! assertions, which that key has signed over a fresh challenge.
//!
//! Everything but signatures, the stored key and the challenge is decided on plain data: see `attestation`.

mod attestation;
mod cbor;
mod certificate;
#[cfg(test)]
mod growth_tests;
#[cfg(test)]
mod tests;

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use failsoft::Json;
use worker::Env;

use self::attestation::{Asserted, Attested, Wanted, check_assertion, check_attestation};
use super::challenge::Challenge;
use super::required;
use crate::access::crypto;
use crate::access::ecdsa::Signature;
use crate::access::keys::{Answer, Device, Message, device_object, send, unavailable};
use crate::config::{AppAttest, Visitors, digest};
use crate::http::api_error::{ApiError, Code};
use crate::platform::host;

/// Apple's App Attestation Root CA, which signs the certificates of all attestations.
static APPLE_ROOT: &[u8] = include_bytes!("app_attest/apple_root.der");

/// What an app sent.
#[derive(Debug)]
pub(super) struct Sent {
    challenge: String,
    /// The SHA-256 of the public key.
    key_id: Vec<u8>,
    object: Vec<u8>,
    is_new: bool,
}

/// Why an attestation or an assertion gives no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Malformed,
    Chain,
    Expired,
    Nonce,
    KeyId,
    System,
    App,
    Counter,
    Environment,
    Signature,
    Registered,
}

impl Sent {
    /// Reads `{"challenge", "keyId", "attestation"}` or `{"challenge", "keyId", "assertion"}`.
    pub(super) fn read(proof: Json<'_>) -> Result<Self, ApiError> {
        let is_new = !proof.get("attestation").is_null();
        let bytes = |name: &str| {
            let text = required(proof, "appAttest", name)?;
            STANDARD.decode(text).map_err(|_| wrong(name, "must be base64, as Apple's functions give it"))
        };
        let key_id = bytes("keyId")?;
        if key_id.len() != 32 {
            return Err(wrong("keyId", "must be the id that `generateKey` gave"));
        }
        let object = bytes(if is_new { "attestation" } else { "assertion" })?;
        Ok(Self { challenge: required(proof, "appAttest", "challenge")?, key_id, object, is_new })
    }
}

fn wrong(name: &str, problem: &str) -> ApiError {
    let path = ["appAttest.", name].concat();
    ApiError::new(Code::InvalidRequest, format!("`{path}` {problem}")).about(path)
}

/// What an app of `terms` sent about the key in `object`, for a challenge of this edge.
struct Proof<'a> {
    terms: &'a AppAttest,
    sent: &'a Sent,
    challenge: Challenge<'a>,
    object: String,
    env: &'a Env,
}

/// Checks that an app of `terms` sent this. Stores its key, or its counter. Returns the id of the key for logs and admins.
pub(super) async fn verify(visitors: &Visitors, terms: &AppAttest, sent: &Sent, env: &Env) -> Result<String, ApiError> {
    let challenge = Challenge::verify(visitors, &sent.challenge).await?;
    let id = digest::hex(&sent.key_id[..8]);
    let proof = Proof { terms, sent, challenge, object: device_object(&id), env };
    if sent.is_new {
        proof.register().await?;
    } else {
        proof.renew().await?;
    }
    Ok(id)
}

impl Proof<'_> {
    /// Stores the key of a device, if its attestation is right.
    async fn register(&self) -> Result<(), ApiError> {
        let wanted = Wanted {
            apps: &self.terms.apps,
            allows_development: self.terms.allows_development,
            root: APPLE_ROOT,
            now: host::now() / 1_000,
        };
        let Attested { app, is_development, point, signatures } =
            check_attestation(&self.sent.object, &self.sent.key_id, &digest::of(self.challenge.text), wanted)?;
        check_signatures(&signatures).await?;
        self.challenge.spend(self.env).await?;
        let key = URL_SAFE_NO_PAD.encode(point);
        let device = Device { app: app.into(), key, counter: 0, is_development, is_revoked: false };
        match send(self.env, &self.object, &Message::RegisterDevice(device)).await? {
            Answer::Done => Ok(()),
            Answer::Taken => Err(Refused::Registered.into()),
            _ => Err(unavailable()),
        }
    }

    /// Counts an assertion of a registered key, if the assertion is right.
    async fn renew(&self) -> Result<(), ApiError> {
        let device = match send(self.env, &self.object, &Message::FindDevice).await? {
            Answer::Device(device) => device,
            Answer::Missing => return Err(unknown_key()),
            _ => return Err(unavailable()),
        };
        // The configuration may have changed since the registration.
        if !self.terms.apps.contains(&device.app) {
            return Err(Refused::App.into());
        }
        if device.is_development && !self.terms.allows_development {
            return Err(Refused::Environment.into());
        }
        let point = URL_SAFE_NO_PAD.decode(&device.key).map_err(|_| unavailable())?;
        let Asserted { counter, signature } =
            check_assertion(&self.sent.object, &digest::of(self.challenge.text), &device.app, &point)?;
        check_signatures(&[signature]).await?;
        self.challenge.spend(self.env).await?;
        match send(self.env, &self.object, &Message::CountAssertion { counter }).await? {
            Answer::Done => Ok(()),
            Answer::Spent => Err(Refused::Counter.into()),
            Answer::Revoked => Err(ApiError::new(Code::DeviceKeyRevoked, "the owner of this app revoked this key")),
            Answer::Missing => Err(unknown_key()),
            _ => Err(unavailable()),
        }
    }
}

async fn check_signatures(signatures: &[Signature<'_>]) -> Result<(), Refused> {
    for signature in signatures {
        if !crypto::is_ecdsa_signed(signature).await {
            return Err(Refused::Signature);
        }
    }
    Ok(())
}

fn unknown_key() -> ApiError {
    let message =
        "this key is not registered here, or was not used for half a year: make a new key, and send its attestation";
    ApiError::new(Code::DeviceKeyUnknown, message)
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it has not the form that App Attest gives it",
            Self::Chain => "its certificates are not those of Apple's App Attest",
            Self::Expired => "one of its certificates is not valid now",
            Self::Nonce => "it was made for another challenge",
            Self::KeyId => "it is of another key",
            Self::System => "its key was made on a Mac without Full Security and System Integrity Protection",
            Self::App => "it is of an app that this edge does not know",
            Self::Counter => "its counter is not larger than the last one, or not 0 for a new key",
            Self::Environment => {
                "its key was made in App Attest's development environment, which this edge does not accept"
            }
            Self::Signature => "a signature is wrong",
            Self::Registered => "its key is registered already; send an assertion",
        })
    }
}

impl From<Refused> for ApiError {
    fn from(reason: Refused) -> Self {
        Self::new(Code::AttestationRefused, format!("this attestation or assertion is refused: {reason}"))
    }
}
