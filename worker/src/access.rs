//! Who may call: finds out who sent a request, what this client may ask for, and which account pays.
//!
//! ```text
//!                       ┌─ one of `keys`, by its digest ──────────────▶ keys ─────┐
//!   Authorization:      ├─ fs_ID_SECRET ──▶ the object of that key ───▶ keys ─────┤
//!   Bearer …  ── shape ─┤                                                         ├─▶ Grant ─▶ Client
//!                       ├─ fsv_… ──▶ our own HMAC, the page's origin ─▶ visitors ─┤
//!                       └─ x.y.z ──▶ the issuer's keys (JWKS) ────────▶ users ────┘
//!   none, `"access": "loopback"` ─────────────────────────────────────▶ local
//! ```
//!
//! Decisions work on plain data, and thin functions around them ask an object, an issuer or WebCrypto. A way in that is
//! not configured is closed. If an object or an issuer does not answer, nobody gets in.

mod address;
pub(crate) mod admin;
pub(crate) mod brake;
mod client;
mod crypto;
mod ecdsa;
mod jwk;
mod jwt;
mod key_set;
mod keys;
#[cfg(test)]
mod tests;
mod users;
pub(crate) mod visitors;
mod without_key;

use worker::Env;

use crate::config::{Access, Config, Grant, Visitors, Ways, is_key_id};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};
use crate::platform::executor::boxed;

pub(crate) use client::{Client, covers};

/// The most bytes of a key or token. Some issuers' tokens are large, but the headers of a request are limited too.
const LONGEST: usize = 16 * 1024;

/// Admits `caller`, or returns an error that says what is missing.
pub(crate) async fn admit<'a>(config: &'a Config, caller: &Caller, env: &Env) -> Result<Client<'a>, ApiError> {
    let ways = match &config.access {
        Access::Loopback => return without_key::admit(config, caller),
        Access::Keys(ways) => ways,
    };
    let token = bearer(caller)?;
    let grant = match classify(ways, token) {
        Credential::ConfiguredKey(grant) => grant.clone(),
        Credential::ManagedKey(id) => boxed(keys::admit(env, id, token, caller)).await?,
        Credential::Session(visitors) => boxed(visitors::admit(ways, visitors, token, caller, env)).await?,
        Credential::UserToken => boxed(users::admit(&ways.users, token)).await?,
        Credential::Unknown => return Err(denied(keys::UNKNOWN)),
    };
    check_origin(&grant, caller)?;
    check_address(&grant, caller)?;
    Ok(Client::new(config, grant))
}

/// Admits `caller` without asking an object or an issuer.
#[cfg(test)]
pub(crate) fn admit_at_once<'a>(config: &'a Config, caller: &Caller) -> Result<Client<'a>, ApiError> {
    let Access::Keys(ways) = &config.access else { return without_key::admit(config, caller) };
    let Credential::ConfiguredKey(grant) = classify(ways, bearer(caller)?) else { return Err(denied("")) };
    check_origin(grant, caller)?;
    Ok(Client::new(config, grant.clone()))
}

/// The grant of the key `name`: of a key of the configuration by its name, or of a managed key by its id.
///
/// # Errors
/// The object of a managed key does not answer.
pub(crate) async fn find_grant(config: &Config, name: &str, env: &Env) -> Result<Option<Grant>, ApiError> {
    let configured = match &config.access {
        Access::Keys(ways) => ways.keys.iter().find(|key| key.grant.name == name).map(|key| key.grant.clone()),
        Access::Loopback => None,
    };
    if configured.is_some() || !is_key_id(name) {
        return Ok(configured);
    }
    keys::find_grant(env, name).await
}

/// What a token claims to be. Every variant but the first has to prove itself.
#[derive(Debug)]
enum Credential<'a> {
    /// One of the configuration's keys, with its grant.
    ConfiguredKey(&'a Grant),
    /// A key of `/admin/keys`, with its id.
    ManagedKey(&'a str),
    /// A visitor's session.
    Session(&'a Visitors),
    /// A token of one of the app's users.
    UserToken,
    Unknown,
}

/// Decides by the shape of `token`, and by the ways in that are configured.
fn classify<'a>(ways: &'a Ways, token: &'a str) -> Credential<'a> {
    if let Some(grant) = keys::find_configured(&ways.keys, token) {
        return Credential::ConfiguredKey(grant);
    }
    match (keys::key_id(token), &ways.visitors) {
        (Some(id), _) if !ways.admins.is_empty() => Credential::ManagedKey(id),
        (None, Some(visitors)) if token.starts_with(visitors::PREFIX) => Credential::Session(visitors),
        (None, _) if !ways.users.is_empty() && token.matches('.').count() == 2 => Credential::UserToken,
        _ => Credential::Unknown,
    }
}

/// Returns the key or token that `caller` sent.
pub(crate) fn bearer(caller: &Caller) -> Result<&str, ApiError> {
    let header = caller.authorization.as_deref().unwrap_or_default();
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token.len() <= LONGEST => Ok(token.trim()),
        _ => Err(denied("the client key is missing: send `Authorization: Bearer` and a key of this edge")),
    }
}

/// The error for a client that is not admitted.
fn denied(message: &str) -> ApiError {
    ApiError::new(Code::InvalidApiKey, message)
}

fn check_origin(grant: &Grant, caller: &Caller) -> Result<(), ApiError> {
    let Some(origins) = &grant.origins else { return Ok(()) };
    match &caller.origin {
        Some(origin) if origins.contains(origin) || is_own(origin, &caller.host) => Ok(()),
        _ => Err(ApiError::new(
            Code::OriginNotAllowed,
            "this client key works only on the web pages that it was made for; the owner can add this origin to `origins` of the key",
        )),
    }
}

fn check_address(grant: &Grant, caller: &Caller) -> Result<(), ApiError> {
    let Some(networks) = &grant.addresses else { return Ok(()) };
    let address = caller.address.as_deref().and_then(|address| address.parse().ok());
    match address {
        Some(address) if networks.iter().any(|network| network.contains(address)) => Ok(()),
        _ => Err(ApiError::new(
            Code::AddressNotAllowed,
            "this client key works only from the addresses that it was made for; the owner can add an address to `addresses` of the key",
        )),
    }
}
