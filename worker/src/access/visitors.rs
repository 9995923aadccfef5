//! Visitors of a web page or of a native app, whom the edge knows only by a proof: each proof gives a session for some time.
//!
//! ```text
//!   {"turnstile": …}       a person, on one of the pages ──────────┐
//!   {"appAttest": …}       one of the owner's apps, by Apple ──────┼─▶ used once ─▶ Session
//!   {"playIntegrity": …}   the owner's app, by Google ─────────────┘
//! ```
//!
//! The account of a session belongs to the address that asked for the session, so a new session has no new budget. The account's
//! name is an HMAC of the address, which nobody can reverse by trying addresses.

mod app_attest;
mod challenge;
mod play_integrity;
mod session;
mod turnstile;

use failsoft::Json;
use serde_json::json;
use worker::Env;

use super::address::network;
use super::brake;
use super::crypto::{self, Use};
use super::keys::{Answer, Message, send, unavailable};
use crate::config::{Access, AppAttest, Config, PlayIntegrity, Visitors, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;

pub(crate) use challenge::create_challenge;
pub(super) use session::{PREFIX, admit};

/// The most bytes of a request. A token of Turnstile has at most 2048.
const LARGEST: usize = 8 * 1024;

/// The most bytes of a request where native apps prove what they are. An attestation has about 8,000.
const LARGEST_NATIVE: usize = 32 * 1024;

/// The bits of the IPv6 network in which a visitor can choose any address.
const VISITOR: u32 = 64;

/// A proof that a visitor may have a session.
#[derive(Debug)]
enum Proof<'a> {
    Turnstile(String),
    AppAttest(&'a AppAttest, app_attest::Sent),
    PlayIntegrity(&'a PlayIntegrity, play_integrity::Sent),
}

/// Answers `POST /v1/session`: makes a session for a proof.
pub(crate) async fn create_session(
    request: &web_sys::Request,
    head: &RequestHead,
    config: &Config,
    env: &Env,
) -> Result<Reply, ApiError> {
    let visitors = visitors(config)?;
    let origin = session::origin(visitors, &head.caller)?;
    brake::check(env, &head.caller, "session").await?;
    brake::check_all(env, "session").await?;
    let largest = if visitors.knows_native_apps() { LARGEST_NATIVE } else { LARGEST };
    let body = body::read_small(request, head, largest).await?;
    let mut device = None;
    match Proof::read(visitors, &body)? {
        Proof::Turnstile(token) => verify_turnstile(visitors, &token, &head.caller, env).await?,
        Proof::AppAttest(terms, sent) => {
            check_native(&head.caller)?;
            device = Some(app_attest::verify(visitors, terms, &sent, env).await?);
        }
        Proof::PlayIntegrity(terms, sent) => {
            check_native(&head.caller)?;
            play_integrity::verify(visitors, terms, &sent, env).await?;
        }
    }
    let account = account(visitors, head.caller.address.as_deref()).await?;
    let (session, id) = session::create(visitors, origin, account, device).await?;
    Ok(Reply::json(200, json!({"token": session, "expires_in": visitors.lifetime, "id": id})))
}

fn visitors(config: &Config) -> Result<&Visitors, ApiError> {
    let ways = if let Access::Keys(ways) = &config.access { Some(ways) } else { None };
    ways.and_then(|ways| ways.visitors.as_ref()).ok_or_else(|| not_set_up("visitors"))
}

/// The visitors of an edge that knows native apps.
fn native_visitors(config: &Config) -> Result<&Visitors, ApiError> {
    let visitors = visitors(config)?;
    let missing = || not_set_up("visitors.appAttest` or `visitors.playIntegrity");
    Some(visitors).filter(|visitors| visitors.knows_native_apps()).ok_or_else(missing)
}

fn not_set_up(field: &str) -> ApiError {
    let message = ["this edge makes no such sessions: the owner has to add `", field, "` to FAILSOFT"].concat();
    ApiError::new(Code::VisitorsNotSetUp, message)
}

/// Refuses web pages: a native app sends no `Origin`.
fn check_native(caller: &Caller) -> Result<(), ApiError> {
    if caller.origin.is_none() {
        return Ok(());
    }
    Err(ApiError::new(Code::OriginNotAllowed, "attestations are for native apps, which send no `Origin`"))
}

impl<'a> Proof<'a> {
    fn read(visitors: &'a Visitors, body: &[u8]) -> Result<Self, ApiError> {
        let body = Json::parse_bytes(body).unwrap_or(Json::NULL);
        let (apple, google) = (body.get("appAttest"), body.get("playIntegrity"));
        if !apple.is_null() {
            let terms = visitors.app_attest.as_ref().ok_or_else(|| not_set_up("visitors.appAttest"))?;
            return Ok(Self::AppAttest(terms, app_attest::Sent::read(apple)?));
        }
        if !google.is_null() {
            let terms = visitors.play_integrity.as_ref().ok_or_else(|| not_set_up("visitors.playIntegrity"))?;
            return Ok(Self::PlayIntegrity(terms, play_integrity::Sent::read(google)?));
        }
        match body.get("turnstile").text() {
            Some(token) if !token.is_empty() => Ok(Self::Turnstile(token.into())),
            _ => {
                let message = "the body must be {\"turnstile\": TOKEN}, with the token of the Turnstile widget; native apps can send {\"appAttest\": …} or {\"playIntegrity\": …}";
                Err(ApiError::new(Code::InvalidRequest, message).about("turnstile"))
            }
        }
    }
}

async fn verify_turnstile(visitors: &Visitors, token: &str, caller: &Caller, env: &Env) -> Result<(), ApiError> {
    session::check_turnstile_origin(visitors, caller)?;
    turnstile::verify(visitors, token, caller.address.as_deref()).await?;
    if is_first_use(env, "turnstile", token).await? { Ok(()) } else { Err(turnstile::refused()) }
}

/// Whether nobody has used `token` before: one of 256 objects for each `kind` stores used tokens for ten minutes.
async fn is_first_use(env: &Env, kind: &str, token: &str) -> Result<bool, ApiError> {
    let digest = digest::hex(&digest::of(token));
    let object = [kind, ":", &digest[..2]].concat();
    match send(env, &object, &Message::Spend { digest }).await? {
        Answer::Done => Ok(true),
        Answer::Spent => Ok(false),
        _ => Err(unavailable()),
    }
}

/// The field `name` of a proof, a text that is not empty.
fn required(proof: Json<'_>, parent: &str, name: &str) -> Result<String, ApiError> {
    proof.get(name).text().filter(|text| !text.is_empty()).map(Into::into).ok_or_else(|| {
        let path = [parent, ".", name].concat();
        ApiError::new(Code::InvalidRequest, format!("`{path}` must be a text that is not empty")).about(path)
    })
}

/// The name of the account of a visitor at `address`.
async fn account(visitors: &Visitors, address: Option<&str>) -> Result<String, ApiError> {
    // All visitors without an address share one account.
    let network = network(address, VISITOR);
    let mac = crypto::mac(&visitors.session_secret, Use::Account, &network).await.map_err(|_| internal())?;
    Ok(["visitor:", &digest::hex(&mac[..16])].concat())
}

/// Whether this edge made `mac` of `data`, now or before the last rotation of its secret.
async fn is_ours(visitors: &Visitors, of: Use, data: &str, mac: &[u8]) -> Result<bool, wasm_bindgen::JsValue> {
    if crypto::is_mac(&visitors.session_secret, of, data, mac).await? {
        return Ok(true);
    }
    match &visitors.old_session_secret {
        Some(secret) => crypto::is_mac(secret, of, data, mac).await,
        None => Ok(false),
    }
}

fn internal() -> ApiError {
    ApiError::new(Code::Internal, "the session could not be signed")
}

#[cfg(test)]
mod tests {
    use super::Proof;
    use crate::config::{Access, Config, Visitors};
    use serde_json::{Value, json};

    pub(super) fn visitors() -> Visitors {
        visitors_with(json!({}))
    }

    pub(super) fn visitors_with(fields: Value) -> Visitors {
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
    fn a_turnstile_token_is_a_text_that_is_not_empty() {
        let visitors = visitors();
        let proof = Proof::read(&visitors, br#"{"turnstile": "a"}"#).expect("a proof");
        assert!(matches!(proof, Proof::Turnstile(token) if token == "a"));
        for body in ["", "{}", r#"{"turnstile": ""}"#, r#"{"turnstile": 1}"#, "[]"] {
            assert_eq!(Proof::read(&visitors, body.as_bytes()).expect_err(body).param.as_deref(), Some("turnstile"));
        }
    }

    #[test]
    fn a_proof_of_a_kind_that_is_not_configured_is_refused() {
        let (closed, open) =
            (visitors(), visitors_with(json!({"appAttest": {"apps": ["ABCDE12345.com.example.app"]}})));
        let key = ["A".repeat(43), "=".into()].concat();
        let app = json!({"appAttest": {"challenge": "c", "keyId": key, "assertion": "AAAA"}}).to_string();
        let app = app.as_bytes();
        let android = &br#"{"playIntegrity": {"challenge": "c", "token": "t"}, "turnstile": "t"}"#[..];
        for (visitors, body) in [(&closed, app), (&closed, android), (&open, android)] {
            assert_eq!(Proof::read(visitors, body).expect_err("no proof").code.status(), 404);
        }
        assert!(matches!(Proof::read(&open, app), Ok(Proof::AppAttest(..))));
    }
}
