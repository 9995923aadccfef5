//! One secret for each purpose. A secret with two purposes is known to two parties: an upstream that gets the admin token as its
//! key could use `/admin`, and a client key in a page must open nothing else. So a configuration in which two purposes have one
//! value is refused.

use super::admin::Admin;
use super::attestation::PLAY_INTEGRITY_KEY;
use super::operations::{Alerts, Target};
use super::secret::{name_in_use, old_name};
use super::{Access, Deployed, Problem, digest, sampling};

/// What a secret is for. The secret before the last rotation has the purpose of the present one, because an owner who rotates
/// stores the old value first, and for a moment both are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    /// The key of the upstreams that name this secret.
    Upstream(String),
    /// The token of the admin with this name.
    Admin(String),
    Metrics,
    Sessions,
    Turnstile,
    PlayIntegrity,
    Samples,
}

/// A secret that is set.
#[derive(Debug)]
struct Secret {
    name: String,
    purpose: Purpose,
    value: String,
}

/// The secrets of `config` whose value has another purpose, too. `key_names` are the secrets with the upstreams' keys.
pub(super) fn find_shared(
    config: &Deployed,
    key_names: &[String],
    variable: &impl Fn(&str) -> Option<String>,
) -> Vec<Problem> {
    let secrets = secrets(config, key_names, variable);
    let mut problems = Vec::new();
    for (at, secret) in secrets.iter().enumerate() {
        let same = secrets[..at].iter().find(|other| other.value == secret.value && other.purpose != secret.purpose);
        let other = same.map(|other| match other.name == secret.name {
            true => "the secret for another purpose".to_owned(),
            false => other.name.clone(),
        });
        let other =
            other.or_else(|| find_client_key(config, &secret.value)).or_else(|| find_header(config, &secret.value));
        problems.extend(other.map(|other| Problem::SecretShared(secret.name.clone(), other)));
    }
    problems
}

/// Every secret that is set and that `config` uses, except those that hold headers.
fn secrets(config: &Deployed, key_names: &[String], variable: &impl Fn(&str) -> Option<String>) -> Vec<Secret> {
    let mut names = Vec::new();
    for name in key_names {
        let purpose = Purpose::Upstream(name_in_use(name, variable).into());
        names.extend([(name_in_use(name, variable).to_owned(), purpose.clone()), (old_name(name), purpose)]);
    }
    if let Access::Keys(ways) = &config.access {
        let admin = |admin: &Admin| (admin.secret.clone(), Purpose::Admin(admin.name.clone()));
        names.extend(ways.admins.iter().map(admin));
        if let Some(visitors) = &ways.visitors {
            let session = "SESSION_SECRET";
            names.extend([(session.into(), Purpose::Sessions), (old_name(session), Purpose::Sessions)]);
            names.extend(visitors.knows_pages().then(|| ("TURNSTILE_SECRET".into(), Purpose::Turnstile)));
            let asks_google = visitors.play_integrity.is_some();
            names.extend(asks_google.then(|| (PLAY_INTEGRITY_KEY.into(), Purpose::PlayIntegrity)));
        }
    }
    names.push(("METRICS_TOKEN".into(), Purpose::Metrics));
    names.push((sampling::SECRET.into(), Purpose::Samples));
    let read = |(name, purpose): (String, Purpose)| {
        let value = variable(&name)?.trim().to_owned();
        Some(Secret { name, purpose, value }).filter(|secret| !secret.value.is_empty())
    };
    names.into_iter().filter_map(read).collect()
}

/// The client key with this value. Everybody who opens a page may know it.
fn find_client_key(config: &Deployed, value: &str) -> Option<String> {
    let Access::Keys(ways) = &config.access else { return None };
    let digest = digest::of(value);
    let at = ways.keys.iter().position(|key| key.sha256 == digest)?;
    Some(format!("the client key `keys[{at}]`"))
}

