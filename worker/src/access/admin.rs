//! Who may use `/admin`. A request needs an admin token: the secret `ADMIN_TOKEN`, or a token of `admins` whose scopes allow the
//! request. The dashboard's requests have the cookie of an admin session instead (`session.rs`).
//!
//! | requests | |
//! |---|---|
//! | `/admin/keys` | see `client_keys.rs` |
//! | `DELETE /admin/sessions/ID`, `DELETE /admin/devices/ID` | revokes a visitor's session, or a device's key with all its sessions |
//! | `GET`, `POST /admin/pause`, `POST /admin/resume` | see `switch.rs` |
//! | `/admin/session` | see `session.rs` |
//!
//! The crate's `admin` has all other endpoints, and decides which of them a request is for.

mod action;
mod client_keys;
mod fields;
mod session;
mod switch;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::LazyLock;

use serde_json::json;
use worker::Env;

use action::device_not_found;
pub(crate) use action::{Action, read_action};
pub(crate) use client_keys::find_managed_accounts;
use session::Session;

use super::keys::{Answer, Message, device_object, send, unavailable};
use super::{bearer, brake, without_key};
use crate::account::AccountClient;
use crate::config::{Access, Admin, Config, Scope, digest};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};
use crate::http::encryption::is_secure;
use crate::http::reply::Reply;
use crate::http::request_head::RequestHead;

/// Who sent a request to `/admin`.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) admin: &'a Admin,
    /// The session, if the request has its cookie in place of a token.
    session: Option<Session>,
}

/// A request to `/admin` that its sender may make. Only [`Sender::authorize`] makes one.
pub(crate) struct AdminRequest<'a> {
    pub(crate) admin: &'a Admin,
    pub(crate) request: &'a web_sys::Request,
    pub(crate) head: &'a RequestHead,
    pub(crate) config: &'a Rc<Config>,
    pub(crate) env: &'a Env,
    session: Option<&'a Session>,
}

/// Whoever uses a loopback edge: a program on this machine, or the edge's own page. There are no keys to manage.
static LOCAL: LazyLock<Admin> = LazyLock::new(Admin::local);

/// Admits the sender of a request to `/admin`.
pub(crate) async fn admit<'a>(
    config: &'a Config,
    request: &web_sys::Request,
    caller: &Caller,
    env: &Env,
) -> Result<Sender<'a>, ApiError> {
    if let (Access::Keys(ways), None) = (&config.access, &caller.authorization)
        && !ways.admins.is_empty()
        && let Some((admin, session)) = session::admit(ways, request, caller, is_secure(config, caller), env).await?
    {
        return Ok(Sender { admin, session: Some(session) });
    }
    match find_admin(config, caller) {
        Err(error) if error.code == Code::InvalidAdminToken => {
            Err(brake::wrong_guess(env, caller, "ADMIN_TOKEN", error).await)
        }
        admin => admin.map(|admin| Sender { admin, session: None }),
    }
}

impl Sender<'_> {
    /// Checks that the sender has the scope, if one is needed, and that no other page sent a request with the cookie of a session.
    pub(crate) fn authorize<'a>(
        &'a self,
        scope: Option<Scope>,
        request: &'a web_sys::Request,
        head: &'a RequestHead,
        config: &'a Rc<Config>,
        env: &'a Env,
    ) -> Result<AdminRequest<'a>, ApiError> {
        let session = self.session.as_ref();
        if let Some(session) = session {
            session::check_purpose(session, request, head, is_secure(config, &head.caller))?;
        }
        scope.map_or(Ok(()), |scope| check_scope(self.admin, scope))?;
        Ok(AdminRequest { admin: self.admin, request, head, config, env, session })
    }
}

/// Answers a request about client keys, sessions, devices, or the pause.
pub(crate) async fn answer(action: Action<'_>, request: &AdminRequest<'_>) -> Result<Reply, ApiError> {
    if request.config.access == Access::Loopback && action.is_about_clients() {
        let message = "this edge has no client keys, no sessions and no pause, because its `access` is `loopback`";
        return Err(ApiError::new(Code::UnknownUrl, message));
    }
    match action {
        Action::Session(action) => session::answer(action, request).await,
        Action::Switch(switch) => switch.act(request.env).await,
        Action::RevokeSession(id) => revoke_sessions(id, id, request.env).await,
        Action::RevokeDevice(id) => {
            let object = device_object(id);
            match send(request.env, &object, &Message::RevokeDevice).await? {
                Answer::Done => revoke_sessions(id, &object, request.env).await,
                Answer::Missing => Err(device_not_found()),
                _ => Err(unavailable()),
            }
        }
        Action::Key(action) => client_keys::answer(action, request).await,
    }
}

/// Revokes the sessions with this `name`: one session, or all sessions of a device's key.
async fn revoke_sessions(id: &str, name: &str, env: &Env) -> Result<Reply, ApiError> {
    AccountClient::new(env).revoke_sessions(name).await?;
    Ok(Reply::json(200, json!({"id": id, "revoked": true})))
}

/// Finds the admin whose token `caller` sent. Refuses web pages of another origin.
fn find_admin<'a>(config: &'a Config, caller: &Caller) -> Result<&'a Admin, ApiError> {
    let is_foreign = caller.origin.as_deref().is_some_and(|origin| !is_own(origin, &caller.host));
    let foreign = || ApiError::new(Code::OriginNotAllowed, "web pages of another origin may not use /admin");
    let Access::Keys(ways) = &config.access else {
        without_key::check(config, caller)?;
        // Not even a page in `origins`.
        return if is_foreign { Err(foreign()) } else { Ok(&LOCAL) };
    };
    if ways.admins.is_empty() {
        let message = "/admin is not set up: run `wrangler secret put ADMIN_TOKEN`, with at least 32 characters";
        return Err(ApiError::new(Code::AdminNotSetUp, message));
    }
    if is_foreign {
        return Err(foreign());
    }
    let sent = bearer(caller).map(digest::of).ok();
    // The loop compares every token in full, so its duration reveals nothing.
    let mut found = None;
    for admin in &ways.admins {
        if sent.as_ref().is_some_and(|sent| admin.has_token(sent)) {
            found = Some(admin);
        }
    }
    found.ok_or_else(|| {
        let message =
            "the admin token is wrong or missing: send `Authorization: Bearer` and the secret ADMIN_TOKEN of this edge";
        ApiError::new(Code::InvalidAdminToken, message)
    })
}

/// Refuses a request that the token of `admin` does not allow.
fn check_scope(admin: &Admin, scope: Scope) -> Result<(), ApiError> {
    if admin.scopes.contains(&scope) {
        return Ok(());
    }
    let message = ["this admin token has not the scope `", scope.name(), "`, which this request needs"].concat();
    Err(ApiError::new(Code::InsufficientScope, message))
}
