//! A signed token (RFC 7515, 7519), taken apart. What it says is a claim until its signature is verified, and never says
//! how to verify it: `jku`, `jwk`, `x5u` and `x5c` are not looked at, and its `alg` has to be the one of the key (RFC 8725).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};

use crate::config::{Algorithm, Issuer};

/// A token that has the shape of one.
#[derive(Debug)]
pub(crate) struct Jwt<'a> {
    pub(crate) algorithm: Algorithm,
    /// Which of the issuer's keys it names.
    pub(crate) key: Option<String>,
    /// What the signature is of.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
    claims: String,
}

/// Why a token whose signature is right does not open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    Expired,
    NotYet,
    /// Without `exp`, or with one that is no point in time.
    NoExpiry,
    /// The claim that is to name the user does not.
    Nobody,
}

impl<'a> Jwt<'a> {
    /// Takes `token` apart, if it is one, with an algorithm that there is here.
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = decoded(header)?;
        let header = Json::parse(&header)?.as_object()?;
        // What it says is critical has to be understood, and nothing is (RFC 7515, 4.1.11).
        if !header.get("crit").is_null() || header.get("kid").text().is_none() && !header.get("kid").is_null() {
            return None;
        }
        let claims = decoded(claims)?;
        Json::parse(&claims)?.as_object()?;
        Some(Self {
            algorithm: Algorithm::of(&header.get("alg").text()?)?,
            key: header.get("kid").text().map(Into::into),
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            claims,
        })
    }

    fn claim(&self, name: &str) -> Json<'_> {
        Json::parse(&self.claims).unwrap_or(Json::NULL).get(name)
    }

    /// The one of `issuers` that this token says it is from, and for whose app it is.
    pub(crate) fn issuer<'i>(&self, issuers: &'i [Issuer]) -> Option<&'i Issuer> {
        let (from, audience) = (self.claim("iss"), self.claim("aud"));
        issuers.iter().find(|issuer| {
            let is_for = |audience: Json<'_>| audience.is(&issuer.audience);
            from.is(&issuer.issuer) && (is_for(audience) || audience.items().any(is_for))
        })
    }

    /// Who has it, once the signature is verified.
    ///
    /// # Errors
    /// Why it does not count now.
    pub(crate) fn owner(&self, issuer: &Issuer, now: Millis) -> Result<String, Unfit> {
        let (now, skew) = (now as f64 / 1_000.0, issuer.skew as f64);
        if now >= seconds(self.claim("exp")).ok_or(Unfit::NoExpiry)? + skew {
            return Err(Unfit::Expired);
        }
        let from = self.claim("nbf");
        if !from.is_null() && seconds(from).is_none_or(|from| now + skew < from) {
            return Err(Unfit::NotYet);
        }
        let owner = self.claim(&issuer.claim);
        // Some name their users by numbers.
        let owner = owner.text().map(Into::into).or_else(|| owner.whole().map(|number| number.to_string()));
        owner.filter(|owner| !owner.is_empty()).ok_or(Unfit::Nobody)
    }
}

/// A NumericDate, which may have a fraction.
fn seconds(date: Json<'_>) -> Option<f64> {
    let date = if date.is_number() { date.raw().parse::<f64>().ok() } else { None };
    date.filter(|date| date.is_finite())
}

