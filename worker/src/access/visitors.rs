//! Visitors of a web page: a visitor who passes Turnstile gets a session for some time.
//!
//! A session is `fsv_` and two parts in base64url: the session's data, and their HMAC-SHA-256 with a key that is derived from
//! `SESSION_SECRET`. The edge stores no session. A session works on the origin of its page only. The session of a native app,
//! which sends no origin, works without an origin only. Its account belongs to the address that asked for the session, so a new
//! session has no new budget. The account's name is an HMAC of the address with another key, which nobody can reverse by trying
//! addresses. A session has an id, a hash of its HMAC, by which an admin can revoke the session.

mod turnstile;

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};
use serde_json::json;
use worker::Env;

use super::brake;
use super::crypto::{self, Use};
use super::keys::{Answer, Message, send, unavailable};
use crate::account::is_session_revoked;
use crate::config::{Access, Config, Grant, Visitors, Ways, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::{http::body, platform::host};

pub(super) const PREFIX: &str = "fsv_";

/// The origin of the session of a native app.
const NATIVE: &str = "";

/// The most bytes of a request. A token of Turnstile has at most 2048.
const LARGEST: usize = 8 * 1024;

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
}

impl Session {
    fn to_json(&self) -> String {
        json!({"origin": self.origin, "account": self.account, "until": self.until, "nonce": self.nonce}).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        let json = Json::parse(text)?;
        Some(Self {
            origin: json.get("origin").text()?.into(),
            account: json.get("account").text()?.into(),
            until: json.get("until").whole()?,
            nonce: json.get("nonce").text().unwrap_or_default().into(),
        })
    }
}

/// Answers `POST /v1/session`: makes a session for a Turnstile token.
pub(crate) async fn create_session(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let Access::Keys(ways) = &config.access else { return Err(not_set_up()) };
    let visitors = ways.visitors.as_ref().ok_or_else(not_set_up)?;
    let origin = origin(visitors, &head.caller)?;
    brake::check(env, &head.caller, "session").await?;
    brake::check_all(env, "session").await?;
    let token = token(&body::read_small(request, head, LARGEST).await?)?;
    turnstile::verify(visitors, &token, head.caller.address.as_deref()).await?;
    use_token(env, &token).await?;
    let account = account(visitors, head.caller.address.as_deref()).await?;
    let until = host::now() / 1_000 + visitors.lifetime;
    let nonce = digest::hex(&crypto::random::<8>());
    let (session, id) = sign(visitors, &Session { origin: origin.into(), account, until, nonce }).await?;
    Ok(Reply::json(200, json!({"token": session, "expires_in": visitors.lifetime, "id": id})))
}

fn not_set_up() -> ApiError {
    let message = "this edge makes no sessions: the owner has to add `visitors` to FAILSOFT";
    ApiError::new(Code::VisitorsNotSetUp, message)
}

/// Returns the origin of the page, if its visitors may have sessions. A native app has the origin [`NATIVE`].
fn origin<'a>(visitors: &Visitors, caller: &'a Caller) -> Result<&'a str, ApiError> {
    let refused = |message: &str| Err(ApiError::new(Code::OriginNotAllowed, message));
    match caller.origin.as_deref() {
        Some(origin) if visitors.grant.origins.iter().flatten().any(|known| known == origin) => Ok(origin),
        Some(_) => refused("sessions are for the web pages in `visitors.origins` only"),
        None if visitors.native_apps => Ok(NATIVE),
        None => refused(
            "sessions are for the web pages in `visitors.origins` only; for apps that send no `Origin`, the owner of this edge can set `visitors.nativeApps`",
        ),
    }
}

fn token(body: &[u8]) -> Result<String, ApiError> {
    let body = Json::parse_bytes(body).unwrap_or(Json::NULL);
    match body.get("turnstile").text() {
        Some(token) if !token.is_empty() => Ok(token.into()),
        _ => {
            let message = "the body must be {\"turnstile\": TOKEN}, with the token of the Turnstile widget";
            Err(ApiError::new(Code::InvalidRequest, message).about("turnstile"))
        }
    }
}

/// Accepts each token once, whatever answers in Turnstile's place: one of 256 objects stores used tokens for ten minutes.
async fn use_token(env: &Env, token: &str) -> Result<(), ApiError> {
    let digest = digest::hex(&digest::of(token));
    let object = ["turnstile:", &digest[..2]].concat();
    match send(env, &object, &Message::Spend { digest }).await? {
        Answer::Done => Ok(()),
        Answer::Spent => Err(turnstile::refused()),
        _ => Err(unavailable()),
    }
}

/// The name of the account of a visitor at `address`.
async fn account(visitors: &Visitors, address: Option<&str>) -> Result<String, ApiError> {
    let network = network(address.unwrap_or_default());
    let mac = crypto::mac(&visitors.session_secret, Use::Account, &network).await.map_err(|_| internal())?;
    Ok(["visitor:", &digest::hex(&mac[..16])].concat())
}

