//! Signed tokens (RFC 7515, RFC 7519). A token proves nothing until its signature is verified, and a token does not decide
//! how it is verified: `jku`, `jwk`, `x5u` and `x5c` are ignored, and `alg` must be the algorithm of the key (RFC 8725).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};

use crate::config::{Algorithm, Issuer};

/// A token of the right shape, with an algorithm that the edge knows.
#[derive(Debug)]
pub(crate) struct Jwt<'a> {
    pub(crate) algorithm: Algorithm,
    /// The id of the issuer's key.
    pub(crate) key: Option<String>,
    /// The text that is signed.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
    claims: String,
}

/// The longest time that a token may still be valid, in seconds: a year. A longer time is a mistake, or means forever.
const LONGEST_LIFE: f64 = 366.0 * 24.0 * 60.0 * 60.0;

/// Why a token with a right signature is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    Expired,
    NotYet,
    /// The token has no `exp`, or its `exp` is not a point in time.
    NoExpiry,
    /// The token is valid for longer than [`LONGEST_LIFE`].
    TooLong,
    /// The claim that should name the user does not.
    NoUser,
}

impl<'a> Jwt<'a> {
    /// Reads `token`. Returns nothing if the shape is wrong or the algorithm is unknown.
    pub(crate) fn read(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = decode(header)?;
        let header = Json::parse(&header)?.as_object()?;
        // A reader must understand every extension in `crit`, and the edge understands none (RFC 7515, 4.1.11).
        if !is_kind(header.get("typ")) || repeats_name(header) {
            return None;
        }
        if !header.get("crit").is_null() || header.get("kid").text().is_none() && !header.get("kid").is_null() {
            return None;
        }
        let claims = decode(claims)?;
        // Two readers of a claim that is there twice might take different values.
        if repeats_name(Json::parse(&claims)?.as_object()?) {
            return None;
        }
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

    /// Finds the issuer that the token names, if the token is for the issuer's audience.
    pub(crate) fn issuer<'i>(&self, issuers: &'i [Issuer]) -> Option<&'i Issuer> {
        let from = self.claim("iss");
        issuers.iter().find(|issuer| {
            let audience = self.claim(&issuer.audience_claim);
            let is_for = |audience: Json<'_>| audience.is(&issuer.audience);
            from.is(&issuer.issuer) && (is_for(audience) || audience.items().any(is_for))
        })
    }

    /// Returns the user that the token names. The signature must be verified before.
    ///
    /// # Errors
    /// Why the token is not valid now.
    pub(crate) fn user(&self, issuer: &Issuer, now: Millis) -> Result<String, Invalid> {
        let (now, skew) = (now as f64 / 1_000.0, issuer.skew as f64);
        let until = seconds(self.claim("exp")).ok_or(Invalid::NoExpiry)?;
        if now >= until + skew {
            return Err(Invalid::Expired);
        }
        if until - now > LONGEST_LIFE {
            return Err(Invalid::TooLong);
        }
        for from in [self.claim("nbf"), self.claim("iat")] {
            if !from.is_null() && seconds(from).is_none_or(|from| now + skew < from) {
                return Err(Invalid::NotYet);
            }
        }
        let user = self.claim(&issuer.claim);
        // Some issuers name their users by numbers.
        let user = user.text().map(Into::into).or_else(|| user.whole().map(|number| number.to_string()));
        user.filter(|user| !user.is_empty()).ok_or(Invalid::NoUser)
    }
}

