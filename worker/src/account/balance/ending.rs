//! How a hold ends: its costs are counted as they become known, and what nobody can tell is counted at what was held.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::hold::{Asks, Open};
use super::{Amount, Books, Crossed, Hold, Measure, Span};
use crate::account::attempt_log::{Fate, Trace};
use crate::ledger::Row;

/// A cost that was told, and one that was asked for.
pub(crate) const TOLD: &str = "told";
/// A cost that nobody told: what was held for it.
const UNSETTLED: &str = "unsettled";

/// What became of a call that was never heard of again.
const VANISHED: &str = "vanished";

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// One for each attempt, in order. Those whose cost is known say so.
    pub(crate) rows: Vec<Row>,
    pub(crate) traces: Vec<Trace>,
}

impl Books {
    /// Counts what a call used, and frees the rest; rows to write. What was settled before is not settled again.
    pub(crate) fn settle(&mut self, id: &str, ended: Ended, now: Millis) -> Vec<Row> {
        self.turn(now);
        let Some(mut hold) = self.take(id) else { return Vec::new() };
        // What was placed before is counted, or open: a word that comes late, or twice, replaces what is open.
        let before = std::mem::take(&mut hold.open);
        self.end(&mut hold, !ended.rows.is_empty());
        let (mut rows, attempts) = (Vec::new(), ended.rows.len());
        for (attempt, row) in ended.rows.into_iter().enumerate() {
            let written = before.iter().find(|open| open.attempt == attempt);
            if attempt < hold.placed && written.is_none() {
                continue;
            }
            let revision = written.map_or(0, |open| open.row.revision + 1);
            let trace = ended.traces.get(attempt).cloned().unwrap_or_default();
            self.place(&mut hold, attempt, Row { revision, ..row }, &trace, now, &mut rows);
        }
        // What was written only because it might have been sent was not.
        for Open { row, .. } in before.into_iter().filter(|open| open.attempt >= attempts) {
            rows.push(Row { revision: row.revision + 1, cost: 0, settled: TOLD.into(), ..row });
        }
        self.conclude(id, hold, rows)
    }

    /// It is no longer under way. Its request counts if anything was sent.
    fn end(&mut self, hold: &mut Hold, sent: bool) {
        if hold.lease.take().is_some() {
            self.count(hold, Amount { requests: u64::from(sent), ..Amount::default() });
            hold.left.requests = 0;
        }
    }

    /// Counts what was used of a share in all, and frees the rest, but for what so many calls under way still hold of it.
    /// A word that comes twice counts once.
    pub(crate) fn give_back(&mut self, id: &str, used: Amount, held: Amount, calls: u64, now: Millis) {
        self.turn(now);
        let Some(mut hold) = self.take(id) else { return };
        let more = used.minus(hold.counted);
        hold.counted = hold.counted.plus(more);
        self.count(&mut hold, more);
        if calls > 0 {
            hold.left = Amount::each(|measure| hold.left.of(measure).min(held.of(measure)));
            hold.slots = hold.slots.min(calls);
            self.holds.insert(id.into(), hold);
        }
    }

    /// Ends what has outlived its lease: nothing will be heard of it. Rows to write.
    pub(crate) fn expire(&mut self, now: Millis) -> Vec<Row> {
        self.turn(now);
        let over = |hold: &Hold| hold.lease.is_some_and(|lease| lease <= now);
        let ids: Vec<String> = self.holds.iter().filter(|(_, hold)| over(hold)).map(|(id, _)| id.clone()).collect();
        ids.iter().flat_map(|id| self.vanish(id, now)).collect()
    }

