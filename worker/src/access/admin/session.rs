//! The admin session: `/admin/session` gives a browser a cookie for an admin token, so that no page keeps the token.
//!
//! | request | |
//! |---|---|
//! | `POST /admin/session` with an admin token | signs in: a new session; the session of the cookie ends |
//! | `POST /admin/session` with the cookie | renews the session: it gets another id |
//! | `GET /admin/session` | who is signed in, what the scopes allow, and the value of the header `x-failsoft-csrf` |
//! | `DELETE /admin/session` | signs out |
//! | `DELETE /admin/session/all` | ends all sessions of this admin |
//!
//! The cookie holds a random id, which the server makes; an id that a client brings is never adopted. A session ends at
//! sign-out, when nobody renews it for [`IDLE`], [`LONGEST`] after the sign-in, or with the token that it came from. A request
//! with the cookie comes from this edge's own page: the browser says so (`Sec-Fetch-Site`, `Origin`), and a request that
//! changes something needs a header besides, whose value only a page of this edge can read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use failsoft::Millis;
use serde_json::json;
use worker::Env;

use super::AdminRequest;
use crate::access::keys::{Answer, Ended, Login, Message, send, unavailable};
use crate::access::{brake, crypto};
use crate::config::{Admin, Scope, Ways, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;
use crate::http::encryption::is_secure;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;
use crate::platform::host;

/// The paths of the session.
const PATH: &str = "/admin/session";
const ALL: &str = "/admin/session/all";

/// The object with all admin sessions. No id of a key is spelt like this.
const OBJECT: &str = "admin-sessions";

/// A session ends if it is not renewed for this time, in milliseconds. The dashboard renews it every 15 minutes.
const IDLE: Millis = 60 * 60 * 1_000;
/// A session ends this long after the sign-in, in milliseconds.
const LONGEST: Millis = 12 * 60 * 60 * 1_000;
/// How long a replaced id still works, in milliseconds.
const GRACE: Millis = 60_000;

/// The names of the cookie. A browser takes the first one over HTTPS only, from this host only.
const COOKIE: &str = "__Host-failsoft-admin";
const PLAIN_COOKIE: &str = "failsoft-admin";

/// The header of a request that changes something.
const CSRF: &str = "x-failsoft-csrf";

/// The kind of attempt that the brake counts: an id of no session.
const GUESS: &str = "ADMIN_SESSION";

/// A session, as the edge found it for a request.
#[derive(Debug)]
pub(crate) struct Session {
    id: String,
    login: Login,
}

/// The id in the cookie of a request, if there is exactly one.
fn read_cookie(request: &web_sys::Request, secure: bool) -> Option<String> {
    find_cookie(&request.headers().get("cookie").ok()??, name(secure))
}

/// The value of the cookie `name`. Of two with one name, somebody else may have set one, so none counts.
fn find_cookie(header: &str, name: &str) -> Option<String> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next().filter(|value| value.len() == 43)?;
    values.next().is_none().then(|| value.to_owned())
}

fn name(secure: bool) -> &'static str {
    if secure { COOKIE } else { PLAIN_COOKIE }
}

/// Admits the sender of a request with the cookie of a session. Returns nothing if there is no cookie.
pub(super) async fn admit<'a>(
    ways: &'a Ways,
    request: &web_sys::Request,
    caller: &Caller,
    secure: bool,
    env: &Env,
) -> Result<Option<(&'a Admin, Session)>, ApiError> {
    let Some(id) = read_cookie(request, secure) else { return Ok(None) };
    check_source(caller, secure)?;
    brake::check_blocked(caller, GUESS)?;
    let login = match send(env, OBJECT, &Message::FindLogin { digest: hash(&id) }).await? {
        Answer::Login(login) => Some(login),
        Answer::Missing => None,
        _ => return Err(unavailable()),
    };
    // The token may have been replaced, and the admin removed.
    let find =
        |login: &Login| ways.admins.iter().find(|admin| admin.name == login.admin && token_hash(admin) == login.token);
    match login.and_then(|login| Some((find(&login)?, login))) {
        Some((admin, login)) => Ok(Some((admin, Session { id, login }))),
        None => {
            brake::check(env, caller, GUESS).await?;
            Err(ApiError::new(Code::InvalidAdminSession, "this session is over; sign in with an admin token"))
        }
    }
}

