//! Visitors of a web page. Who shows, once, that Turnstile takes them for a person gets a session for a while.
//!
//! A session is `fsv_` and two parts in base64url: what it says, and the HMAC-SHA-256 of that with `SESSION_SECRET`.
//! Nothing is kept of it. It works on the page's origin alone, and its account is that of the address which asked for it:
//! another session brings no other budget. An address is told by its own HMAC, from which nobody can try it out.

mod turnstile;

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::{Json, Millis};
use serde_json::json;
use worker::Env;

use super::keys::{Answer, Message, ask, unavailable};
use super::{crypto, denied};
use crate::config::{Access, Config, Grant, Visitors, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::{http::body, platform::host};

pub(super) const PREFIX: &str = "fsv_";

/// Bytes of a request. A token of Turnstile has 2048 at most.
const LARGEST: usize = 8 * 1024;

/// What a session says.
#[derive(Debug, PartialEq, Eq)]
struct Session {
    origin: String,
    account: String,
    /// In seconds since 1970.
    until: u64,
}

impl Session {
    fn to_json(&self) -> String {
        json!({"origin": self.origin, "account": self.account, "until": self.until}).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        let json = Json::parse(text)?;
        Some(Self {
            origin: json.get("origin").text()?.into(),
            account: json.get("account").text()?.into(),
            until: json.get("until").whole()?,
        })
    }
}

/// `POST /v1/session`: a token of Turnstile for a session.
pub(crate) async fn answer(
    request: &web_sys::Request,
    visit: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let Access::Keys(ways) = &config.access else { return Err(not_set_up()) };
    let visitors = ways.visitors.as_ref().ok_or_else(not_set_up)?;
    let origin = origin(visitors, &visit.caller)?;
    let token = token(&body::read_small(request, visit, LARGEST).await?)?;
    turnstile::verify(visitors, &token, visit.caller.address.as_deref()).await?;
    spend(env, &token).await?;
    let account = account(visitors, visit.caller.address.as_deref()).await?;
    let until = host::now() / 1_000 + visitors.lifetime;
    let session = sealed(visitors, &Session { origin: origin.into(), account, until }).await?;
    Ok(Reply::json(200, json!({"token": session, "expires_in": visitors.lifetime})))
}

fn not_set_up() -> ApiError {
    let message = "this edge has no sessions for visitors: FAILSOFT has no `visitors`";
    ApiError::new(Code::VisitorsNotSetUp, message)
}

/// The page that asks, if it may.
fn origin<'a>(visitors: &Visitors, caller: &'a Caller) -> Result<&'a str, ApiError> {
    let listed = |origin: &&str| visitors.grant.origins.iter().flatten().any(|known| known == origin);
    caller.origin.as_deref().filter(listed).ok_or_else(|| {
        let message = "sessions are for visitors of this app's own pages, and for nobody else";
        ApiError::new(Code::OriginNotAllowed, message)
    })
}

fn token(body: &[u8]) -> Result<String, ApiError> {
    let body = Json::parse_bytes(body).unwrap_or(Json::NULL);
    match body.get("turnstile").text() {
        Some(token) if !token.is_empty() => Ok(token.into()),
        _ => {
            let message = "the body must be {\"turnstile\": TOKEN}, with the token of the page's widget";
            Err(ApiError::new(Code::InvalidRequest, message).about("turnstile"))
        }
    }
}

/// Turnstile takes a token once. So does this edge by itself, whatever answers in Turnstile's place: one of 256 objects
/// remembers for ten minutes what was used up.
async fn spend(env: &Env, token: &str) -> Result<(), ApiError> {
    let digest = digest::hex(&digest::of(token));
    let object = ["turnstile:", &digest[..2]].concat();
    match ask(env, &object, &Message::Spend { digest }).await? {
        Answer::Done => Ok(()),
        Answer::Spent => Err(turnstile::refused()),
        _ => Err(unavailable()),
    }
}

/// The account of whoever is at `address`.
async fn account(visitors: &Visitors, address: Option<&str>) -> Result<String, ApiError> {
    let data = ["address\0", &neighbourhood(address.unwrap_or_default())].concat();
    let mac = crypto::mac(&visitors.session_secret, &data).await.map_err(|_| internal())?;
    Ok(["visitor:", &digest::hex(&mac[..16])].concat())
}

/// What one party has for itself: an IPv4 address, or the 2^64 of IPv6 that it can choose from.
fn neighbourhood(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            format!("{network}/64")
        }
        // Whoever comes without one shares an account with all who do.
        Err(_) => String::new(),
    }
}