fn decoded(part: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Jwt, Unfit};
    use crate::config::{Access, Algorithm, Config, Issuer};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    const NOW: u64 = 1_700_000_000;

    fn issuers(users: Value) -> Vec<Issuer> {
        let config = Config::of(&json!({ "users": users }).to_string(), "sk").expect("a configuration");
        let Access::Keys(ways) = config.access else { panic!("a loopback") };
        ways.users
    }

    fn issuer() -> Vec<Issuer> {
        issuers(json!([{"issuer": "https://id.example/", "audience": "app", "jwks": "https://id.example/jwks"}]))
    }

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    fn owner(issuers: &[Issuer], claims: &Value) -> Result<String, Unfit> {
        let token = token(&json!({"alg": "RS256", "kid": "a"}), claims);
        Jwt::read(&token).expect("a token").owner(&issuers[0], NOW * 1_000)
    }

    #[test]
    fn a_token_is_three_parts_with_an_algorithm_that_proves_something() {
        let read = |header: Value| {
            let token = token(&header, &json!({}));
            Jwt::read(&token).map(|jwt| (jwt.algorithm, jwt.key))
        };
        assert_eq!(read(json!({"alg": "RS256", "kid": "a"})), Some((Algorithm::Rs256, Some("a".into()))));
        assert_eq!(read(json!({"alg": "ES256"})), Some((Algorithm::Es256, None)));
        assert_eq!(read(json!({"alg": "EdDSA", "jku": "https://evil.example"})), Some((Algorithm::EdDsa, None)));
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "None"}),
            json!({"alg": "HS256"}),
            json!({"alg": "PS256"}),
            json!({"alg": "rs256"}),
            json!({"alg": ["RS256"]}),
            json!({"kid": "a"}),
            json!({"alg": "RS256", "kid": 1}),
            json!({"alg": "RS256", "crit": ["exp"], "exp": 1}),
            json!(["RS256"]),
        ] {
            assert_eq!(read(header.clone()), None, "{header}");
        }
        let whole = token(&json!({"alg": "RS256"}), &json!({}));
        for broken in ["", ".", "..", "a.b", "a.b.c", &whole[1..], &[&whole, ".x"].concat(), &[&whole, "="].concat()] {
            assert!(Jwt::read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_token_is_of_its_issuer_and_for_its_audience_and_nothing_like_them() {
        let issuers = issuer();
        let of = |claims: Value| {
            let token = token(&json!({"alg": "RS256"}), &claims);
            Jwt::read(&token).expect("a token").issuer(&issuers).is_some()
        };
        assert!(of(json!({"iss": "https://id.example/", "aud": "app"})));
        assert!(of(json!({"iss": "https://id.example/", "aud": ["other", "app"]})));
        for claims in [
            json!({"aud": "app"}),
            json!({"iss": "https://id.example/"}),
            json!({"iss": "https://id.example", "aud": "app"}),
            json!({"iss": ["https://id.example/"], "aud": "app"}),
            json!({"iss": "https://id.example/", "aud": "app2"}),
            json!({"iss": "https://id.example/", "aud": []}),
            json!({"iss": "https://id.example/", "aud": {"app": "app"}}),
            json!({"iss": "https://id.example/", "aud": [["app"]]}),
        ] {
            assert!(!of(claims.clone()), "{claims}");
        }
    }

    #[test]
    fn a_token_counts_from_nbf_to_exp_give_or_take_the_skew() {
        let issuers = issuer();
        for (claims, expected) in [
            (json!({"sub": "ann", "exp": NOW + 1}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW - 59}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW - 60}), Err(Unfit::Expired)),
            (json!({"sub": "ann", "exp": NOW as f64 - 59.5, "nbf": NOW as f64 + 59.5}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW + 900, "nbf": NOW + 60}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW + 900, "nbf": NOW + 61}), Err(Unfit::NotYet)),
            (json!({"sub": "ann", "exp": NOW + 900, "nbf": "soon"}), Err(Unfit::NotYet)),
            (json!({"sub": "ann"}), Err(Unfit::NoExpiry)),
            (json!({"sub": "ann", "exp": (NOW + 900).to_string()}), Err(Unfit::NoExpiry)),
            (json!({"sub": "", "exp": NOW + 1}), Err(Unfit::Nobody)),
            (json!({"sub": ["ann"], "exp": NOW + 1}), Err(Unfit::Nobody)),
            (json!({"sub": 17, "exp": NOW + 1}), Ok("17".to_owned())),
            (json!({"exp": NOW + 1}), Err(Unfit::Nobody)),
        ] {
            assert_eq!(owner(&issuers, &claims), expected, "{claims}");
        }
    }

    #[test]
    fn another_claim_may_name_the_user() {
        let issuers = issuers(json!([{
            "issuer": "i", "audience": "a", "jwks": "https://id.example/jwks", "claim": "email", "clockSkew": 0,
        }]));
        assert_eq!(owner(&issuers, &json!({"email": "a@b.example", "exp": NOW + 1})), Ok("a@b.example".into()));
        assert_eq!(owner(&issuers, &json!({"email": "a@b.example", "exp": NOW})), Err(Unfit::Expired));
        assert_eq!(owner(&issuers, &json!({"sub": "ann", "exp": NOW + 1})), Err(Unfit::Nobody));
    }
}