/// Refuses a request that a page of another origin may have sent.
fn check_source(caller: &Caller, secure: bool) -> Result<(), ApiError> {
    let is_own = caller.origin.as_deref().is_none_or(|origin| is_this_edge(origin, caller, secure));
    if is_own && matches!(caller.site.as_deref(), None | Some("same-origin" | "none")) {
        return Ok(());
    }
    Err(ApiError::new(Code::OriginNotAllowed, "web pages of another origin may not use /admin"))
}

fn is_this_edge(origin: &str, caller: &Caller, secure: bool) -> bool {
    origin.strip_prefix(if secure { "https://" } else { "http://" }).is_some_and(|host| host == caller.host)
}

/// Refuses a request that changes something, unless this edge's own page sent it on purpose.
pub(super) fn check_purpose(
    session: &Session,
    request: &web_sys::Request,
    head: &RequestHead,
    secure: bool,
) -> Result<(), ApiError> {
    if matches!(head.method.as_str(), "GET" | "HEAD") {
        return Ok(());
    }
    let sent = request.headers().get(CSRF).ok().flatten().unwrap_or_default();
    let is_own = head.caller.origin.as_deref().is_some_and(|origin| is_this_edge(origin, &head.caller, secure));
    if is_own && digest::same(&digest::of(&csrf(&session.id)), &digest::of(&sent)) {
        return Ok(());
    }
    let message = "a request with the cookie of a session that changes something needs an `Origin` of this edge, and the header `x-failsoft-csrf` with the `csrf` of GET /admin/session";
    Err(ApiError::new(Code::CsrfRefused, message))
}

/// What a request about the session itself asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionAction {
    Show,
    /// Sign in, or renew the session of the cookie.
    Open,
    End,
    EndAll,
}

/// Decides what a request asks for. Returns nothing if it is about something else.
pub(super) fn read_action(method: &str, path: &str) -> Result<Option<SessionAction>, ApiError> {
    match (method, path.trim_end_matches('/')) {
        ("GET", PATH) => Ok(Some(SessionAction::Show)),
        ("POST", PATH) => Ok(Some(SessionAction::Open)),
        ("DELETE", PATH) => Ok(Some(SessionAction::End)),
        ("DELETE", ALL) => Ok(Some(SessionAction::EndAll)),
        (_, PATH) => Err(ApiError::wrong_method("GET, POST, DELETE")),
        (_, ALL) => Err(ApiError::wrong_method("DELETE")),
        _ => Ok(None),
    }
}

/// Answers a request about the session itself.
pub(super) async fn answer(action: SessionAction, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    let AdminRequest { admin, session, config, env, .. } = *request;
    let secure = is_secure(config, &request.head.caller);
    match (action, session) {
        (SessionAction::Show, _) => Ok(show(admin, session)),
        // On a loopback edge nobody needs to sign in.
        (SessionAction::Open, None) if admin.token.is_none() => Ok(show(admin, None)),
        (SessionAction::Open, None) => open(admin, request.request, secure, env).await,
        (SessionAction::Open, Some(session)) => renew(admin, session, secure, env).await,
        (SessionAction::End, Some(session)) => end(Ended::OfDigest(hash(&session.id)), secure, env).await,
        (SessionAction::End, None) => {
            Err(ApiError::new(Code::SessionNotFound, "this request has no cookie of a session"))
        }
        (SessionAction::EndAll, _) => end(Ended::OfAdmin(admin.name.clone()), secure, env).await,
    }
}

fn show(admin: &Admin, session: Option<&Session>) -> Reply {
    let scopes: Vec<&str> = admin.scopes.iter().copied().map(Scope::name).collect();
    let mut body = json!({"admin": admin.name, "scopes": scopes});
    if let Some(Session { id, login }) = session {
        body["csrf"] = csrf(id).into();
        body["expiresAt"] = (login.until / 1_000).into();
        body["endsAt"] = (login.ends / 1_000).into();
    }
    Reply::json(200, body)
}

async fn open(admin: &Admin, request: &web_sys::Request, secure: bool, env: &Env) -> Result<Reply, ApiError> {
    if let Some(id) = read_cookie(request, secure) {
        send(env, OBJECT, &Message::EndLogins(Ended::OfDigest(hash(&id)))).await?;
    }
    let (now, id) = (host::now(), new_id());
    let name = digest::hex(&crypto::random::<8>());
    let (admin_name, token) = (admin.name.clone(), token_hash(admin));
    let login = Login { name, admin: admin_name, token, until: now + IDLE, ends: now + LONGEST };
    match send(env, OBJECT, &Message::OpenLogin { digest: hash(&id), login: login.clone() }).await? {
        Answer::Done => Ok(with_cookie(201, admin, Session { id, login }, secure)),
        _ => Err(unavailable()),
    }
}

