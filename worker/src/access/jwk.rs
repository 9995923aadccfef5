//! The public keys of an issuer (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::Json;

use crate::config::Algorithm;

/// The most keys of one issuer.
const MOST: usize = 100;
/// Bytes of an RSA modulus. A shorter one can be factored (NIST SP 800-131A), and a longer one costs too much time.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;

/// A public key of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jwk {
    pub(super) id: Option<String>,
    pub(crate) material: Material,
}

/// The parts of a key, in base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    Rsa { n: String, e: String },
    P256 { x: String, y: String },
    Ed25519 { x: String },
}

impl Jwk {
    /// The one algorithm of the key.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256 { .. } => Algorithm::Es256,
            Material::Ed25519 { .. } => Algorithm::EdDsa,
        }
    }

    /// Reads a key. Returns nothing if the key is not for verifying with one of the edge's algorithms.
    fn read(json: Json<'_>) -> Option<Self> {
        let part = |name: &str| json.get(name).text().map(String::from);
        let material = match &*json.get("kty").text()? {
            "RSA" => Material::Rsa { n: part("n").filter(|n| is_modulus(n))?, e: part("e")? },
            "EC" if json.get("crv").is("P-256") => Material::P256 { x: part("x")?, y: part("y")? },
            "OKP" if json.get("crv").is("Ed25519") => Material::Ed25519 { x: part("x")? },
            _ => return None,
        };
        let key = Self { id: part("kid"), material };
        let (purpose, uses, algorithm) = (json.get("use"), json.get("key_ops"), json.get("alg"));
        let fits = (purpose.is_null() || purpose.is("sig"))
            && (uses.is_null() || uses.items().any(|use_| use_.is("verify")))
            && (algorithm.is_null() || algorithm.text().and_then(|name| Algorithm::of(&name)) == Some(key.algorithm()));
        fits.then_some(key)
    }
}

fn is_modulus(n: &str) -> bool {
    URL_SAFE_NO_PAD.decode(n).is_ok_and(|bytes| {
        let leading = bytes.iter().take_while(|byte| **byte == 0).count();
        MODULUS.contains(&(bytes.len() - leading))
    })
}

/// Reads the keys in an issuer's answer. An answer without a usable key counts as no answer.
pub(super) fn read_keys(text: &str) -> Option<Vec<Jwk>> {
    let keys: Vec<Jwk> = Json::parse(text)?.get("keys").items().take(MOST).filter_map(Jwk::read).collect();
    Some(keys).filter(|keys| !keys.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Jwk, Material, read_keys};
    use crate::config::Algorithm;
    use serde_json::{Value, json};

    fn ec(id: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": id, "x": "eA", "y": "eQ"})
    }

    fn keys(keys: Value) -> Option<Vec<Jwk>> {
        read_keys(&json!({ "keys": keys }).to_string())
    }

    #[test]
    fn a_key_is_read_for_its_one_algorithm() {
        let n = |length: usize| ["x".repeat(length - 1), "w".into()].concat();
        let rsa = json!({"kty": "RSA", "n": n(342), "e": "AQAB", "kid": "r", "use": "sig", "alg": "RS256"});
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": "eA", "alg": "EdDSA", "key_ops": ["verify"]});
        let all = keys(json!([rsa, ed, ec("e")])).expect("keys");
        assert_eq!(
            all.iter().map(Jwk::algorithm).collect::<Vec<_>>(),
            [Algorithm::Rs256, Algorithm::EdDsa, Algorithm::Es256,]
        );
        assert_eq!(all[1], Jwk { id: None, material: Material::Ed25519 { x: "eA".into() } });
        for (base, change) in [
            (&rsa, json!({"alg": "HS256"})),
            (&rsa, json!({"alg": "PS256"})),
            (&rsa, json!({"use": "enc"})),
            (&rsa, json!({"key_ops": ["encrypt"]})),
            (&rsa, json!({"n": n(171)})),
            (&rsa, json!({"n": "A".repeat(200) + &n(171)})),
            (&rsa, json!({"n": "?"})),
            (&ed, json!({"crv": "Ed448"})),
            (&ed, json!({"alg": "ES256"})),
            (&ec("e"), json!({"crv": "secp256k1"})),
            (&json!({"kty": "oct", "k": "c2VjcmV0"}), json!({})),
        ] {
            let mut key = base.clone();
            key.as_object_mut().expect("a key").extend(change.as_object().expect("a change").clone());
            assert_eq!(keys(json!([key])), None, "{change}");
        }
        assert_eq!(read_keys("<html>"), None);
        assert_eq!(keys(json!([])), None);
    }
}
