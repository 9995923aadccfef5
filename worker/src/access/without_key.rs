//! Access without a key: for programs on this machine, and for the edge's own page. Without these checks, a page of another
//! origin could spend the owner's money through a browser on this machine, or through a name that leads to this machine.

use super::Client;
use crate::config::{Account, Config, Grant, is_loopback};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::{Caller, is_own};

/// Admits programs on this machine, and the edge's own page.
pub(crate) fn admit<'a>(config: &'a Config, caller: &Caller) -> Result<Client<'a>, ApiError> {
    check(config, caller)?;
    // A loopback edge belongs to one person, who may use every model.
    let models = config.models.is_none().then(|| vec!["*".into()]);
    let account = Account { name: "loopback".into(), ..Account::default() };
    Ok(Client::new(config, Grant { name: "loopback".into(), account, models, ..Grant::default() }))
}

/// Checks that a program on this machine, or the edge's own page, sent the request.
pub(super) fn check(config: &Config, caller: &Caller) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::new(Code::NotLocal, message));
    if !is_loopback(&caller.host) {
        return refused("this edge answers on 127.0.0.1, localhost and [::1] only; use one of these hosts");
    }
    if caller.address.as_deref().is_some_and(|address| !address.starts_with("127.") && address != "::1") {
        return refused("this edge answers programs on its own machine only");
    }
    let is_listed = |origin: &String| config.origins.contains(origin);
    match &caller.origin {
        Some(origin) if is_listed(origin) => Ok(()),
        Some(origin) if !is_own(origin, &caller.host) => refused(
            "this edge serves its own page only; to admit another web page, add its origin to `origins` in FAILSOFT",
        ),
        _ if !matches!(caller.site.as_deref(), None | Some("same-origin" | "none")) => {
            refused("this edge serves its own page only, and no other web page")
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
    fn a_loopback_edge_admits_programs_and_its_own_page_and_no_other_page() {
        let config = r#"{"access": "loopback", "origins": ["http://localhost:5173"]}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let caller = |host: &str, origin: Option<&str>, site: Option<&str>, address: Option<&str>| Caller {
            authorization: None,
            host: host.into(),
            origin: origin.map(Into::into),
            site: site.map(Into::into),
            address: address.map(Into::into),
            ..Caller::default()
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
            let status = admit(&config, &caller).map_or_else(|error| error.code.status(), |_| 200);
            assert_eq!(status, expected, "{caller:?}");
        }
    }
}
