//! The sessions of visitors.
//!
//! A session is `fsv_` and two parts in base64url: the session's data, and their HMAC-SHA-256 with a key that is derived from
//! `SESSION_SECRET`. The edge stores no session. A session works on the origin of its page only. The session of a native app,
//! which sends no origin, works without an origin only. A session has an id, a hash of its HMAC, by which an admin can revoke the
//! session. A session that App Attest gave also names the device's key, and ends when an admin revokes the key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};
use serde_json::json;
use worker::Env;

use super::{internal, is_ours};
use crate::access::crypto::{self, Use};
use crate::access::keys::device_object;
use crate::account::is_session_revoked;
use crate::config::{Grant, VisitorSession, Visitors, Ways, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;
use crate::platform::host;

pub(crate) const PREFIX: &str = "fsv_";

/// The origin of the session of a native app.
const NATIVE: &str = "";

/// The data of a session.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    /// The origin of the page. Empty for a native app.
    origin: String,
    account: String,
    /// In seconds since 1970.
    until: u64,
    /// A random text, so that no two sessions are the same. Sessions of earlier versions have none.
    nonce: String,
    /// The id of the device's key that gave the session, if App Attest did.
    device: Option<String>,
}

impl Session {
    fn to_json(&self) -> String {
        let mut data =
            json!({"origin": self.origin, "account": self.account, "until": self.until, "nonce": self.nonce});
        if let Some(device) = &self.device {
            data["device"] = device.as_str().into();
        }
        data.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        let json = Json::parse(text)?;
        Some(Self {
            origin: json.get("origin").text()?.into(),
            account: json.get("account").text()?.into(),
            until: json.get("until").whole()?,
            nonce: json.get("nonce").text().unwrap_or_default().into(),
            device: json.get("device").text().map(Into::into),
        })
    }
}

/// Makes a session that begins now, perhaps of a device's key. Returns the token and the session's id.
pub(super) async fn create(
    visitors: &Visitors,
    origin: &str,
    account: String,
    device: Option<String>,
) -> Result<(String, String), ApiError> {
    let until = host::now() / 1_000 + visitors.lifetime;
    let nonce = digest::hex(&crypto::random::<8>());
    sign(visitors, &Session { origin: origin.into(), account, until, nonce, device }).await
}

/// Returns the origin of the page, if its visitors may have sessions. A native app has the origin [`NATIVE`].
pub(super) fn origin<'a>(visitors: &Visitors, caller: &'a Caller) -> Result<&'a str, ApiError> {
    let refused = |message: &str| Err(ApiError::new(Code::OriginNotAllowed, message));
    match caller.origin.as_deref() {
        Some(origin) if visitors.grant.origins.iter().flatten().any(|known| known == origin) => Ok(origin),
        Some(_) => refused("sessions are for the web pages in `visitors.origins` only"),
        None if visitors.native_apps || visitors.knows_native_apps() => Ok(NATIVE),
        None => refused(
            "sessions are for the web pages in `visitors.origins` only; for apps that send no `Origin`, the owner of this edge can set `visitors.appAttest`, `visitors.playIntegrity` or `visitors.nativeApps`",
        ),
    }
}

/// Refuses a Turnstile token without an origin, unless the owner lets native apps send one.
pub(super) fn check_turnstile_origin(visitors: &Visitors, caller: &Caller) -> Result<(), ApiError> {
    if caller.origin.is_some() || visitors.native_apps {
        return Ok(());
    }
    let message = "a Turnstile token without an `Origin` gives no session here; the owner of this edge can set `visitors.nativeApps`";
    Err(ApiError::new(Code::OriginNotAllowed, message))
}

/// Signs `session`. Returns the token and the session's id.
async fn sign(visitors: &Visitors, session: &Session) -> Result<(String, String), ApiError> {
    let data = [PREFIX, &URL_SAFE_NO_PAD.encode(session.to_json())].concat();
    let mac = crypto::mac(&visitors.session_secret, Use::Session, &data).await.map_err(|_| internal())?;
    Ok(([&data, ".", &URL_SAFE_NO_PAD.encode(&mac)].concat(), id(&mac)))
}

/// The id of the session with this HMAC. The id does not reveal the HMAC.
fn id(mac: &[u8]) -> String {
    digest::hex(&digest::of_bytes(mac)[..8])
}

