//! Secrets: the keys of the upstreams, and those that the owner chose for this edge.

use failsoft::Upstream;

use super::Problem;

/// The secret that holds the key of an upstream that names no other.
pub(super) const DEFAULT_KEY: &str = "UPSTREAM_API_KEY";

/// OpenRouter's documentation uses this name, so the edge reads it where [`DEFAULT_KEY`] is not set.
const OPENROUTER_KEY: &str = "OPENROUTER_API_KEY";

/// Characters in a secret that the owner chose: as many as 128 bits have in hex.
const SHORTEST: usize = 32;

/// Reads the upstreams' keys from the secrets `names`. A local upstream may work without a key.
pub(super) fn upstream_keys(
    names: &[String],
    variable: &impl Fn(&str) -> Option<String>,
    local: bool,
    problems: &mut Vec<Problem>,
) -> Vec<Option<String>> {
    let mut keys = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let key = upstream_key(name, variable);
        let is_reported = names[..at].contains(name);
        problems.extend(key_problem(name, key.as_deref(), local).filter(|_| !is_reported));
        keys.push(key.filter(|key| !key.is_empty()));
    }
    keys
}

/// Reads the keys before the last rotation: `NAME_OLD` for each secret of `names`. An edge works without them.
pub(super) fn old_keys(
    names: &[String],
    variable: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Vec<Option<String>> {
    let mut keys = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let old = old_name(name);
        let key = variable(&old).map(|key| key.trim().to_owned());
        let problem = key.as_ref().and_then(|key| key_problem(&old, Some(key), false));
        problems.extend(problem.filter(|_| !names[..at].contains(name)));
        keys.push(key);
    }
    keys
}

/// Gives each upstream its key. An upstream with an old key gets a spare behind it, which is asked if the new key is refused.
pub(super) fn add_keys(upstreams: &mut Vec<Upstream>, keys: Vec<Option<String>>, old: Vec<Option<String>>) {
    let plain = std::mem::take(upstreams);
    for ((mut upstream, key), old) in plain.into_iter().zip(keys).zip(old) {
        let spare = old.map(|old| Upstream { key: Some(old), is_spare: true, ..upstream.clone() });
        upstream.key = key;
        upstreams.push(upstream);
        upstreams.extend(spare);
    }
}

fn upstream_key(name: &str, variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
    variable(name_in_use(name, variable)).map(|key| key.trim().into())
}

/// The name of the secret that is read for `name`.
pub(super) fn name_in_use<'a>(name: &'a str, variable: &impl Fn(&str) -> Option<String>) -> &'a str {
    let has_other_name = name == DEFAULT_KEY && variable(name).is_none() && variable(OPENROUTER_KEY).is_some();
    if has_other_name { OPENROUTER_KEY } else { name }
}

/// The name of the secret with the key before the last rotation of `name`.
pub(super) fn old_name(name: &str) -> String {
    [name, "_OLD"].concat()
}

fn key_problem(name: &str, key: Option<&str>, local: bool) -> Option<Problem> {
    match key {
        None => Some(Problem::SecretMissing(name.into())),
        Some("") if !local => Some(Problem::SecretEmpty(name.into())),
        Some(key) if !key.bytes().all(|byte| byte.is_ascii_graphic()) => Some(Problem::SecretUnprintable(name.into())),
        Some(_) => None,
    }
}

/// Reads a secret that the owner chose for this edge, unless the secret is short enough to be guessed.
pub(super) fn own_secret(
    name: &str,
    variable: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let secret = variable(name)?.trim().to_owned();
    if secret.chars().count() < SHORTEST {
        problems.push(Problem::SecretShort(name.into(), SHORTEST));
        return None;
    }
    Some(secret)
}

/// Whether `name` can be the name of a secret. A key in its place has other characters.
pub(super) fn is_secret_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_part) && name != super::VARIABLE
}
