//! The public keys of an issuer (RFC 7517), as an isolate remembers them.
//!
//! ```text
//!             known key, fresh                      it answers: keys anew
//!   ┌───────┐ ───────────────▶ used               ┌──────────────────────┐
//!   │ KeySet  │                                     │                      ▼
//!   │       │ unknown, or older than FRESH ──▶ Fetch (one at a time) ── settle
//!   └───────┘   · while it is under way: a known key is used, for another one is waited
//!               · at most every PAUSE: whoever invents key ids does not make an isolate ask
//!               · it fails: the old keys are used until they are older than STALE
//! ```

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};

use crate::config::Algorithm;

/// How long an issuer may take to answer, in milliseconds.
pub(super) const TIME_LIMIT: u32 = 5_000;
/// Keys are used for so long without asking for them again, in milliseconds.
const FRESH: Millis = 10 * 60 * 1_000;
/// And for so long if their issuer does not answer.
const STALE: Millis = 24 * 60 * 60 * 1_000;
/// From asking to asking again, early.
const PAUSE: Millis = 30 * 1_000;
/// The same as long as there are no keys at all.
const PAUSE_WITHOUT: Millis = 5 * 1_000;

/// More keys than this no issuer needs.
const MOST: usize = 100;
/// An RSA modulus of fewer bytes could be factored (NIST SP 800-131A), and one of more be a way to keep us busy.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;

/// A key to verify signatures with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jwk {
    id: Option<String>,
    pub(crate) material: Material,
}

/// What a key is made of, in base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    Rsa { n: String, e: String },
    P256 { x: String, y: String },
    Ed25519 { x: String },
}

impl Jwk {
    /// The one algorithm that it is for.
    fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256 { .. } => Algorithm::Es256,
            Material::Ed25519 { .. } => Algorithm::EdDsa,
        }
    }

    /// The key, if it is for one of our algorithms and for nothing else.
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

/// The keys in the answer of an issuer; none of use is as good as no answer.
pub(super) fn read(text: &str) -> Option<Vec<Jwk>> {
    let keys: Vec<Jwk> = Json::parse(text)?.get("keys").items().take(MOST).filter_map(Jwk::read).collect();
    Some(keys).filter(|keys| !keys.is_empty())
}

thread_local! {
    /// By the URLs in the configuration.
    static KEY_SETS: RefCell<HashMap<String, KeySet>> = RefCell::default();
}

/// Calls `act` with what this isolate knows of the keys at `url`.
pub(super) fn with_keys<T>(url: &str, act: impl FnOnce(&mut KeySet) -> T) -> T {
    KEY_SETS.with_borrow_mut(|sets| act(sets.entry(url.into()).or_default()))
}

/// What an isolate knows of one issuer's keys.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Jwk>,
    /// When they came.
    told: Option<Millis>,
    /// When they were last asked for, or that came to its end.
    asked: Option<Millis>,
    under_way: bool,
}

/// What to do for a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Use(Jwk),
    /// AdmittedCall for the keys, then [`KeySet::settle`].
    Fetch,
    /// Another request is asking.
    Wait,
    /// The issuer has no such key.
    Unknown,
    /// The issuer does not answer, and has not for a long time.
    Unavailable,
}

impl KeySet {
    /// How to come by the key `id` for `algorithm`.
    pub(super) fn next(&mut self, algorithm: Algorithm, id: Option<&str>, now: Millis) -> Step {
        let age = self.told.map(|told| now.saturating_sub(told)).filter(|age| *age < STALE);
        let found = age.and_then(|_| self.find(algorithm, id));
        let since = self.asked.map(|asked| now.saturating_sub(asked));
        // Who asked may have been cut off with its request.
        let under_way = self.under_way && since.is_some_and(|since| since < TIME_LIMIT.into());
        let pause = if age.is_some() { PAUSE } else { PAUSE_WITHOUT };
        let may_ask = !under_way && since.is_none_or(|since| since >= pause);
        match found {
            Some(key) if age < Some(FRESH) || !may_ask => Step::Use(key),
            None if under_way => Step::Wait,
            _ if may_ask => {
                self.asked = Some(now);
                self.under_way = true;
                Step::Fetch
            }
            _ if age.is_some() => Step::Unknown,
            _ => Step::Unavailable,
        }
    }

