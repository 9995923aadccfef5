//! Google's Play Integrity: an app sends the integrity token of a standard or classic request, which names the edge's challenge.
//! Only Google can read the token, so the edge asks Google what is in the token.

mod google;

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};
use worker::Env;

use super::challenge::Challenge;
use super::required;
use crate::config::{PlayIntegrity, Visitors, digest};
use crate::http::api_error::{ApiError, Code};
use crate::platform::host;

/// How far Google's clock may be from the edge's, in milliseconds.
const SKEW: Millis = 60_000;

/// The most bytes of the digest of a certificate in base64url.
const DIGEST: usize = 44;

/// What an app sent.
#[derive(Debug)]
pub(super) struct Sent {
    challenge: String,
    token: String,
}

/// Why a token gives no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Google does not accept the token.
    Token,
    Challenge,
    Time,
    Package,
    Unrecognized,
    Certificate,
    Device,
    Test,
}

impl Sent {
    /// Reads `{"challenge", "token"}`.
    pub(super) fn read(proof: Json<'_>) -> Result<Self, ApiError> {
        let text = |name| required(proof, "playIntegrity", name);
        Ok(Self { challenge: text("challenge")?, token: text("token")? })
    }
}

/// Checks that the app of `terms` sent this.
pub(super) async fn verify(visitors: &Visitors, terms: &PlayIntegrity, sent: &Sent, env: &Env) -> Result<(), ApiError> {
    let challenge = Challenge::verify(visitors, &sent.challenge).await?;
    let answer = google::decode(terms, &sent.token).await?.ok_or(Refused::Token)?;
    let payload = Json::parse(&answer).unwrap_or(Json::NULL).get("tokenPayloadExternal");
    check(payload, terms, challenge.text, challenge.made()..=host::now())?;
    challenge.spend(env).await
}

/// Checks Google's verdicts. The token must be of a time in `times`, up to the [`SKEW`].
fn check(
    payload: Json<'_>,
    terms: &PlayIntegrity,
    challenge: &str,
    times: core::ops::RangeInclusive<Millis>,
) -> Result<(), Refused> {
    let (request, app) = (payload.get("requestDetails"), payload.get("appIntegrity"));
    let is = |is_right: bool, otherwise: Refused| if is_right { Ok(()) } else { Err(otherwise) };
    is(request.get("requestPackageName").is(&terms.package), Refused::Package)?;
    // A standard request has a hash, and a classic one has a nonce.
    let (hash, nonce) = (request.get("requestHash"), request.get("nonce").text().unwrap_or_default());
    let is_nonce = || hash.is_null() && is_same_base64(&nonce, challenge);
    is(hash.is(challenge) || is_nonce(), Refused::Challenge)?;
    let time = request.get("timestampMillis").text().and_then(|time| time.parse::<Millis>().ok());
    let is_now = |time| times.start().saturating_sub(SKEW) <= time && time <= times.end() + SKEW;
    is(time.is_some_and(is_now), Refused::Time)?;
    // The owner can make Google give testers fixed verdicts.
    let is_test = payload.get("testingDetails").get("isTestingResponse").flag() == Some(true);
    is(terms.allows_development || !is_test, Refused::Test)?;
    let verdict = app.get("appRecognitionVerdict");
    is(terms.allows_development || verdict.is("PLAY_RECOGNIZED"), Refused::Unrecognized)?;
    let package = app.get("packageName");
    is(package.is(&terms.package) || terms.allows_development && package.is_null(), Refused::Package)?;
    let has_signed = |certificate: Json<'_>| is_one_of(certificate, &terms.certificates);
    let is_signed = terms.certificates.is_empty() || app.get("certificateSha256Digest").items().any(has_signed);
    is(is_signed, Refused::Certificate)?;
    let device = payload.get("deviceIntegrity").get("deviceRecognitionVerdict");
    is(device.items().any(|label| label.is(&terms.device)), Refused::Device)
}

/// Whether `nonce` has the bytes of `challenge`. Google encodes the bytes of a nonce again, with the padding and, as some report, with
/// the alphabet of plain base64.
fn is_same_base64(nonce: &str, challenge: &str) -> bool {
    nonce.trim_end_matches('=').replace('+', "-").replace('/', "_") == challenge
}