/// Whether `typ` is that of a token that admits a user: an access token or an id token. A token for another purpose of the same
/// issuer, such as a logout token, has a type of its own (RFC 8725, 3.11).
fn is_kind(kind: Json<'_>) -> bool {
    let kind = if kind.is_null() { Some("jwt".into()) } else { kind.text().map(|kind| kind.to_ascii_lowercase()) };
    kind.is_some_and(|kind| matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt"))
}

fn repeats_name(object: Json<'_>) -> bool {
    let mut names: Vec<_> = object.fields().filter_map(|(name, _)| name.text()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Reads a NumericDate, which may have a fraction.
fn seconds(date: Json<'_>) -> Option<f64> {
    let date = if date.is_number() { date.raw().parse::<f64>().ok() } else { None };
    date.filter(|date| date.is_finite())
}

fn decode(part: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Invalid, Jwt};
    use crate::config::{Access, Algorithm, Config, Issuer};
    use crate::growth::{Case, assert_linear};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    const NOW: u64 = 1_700_000_000;

    fn issuers(users: Value) -> Vec<Issuer> {
        let config = Config::of(&json!({ "users": users }).to_string(), "sk").expect("a configuration");
        let Access::Keys(ways) = config.into_deployed().access else { panic!("a loopback") };
        ways.users
    }

    fn issuer() -> Vec<Issuer> {
        issuers(json!([{"issuer": "https://id.example/", "audience": "app", "jwks": "https://id.example/jwks"}]))
    }

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    fn user(issuers: &[Issuer], claims: &Value) -> Result<String, Invalid> {
        let token = token(&json!({"alg": "RS256", "kid": "a"}), claims);
        Jwt::read(&token).expect("a token").user(&issuers[0], NOW * 1_000)
    }

    #[test]
    fn a_token_has_three_parts_and_a_known_algorithm() {
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
            json!({"alg": "RS256", "typ": "logout+jwt"}),
            json!({"alg": "RS256", "typ": "JWE"}),
            json!({"alg": "RS256", "typ": ""}),
            json!({"alg": "RS256", "typ": ["JWT"]}),
            json!(["RS256"]),
        ] {
            assert_eq!(read(header.clone()), None, "{header}");
        }
        for kind in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            assert!(read(json!({"alg": "RS256", "typ": kind})).is_some(), "{kind}");
        }
        let encoded = |header: &str, claims: &str| {
            format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
        };
        assert!(Jwt::read(&encoded(r#"{"alg":"RS256"}"#, r#"{"sub":"ann","aud":"a"}"#)).is_some());
        for (header, claims) in [
            (r#"{"alg":"RS256","alg":"ES256"}"#, "{}"),
            (r#"{"alg":"RS256"}"#, r#"{"sub":"ann","sub":"bob"}"#),
            (r#"{"alg":"RS256"}"#, r#"{"sub":"ann","s\u0075b":"bob"}"#),
        ] {
            assert!(Jwt::read(&encoded(header, claims)).is_none(), "{header} {claims}");
        }
        let whole = token(&json!({"alg": "RS256"}), &json!({}));
        for broken in ["", ".", "..", "a.b", "a.b.c", &whole[1..], &[&whole, ".x"].concat(), &[&whole, "="].concat()] {
            assert!(Jwt::read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_token_belongs_to_exactly_its_issuer_and_audience() {
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
    fn another_claim_may_name_the_app_and_then_aud_does_not() {
        let issuers = issuers(json!([
            {"issuer": "cognito", "audience": "client-1", "audienceClaim": "client_id", "jwks": "https://id.example/jwks"},
            {"issuer": "clerk", "audience": "https://app.example", "audienceClaim": "azp", "jwks": "https://id.example/jwks"},
        ]));
        for (claims, expected) in [
            (json!({"iss": "cognito", "client_id": "client-1"}), true),
            (json!({"iss": "cognito", "client_id": "client-1", "aud": "https://api.example"}), true),
            (json!({"iss": "clerk", "azp": "https://app.example"}), true),
            (json!({"iss": "cognito", "client_id": "client-2"}), false),
            (json!({"iss": "cognito", "aud": "client-1"}), false),
            (json!({"iss": "cognito", "azp": "client-1"}), false),
            (json!({"iss": "cognito", "client_id": ""}), false),
            (json!({"iss": "cognito"}), false),
            (json!({"iss": "clerk", "client_id": "https://app.example"}), false),
        ] {
            let token = token(&json!({"alg": "RS256"}), &claims);
            assert_eq!(Jwt::read(&token).expect("a token").issuer(&issuers).is_some(), expected, "{claims}");
        }
    }

    #[test]
    fn a_token_is_valid_from_nbf_to_exp_with_the_skew() {
        let issuers = issuer();
        for (claims, expected) in [
            (json!({"sub": "ann", "exp": NOW + 1}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW - 59}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW - 60}), Err(Invalid::Expired)),
            (json!({"sub": "ann", "exp": NOW as f64 - 59.5, "nbf": NOW as f64 + 59.5}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW + 900, "nbf": NOW + 60}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW + 900, "nbf": NOW + 61}), Err(Invalid::NotYet)),
            (json!({"sub": "ann", "exp": NOW + 900, "nbf": "soon"}), Err(Invalid::NotYet)),
            (json!({"sub": "ann", "exp": NOW + 900, "iat": NOW + 60}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW + 900, "iat": NOW + 61}), Err(Invalid::NotYet)),
            (json!({"sub": "ann", "exp": NOW + 900, "iat": "now"}), Err(Invalid::NotYet)),
            (json!({"sub": "ann", "exp": NOW + 300 * 86_400}), Ok("ann".to_owned())),
            (json!({"sub": "ann", "exp": NOW * 1_000}), Err(Invalid::TooLong)),
            (json!({"sub": "ann", "exp": 1e300}), Err(Invalid::TooLong)),
            (json!({"sub": "ann"}), Err(Invalid::NoExpiry)),
            (json!({"sub": "ann", "exp": (NOW + 900).to_string()}), Err(Invalid::NoExpiry)),
            (json!({"sub": "", "exp": NOW + 1}), Err(Invalid::NoUser)),
            (json!({"sub": ["ann"], "exp": NOW + 1}), Err(Invalid::NoUser)),
            (json!({"sub": 17, "exp": NOW + 1}), Ok("17".to_owned())),
            (json!({"exp": NOW + 1}), Err(Invalid::NoUser)),
        ] {
            assert_eq!(user(&issuers, &claims), expected, "{claims}");
        }
    }

    #[test]
    fn another_claim_may_name_the_user() {
        let issuers = issuers(json!([{
            "issuer": "i", "audience": "a", "jwks": "https://id.example/jwks", "claim": "email", "clockSkew": 0,
        }]));
        assert_eq!(user(&issuers, &json!({"email": "a@b.example", "exp": NOW + 1})), Ok("a@b.example".into()));
        assert_eq!(user(&issuers, &json!({"email": "a@b.example", "exp": NOW})), Err(Invalid::Expired));
        assert_eq!(user(&issuers, &json!({"sub": "ann", "exp": NOW + 1})), Err(Invalid::NoUser));
    }

    fn read_all(token: &str) {
        let issuers = issuer();
        if let Some(jwt) = Jwt::read(token) {
            let _ = std::hint::black_box((jwt.issuer(&issuers).is_some(), jwt.user(&issuers[0], NOW * 1_000).ok()));
        }
    }

    #[test]
    fn no_token_takes_steps_out_of_proportion() {
        let case = |name, input| Case { name, input, work: read_all };
        let cases = [
            case("many audiences", |size| {
                let audiences = vec!["x"; size / 4];
                token(&json!({"alg": "RS256"}), &json!({"iss": "https://id.example/", "aud": audiences}))
            }),
            case("many claims", |size| {
                let claims: serde_json::Map<_, _> = (0..size / 12).map(|at| (format!("c{at}"), 1.into())).collect();
                token(&json!({"alg": "RS256"}), &claims.into())
            }),
            case("a long user", |size| {
                token(&json!({"alg": "RS256"}), &json!({"sub": "\n".repeat(size / 2), "exp": 9e9}))
            }),
            case("many dots", |size| ".".repeat(size)),
        ];
        assert_linear("access::jwt::tests::no_token_takes_steps_out_of_proportion", &cases);
    }
}
