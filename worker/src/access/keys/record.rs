//! What the object of one key knows.

use failsoft::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::digest;

/// Secrets that are kept at most: the one that works, and those within their grace.
const SECRETS: usize = 5;

/// A managed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// `name`, `expiresAt`, `origins`, `routes`, `models` and `budget`, as they were given, checked.
    pub(crate) terms: Map<String, Value>,
    /// The newest first.
    secrets: Vec<Kept>,
    created: Millis,
    rotated: Option<Millis>,
    revoked: Option<Millis>,
}

/// A secret, as much as is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    sha256: String,
    /// It was replaced, and works until then.
    until: Option<Millis>,
}

/// Why a key does not open anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Denied {
    Unknown,
    Expired,
    Revoked,
}

impl Record {
    pub(crate) fn new(id: String, terms: Map<String, Value>, sha256: String, now: Millis) -> Self {
        let secrets = vec![Kept { sha256, until: None }];
        Self { id, terms, secrets, created: now, rotated: None, revoked: None }
    }

    /// Does the key with the digest `sent` open what the terms say?
    pub(super) fn admit(&self, sent: &str, now: Millis) -> Result<(), Denied> {
        let sent = digest::read(sent).ok_or(Denied::Unknown)?;
        let is_sent = |kept: &&Kept| digest::read(&kept.sha256).is_some_and(|known| digest::same(&known, &sent));
        let kept = self.secrets.iter().find(is_sent).ok_or(Denied::Unknown)?;
        if self.revoked.is_some() {
            return Err(Denied::Revoked);
        }
        let end = self.terms.get("expiresAt").and_then(Value::as_u64).map(|seconds| seconds * 1_000);
        let is_over = |end: Option<Millis>| end.is_some_and(|end| now >= end);
        if is_over(kept.until) || is_over(end) { Err(Denied::Expired) } else { Ok(()) }
    }

    /// Takes other terms; those that are `null` away.
    pub(super) fn change(&mut self, terms: Map<String, Value>) {
        for (name, value) in terms {
            if value.is_null() {
                self.terms.remove(&name);
            } else {
                self.terms.insert(name, value);
            }
        }
    }

    /// Takes another secret, beside which the last one works for a while.
    pub(super) fn rotate(&mut self, sha256: String, grace: Millis, now: Millis) {
        if let Some(last) = self.secrets.first_mut() {
            last.until = Some(now + grace);
        }
        self.secrets.retain(|kept| kept.until.is_some_and(|until| now < until));
        self.secrets.insert(0, Kept { sha256, until: None });
        self.secrets.truncate(SECRETS);
        self.rotated = Some(now);
    }

    /// Ends it for good. Done twice, it has ended the first time.
    pub(super) fn revoke(&mut self, now: Millis) {
        self.revoked.get_or_insert(now);
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.is_some()
    }

    /// What is shown of it, with seconds since 1970. No digest.
    pub(crate) fn shown(&self) -> Value {
        self.told(self.terms.clone())
    }

    /// What the list of all keys says of it.
    pub(crate) fn row(&self) -> Value {
        let mut terms = self.terms.clone();
        terms.retain(|name, _| matches!(name.as_str(), "name" | "expiresAt"));
        self.told(terms)
    }

    fn told(&self, terms: Map<String, Value>) -> Value {
        let mut told = Map::new();
        told.insert("id".into(), self.id.as_str().into());
        told.extend(terms);
        let grace = self.secrets.iter().filter_map(|kept| kept.until).max();
        let dates = [
            ("createdAt", Some(self.created)),
            ("rotatedAt", self.rotated),
            ("graceUntil", grace),
            ("revokedAt", self.revoked),
        ];
        told.extend(dates.into_iter().filter_map(|(name, at)| Some((name.into(), json!(at? / 1_000)))));
        told.into()
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
    fn a_key_opens_by_its_digest_until_it_expires() {
        let record = record();
        assert_eq!(record.admit(&hash("one"), 99_999), Ok(()));
        assert_eq!(record.admit(&hash("one"), 100_000), Err(Denied::Expired));
        for other in [&hash("two"), "one", "", &hash("one")[1..]] {
            assert_eq!(record.admit(other, 6_000), Err(Denied::Unknown), "{other}");
        }
    }

    #[test]
    fn a_rotated_key_works_for_its_grace_and_without_one_no_more() {
        let mut record = record();
        record.rotate(hash("two"), 1_000, 6_000);
        assert_eq!(record.shown()["graceUntil"], 7);
        assert_eq!((record.admit(&hash("one"), 6_999), record.admit(&hash("two"), 6_999)), (Ok(()), Ok(())));
        assert_eq!(record.admit(&hash("one"), 7_000), Err(Denied::Expired));
        record.rotate(hash("three"), 0, 6_500);
        assert_eq!(record.admit(&hash("two"), 6_500), Err(Denied::Unknown));
        assert_eq!(record.admit(&hash("one"), 6_999), Ok(()), "its grace was promised");
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
        assert_eq!(record.shown()["revokedAt"], 8);
    }

    #[test]
    fn terms_are_changed_one_by_one_and_what_is_shown_holds_no_digest() {
        let mut record = record();
        record.change(map(json!({"expiresAt": null, "routes": ["a"]})));
        assert_eq!(record.admit(&hash("one"), 200_000), Ok(()));
        assert_eq!(record.shown(), json!({"id": "a", "name": "web", "routes": ["a"], "createdAt": 5}));
        assert_eq!(record.row(), json!({"id": "a", "name": "web", "createdAt": 5}));
    }
}