/// Verifies the session `token`, and returns its grant.
pub(crate) async fn admit(
    ways: &Ways,
    visitors: &Visitors,
    token: &str,
    caller: &Caller,
    env: &Env,
) -> Result<Grant, ApiError> {
    let invalid = || {
        let message = "this session is not valid here: POST /v1/session gives a new one";
        ApiError::new(Code::TokenInvalid, message)
    };
    let (data, mac) = token.split_once('.').ok_or_else(invalid)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| invalid())?;
    if !is_ours(visitors, Use::Session, data, &mac).await.map_err(|_| internal())? {
        return Err(invalid());
    }
    let text = data.strip_prefix(PREFIX).and_then(|data| URL_SAFE_NO_PAD.decode(data).ok());
    let session = text.and_then(|text| Session::read(core::str::from_utf8(&text).ok()?)).ok_or_else(invalid)?;
    let device = session.device.clone();
    let mut grant = open(visitors, session, caller, host::now())?;
    let id = id(&mac);
    // Without an admin nobody can revoke a session.
    if !ways.admins.is_empty() {
        for name in [Some(id.clone()), device.as_deref().map(device_object)].into_iter().flatten() {
            if is_session_revoked(&name, env).await? {
                let message = "this session was revoked; POST /v1/session gives a new one";
                return Err(ApiError::new(Code::TokenRevoked, message));
            }
        }
    }
    grant.session = Some(VisitorSession { id, device });
    Ok(grant)
}

/// Returns the grant of a session that this edge made, if the session is valid for `caller`.
fn open(visitors: &Visitors, session: Session, caller: &Caller, now: Millis) -> Result<Grant, ApiError> {
    if now >= session.until * 1_000 {
        let message = "this session has expired: POST /v1/session gives a new one";
        return Err(ApiError::new(Code::TokenExpired, message));
    }
    if origin(visitors, caller)? != session.origin {
        let message = "this session works only on the origin that it was made for; POST /v1/session gives another one";
        return Err(ApiError::new(Code::OriginNotAllowed, message));
    }
    let mut grant = visitors.grant.clone();
    if session.origin == NATIVE {
        grant.origins = None;
    }
    grant.account.name = session.account;
    Ok(grant)
}

#[cfg(test)]
mod tests {
    use super::{Session, check_turnstile_origin, open};
    use crate::access::visitors::tests::{visitors, visitors_with};
    use crate::config::Visitors;
    use crate::http::caller::Caller;
    use serde_json::json;

    fn caller(origin: Option<&str>) -> Caller {
        Caller { origin: origin.map(Into::into), host: "edge.example".into(), ..Caller::default() }
    }

    #[test]
    fn a_session_works_on_its_origin_and_until_its_end() {
        let visitors = visitors();
        let status = |origin: Option<&str>, now: u64| {
            let (origin_of, account) = ("https://app.example".into(), "visitor:a".into());
            let session = Session { origin: origin_of, account, until: 1_000, nonce: String::new(), device: None };
            open(&visitors, session, &caller(origin), now).map_or_else(|refusal| refusal.code.status(), |_| 200)
        };
        assert_eq!(status(Some("https://app.example"), 999_999), 200);
        assert_eq!(status(Some("https://app.example"), 1_000_000), 401);
        for origin in [None, Some("null"), Some("https://b.example:8443"), Some("https://edge.example")] {
            assert_eq!(status(origin, 0), 403, "{origin:?}");
        }
    }

    #[test]
    fn a_session_of_a_native_app_works_without_an_origin_and_with_none() {
        let (closed, open_to_apps) = (visitors(), visitors_with(json!({"nativeApps": true})));
        let only_apps = visitors_with(json!({"origins": null, "appAttest": {"apps": ["ABCDE12345.com.example.app"]}}));
        let status = |visitors: &Visitors, of: &str, origin: Option<&str>| {
            let (account, nonce) = ("a".into(), String::new());
            let session = Session { origin: of.into(), account, until: 1_000, nonce, device: None };
            open(visitors, session, &caller(origin), 0).map_or_else(|refusal| refusal.code.status(), |_| 200)
        };
        assert_eq!(status(&open_to_apps, "", None), 200);
        assert_eq!(status(&only_apps, "", None), 200);
        assert_eq!(status(&open_to_apps, "https://app.example", Some("https://app.example")), 200);
        for (visitors, of, origin) in [
            (&closed, "", None),
            (&open_to_apps, "", Some("https://app.example")),
            (&open_to_apps, "", Some("null")),
            (&open_to_apps, "", Some("")),
            (&open_to_apps, "https://app.example", None),
            (&only_apps, "", Some("https://app.example")),
            (&only_apps, "https://app.example", Some("https://app.example")),
        ] {
            assert_eq!(status(visitors, of, origin), 403, "{of} {origin:?}");
        }
        assert!(check_turnstile_origin(&open_to_apps, &caller(None)).is_ok());
        assert!(check_turnstile_origin(&only_apps, &caller(None)).is_err());
        assert!(check_turnstile_origin(&closed, &caller(Some("https://app.example"))).is_ok());
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        for device in [None, Some("0123456789abcdef".into())] {
            let (origin, account) = ("https://app.example".into(), "visitor:a".into());
            let session = Session { origin, account, until: 7, nonce: "0a".into(), device };
            assert_eq!(Session::read(&session.to_json()), Some(session));
        }
        assert_eq!(Session::read("{}"), None);
    }
}
