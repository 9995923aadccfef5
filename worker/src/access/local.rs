//! The way in that needs no key: from this machine, and from no web page but the edge's own. A page elsewhere could
//! otherwise spend the owner's money by pointing a browser, or a name, at this machine.

use super::Client;
use crate::config::{Account, Config, Grant, is_loopback};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};

/// Lets in programs on this machine, and the edge's own page.
pub(crate) fn admit<'a>(config: &'a Config, caller: &Caller) -> Result<Client<'a>, ApiError> {
    check(config, caller)?;
    // Who runs an edge for themselves has no one to keep from a model.
    let models = config.models.is_none().then(|| vec!["*".into()]);
    let account = Account { name: "loopback".into(), ..Account::default() };
    Ok(Client { config, grant: Grant { name: "loopback".into(), account, models, ..Grant::default() } })
}

fn check(config: &Config, caller: &Caller) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::new(Code::NotLocal, message));
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

#[cfg(test)]
mod tests {
    use super::admit;
    use crate::config::Config;
    use crate::http::caller::Caller;

    #[test]
    fn a_local_edge_answers_its_own_page_and_programs_and_no_other_page() {
        let config = r#"{"access": "loopback", "origins": ["http://localhost:5173"]}"#;
        let config = Config::of(config, "sk").expect("a configuration");
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
            let status = admit(&config, &caller).map_or_else(|refusal| refusal.code.status(), |_| 200);
            assert_eq!(status, expected, "{caller:?}");
        }
    }
}