async fn renew(admin: &Admin, session: &Session, secure: bool, env: &Env) -> Result<Reply, ApiError> {
    let id = new_id();
    let (old, digest) = (hash(&session.id), hash(&id));
    let message = Message::RenewLogin { old, digest, until: host::now() + IDLE, grace: GRACE };
    match send(env, OBJECT, &message).await? {
        Answer::Login(login) => Ok(with_cookie(200, admin, Session { id, login }, secure)),
        Answer::Missing => Err(ApiError::new(Code::InvalidAdminSession, "this session is over; sign in again")),
        _ => Err(unavailable()),
    }
}

async fn end(ended: Ended, secure: bool, env: &Env) -> Result<Reply, ApiError> {
    match send(env, OBJECT, &Message::EndLogins(ended)).await? {
        Answer::Done => {
            let mut reply = Reply::json(200, json!({"ended": true}));
            reply.headers.push(("set-cookie", set_cookie("", 0, secure)));
            Ok(reply)
        }
        _ => Err(unavailable()),
    }
}

fn with_cookie(status: u16, admin: &Admin, session: Session, secure: bool) -> Reply {
    let mut reply = show(admin, Some(&session));
    let age = session.login.until.saturating_sub(host::now()).div_ceil(1_000);
    reply.status = status;
    reply.headers.push(("set-cookie", set_cookie(&session.id, age, secure)));
    reply
}

fn set_cookie(id: &str, age: u64, secure: bool) -> String {
    let end = if secure { "; Secure" } else { "" };
    [name(secure), "=", id, "; Path=/; HttpOnly; SameSite=Strict; Max-Age=", &age.to_string(), end].concat()
}

fn new_id() -> String {
    URL_SAFE_NO_PAD.encode(crypto::random::<32>())
}

fn hash(id: &str) -> String {
    digest::hex(&digest::of(id))
}

/// A digest of the admin's token, for the session. The configuration has another digest.
fn token_hash(admin: &Admin) -> String {
    digest::hex(&digest::of_bytes(&admin.token.unwrap_or_default()))
}

/// The value of the header [`CSRF`] for the session with this id. Nobody can compute the id from it.
fn csrf(id: &str) -> String {
    digest::hex(&digest::of(&["failsoft: header of an admin session ", id].concat())[..16])
}

#[cfg(test)]
mod tests {
    use super::{check_source, csrf, find_cookie, set_cookie};
    use crate::http::caller::Caller;

    #[test]
    fn a_cookie_counts_if_its_name_is_there_once_and_its_value_can_be_an_id() {
        let id = "a".repeat(43);
        for (header, expected) in [
            (format!("x=1; failsoft-admin={id}"), true),
            (format!("failsoft-admin={id}"), true),
            (format!("failsoft-admin={id}; failsoft-admin={id}"), false),
            (format!("failsoft-admin=short; failsoft-admin={id}"), false),
            (format!("__Host-failsoft-admin={id}"), false),
            (format!("failsoft-admin={id}x"), false),
            ("failsoft-admin=".into(), false),
            (String::new(), false),
        ] {
            assert_eq!(find_cookie(&header, "failsoft-admin").is_some(), expected, "{header}");
        }
    }

    #[test]
    fn only_a_page_of_this_edge_uses_a_session() {
        let is_allowed = |origin: Option<&str>, site: Option<&str>, secure| {
            let (origin, site) = (origin.map(Into::into), site.map(Into::into));
            let caller = Caller { host: "edge.example".into(), origin, site, ..Caller::default() };
            check_source(&caller, secure).is_ok()
        };
        assert!(is_allowed(Some("https://edge.example"), Some("same-origin"), true));
        assert!(is_allowed(None, Some("none"), true) && is_allowed(None, None, false));
        for (origin, site, secure) in [
            (Some("http://edge.example"), None, true),
            (Some("https://edge.example"), None, false),
            (Some("https://sub.edge.example"), None, true),
            (Some("https://edge.example.evil"), None, true),
            (Some("null"), None, true),
            (None, Some("same-site"), true),
            (Some("https://edge.example"), Some("cross-site"), true),
        ] {
            assert!(!is_allowed(origin, site, secure), "{origin:?} {site:?} {secure}");
        }
    }

    #[test]
    fn a_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
        let cookie = set_cookie("id", 60, true);
        assert_eq!(cookie, "__Host-failsoft-admin=id; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
        let cookie = set_cookie("", 0, false);
        assert_eq!(cookie, "failsoft-admin=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
        assert_ne!(csrf("a"), csrf("b"));
    }
}
