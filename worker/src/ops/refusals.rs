//! Counts the requests that the edge refuses, by the code of the error. An isolate writes its counts to the database and to the
//! log at intervals, so that a flood of refusals causes no flood of writes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use failsoft::Millis;
use serde_json::json;
use worker::Env;

use crate::http::api_error::Code;
use crate::ledger::database;
use crate::platform::host;

/// An isolate writes its counts at most once in this time, in milliseconds.
const PAUSE: Millis = 10_000;

#[derive(Debug, Default)]
struct Counts {
    /// The refusals that are not written yet.
    counts: BTreeMap<&'static str, u64>,
    written: Millis,
}

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::default();
}

impl Counts {
    fn add(&mut self, more: BTreeMap<&'static str, u64>) {
        for (code, count) in more {
            *self.counts.entry(code).or_default() += count;
        }
    }

    /// Takes the counts, if there are any and it is time to write them.
    fn take_due(&mut self, now: Millis) -> Option<BTreeMap<&'static str, u64>> {
        if self.counts.is_empty() || now < self.written + PAUSE {
            return None;
        }
        self.written = now;
        Some(std::mem::take(&mut self.counts))
    }
}

/// Counts a refusal.
pub(crate) fn count(code: Code) {
    COUNTS.with_borrow_mut(|counts| counts.add(BTreeMap::from([(code.name(), 1)])));
}

/// Writes the counts of this isolate if it is time to.
pub(crate) async fn write_due(env: Env) {
    if let Some(counts) = COUNTS.with_borrow_mut(|counts| counts.take_due(host::now())) {
        write(&env, counts).await;
    }
}

/// Writes all counts of this isolate now.
pub(super) async fn write_all(env: &Env) {
    let counts = COUNTS.with_borrow_mut(|counts| std::mem::take(&mut counts.counts));
    if !counts.is_empty() {
        write(env, counts).await;
    }
}

async fn write(env: &Env, counts: BTreeMap<&'static str, u64>) {
    host::log(&json!({"event": "refusals", "counts": counts}).to_string());
    if !database::exists(env) {
        return;
    }
    let add = "INSERT INTO refusals (code, count) SELECT key, value FROM json_each(?1) WHERE true \
               ON CONFLICT DO UPDATE SET count = count + excluded.count";
    if database::query(env, add, &[json!(counts).to_string().into()]).await.is_err() {
        COUNTS.with_borrow_mut(|all| all.add(counts));
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, PAUSE};
    use std::collections::BTreeMap;

    #[test]
    fn counts_are_written_together_and_no_refusal_is_lost() {
        let mut counts = Counts::default();
        assert_eq!(counts.take_due(PAUSE), None);
        counts.add(BTreeMap::from([("busy", 1)]));
        assert_eq!(counts.take_due(PAUSE), Some(BTreeMap::from([("busy", 1)])));
        for _ in 0..80 {
            counts.add(BTreeMap::from([("busy", 1)]));
        }
        assert_eq!(counts.take_due(2 * PAUSE - 1), None);
        counts.add(BTreeMap::from([("paused", 2)]));
        assert_eq!(counts.take_due(2 * PAUSE), Some(BTreeMap::from([("busy", 80), ("paused", 2)])));
    }
}