/// The addresses of one visitor: an IPv4 address, or the /64 network of IPv6 in which a visitor can choose any address.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            format!("{network}/64")
        }
        // All visitors without an address share one account.
        Err(_) => String::new(),
    }
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
pub(super) async fn admit(
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
    if !is_ours(visitors, data, &mac).await.map_err(|_| internal())? {
        return Err(invalid());
    }
    let text = data.strip_prefix(PREFIX).and_then(|data| URL_SAFE_NO_PAD.decode(data).ok());
    let session = text.and_then(|text| Session::read(core::str::from_utf8(&text).ok()?)).ok_or_else(invalid)?;
    let mut grant = open(visitors, session, caller, host::now())?;
    let id = id(&mac);
    // Without an admin nobody can revoke a session.
    if !ways.admins.is_empty() && is_session_revoked(&id, env).await? {
        let message = "this session was revoked; POST /v1/session gives a new one";
        return Err(ApiError::new(Code::TokenRevoked, message));
    }
    grant.session = Some(id);
    Ok(grant)
}

/// Whether this edge signed `data`, now or before the last rotation of its secret.
async fn is_ours(visitors: &Visitors, data: &str, mac: &[u8]) -> Result<bool, wasm_bindgen::JsValue> {
    if crypto::is_mac(&visitors.session_secret, Use::Session, data, mac).await? {
        return Ok(true);
    }
    match &visitors.old_session_secret {
        Some(secret) => crypto::is_mac(secret, Use::Session, data, mac).await,
        None => Ok(false),
    }
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

fn internal() -> ApiError {
    ApiError::new(Code::Internal, "the session could not be signed")
}

#[cfg(test)]
mod tests {
    use super::{Session, network, open, token};
    use crate::config::{Access, Config, Visitors};
    use crate::http::caller::Caller;
    use serde_json::{Value, json};

    pub(super) fn visitors() -> Visitors {
        visitors_with(json!({}))
    }

    fn visitors_with(fields: Value) -> Visitors {
        let mut visitors = json!({"origins": ["https://app.example", "https://b.example:8443"], "action": "chat"});
        visitors.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(json!({ "visitors": visitors }).to_string()),
            name => Some(format!("{name}-that-has-enough-characters")),
        };
        let config = Config::read(variable).expect("a configuration");
        let Access::Keys(ways) = config.into_deployed().access else { panic!("a loopback") };
        ways.visitors.expect("visitors")
    }

    #[test]
    fn a_session_works_on_its_origin_and_until_its_end() {
        let visitors = visitors();
        let status = |origin: Option<&str>, now: u64| {
            let (origin_of, account) = ("https://app.example".into(), "visitor:a".into());
            let session = Session { origin: origin_of, account, until: 1_000, nonce: String::new() };
            let caller = Caller { origin: origin.map(Into::into), host: "edge.example".into(), ..Caller::default() };
            open(&visitors, session, &caller, now).map_or_else(|refusal| refusal.code.status(), |_| 200)
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
        let status = |visitors: &Visitors, of: &str, origin: Option<&str>| {
            let session = Session { origin: of.into(), account: "a".into(), until: 1_000, nonce: String::new() };
            let caller = Caller { origin: origin.map(Into::into), host: "edge.example".into(), ..Caller::default() };
            open(visitors, session, &caller, 0).map_or_else(|refusal| refusal.code.status(), |_| 200)
        };
        assert_eq!(status(&open_to_apps, "", None), 200);
        assert_eq!(status(&open_to_apps, "https://app.example", Some("https://app.example")), 200);
        for (visitors, of, origin) in [
            (&closed, "", None),
            (&open_to_apps, "", Some("https://app.example")),
            (&open_to_apps, "", Some("null")),
            (&open_to_apps, "", Some("")),
            (&open_to_apps, "https://app.example", None),
        ] {
            assert_eq!(status(visitors, of, origin), 403, "{of} {origin:?}");
        }
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        let (origin, account) = ("https://app.example".into(), "visitor:a".into());
        let session = Session { origin, account, until: 7, nonce: "0a".into() };
        assert_eq!(Session::read(&session.to_json()), Some(session));
        assert_eq!(Session::read("{}"), None);
    }

    #[test]
    fn visitors_of_one_network_have_one_account() {
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
        assert_eq!(network("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:DB8:1:2:ffff::"), "2001:db8:1:2::/64");
        assert_eq!((network(""), network("x")), (String::new(), String::new()));
    }

    #[test]
    fn a_turnstile_token_is_a_text_that_is_not_empty() {
        assert_eq!(token(br#"{"turnstile": "a"}"#).ok(), Some("a".into()));
        for body in ["", "{}", r#"{"turnstile": ""}"#, r#"{"turnstile": 1}"#, "[]"] {
            assert_eq!(token(body.as_bytes()).expect_err(body).param.as_deref(), Some("turnstile"));
        }
    }
}
