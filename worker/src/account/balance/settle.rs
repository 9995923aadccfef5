//! Settles holds: counts each cost when it becomes known, and the amount that was held where nobody knows the cost.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::Balance;
use super::hold::{Hold, Lookup, UnsettledAttempt};
use crate::account::amount::Amount;
use crate::account::attempt_log::{AttemptRecord, CostSource};
use crate::config::authority;
use crate::ledger::{Row, settled};

/// While an account has so many holds, no further cost is looked up: the memory of an object has all of its holds, and each message
/// reads them.
const MOST_HOLDS: usize = 2_000;

/// The outcome of a call that disappeared with its isolate. The ledger stores this word.
const VANISHED: &str = "vanished";

/// What a call used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallUsage {
    /// One row for each attempt, in order. A row with a known cost has `settled`.
    pub(crate) rows: Vec<Row>,
    /// On the wire: `traces`.
    #[serde(rename = "traces")]
    pub(crate) records: Vec<AttemptRecord>,
}

impl Balance {
    /// Counts what a call used, and releases the rest. Returns the ledger rows. What was settled before is not settled
    /// again.
    pub(crate) fn settle(&mut self, id: &str, usage: CallUsage, now: Millis) -> Vec<Row> {
        self.start_periods(now);
        let Some(mut hold) = self.remove(id) else { return Vec::new() };
        // An earlier attempt is counted or unsettled. A settlement that comes late or twice replaces the unsettled ones.
        let before = std::mem::take(&mut hold.unsettled);
        self.finish(&mut hold, !usage.rows.is_empty());
        let (mut rows, attempts) = (Vec::new(), usage.rows.len());
        for (attempt, row) in usage.rows.into_iter().enumerate() {
            let written = before.iter().find(|unsettled| unsettled.attempt == attempt);
            if attempt < hold.placed && written.is_none() {
                continue;
            }
            let revision = written.map_or(0, |unsettled| unsettled.row.revision + 1);
            let record = usage.records.get(attempt).cloned().unwrap_or_default();
            rows.extend(self.place(&mut hold, attempt, Row { revision, ..row }, &record, now));
        }
        // These attempts were only assumed, and the call never sent them.
        for UnsettledAttempt { row, .. } in before.into_iter().filter(|unsettled| unsettled.attempt >= attempts) {
            rows.push(Row { revision: row.revision + 1, cost: 0, settled: settled::BY_ANSWER.into(), ..row });
        }
        self.conclude(id, hold, rows)
    }

    /// Marks the call as finished. The call counts as a request if it sent anything.
    fn finish(&mut self, hold: &mut Hold, sent: bool) {
        if hold.expires.take().is_some() {
            self.count(hold, Amount { requests: u64::from(sent), ..Amount::default() });
            hold.left.requests = 0;
        }
    }

    /// Counts what was used of a lease in all, and releases the rest except for what `calls` running calls still hold. A
    /// message that arrives twice counts once.
    pub(crate) fn return_lease(&mut self, id: &str, used: Amount, held: Amount, calls: u64, now: Millis) {
        self.start_periods(now);
        let Some(mut hold) = self.remove(id) else { return };
        let more = used.minus(hold.counted);
        hold.counted = hold.counted.plus(more);
        self.count(&mut hold, more);
        if calls > 0 {
            hold.left = Amount::from_measures(|measure| hold.left.of(measure).min(held.of(measure)));
            hold.slots = hold.slots.min(calls);
            self.holds.insert(id.into(), hold);
        }
    }

    /// Settles every hold that has expired. Returns the ledger rows.
    pub(crate) fn expire(&mut self, now: Millis) -> Vec<Row> {
        self.start_periods(now);
        let is_over = |hold: &Hold| hold.expires.is_some_and(|expires| expires <= now);
        let ids: Vec<String> = self.holds.iter().filter(|(_, hold)| is_over(hold)).map(|(id, _)| id.clone()).collect();
        ids.iter().flat_map(|id| self.settle_vanished(id, now)).collect()
    }

    fn settle_vanished(&mut self, id: &str, now: Millis) -> Vec<Row> {
        let Some(mut hold) = self.remove(id) else { return Vec::new() };
        let Some(common) = hold.row.clone() else {
            let left = hold.left;
            self.count(&mut hold, left);
            return Vec::new();
        };
        self.finish(&mut hold, true);
        let mut records = std::mem::take(&mut hold.records);
        if records.iter().all(|record| record.cost_source(None) != CostSource::Unknown) {
            // The call may have sent one more request, whose note was lost; no note reports the first request. The records
            // prove nothing, because a hedge, a fallback or a judge can follow any of them.
            records.push(AttemptRecord::default());
        }
        let mut rows = Vec::new();
        for (attempt, record) in records.iter().enumerate() {
            let row = Row {
                id: format!("{id}/{attempt}"),
                outcome: VANISHED.into(),
                generation: record.generation.clone(),
                ended: (attempt == 0).then(|| VANISHED.into()),
                ..common.clone()
            };
            rows.extend(self.place(&mut hold, attempt, row, record, now));
        }
        self.conclude(id, hold, rows)
    }

    /// Counts an attempt and returns its row, or keeps the attempt as unsettled.
    fn place(
        &mut self,
        hold: &mut Hold,
        attempt: usize,
        mut row: Row,
        record: &AttemptRecord,
        now: Millis,
    ) -> Option<Row> {
        hold.placed = hold.placed.max(attempt + 1);
        row.upstream = Some(authority(&record.url)).filter(|host| !host.is_empty()).map(Into::into);
        if row.settled == settled::BY_ANSWER || row.settled == settled::COMPUTED {
            // An answer may contain its cost without its tokens. Then the tokens count as they were held.
            let tokens = row.tokens().unwrap_or(hold.left.tokens);
            self.count(hold, Amount { requests: 0, tokens, usd: row.cost });
            return Some(row);
        }
        let lookup = match record.cost_source(row.generation.as_deref()) {
            CostSource::Free => {
                row.settled = settled::BY_ANSWER.into();
                return Some(row);
            }
            CostSource::Lookup(generation) => {
                row.generation = Some(generation.clone());
                (self.holds.len() < MOST_HOLDS).then(|| Lookup::new(&record.url, generation, now))
            }
            CostSource::Unknown => None,
        };
        row.settled = settled::UNSETTLED.into();
        hold.unsettled.push(UnsettledAttempt { attempt, known_cost: row.cost, most: record.most, row, lookup });
        None
    }

    /// Ends `hold` unless a cost is still to be looked up. Each unsettled attempt is charged the most that it can have cost,
    /// or its known cost, if that is more.
    pub(super) fn conclude(&mut self, id: &str, mut hold: Hold, mut rows: Vec<Row>) -> Vec<Row> {
        hold.hold_unsettled();
        rows.extend(hold.unsettled.iter().map(|unsettled| unsettled.row.clone()));
        if hold.awaits_lookup() {
            self.holds.insert(id.into(), hold);
        } else if !hold.unsettled.is_empty() {
            let left = hold.left;
            self.count(&mut hold, left);
        }
        rows
    }
}
