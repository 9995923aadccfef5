//! Which web pages may read an answer. Decisions on plain data.
//!
//! An origin may if it is one of `origins`, or of the `origins` of any way in: a preflight carries no key, so it cannot be
//! told for which one it asks. Whether *this* key works from there is decided when the request itself comes. With managed
//! keys any origin may: which of them they allow is known to each key's object, and a browser sends nothing here by itself
//! (no cookie, no credentials) that a page from elsewhere could misuse. The edge's own page needs none of this, and of
//! `/admin` no other page reads anything.

use crate::config::{Access, Config};

/// What a script may read of an answer beside its body.
const EXPOSED: &str = "x-failsoft-model, x-failsoft-attempts, x-request-id, x-should-retry, retry-after";

/// How long a browser may remember a preflight, in seconds.
const REMEMBERED: &str = "7200";

pub(crate) type Headers = Vec<(&'static str, String)>;

/// The headers of an answer to a page at `origin`.
pub(crate) fn answer(config: Option<&Config>, origin: Option<&str>) -> Headers {
    // A cache must not give one page's answer to another, nor to no page.
    let mut headers = vec![("vary", "Origin".to_owned())];
    if let (Some(config), Some(origin)) = (config, origin)
        && allows(config, origin)
    {
        headers.push(("access-control-allow-origin", origin.into()));
        headers.push(("access-control-expose-headers", EXPOSED.into()));
    }
    headers
}

/// What a preflight is told beside that. The headers it asks for are those it gets: SDKs send names of their own.
pub(crate) fn preflight(allowed: bool, requested: Option<&str>) -> Headers {
    if !allowed {
        return Headers::new();
    }
    vec![
        ("access-control-allow-methods", "GET, POST, OPTIONS".into()),
        ("access-control-allow-headers", requested.unwrap_or("authorization, content-type").into()),
        ("access-control-max-age", REMEMBERED.into()),
    ]
}

/// A page at `origin` may read answers.
pub(crate) fn allows(config: &Config, origin: &str) -> bool {
    let listed = |origins: &[String]| origins.iter().any(|known| known == "*" || known == origin);
    listed(&config.origins)
        || match &config.access {
            Access::Keys(ways) => {
                let keys = ways.keys.iter().map(|key| &key.grant);
                let users = ways.users.iter().map(|issuer| &issuer.grant);
                let visitors = ways.visitors.iter().map(|visitors| &visitors.grant);
                let mut grants = keys.chain(users).chain(visitors);
                ways.admin.is_some() || grants.any(|grant| grant.origins.as_deref().is_some_and(listed))
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
    fn pages_are_those_of_the_edge_and_of_its_keys() {
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