/// The receiver of spans or alerts that gets this value in a header.
fn find_header(config: &Deployed, value: &str) -> Option<String> {
    let operations = &config.operations;
    let alerts = operations.alerts.as_ref().map(|Alerts { target, .. }| target);
    let targets = [("otlp", operations.otlp.as_ref()), ("alerts", alerts)];
    let has_value = |target: &Target| {
        let mut words = target.headers.iter().flat_map(|(_, header)| header.split_ascii_whitespace());
        words.any(|word| word == value)
    };
    let (field, _) = targets.into_iter().find(|(_, target)| target.is_some_and(has_value))?;
    Some(format!("a header of `{field}`"))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, digest};
    use serde_json::json;

    const NAMES: [&str; 10] = [
        "UPSTREAM_API_KEY",
        "SECOND_KEY",
        "ADMIN_TOKEN",
        "CI_TOKEN",
        "METRICS_TOKEN",
        "SESSION_SECRET",
        "TURNSTILE_SECRET",
        "SAMPLES_SECRET",
        "PLAY_INTEGRITY_KEY",
        "OTLP_HEADERS",
    ];

    fn own(name: &str) -> String {
        match name {
            "OTLP_HEADERS" => "x-scope=a,authorization=Bearer 0123456789".into(),
            "PLAY_INTEGRITY_KEY" => json!({
                "type": "service_account", "client_email": "e", "private_key_id": "k",
                "private_key": "-----BEGIN PRIVATE KEY-----AQID-----END PRIVATE KEY-----",
            })
            .to_string(),
            name => format!("{name}-0123456789-0123456789-0123456789"),
        }
    }

    /// The problems of a configuration with every kind of secret, where `set` replaces or adds some.
    fn problems(set: &[(&str, String)]) -> String {
        let client_key = digest::hex(&digest::of("a-client-key-0123456789-0123456789"));
        let failsoft = json!({
            "upstreams": [{}, {"url": "https://b.example/v1", "key": "SECOND_KEY"}, {"url": "https://c.example/v1", "key": "SECOND_KEY"}],
            "keys": [{"name": "web", "sha256": client_key}],
            "admins": [{"name": "ci", "token": "CI_TOKEN", "scopes": ["read"]}],
            "visitors": {"origins": ["https://app.example"], "playIntegrity": {"package": "com.example.app"}},
            "otlp": {"url": "https://o.example", "headers": "OTLP_HEADERS"},
        });
        let variable = |name: &str| match set.iter().find(|(other, _)| *other == name) {
            Some((_, value)) => Some(value.clone()),
            None if name == "FAILSOFT" => Some(failsoft.to_string()),
            None if name == "KEYS" => Some("{}".into()),
            None => NAMES.contains(&name).then(|| own(name)),
        };
        let problems = Config::read(variable).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn every_pair_of_purposes_with_one_value_is_refused() {
        assert_eq!(problems(&[]), "");
        let values: Vec<&str> = NAMES.into_iter().filter(|name| *name != "OTLP_HEADERS").collect();
        for (at, first) in values.iter().enumerate() {
            for second in &values[at + 1..] {
                let found = problems(&[(second, [" ", &own(first), "\n"].concat())]);
                let names = [found.contains(first), found.contains(second), found.contains("has the same value as")];
                assert_eq!(names, [true; 3], "{first} {second}: {found}");
                assert!(!found.contains(&own(first)), "{found}");
            }
            // A header cannot hold the commas of a key file.
            if !own(first).contains(',') {
                let header = format!("authorization=Bearer {}", own(first));
                let expected = format!("{first} has the same value as a header of `otlp`");
                let found = problems(&[("OTLP_HEADERS", header)]);
                assert!(found.starts_with(&expected), "{found}");
            }
            let found = problems(&[(first, "a-client-key-0123456789-0123456789".into())]);
            assert!(found.contains(&format!("{first} has the same value as the client key `keys[0]`")), "{found}");
        }
    }

    #[test]
    fn a_rotation_may_store_the_present_value_as_the_old_one_and_no_other() {
        for (old, of) in [
            ("UPSTREAM_API_KEY_OLD", "UPSTREAM_API_KEY"),
            ("SECOND_KEY_OLD", "SECOND_KEY"),
            ("SESSION_SECRET_OLD", "SESSION_SECRET"),
        ] {
            assert_eq!(problems(&[(old, own(of))]), "");
            for other in ["UPSTREAM_API_KEY", "SECOND_KEY", "SESSION_SECRET", "ADMIN_TOKEN"] {
                let found = problems(&[(old, own(other))]);
                assert_eq!(found.contains("has the same value as"), other != of, "{old} {other}: {found}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_named_for_two_purposes_is_refused() {
        let read = |failsoft: serde_json::Value| {
            let variable = |name: &str| match name {
                "FAILSOFT" => Some(failsoft.to_string()),
                "KEYS" => Some("{}".into()),
                "OPENROUTER_API_KEY" | "A_KEY" => Some(own(name)),
                _ => None,
            };
            let problems = Config::read(variable).err().unwrap_or_default();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let admins = |token: &str| json!([{"name": "ci", "token": token, "scopes": ["read"]}]);
        let upstreams = json!([{}, {"url": "https://eu.openrouter.ai/api/v1", "key": "OPENROUTER_API_KEY"}]);
        assert_eq!(read(json!({"upstreams": upstreams, "admins": admins("A_KEY")})), "");
        for failsoft in [
            json!({"upstream": {"key": "A_KEY"}, "admins": admins("A_KEY")}),
            json!({"upstreams": upstreams, "admins": admins("OPENROUTER_API_KEY")}),
        ] {
            let found = read(failsoft);
            assert!(found.contains("has the same value as the secret for another purpose"), "{found}");
        }
    }
}
