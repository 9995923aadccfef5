//! Signatures and random bytes, by the platform's WebCrypto.

use js_sys::futures::JsFuture;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use super::ecdsa::Signature;
use super::jwk::{Jwk, Material};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &Uint8Array);

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &Object,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn sign(algorithm: &Object, key: &JsValue, data: &Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn verify(algorithm: &Object, key: &JsValue, signature: &Uint8Array, data: &Uint8Array)
    -> Result<Promise, JsValue>;
}

/// Returns bytes that nobody can guess.
pub(crate) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let array = Uint8Array::new_with_length(LENGTH as u32);
    get_random_values(&array);
    let mut bytes = [0; LENGTH];
    array.copy_to(&mut bytes);
    bytes
}

/// Whether `signature` is the signature of `data` by the owner of `key`. Malformed signatures are not.
pub(crate) async fn is_signed(key: &Jwk, data: &[u8], signature: &[u8]) -> bool {
    let algorithm = match &key.material {
        Material::Rsa { .. } => object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")]),
        Material::P256 { .. } => object(&[("name", "ECDSA"), ("namedCurve", "P-256"), ("hash", "SHA-256")]),
        Material::Ed25519 { .. } => object(&[("name", "Ed25519")]),
    };
    // Only the parts of the key. The platform must not interpret other fields of the issuer's key.
    let public = match &key.material {
        Material::Rsa { n, e } => object(&[("kty", "RSA"), ("n", n), ("e", e)]),
        Material::P256 { x, y } => object(&[("kty", "EC"), ("crv", "P-256"), ("x", x), ("y", y)]),
        Material::Ed25519 { x } => object(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", x)]),
    };
    let verified = async {
        let key = import("jwk", &public, &algorithm, "verify").await?;
        JsFuture::from(verify(&algorithm, &key, &signature.into(), &data.into())?).await
    };
    verified.await.is_ok_and(|verified| verified.is_truthy())
}

/// Whether a signature of ECDSA is right. A key that is no point of its curve has signed nothing.
pub(super) async fn is_ecdsa_signed(signature: &Signature<'_>) -> bool {
    let curve = object(&[("name", "ECDSA"), ("namedCurve", signature.key.curve.name())]);
    let algorithm = object(&[("name", "ECDSA"), ("hash", signature.hash.name())]);
    let (point, signed) = (Uint8Array::from(signature.key.point), Uint8Array::from(&*signature.signed));
    let verified = async {
        let key = import("raw", &point, &curve, "verify").await?;
        JsFuture::from(verify(&algorithm, &key, &Uint8Array::from(&*signature.numbers), &signed)?).await
    };
    verified.await.is_ok_and(|verified| verified.is_truthy())
}

/// Signs `data` by RS256, with a private key in PKCS #8.
pub(super) async fn sign_rs256(key: &[u8], data: &str) -> Result<Vec<u8>, JsValue> {
    let algorithm = object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")]);
    let key = import("pkcs8", &Uint8Array::from(key), &algorithm, "sign").await?;
    let signature = JsFuture::from(sign(&algorithm, &key, &data.as_bytes().into())?).await?;
    Ok(Uint8Array::new(&signature).to_vec())
}

/// What an HMAC is for. Each use has a key of its own, so that no HMAC of one use is valid for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// The signature of a visitor's session.
    Session,
    /// The name of a visitor's account.
    Account,
    /// A challenge for an attestation.
    Challenge,
}

impl Use {
    /// The name from which the key is derived. A change of the name ends all sessions, or renames all accounts.
    fn name(self) -> &'static str {
        match self {
            Self::Session => "failsoft: signature of a session",
            Self::Account => "failsoft: name of a visitor's account",
            Self::Challenge => "failsoft: challenge for an attestation",
        }
    }
}

/// Computes the HMAC-SHA-256 of `data` with the key that is derived from `secret` for this use.
pub(crate) async fn mac(secret: &str, of: Use, data: &str) -> Result<Vec<u8>, JsValue> {
    let key = derive(secret, of, "sign").await?;
    sign_with(&key, data).await
}

/// Whether `mac` is the HMAC-SHA-256 of `data` with the key that is derived from `secret` for this use. The platform compares
/// both in constant time.
pub(crate) async fn is_mac(secret: &str, of: Use, data: &str, mac: &[u8]) -> Result<bool, JsValue> {
    let key = derive(secret, of, "verify").await?;
    let verified = JsFuture::from(verify(&hmac(), &key, &mac.into(), &data.as_bytes().into())?).await?;
    Ok(verified.is_truthy())
}

/// Derives the key for `of`: the HMAC-SHA-256 of its name with `secret`.
async fn derive(secret: &str, of: Use, usage: &str) -> Result<JsValue, JsValue> {
    let secret = import_hmac(secret.as_bytes(), "sign").await?;
    import_hmac(&sign_with(&secret, of.name()).await?, usage).await
}

async fn sign_with(key: &JsValue, data: &str) -> Result<Vec<u8>, JsValue> {
    let signature = JsFuture::from(sign(&hmac(), key, &data.as_bytes().into())?).await?;
    Ok(Uint8Array::new(&signature).to_vec())
}

async fn import_hmac(key: &[u8], usage: &str) -> Result<JsValue, JsValue> {
    import("raw", &Uint8Array::from(key), &hmac(), usage).await
}

fn hmac() -> Object {
    object(&[("name", "HMAC"), ("hash", "SHA-256")])
}

async fn import(format: &str, key: &JsValue, algorithm: &Object, usage: &str) -> Result<JsValue, JsValue> {
    let usages = Array::of1(&usage.into());
    JsFuture::from(import_key(format, key, algorithm, false, &usages)?).await
}

fn object(fields: &[(&str, &str)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object takes every field.
        let _ = Reflect::set(&object, &(*name).into(), &(*value).into());
    }
    object
}
