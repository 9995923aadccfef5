//! The public keys of each issuer, as this isolate stores them.
//!
//! ```text
//!              known key, fresh                       the issuer answers: new keys
//!   ┌────────┐ ───────────────▶ Use               ┌────────────────────────┐
//!   │ KeySet │                                    │                        ▼
//!   │        │ unknown, or older than FRESH ──▶ Fetch (one at a time) ── record_fetch
//!   └────────┘   · during a fetch, a known key is used, and an unknown key is awaited
//!                · at most one fetch in PAUSE: invented key ids do not make the edge fetch
//!                · if a fetch fails, the old keys are used until they are older than STALE
//! ```

use std::cell::RefCell;
use std::collections::HashMap;

use failsoft::Millis;

use super::jwk::Jwk;
use crate::config::Algorithm;

/// How long an issuer may take to answer, in milliseconds.
pub(super) const TIME_LIMIT: u32 = 5_000;
/// How long keys are used before they are fetched again, in milliseconds.
const FRESH: Millis = 10 * 60 * 1_000;
/// How long keys are used if their issuer does not answer.
const STALE: Millis = 24 * 60 * 60 * 1_000;
/// The pause between two fetches, if a token names an unknown key.
const PAUSE: Millis = 30 * 1_000;
/// The same while there are no keys at all.
const PAUSE_WITHOUT: Millis = 5 * 1_000;

thread_local! {
    /// The keys of each issuer, by the URL in the configuration.
    static KEY_SETS: RefCell<HashMap<String, KeySet>> = RefCell::default();
}

/// Calls `act` with the keys that this isolate has from `url`.
pub(super) fn with_key_set<T>(url: &str, act: impl FnOnce(&mut KeySet) -> T) -> T {
    KEY_SETS.with_borrow_mut(|sets| act(sets.entry(url.into()).or_default()))
}

/// The keys of one issuer.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Jwk>,
    /// When the keys arrived.
    received: Option<Millis>,
    /// When the last fetch started or ended.
    fetched: Option<Millis>,
    is_fetching: bool,
}

/// What to do to get a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Use(Jwk),
    /// Fetch the keys, then call [`KeySet::record_fetch`].
    Fetch,
    /// Another request is fetching the keys.
    Wait,
    /// The issuer has no such key.
    Unknown,
    /// The issuer does not answer, and has not for a long time.
    Unavailable,
}

impl KeySet {
    /// Decides how to get the key `id` for `algorithm`.
    pub(super) fn next_step(&mut self, algorithm: Algorithm, id: Option<&str>, now: Millis) -> Step {
        let age = self.received.map(|received| now.saturating_sub(received)).filter(|age| *age < STALE);
        let found = age.and_then(|_| self.find(algorithm, id));
        let since = self.fetched.map(|fetched| now.saturating_sub(fetched));
        // The request that was fetching the keys may have ended early.
        let is_fetching = self.is_fetching && since.is_some_and(|since| since < TIME_LIMIT.into());
        let pause = if age.is_some() { PAUSE } else { PAUSE_WITHOUT };
        let may_fetch = !is_fetching && since.is_none_or(|since| since >= pause);
        match found {
            Some(key) if age < Some(FRESH) || !may_fetch => Step::Use(key),
            None if is_fetching => Step::Wait,
            _ if may_fetch => {
                self.fetched = Some(now);
                self.is_fetching = true;
                Step::Fetch
            }
            _ if age.is_some() => Step::Unknown,
            _ => Step::Unavailable,
        }
    }

    /// Records the end of a fetch, and the keys if the issuer answered.
    pub(super) fn record_fetch(&mut self, keys: Option<Vec<Jwk>>, now: Millis) {
        self.is_fetching = false;
        // The pause starts again, because a slow failure may have used it up.
        self.fetched = Some(now);
        if let Some(keys) = keys {
            self.keys = keys;
            self.received = Some(now);
        }
    }

    /// Finds the key `id`. A token without a key id uses the only key of its algorithm.
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<Jwk> {
        let mut fitting = self.keys.iter().filter(|key| key.algorithm() == algorithm);
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).cloned(),
            None => fitting.next().filter(|_| fitting.next().is_none()).cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
