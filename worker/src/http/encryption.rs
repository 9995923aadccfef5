//! Requests travel encrypted: a client key that was sent over plain HTTP may be known to others.

use crate::config::{Access, Config, is_loopback};
use crate::http::api_error::{ApiError, Code};
use crate::http::caller::Caller;

/// The header with which a reply over HTTPS asks browsers for HTTPS from then on, for a year.
pub(crate) const ONLY_HTTPS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// Refuses a request over plain HTTP, except on this machine, behind a proxy that the owner trusts, and during development.
///
/// # Errors
/// If the request is not encrypted.
pub(crate) fn check(config: &Config, caller: &Caller) -> Result<(), ApiError> {
    let is_local = config.access == Access::Loopback || is_loopback(&caller.host);
    if is_local || config.is_development || is_secure(config, caller) {
        return Ok(());
    }
    let message = "this edge answers over https:// only; behind a proxy that ends TLS, its owner sets `trustProxy`";
    Err(ApiError::new(Code::HttpsRequired, message))
}

/// Whether the request came over HTTPS: to this edge, or to a proxy that the owner trusts.
pub(crate) fn is_secure(config: &Config, caller: &Caller) -> bool {
    let by_proxy = config.trusts_proxy && caller.forwarded_scheme.as_deref().is_none_or(|scheme| scheme == "https");
    caller.is_encrypted || by_proxy
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::config::Config;
    use crate::http::caller::Caller;

    #[test]
    fn only_this_machine_a_trusted_proxy_and_development_may_use_plain_http() {
        let key = format!(r#""keys": [{{"name": "a", "sha256": "{}"}}]"#, "0".repeat(64));
        let admits = |fields: &str, is_encrypted, host: &str, scheme: Option<&str>| {
            let config = Config::of(&format!("{{{key}{fields}}}"), "sk").expect("a configuration");
            let forwarded_scheme = scheme.map(Into::into);
            check(&config, &Caller { is_encrypted, host: host.into(), forwarded_scheme, ..Caller::default() }).is_ok()
        };
        for (fields, is_encrypted, host, scheme, expected) in [
            ("", true, "edge.example", None, true),
            ("", false, "edge.example", None, false),
            ("", false, "edge.example", Some("https"), false),
            ("", false, "localhost.example", None, false),
            ("", false, "127.0.0.1:8787", None, true),
            (r#", "development": true"#, false, "10.0.2.2:8787", None, true),
            (r#", "trustProxy": true"#, false, "edge.example", Some("https"), true),
            (r#", "trustProxy": true"#, false, "edge.example", None, true),
            (r#", "trustProxy": true"#, false, "edge.example", Some("http"), false),
            (r#", "trustProxy": false"#, false, "edge.example", Some("https"), false),
        ] {
            assert_eq!(admits(fields, is_encrypted, host, scheme), expected, "{fields} {host} {scheme:?}");
        }
    }
}
