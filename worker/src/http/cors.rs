//! CORS: which web pages may read a reply.
//!
//! A page may read replies if its origin is one of `origins`, or one of the origins of any key, issuer or visitors' entry. A
//! preflight carries no key, so the edge cannot know which key the request will use. Whether the key works from that origin
//! is decided when the request itself comes. With managed keys, every page may read replies: only the object of a key knows
//! the key's origins, and a browser sends nothing here by itself (no cookie, no credentials) that another page could misuse.
//! The edge's own page needs no CORS, and no other page reads anything of `/admin`.

use crate::config::{Access, Config};

/// The headers that a script may read.
const EXPOSED: &str = "x-failsoft-model, x-failsoft-attempts, x-failsoft-warnings, x-failsoft-cache, x-request-id, \
                       request-id, x-should-retry, retry-after";

/// How long a browser may remember a preflight, in seconds.
const REMEMBERED: &str = "7200";

pub(crate) type Headers = Vec<(&'static str, String)>;

/// The CORS headers of a reply to a page at `origin`.
pub(crate) fn reply_headers(config: Option<&Config>, origin: Option<&str>) -> Headers {
    // A cache must not give the reply for one page to another page, or to a program.
    let mut headers = vec![("vary", "Origin".to_owned())];
    if let (Some(config), Some(origin)) = (config, origin)
        && allows(config, origin)
    {
        headers.push(("access-control-allow-origin", origin.into()));
        headers.push(("access-control-expose-headers", EXPOSED.into()));
    }
    headers
}

/// The further headers of a reply to a preflight. Every requested header is allowed: SDKs send headers of their own.
pub(crate) fn preflight_headers(allowed: bool, requested: Option<&str>) -> Headers {
    if !allowed {
        return Headers::new();
    }
    vec![
        ("access-control-allow-methods", "GET, POST, OPTIONS".into()),
        ("access-control-allow-headers", requested.unwrap_or("authorization, content-type").into()),
        ("access-control-max-age", REMEMBERED.into()),
    ]
}

/// Whether a page at `origin` may read replies.
pub(crate) fn allows(config: &Config, origin: &str) -> bool {
    let listed = |origins: &[String]| origins.iter().any(|known| known == "*" || known == origin);
    listed(&config.origins)
        || match &config.access {
            Access::Keys(ways) => {
                let keys = ways.keys.iter().map(|key| &key.grant);
                let users = ways.users.iter().map(|issuer| &issuer.grant);
                let visitors = ways.visitors.iter().map(|visitors| &visitors.grant);
                let mut grants = keys.chain(users).chain(visitors);
                !ways.admins.is_empty() || grants.any(|grant| grant.origins.as_deref().is_some_and(listed))
            }
            Access::Loopback => false,
        }
}

#[cfg(test)]
mod tests {
    use super::allows;
    use crate::config::Config;
    use serde_json::{Value, json};

    fn allowed(value: Value, origin: &str) -> bool {
        allows(&Config::of(&value.to_string(), "sk").expect("a configuration"), origin)
    }

    #[test]
    fn the_pages_of_the_edge_and_of_its_keys_may_read_replies() {
        let digest = "0".repeat(64);
        let keys = json!([{"name": "web", "sha256": digest, "origins": ["https://app.example"]}]);
        let config = json!({"keys": keys, "origins": ["https://other.example"]});
        assert!(allowed(config.clone(), "https://app.example"));
        assert!(allowed(config.clone(), "https://other.example"));
        assert!(!allowed(config.clone(), "https://app.example.evil"));
        assert!(!allowed(config, "null"));
        assert!(allowed(json!({"keys": keys, "origins": ["*"]}), "https://anyone.example"));
    }
}
