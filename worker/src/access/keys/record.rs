//! The record of a managed key, as its object stores it. The field names are those of the stored JSON.

use failsoft::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::digest;

/// The most secrets: the newest, and old ones within their grace.
const SECRETS: usize = 5;

/// A managed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// `name`, `expiresAt`, `origins`, `addresses`, `routes`, `models`, `budget` and `report`, checked by `/admin`.
    pub(crate) terms: Map<String, Value>,
    /// The newest first.
    secrets: Vec<StoredSecret>,
    created: Millis,
    rotated: Option<Millis>,
    revoked: Option<Millis>,
}

/// What is stored of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredSecret {
    sha256: String,
    /// When an old secret stops working; nothing for the newest.
    until: Option<Millis>,
}

/// Why a key is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Denied {
    Unknown,
    Expired,
    Revoked,
}

impl Record {
    pub(crate) fn new(id: String, terms: Map<String, Value>, sha256: String, now: Millis) -> Self {
        let secrets = vec![StoredSecret { sha256, until: None }];
        Self { id, terms, secrets, created: now, rotated: None, revoked: None }
    }

    /// Checks the key with the digest `sent`.
    pub(super) fn admit(&self, sent: &str, now: Millis) -> Result<(), Denied> {
        let sent = digest::read(sent).ok_or(Denied::Unknown)?;
        let is_sent =
            |secret: &&StoredSecret| digest::read(&secret.sha256).is_some_and(|known| digest::same(&known, &sent));
        let secret = self.secrets.iter().find(is_sent).ok_or(Denied::Unknown)?;
        if self.revoked.is_some() {
            return Err(Denied::Revoked);
        }
        let end = self.terms.get("expiresAt").and_then(Value::as_u64).map(|seconds| seconds * 1_000);
        let is_over = |end: Option<Millis>| end.is_some_and(|end| now >= end);
        if is_over(secret.until) || is_over(end) { Err(Denied::Expired) } else { Ok(()) }
    }

    /// Changes the terms. `null` removes a term.
    pub(super) fn change(&mut self, terms: Map<String, Value>) {
        for (name, value) in terms {
            if value.is_null() {
                self.terms.remove(&name);
            } else {
                self.terms.insert(name, value);
            }
        }
    }

    /// Adds a new secret. The last one works for `grace` milliseconds more.
    pub(super) fn rotate(&mut self, sha256: String, grace: Millis, now: Millis) {
        if let Some(last) = self.secrets.first_mut() {
            last.until = Some(now + grace);
        }
        self.secrets.retain(|secret| secret.until.is_some_and(|until| now < until));
        self.secrets.insert(0, StoredSecret { sha256, until: None });
        self.secrets.truncate(SECRETS);
        self.rotated = Some(now);
    }

    /// Ends the key for good. The first revocation counts.
    pub(super) fn revoke(&mut self, now: Millis) {
        self.revoked.get_or_insert(now);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.is_some()
    }

    /// What `/admin` shows of the key, with dates in seconds since 1970 and without digests.
    pub(crate) fn details(&self) -> Value {
        self.to_json(self.terms.clone())
    }

    /// What the list of all keys shows of the key.
    pub(crate) fn list_row(&self) -> Value {
        let mut terms = self.terms.clone();
        terms.retain(|name, _| matches!(name.as_str(), "name" | "expiresAt"));
        self.to_json(terms)
    }

    fn to_json(&self, terms: Map<String, Value>) -> Value {
        let mut json = Map::new();
        json.insert("id".into(), self.id.as_str().into());
        json.extend(terms);
        let grace = self.secrets.iter().filter_map(|secret| secret.until).max();
        let dates = [
            ("createdAt", Some(self.created)),
            ("rotatedAt", self.rotated),
            ("graceUntil", grace),
            ("revokedAt", self.revoked),
        ];
        json.extend(dates.into_iter().filter_map(|(name, at)| Some((name.into(), json!(at? / 1_000)))));
        json.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Denied, Record};
    use crate::config::digest;
    use serde_json::{Map, Value, json};

    fn hash(text: &str) -> String {
        digest::hex(&digest::of(text))
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    fn record() -> Record {
        Record::new("a".into(), map(json!({"name": "web", "expiresAt": 100})), hash("one"), 5_000)
    }

    #[test]
    fn a_key_is_valid_by_its_digest_until_it_expires() {
        let record = record();
        assert_eq!(record.admit(&hash("one"), 99_999), Ok(()));
        assert_eq!(record.admit(&hash("one"), 100_000), Err(Denied::Expired));
        for other in [&hash("two"), "one", "", &hash("one")[1..]] {
            assert_eq!(record.admit(other, 6_000), Err(Denied::Unknown), "{other}");
        }
    }

    #[test]
    fn an_old_secret_works_for_its_grace_and_no_longer() {
        let mut record = record();
        record.rotate(hash("two"), 1_000, 6_000);
        assert_eq!(record.details()["graceUntil"], 7);
        assert_eq!((record.admit(&hash("one"), 6_999), record.admit(&hash("two"), 6_999)), (Ok(()), Ok(())));
        assert_eq!(record.admit(&hash("one"), 7_000), Err(Denied::Expired));
        record.rotate(hash("three"), 0, 6_500);
        assert_eq!(record.admit(&hash("two"), 6_500), Err(Denied::Unknown));
        assert_eq!(record.admit(&hash("one"), 6_999), Ok(()), "its grace is not over");
        assert_eq!(record.admit(&hash("three"), 6_500), Ok(()));
        for at in 0..20 {
            record.rotate(hash(&at.to_string()), 60_000, 7_000);
        }
        assert_eq!(record.secrets.len(), 5);
        assert_eq!(record.admit(&hash("19"), 8_000), Ok(()));
    }

    #[test]
    fn a_revoked_key_is_revoked_with_all_of_its_secrets_and_for_good() {
        let mut record = record();
        record.rotate(hash("two"), 60_000, 6_000);
        record.revoke(8_000);
        record.revoke(9_000);
        for key in ["one", "two"] {
            assert_eq!(record.admit(&hash(key), 9_000), Err(Denied::Revoked));
        }
        assert_eq!(record.details()["revokedAt"], 8);
    }

    #[test]
    fn terms_change_one_by_one_and_the_details_contain_no_digest() {
        let mut record = record();
        record.change(map(json!({"expiresAt": null, "routes": ["a"]})));
        assert_eq!(record.admit(&hash("one"), 200_000), Ok(()));
        assert_eq!(record.details(), json!({"id": "a", "name": "web", "routes": ["a"], "createdAt": 5}));
        assert_eq!(record.list_row(), json!({"id": "a", "name": "web", "createdAt": 5}));
    }
}