    fn vanish(&mut self, id: &str, now: Millis) -> Vec<Row> {
        let Some(mut hold) = self.take(id) else { return Vec::new() };
        let Some(like) = hold.row.clone() else {
            let left = hold.left;
            self.count(&mut hold, left);
            return Vec::new();
        };
        self.end(&mut hold, true);
        let mut traces = std::mem::take(&mut hold.traces);
        if traces.iter().all(|trace| trace.fate(None) != Fate::Unknown) {
            // Another may have gone out, and the word of it died on its way; of the first there is none. However the others
            // ended, they prove nothing: one is sent beside them, behind them, or to judge them.
            traces.push(Trace::default());
        }
        let mut rows = Vec::new();
        for (attempt, trace) in traces.iter().enumerate() {
            let row = Row {
                id: format!("{id}/{attempt}"),
                outcome: VANISHED.into(),
                generation: trace.generation.clone(),
                ended: (attempt == 0).then(|| VANISHED.into()),
                ..like.clone()
            };
            self.place(&mut hold, attempt, row, trace, now, &mut rows);
        }
        self.conclude(id, hold, rows)
    }

    /// Puts an attempt where it belongs: counted, or open.
    fn place(
        &mut self,
        hold: &mut Hold,
        attempt: usize,
        mut row: Row,
        trace: &Trace,
        now: Millis,
        rows: &mut Vec<Row>,
    ) {
        hold.placed = hold.placed.max(attempt + 1);
        let tokens = row.tokens();
        let asks = match trace.fate(row.generation.as_deref()) {
            _ if row.settled == TOLD => {
                // Where an answer told its cost and not its tokens, they are counted as they were held.
                let tokens = tokens.unwrap_or(hold.left.tokens);
                self.count(hold, Amount { requests: 0, tokens, usd: row.cost });
                return rows.push(row);
            }
            Fate::Free => {
                row.settled = TOLD.into();
                return rows.push(row);
            }
            Fate::Asks(generation) => {
                row.generation = Some(generation.clone());
                Some(Asks::at(&trace.url, generation, now))
            }
            Fate::Unknown => None,
        };
        row.settled = UNSETTLED.into();
        hold.open.push(Open { attempt, least: row.cost, row, asks });
    }

    /// Ends `hold` if nobody is to be asked any more. What is open has together cost what is left at most,
    /// unless more was told.
    pub(super) fn conclude(&mut self, id: &str, mut hold: Hold, mut rows: Vec<Row>) -> Vec<Row> {
        let parts = hold.open.len() as u64;
        let told = hold.open.iter().fold(0, |sum: u64, open| sum.saturating_add(open.least));
        hold.left.usd = hold.left.usd.max(told);
        let left = hold.left.usd - told;
        let mut rest = left;
        for (open, nth) in hold.open.iter_mut().zip(1..) {
            let part = if nth == parts { rest } else { left / parts };
            rest -= part;
            open.row.cost = open.least.saturating_add(part);
            rows.push(open.row.clone());
        }
        if hold.is_asked_about() {
            self.holds.insert(id.into(), hold);
        } else if parts > 0 {
            let left = hold.left;
            self.count(&mut hold, left);
        }
        rows
    }

    /// When there is something to do by itself.
    pub(crate) fn due(&self) -> Option<Millis> {
        let asks = |hold: &Hold| hold.open.iter().filter_map(|open| Some(open.asks.as_ref()?.next)).min();
        let tells = if self.crossed.is_empty() { None } else { Some(0) };
        self.holds.values().filter_map(|hold| hold.lease.or_else(|| asks(hold))).chain(tells).min()
    }

    pub(super) fn take(&mut self, id: &str) -> Option<Hold> {
        let hold = self.holds.remove(id)?;
        self.changes.holds.insert(id.into());
        Some(hold)
    }

    /// Counts what `hold` has used, in the windows in which it was made.
    pub(super) fn count(&mut self, hold: &mut Hold, used: Amount) {
        hold.left = hold.left.minus(used);
        self.changes.windows = true;
        for span in Span::ALL {
            let window = &mut self.windows[span as usize];
            if hold.began < window.starts {
                continue;
            }
            let before = window.used.usd;
            window.used = window.used.plus(used);
            let Some(limit) = self.limits.of(Measure::Usd, span) else { continue };
            let used = window.used.usd;
            // Four fifths.
            if before < limit - limit / 5 && used >= limit - limit / 5 {
                self.crossed.push(Crossed { span, starts: window.starts, used, limit });
            }
        }
    }
}
