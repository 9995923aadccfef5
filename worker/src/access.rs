//! Who may call, what they may ask for, and on whose account: the ways in.
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
//! Decisions are on plain data; what asks an object, an issuer or WebCrypto is a thin shell around them. A way that is not
//! configured is closed, and one that cannot be asked lets nobody in.

pub(crate) mod admin;
mod crypto;
mod jwks;
mod jwt;
mod keys;
mod local;
mod users;
pub(crate) mod visitors;

use worker::Env;

use crate::config::{Access, Account, Config, Grant, Route, Visitors, Ways};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};
use crate::platform::executor::apart;

/// Bytes of a key or token. Issuers put much into theirs, and none of them more than headers may have.
const LONGEST: usize = 16 * 1024;

/// Someone who may call.
#[derive(Clone, Debug)]
pub(crate) struct Client<'a> {
    config: &'a Config,
    grant: Grant,
}

/// Lets `caller` in, or says what is missing.
pub(crate) async fn admit<'a>(config: &'a Config, caller: &Caller, env: &Env) -> Result<Client<'a>, ApiError> {
    let ways = match &config.access {
        Access::Loopback => return local::admit(config, caller),
        Access::Keys(ways) => ways,
    };
    let token = bearer(caller)?;
    let grant = match way(ways, token) {
        Way::Listed(grant) => grant.clone(),
        Way::Managed(id) => apart(keys::managed(env, id, token)).await?,
        Way::Visitor(visitors) => apart(visitors::admitted(visitors, token, caller)).await?,
        Way::User => apart(users::admitted(&ways.users, token)).await?,
        Way::None => return Err(denied("this client key is not known here")),
    };
    check_origin(&grant, caller)?;
    Ok(Client { config, grant })
}

/// Lets `caller` in, as far as nobody else has to be asked.
#[cfg(test)]
pub(crate) fn admit_at_once<'a>(config: &'a Config, caller: &Caller) -> Result<Client<'a>, ApiError> {
    let Access::Keys(ways) = &config.access else { return local::admit(config, caller) };
    let Way::Listed(grant) = way(ways, bearer(caller)?) else { return Err(denied("")) };
    check_origin(grant, caller)?;
    Ok(Client { config, grant: grant.clone() })
}

/// Where a token has to prove itself.
#[derive(Debug)]
enum Way<'a> {
    /// It has: it is one of the configuration's keys.
    Listed(&'a Grant),
    /// With the object of this id.
    Managed(&'a str),
    Visitor(&'a Visitors),
    User,
    None,
}

/// The shape of `token` decides, and whether there is such a way.
fn way<'a>(ways: &'a Ways, token: &'a str) -> Way<'a> {
    if let Some(grant) = keys::listed(&ways.keys, token) {
        return Way::Listed(grant);
    }
    match (keys::id(token), &ways.visitors) {
        (Some(id), _) if ways.admin.is_some() => Way::Managed(id),
        (None, Some(visitors)) if token.starts_with(visitors::PREFIX) => Way::Visitor(visitors),
        (None, _) if !ways.users.is_empty() && token.matches('.').count() == 2 => Way::User,
        _ => Way::None,
    }
}

/// The key or token that `caller` sends.
pub(crate) fn bearer(caller: &Caller) -> Result<&str, ApiError> {
    let sent = caller.authorization.as_deref().unwrap_or_default();
    match sent.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token.len() <= LONGEST => Ok(token.trim()),
        _ => Err(denied("no client key: send `Authorization: Bearer` and a key of this edge")),
    }
}

/// Whoever that is, they are not let in.
fn denied(message: &str) -> ApiError {
    ApiError::new(Code::InvalidApiKey, message)
}

fn check_origin(grant: &Grant, caller: &Caller) -> Result<(), ApiError> {
    let Some(origins) = &grant.origins else { return Ok(()) };
    match &caller.origin {
        Some(origin) if origins.contains(origin) || is_own(origin, &caller.host) => Ok(()),
        _ => Err(ApiError::new(
            Code::OriginNotAllowed,
            "this client key works from the web pages that it was made for, and from nowhere else",
        )),
    }
}

impl<'a> Client<'a> {
    /// The name for logs.
    pub(crate) fn name(&self) -> &str {
        &self.grant.name
    }

    /// Who pays.
    pub(crate) fn account(&self) -> &Account {
        &self.grant.account
    }

    /// The routes that this client may name.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &'a Route> {
        let opened = self.grant.routes.as_ref();
        self.config.routes.iter().filter(move |route| opened.is_none_or(|names| names.contains(&route.name)))
    }

    /// The models that this client may name itself; a `*` at the end stands for anything.
    pub(crate) fn models(&self) -> Vec<&str> {
        match self.grant.models.as_ref().or(self.config.models.as_ref()) {
            Some(models) => models.iter().map(String::as_str).collect(),
            None => {
                let mut models: Vec<&str> =
                    self.routes().flat_map(|route| route.models.iter().map(String::as_str)).collect();
                models.sort_unstable();
                models.dedup();
                models
            }
        }
    }

    /// May this client name `model`?
    pub(crate) fn may_name(&self, model: &str) -> bool {
        self.models().iter().any(|pattern| covers(pattern, model))
    }
}