    /// Takes what the issuer answered, if it did.
    pub(super) fn settle(&mut self, keys: Option<Vec<Jwk>>, now: Millis) {
        self.under_way = false;
        // An issuer that took long to fail is given the whole pause.
        self.asked = Some(now);
        if let Some(keys) = keys {
            self.keys = keys;
            self.told = Some(now);
        }
    }

    /// A token that names no key may be of the only one there is.
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<Jwk> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm() == algorithm);
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Jwk, KeySet, Material, Step, read};
    use crate::config::Algorithm;
    use serde_json::{Value, json};

    const EC: Algorithm = Algorithm::Es256;

    fn ec(id: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": id, "x": "eA", "y": "eQ"})
    }

    fn keys(keys: Value) -> Option<Vec<Jwk>> {
        read(&json!({ "keys": keys }).to_string())
    }

    fn used(step: Step) -> Option<String> {
        match step {
            Step::Use(key) => key.id,
            _ => None,
        }
    }

    #[test]
    fn a_key_is_taken_for_the_one_algorithm_that_it_is_for() {
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
        assert_eq!(read("<html>"), None);
        assert_eq!(keys(json!([])), None);
    }

    #[test]
    fn a_token_without_a_key_id_is_of_the_only_key_or_of_none() {
        let mut ring = KeySet::default();
        ring.settle(keys(json!([ec("a")])), 0);
        assert_eq!(used(ring.next(EC, None, 1)), Some("a".into()));
        assert_eq!(ring.next(Algorithm::Rs256, Some("a"), 1), Step::Unknown, "of another algorithm it is another key");
        ring.settle(keys(json!([ec("a"), ec("b")])), 1);
        assert_eq!(ring.next(EC, None, 2), Step::Unknown);
        assert_eq!(used(ring.next(EC, Some("b"), 2)), Some("b".into()));
    }

    #[test]
    fn an_unknown_key_is_asked_for_once_in_a_while_and_awaited() {
        let mut ring = KeySet::default();
        assert_eq!(ring.next(EC, Some("a"), 0), Step::Fetch);
        assert_eq!(ring.next(EC, Some("a"), 1), Step::Wait);
        ring.settle(keys(json!([ec("a")])), 100);
        assert_eq!(used(ring.next(EC, Some("a"), 101)), Some("a".into()));
        assert_eq!(ring.next(EC, Some("b"), 30_099), Step::Unknown);
        assert_eq!(ring.next(EC, Some("b"), 30_100), Step::Fetch);
        assert_eq!(ring.next(EC, Some("b"), 30_101), Step::Wait);
        assert_eq!(used(ring.next(EC, Some("a"), 30_101)), Some("a".into()), "a known key waits for nothing");
        ring.settle(keys(json!([ec("b")])), 30_200);
        assert_eq!(used(ring.next(EC, Some("b"), 30_201)), Some("b".into()));
        assert_eq!(ring.next(EC, Some("a"), 30_201), Step::Unknown, "a key that was taken back");
    }

    #[test]
    fn keys_are_asked_for_anew_and_kept_for_a_day_when_nobody_answers() {
        let mut ring = KeySet::default();
        ring.settle(keys(json!([ec("a")])), 0);
        assert_eq!(used(ring.next(EC, Some("a"), 599_999)), Some("a".into()));
        assert_eq!(ring.next(EC, Some("a"), 600_000), Step::Fetch);
        ring.settle(None, 605_000);
        assert_eq!(used(ring.next(EC, Some("a"), 605_000)), Some("a".into()));
        assert_eq!(ring.next(EC, Some("a"), 635_000), Step::Fetch);
        ring.settle(None, 640_000);
        assert_eq!(ring.next(EC, Some("a"), 86_400_000), Step::Fetch);
        ring.settle(None, 86_400_001);
        assert_eq!(ring.next(EC, Some("a"), 86_400_002), Step::Unavailable);
        assert_eq!(ring.next(EC, Some("a"), 86_405_001), Step::Fetch);
    }

    #[test]
    fn who_asks_and_is_cut_off_leaves_the_asking_to_the_next() {
        let mut ring = KeySet::default();
        assert_eq!(ring.next(EC, Some("a"), 0), Step::Fetch);
        assert_eq!(ring.next(EC, Some("a"), 4_999), Step::Wait);
        assert_eq!(ring.next(EC, Some("a"), 5_000), Step::Fetch);
        ring.settle(None, 10_000);
        assert_eq!(ring.next(EC, Some("a"), 14_999), Step::Unavailable);
        assert_eq!(ring.next(EC, Some("a"), 15_000), Step::Fetch);
    }
}