/// Whether `digest`, in base64url with or without padding, is one of `known`.
fn is_one_of(digest: Json<'_>, known: &[[u8; 32]]) -> bool {
    let text = digest.text().filter(|text| text.len() <= DIGEST).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
    <[u8; 32]>::try_from(bytes).is_ok_and(|digest| known.iter().any(|known| digest::same(known, &digest)))
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "Google does not accept it",
            Self::Challenge => "it was made for another challenge: the request hash must be the challenge",
            Self::Time => "it was not made between the challenge and now",
            Self::Package => "it is of another app",
            Self::Unrecognized => "Google Play does not know this version of the app",
            Self::Certificate => "the app was signed with a certificate that this edge does not know",
            Self::Device => "the device has not the integrity that this edge asks for",
            Self::Test => "its verdicts are those of a test",
        })
    }
}

impl From<Refused> for ApiError {
    fn from(reason: Refused) -> Self {
        Self::new(Code::AttestationRefused, format!("this integrity token is refused: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Refused, check};
    use crate::config::{Access, Config, PlayIntegrity};
    use failsoft::Json;
    use serde_json::{Value, json};

    const CHALLENGE: &str = "a-challenge_";
    const MADE: u64 = 1_617_893_780_000;
    /// The digest in the example of Google's documentation, and the same in hex.
    const CERTIFICATE: &str = "6a6a1474b5cbbb2b1aa57e0bc3";

    fn terms(change: Value) -> PlayIntegrity {
        let mut terms = json!({"package": "com.package.name"});
        terms.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let account = json!({
            "type": "service_account", "client_email": "e", "private_key_id": "k",
            "private_key": "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n",
        });
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(json!({"visitors": {"playIntegrity": terms}}).to_string()),
            "PLAY_INTEGRITY_KEY" => Some(account.to_string()),
            name => Some(format!("{name}-that-has-enough-characters")),
        };
        let Access::Keys(ways) = Config::read(variable).expect("a configuration").into_deployed().access else {
            panic!("a loopback")
        };
        ways.visitors.and_then(|visitors| visitors.play_integrity).expect("terms")
    }

    /// A payload with the fields of Google's documentation, where `change` replaces some.
    fn payload(change: Value) -> String {
        let mut payload = json!({
            "requestDetails": {"requestPackageName": "com.package.name", "requestHash": CHALLENGE, "timestampMillis": MADE.to_string()},
            "appIntegrity": {
                "appRecognitionVerdict": "PLAY_RECOGNIZED", "packageName": "com.package.name",
                "certificateSha256Digest": [CERTIFICATE, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"], "versionCode": "42",
            },
            "deviceIntegrity": {"deviceRecognitionVerdict": ["MEETS_DEVICE_INTEGRITY"]},
            "accountDetails": {"appLicensingVerdict": "LICENSED"},
        });
        merge(&mut payload, change);
        payload.to_string()
    }

    fn merge(target: &mut Value, change: Value) {
        match (target, change) {
            (Value::Object(target), Value::Object(change)) => {
                change.into_iter().for_each(|(name, value)| merge(target.entry(name).or_insert(Value::Null), value));
            }
            (target, change) => *target = change,
        }
    }

    fn checked(terms: &PlayIntegrity, change: Value) -> Result<(), Refused> {
        check(Json::parse(&payload(change)).expect("JSON"), terms, CHALLENGE, MADE..=MADE + 10_000)
    }

    #[test]
    fn each_verdict_counts() {
        let plain = terms(json!({}));
        let (request, app, device) = ("requestDetails", "appIntegrity", "deviceIntegrity");
        let hashless = |nonce: &str| json!({request: {"requestHash": null, "nonce": nonce}});
        for (change, outcome) in [
            (json!({}), Ok(())),
            (hashless(CHALLENGE), Ok(())),
            (hashless(&[CHALLENGE, "="].concat()), Ok(())),
            (hashless("a+challenge/=="), Ok(())),
            (json!({request: {"requestHash": "a+challenge/"}}), Err(Refused::Challenge)),
            (hashless("another"), Err(Refused::Challenge)),
            (hashless("another="), Err(Refused::Challenge)),
            (hashless(&["=", CHALLENGE].concat()), Err(Refused::Challenge)),
            (hashless(""), Err(Refused::Challenge)),
            (json!({request: {"requestHash": null, "nonce": [CHALLENGE]}}), Err(Refused::Challenge)),
            (json!({request: {"requestHash": "another", "nonce": CHALLENGE}}), Err(Refused::Challenge)),
            (json!({request: {"requestHash": ""}}), Err(Refused::Challenge)),
            (json!({request: {"requestPackageName": "com.evil"}}), Err(Refused::Package)),
            (json!({request: {"timestampMillis": (MADE - 60_001).to_string()}}), Err(Refused::Time)),
            (json!({request: {"timestampMillis": (MADE - 60_000).to_string()}}), Ok(())),
            (json!({request: {"timestampMillis": (MADE + 70_000).to_string()}}), Ok(())),
            (json!({request: {"timestampMillis": (MADE + 70_001).to_string()}}), Err(Refused::Time)),
            (json!({request: {"timestampMillis": MADE}}), Err(Refused::Time)),
            (json!({request: {"timestampMillis": "99999999999999999999999"}}), Err(Refused::Time)),
            (json!({app: {"appRecognitionVerdict": "UNRECOGNIZED_VERSION"}}), Err(Refused::Unrecognized)),
            (json!({app: {"appRecognitionVerdict": "UNEVALUATED"}}), Err(Refused::Unrecognized)),
            (json!({app: {"appRecognitionVerdict": ["PLAY_RECOGNIZED"]}}), Err(Refused::Unrecognized)),
            (json!({app: {"packageName": "com.evil"}}), Err(Refused::Package)),
            (json!({app: null}), Err(Refused::Unrecognized)),
            (json!({device: {"deviceRecognitionVerdict": []}}), Err(Refused::Device)),
            (json!({device: {"deviceRecognitionVerdict": ["MEETS_BASIC_INTEGRITY"]}}), Err(Refused::Device)),
            (json!({device: {"deviceRecognitionVerdict": "MEETS_DEVICE_INTEGRITY"}}), Err(Refused::Device)),
            (json!({device: {"deviceRecognitionVerdict": ["X", "MEETS_DEVICE_INTEGRITY"]}}), Ok(())),
            (json!({"testingDetails": {"isTestingResponse": true}}), Err(Refused::Test)),
        ] {
            assert_eq!(checked(&plain, change.clone()), outcome, "{change}");
        }
        assert_eq!(check(Json::NULL, &plain, CHALLENGE, MADE..=MADE), Err(Refused::Package));
    }

    #[test]
    fn the_owner_decides_about_certificates_devices_and_development() {
        let ones = ["01"; 32].join(":");
        let app = |change: Value| json!({"appIntegrity": change});
        let signed = terms(json!({"certificates": ["02".repeat(32), ones]}));
        assert_eq!(checked(&signed, json!({})), Ok(()));
        let padded = app(json!({"certificateSha256Digest": ["AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="]}));
        assert_eq!(checked(&signed, padded), Ok(()));
        for digests in [json!([]), json!([CERTIFICATE]), json!([CERTIFICATE, 1, null, "A".repeat(10_000)]), json!(null)]
        {
            let change = app(json!({"certificateSha256Digest": digests}));
            assert_eq!(checked(&signed, change), Err(Refused::Certificate), "{digests}");
        }
        let strong = terms(json!({"device": "MEETS_STRONG_INTEGRITY"}));
        assert_eq!(checked(&strong, json!({})), Err(Refused::Device));
        let labels = json!({"deviceIntegrity": {"deviceRecognitionVerdict": ["MEETS_DEVICE_INTEGRITY", "MEETS_STRONG_INTEGRITY"]}});
        assert_eq!(checked(&strong, labels), Ok(()));
        let development = terms(json!({"development": true}));
        for change in [
            app(json!({"appRecognitionVerdict": "UNRECOGNIZED_VERSION"})),
            app(json!({"appRecognitionVerdict": "UNEVALUATED", "packageName": null})),
            json!({"testingDetails": {"isTestingResponse": true}}),
        ] {
            assert_eq!(checked(&development, change.clone()), Ok(()), "{change}");
        }
        assert_eq!(checked(&development, app(json!({"packageName": "com.evil"}))), Err(Refused::Package));
    }
}