async fn sealed(visitors: &Visitors, session: &Session) -> Result<String, ApiError> {
    let said = [PREFIX, &URL_SAFE_NO_PAD.encode(session.to_json())].concat();
    let mac = crypto::mac(&visitors.session_secret, &said).await.map_err(|_| internal())?;
    Ok([&said, ".", &URL_SAFE_NO_PAD.encode(mac)].concat())
}

/// What the session `token` opens.
pub(super) async fn admitted(visitors: &Visitors, token: &str, caller: &Caller) -> Result<Grant, ApiError> {
    let invalid = || denied("this session is not valid here: POST /v1/session gives a new one");
    let (said, mac) = token.split_once('.').ok_or_else(invalid)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| invalid())?;
    if !crypto::is_mac(&visitors.session_secret, said, &mac).await.map_err(|_| internal())? {
        return Err(invalid());
    }
    let text = said.strip_prefix(PREFIX).and_then(|said| URL_SAFE_NO_PAD.decode(said).ok());
    let session = text.and_then(|text| Session::read(core::str::from_utf8(&text).ok()?)).ok_or_else(invalid)?;
    opened(visitors, session, caller, host::now())
}

/// What a session opens that this edge has given out.
fn opened(visitors: &Visitors, session: Session, caller: &Caller, now: Millis) -> Result<Grant, ApiError> {
    if now >= session.until * 1_000 {
        return Err(denied("this session has expired: POST /v1/session gives a new one"));
    }
    if origin(visitors, caller)? != session.origin {
        let message = "this session works on the page that it was made for, and nowhere else";
        return Err(ApiError::new(Code::OriginNotAllowed, message));
    }
    let mut grant = visitors.grant.clone();
    grant.account.name = session.account;
    Ok(grant)
}

fn internal() -> ApiError {
    ApiError::new(Code::Internal, "the session could not be signed")
}

#[cfg(test)]
mod tests {
    use super::{Session, neighbourhood, opened, token};
    use crate::config::{Access, Config, Visitors};
    use crate::http::caller::Caller;
    use serde_json::json;

    pub(super) fn visitors() -> Visitors {
        let visitors = json!({"origins": ["https://app.example", "https://b.example:8443"], "action": "chat"});
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(json!({ "visitors": visitors }).to_string()),
            _ => Some("a-secret-that-has-enough-characters".into()),
        };
        let Access::Keys(ways) = Config::read(variable).expect("a configuration").access else { panic!("a loopback") };
        ways.visitors.expect("visitors")
    }

    #[test]
    fn a_session_works_on_its_page_and_until_it_ends() {
        let visitors = visitors();
        let status = |origin: Option<&str>, now: u64| {
            let session = Session { origin: "https://app.example".into(), account: "visitor:a".into(), until: 1_000 };
            let caller = Caller { origin: origin.map(Into::into), host: "edge.example".into(), ..Caller::default() };
            opened(&visitors, session, &caller, now).map_or_else(|refusal| refusal.code.status(), |_| 200)
        };
        assert_eq!(status(Some("https://app.example"), 999_999), 200);
        assert_eq!(status(Some("https://app.example"), 1_000_000), 401);
        for origin in [None, Some("null"), Some("https://b.example:8443"), Some("https://edge.example")] {
            assert_eq!(status(origin, 0), 403, "{origin:?}");
        }
    }

    #[test]
    fn what_a_session_says_is_read_as_it_was_written() {
        let session = Session { origin: "https://app.example".into(), account: "visitor:a".into(), until: 7 };
        assert_eq!(Session::read(&session.to_json()), Some(session));
        assert_eq!(Session::read("{}"), None);
    }

    #[test]
    fn an_address_is_as_much_as_one_party_has() {
        assert_eq!(neighbourhood("203.0.113.7"), "203.0.113.7");
        assert_eq!(neighbourhood("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(neighbourhood("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(neighbourhood("2001:DB8:1:2:ffff::"), "2001:db8:1:2::/64");
        assert_eq!((neighbourhood(""), neighbourhood("x")), (String::new(), String::new()));
    }

    #[test]
    fn a_token_is_text_in_the_field_of_its_name() {
        assert_eq!(token(br#"{"turnstile": "a"}"#).ok(), Some("a".into()));
        for body in ["", "{}", r#"{"turnstile": ""}"#, r#"{"turnstile": 1}"#, "[]"] {
            assert_eq!(token(body.as_bytes()).expect_err(body).param.as_deref(), Some("turnstile"));
        }
    }
}
