//! Routes that the database stores. The code that reads the configuration reads them, too. A stored route never permits what the
//! configuration does not: a person who may edit routes does not own the edge.

use failsoft::invalid::{Invalid, Section, join};
use failsoft::{Json, Policy, Usd};

use super::route::{Above, Route};
use super::{Config, provider};

/// Reads the version `version` of the stored route `name` from `given`, which is at `path` of a request.
///
/// # Errors
/// The field that is wrong, with its path.
pub(crate) fn read_stored_route(
    config: &Config,
    path: &str,
    (name, version): (&str, u64),
    given: Json<'_>,
) -> Result<Route, Box<Invalid>> {
    let section = Section::object(path, given)?;
    let above = Above {
        policy: &config.policy,
        provider: config.provider.as_deref(),
        limits: &config.limits,
        upstreams: &config.upstream_names,
    };
    let route = Route::read(&section, name, &above)?;
    check_policy(&route.policy, &config.policy, path)?;
    provider::check_unchanged(&section, config.provider.as_deref())?;
    if route.sampling.is_some() && config.samples_secret.is_none() {
        return Err(section.wrong("sampling", "needs the secret SAMPLES_SECRET, which the owner of the edge stores"));
    }
    Ok(Route { version: Some(version), ..route })
}

/// Refuses a policy that allows more requests, or more money, than that of the configuration.
fn check_policy(policy: &Policy, above: &Policy, path: &str) -> Result<(), Box<Invalid>> {
    let most = |usd: Option<Usd>| usd.map_or(u64::MAX, |usd| usd.0);
    for (name, given, most) in [
        ("attempts", policy.attempts.into(), above.attempts.into()),
        ("maxCostUsd", most(policy.max_cost), most(above.max_cost)),
        ("maxPrice.prompt", most(policy.max_price.0), most(above.max_price.0)),
        ("maxPrice.completion", most(policy.max_price.1), most(above.max_price.1)),
    ] {
        if given > most {
            let problem = "is more than the `policy` of the configuration allows";
            return Err(Invalid::new(join(path, &["policy.", name].concat()), problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use failsoft::Json;

    use super::read_stored_route;
    use crate::config::{Config, Route};

    fn read(route: &str) -> Result<Route, String> {
        let config = r#"{"access": "loopback", "policy": {"attempts": 4, "maxCostUsd": 0.5}, "provider": {"data_collection": "deny"},
            "limits": {"outputTokens": 1000}, "upstreams": [{}, {"url": "https://a.example/v1", "name": "a"}, {"url": "https://b.example/v1"}]}"#;
        let config = Config::of(config, "sk").expect("a configuration");
        let read = read_stored_route(&config, "route", ("r", 3), Json::parse(route).expect("JSON"));
        read.map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_stored_route_is_read_as_one_of_the_configuration() {
        let route = read(
            r#"{"models": ["m"], "policy": {"attempts": 2}, "upstreams": ["b.example", "a", "b.example"], "limits": {"outputTokens": 9}}"#,
        );
        let route = route.expect("a route");
        assert_eq!((route.version, route.policy.attempts, route.upstreams), (Some(3), 2, vec![2, 1]));
        assert_eq!(route.cache, None, "off by default");
        let lifetime =
            |cache: &str| read(&format!(r#"{{"models": ["m"], "cache": {cache}}}"#)).map(|route| route.cache);
        assert_eq!([lifetime("{}"), lifetime(r#"{"lifetime": 5}"#)], [Ok(Some(3_600_000)), Ok(Some(5_000))]);
        assert_eq!(route.policy.max_cost.map(|usd| usd.decimal()).as_deref(), Some("0.5"), "inherited");
    }

    #[test]
    fn a_stored_route_permits_nothing_that_the_configuration_does_not() {
        for (route, problem) in [
            (r#"{}"#, "`route.models` must name at least one model"),
            (r#"{"models": ["m"], "lane": "lean", "cache": {}}"#, "`route.cache` needs another lane"),
            (r#"{"models": ["m"], "polcy": {}}"#, "`route.polcy` is not a known field; did you mean `policy`?"),
            (
                r#"{"models": ["m"], "policy": {"attempts": 5}}"#,
                "`route.policy.attempts` is more than the `policy` of the configuration allows",
            ),
            (
                r#"{"models": ["m"], "policy": {"attempts": 99}}"#,
                "`route.policy.attempts` must be a whole number from 1 to 32",
            ),
            (r#"{"models": ["m"], "policy": {"maxCostUsd": 0.6}}"#, "`route.policy.maxCostUsd` is more than"),
            (
                r#"{"models": ["m"], "upstreams": ["c"]}"#,
                "`route.upstreams[0]` is not the name of an upstream; there are: openrouter.ai, a, b.example",
            ),
            (
                r#"{"models": ["m"], "limits": {"outputTokens": 1001}}"#,
                "`route.limits.outputTokens` cannot be more than 1000",
            ),
            (
                r#"{"models": ["m"], "provider": {"data_collection": "allow"}}"#,
                "`route.provider.data_collection` is fixed by the configuration",
            ),
        ] {
            let found = read(route).expect_err(problem);
            assert!(found.starts_with(problem), "{found}");
        }
        assert!(read(r#"{"models": ["m"], "provider": {"data_collection": "deny", "sort": "price"}}"#).is_ok());
    }
}
