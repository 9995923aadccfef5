//! Who may call, and what they may ask for. Decisions on plain data.
//!
//! With `"access": "keys"` a call carries `Authorization: Bearer …`, and the configuration knows the SHA-256 of the key.
//! With `"access": "loopback"` no key is needed, and no web page but the edge's own may call: a page elsewhere could
//! otherwise spend the owner's money by pointing a browser, or a name, at this machine.

use failsoft::Kind;
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::config::{Access, ClientKey, Config, Route, authority, is_loopback};
use crate::refusal::Refusal;

/// What a request says about who sent it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    pub(crate) authorization: Option<String>,
    /// `host:port` that it was sent to.
    pub(crate) host: String,
    pub(crate) origin: Option<String>,
    /// `Sec-Fetch-Site`: what the browser knows about the page.
    pub(crate) site: Option<String>,
    /// `CF-Connecting-IP`.
    pub(crate) address: Option<String>,
}

/// Someone who may call.
#[derive(Clone, Debug)]
pub(crate) struct Client<'a> {
    config: &'a Config,
    grant: Grant,
}

/// What someone may ask for, and on whose account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// For logs.
    pub(crate) name: String,
    pub(crate) account: Account,
    /// The web pages that may use it; any program and page, if absent.
    pub(crate) origins: Option<Vec<String>>,
    /// The routes that it may name; all, if absent.
    pub(crate) routes: Option<Vec<String>>,
    /// The models that it may name, in place of those of the configuration.
    pub(crate) models: Option<Vec<String>>,
}

/// Lets `caller` in, or says what is missing.
pub(crate) fn admit<'a>(config: &'a Config, caller: &Caller) -> Result<Client<'a>, Refusal> {
    match &config.access {
        Access::Keys(keys) => {
            let grant = &known(keys, caller)?.grant;
            check_origin(grant, caller)?;
            Ok(Client { config, grant: grant.clone() })
        }
        Access::Loopback => {
            check_local(config, caller)?;
            // Who runs an edge for themselves has no one to keep from a model.
            let models = config.models.is_none().then(|| vec!["*".into()]);
            let account = Account { name: "loopback".into(), ..Account::default() };
            Ok(Client { config, grant: Grant { name: "loopback".into(), account, models, ..Grant::default() } })
        }
    }
}

fn known<'a>(keys: &'a [ClientKey], caller: &Caller) -> Result<&'a ClientKey, Refusal> {
    let digest: [u8; 32] = Sha256::digest(bearer(caller)?).into();
    let mut found = None;
    // Every key is looked at in full, so that time tells nothing.
    for key in keys {
        if same(&key.sha256, &digest) {
            found = Some(key);
        }
    }
    found.ok_or_else(|| denied("this client key is not known here"))
}

fn denied(message: &str) -> Refusal {
    Refusal::new(Kind::Unauthorized, "invalid_api_key", message)
}

/// What a caller shows.
pub(crate) fn bearer(caller: &Caller) -> Result<&str, Refusal> {
    let sent = caller.authorization.as_deref().unwrap_or_default();
    match sent.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(denied("no client key: send `Authorization: Bearer` and a key of this edge")),
    }
}

/// Compared in full, so that time tells nothing.
pub(crate) fn same(known: &[u8; 32], sent: &[u8; 32]) -> bool {
    known.iter().zip(sent).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn check_origin(grant: &Grant, caller: &Caller) -> Result<(), Refusal> {
    let Some(origins) = &grant.origins else { return Ok(()) };
    match &caller.origin {
        Some(origin) if origins.contains(origin) || is_own(origin, &caller.host) => Ok(()),
        _ => Err(Refusal::new(
            Kind::Forbidden,
            "origin_not_allowed",
            "this client key works from the web pages that it was made for, and from nowhere else",
        )),
    }
}

/// The page was served by this edge.
pub(crate) fn is_own(origin: &str, host: &str) -> bool {
    origin.contains("://") && authority(origin) == host
}

fn check_local(config: &Config, caller: &Caller) -> Result<(), Refusal> {
    let refused = |message: &str| Err(Refusal::new(Kind::Forbidden, "not_local", message));
    if !is_loopback(&caller.host) {
        return refused("this edge answers on 127.0.0.1, localhost and [::1] only");
    }
    if caller.address.as_deref().is_some_and(|address| !address.starts_with("127.") && address != "::1") {
        return refused("this edge answers programs on its own machine only");
    }
    let listed = |origin: &String| config.origins.contains(origin);
    match &caller.origin {
        Some(origin) if listed(origin) => Ok(()),
        Some(origin) if !is_own(origin, &caller.host) => {
            refused("another web page may not use this edge; its origin is not one of `origins` in FAILSOFT")
        }
        _ if !matches!(caller.site.as_deref(), None | Some("same-origin" | "none")) => {
            refused("another web page may not use this edge")
        }
        _ => Ok(()),
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
    use super::{Caller, admit, covers};
    use crate::config::Config;
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

    fn refused(config: &Config, caller: &Caller) -> u16 {
        admit(config, caller).map_or_else(|refusal| refusal.failure.http_status(), |_| 200)
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

    #[test]
    fn a_local_edge_answers_its_own_page_and_programs_and_no_other_page() {
        let config = config(json!({"access": "loopback", "origins": ["http://localhost:5173"]}));
        let caller = |host: &str, origin: Option<&str>, site: Option<&str>, address: Option<&str>| Caller {
            authorization: None,
            host: host.into(),
            origin: origin.map(Into::into),
            site: site.map(Into::into),
            address: address.map(Into::into),
        };
        for (host, origin, site, address, expected) in [
            ("127.0.0.1:8787", None, None, None, 200),
            ("localhost:8787", None, Some("none"), Some("127.0.0.1"), 200),
            ("[::1]:8787", Some("http://[::1]:8787"), Some("same-origin"), Some("::1"), 200),
            ("127.0.0.1:8787", Some("http://localhost:5173"), Some("cross-site"), None, 200),
            ("evil.example:8787", None, None, None, 403),
            ("evil.example:8787", Some("http://evil.example:8787"), Some("same-origin"), None, 403),
            ("127.0.0.1:8787", Some("https://evil.example"), Some("cross-site"), None, 403),
            ("127.0.0.1:8787", Some("null"), Some("cross-site"), None, 403),
            ("127.0.0.1:8787", Some("http://127.0.0.1:8080"), Some("same-site"), None, 403),
            ("127.0.0.1:8787", None, Some("cross-site"), None, 403),
            ("127.0.0.1:8787", None, None, Some("203.0.113.7"), 403),
        ] {
            let caller = caller(host, origin, site, address);
            assert_eq!(refused(&config, &caller), expected, "{caller:?}");
        }
    }
}