/// `pattern` is `model`, or its beginning and `*`.
pub(crate) fn covers(pattern: &str, model: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == model, |beginning| model.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::{Way, admit_at_once as admit, bearer, covers, way};
    use crate::config::{Access, Config, Ways};
    use crate::http::caller::Caller;
    use serde_json::{Value, json};

    /// Of the keys `fs_web` and `fs_app`.
    const WEB: &str = "3e4ac8e5fd41ad2cd53b6b16e67bd1b3b3cba7a0f6a3c9f8a2ef1ad0e1c2d3f4";

    fn config(value: Value) -> Config {
        Config::of(&value.to_string(), "sk").expect("a configuration")
    }

    fn hex(key: &str) -> String {
        use sha2::{Digest, Sha256};
        Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn keyed() -> Config {
        config(json!({
            "routes": {"support": {"models": ["a/a", "b/b"]}, "private": {"models": ["c/c"]}},
            "keys": [
                {"name": "web", "sha256": hex("fs_web"), "origins": ["https://app.example"], "routes": ["support"]},
                {"name": "app", "sha256": hex("fs_app"), "models": ["x/*", "y/y"]},
                {"name": "other", "sha256": WEB},
            ],
        }))
    }

    fn with_key(key: &str, origin: Option<&str>) -> Caller {
        Caller {
            authorization: Some(format!("Bearer {key}")),
            host: "edge.example".into(),
            origin: origin.map(Into::into),
            ..Caller::default()
        }
    }

    fn ways(config: &Config) -> &Ways {
        let Access::Keys(ways) = &config.access else { panic!("a loopback") };
        ways
    }

    fn refused(config: &Config, caller: &Caller) -> u16 {
        admit(config, caller).map_or_else(|refusal| refusal.code.status(), |_| 200)
    }

    #[test]
    fn a_key_is_known_by_its_digest_alone() {
        let config = keyed();
        assert_eq!(admit(&config, &with_key("fs_app", None)).expect("let in").name(), "app");
        assert_eq!(refused(&config, &with_key(WEB, None)), 401);
        assert_eq!(refused(&config, &with_key("", None)), 401);
        assert_eq!(refused(&config, &Caller::default()), 401);
        let basic = Caller { authorization: Some("Basic fs_app".into()), ..Caller::default() };
        assert_eq!(refused(&config, &basic), 401);
    }

    #[test]
    fn the_shape_of_a_token_decides_its_way_and_a_way_that_is_not_configured_is_closed() {
        let users = json!([{"issuer": "i", "audience": "a", "jwks": "https://id.example/jwks"}]);
        let all = json!({"users": users, "visitors": {"origins": ["https://app.example"]}});
        let variable = |name: &str| match name {
            "FAILSOFT" => Some(all.to_string()),
            _ => Some("a-secret-that-has-enough-characters".into()),
        };
        let (open, closed) = (Config::read(variable).expect("a configuration"), keyed());
        for (token, expected) in [
            ("fs_0123456789abcdef_x.y.z", "Managed(\"0123456789abcdef\")"),
            ("fsv_x.y.z", "Visitor("),
            ("x.y.z", "User"),
            ("fs_web", "None"),
            ("x.y", "None"),
            ("", "None"),
        ] {
            let found = format!("{:?}", way(ways(&open), token));
            assert!(found.starts_with(expected), "{token}: {found}");
            let none = matches!(way(ways(&closed), token), Way::None | Way::Listed(_));
            assert!(none, "{token}");
        }
        let long = Caller { authorization: Some(format!("Bearer {}", "x".repeat(20_000))), ..Caller::default() };
        assert!(bearer(&long).is_err());
    }

    #[test]
    fn a_key_of_a_page_works_from_that_page_only() {
        let config = keyed();
        assert_eq!(refused(&config, &with_key("fs_web", Some("https://app.example"))), 200);
        assert_eq!(refused(&config, &with_key("fs_web", Some("https://edge.example"))), 200);
        assert_eq!(refused(&config, &with_key("fs_web", Some("https://evil.example"))), 403);
        assert_eq!(refused(&config, &with_key("fs_web", None)), 403);
    }

    #[test]
    fn what_a_client_may_name_is_its_own_list_or_the_models_of_its_routes() {
        let config = keyed();
        let web = admit(&config, &with_key("fs_web", Some("https://app.example"))).expect("let in");
        assert_eq!(web.models(), ["a/a", "b/b"]);
        assert!(web.may_name("a/a") && !web.may_name("c/c"));
        assert_eq!(web.routes().map(|route| route.name.as_str()).collect::<Vec<_>>(), ["support"]);
        let app = admit(&config, &with_key("fs_app", None)).expect("let in");
        assert!(
            app.may_name("x/anything") && app.may_name("y/y") && !app.may_name("y/y:online") && !app.may_name("a/a")
        );
    }

    #[test]
    fn a_star_is_the_end_of_a_pattern() {
        assert!(covers("*", "a/a") && covers("a/*", "a/b") && covers("a/b", "a/b"));
        assert!(!covers("a/*", "b/a") && !covers("a/b", "a/bc"));
    }
}
