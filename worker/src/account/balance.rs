//! The books of one account: what it has used in the minute, day and month that are running, and what is held against it.
//!
//! ```text
//!        hold                note                       settle, all costs known
//!  ───▶ refused?    ┌────▶ under way ──────────────────────────────────────────────▶ counted
//!        │ no       │          │ settle, some unknown;        ▲ looked up, or given up
//!        └──────────┘          │ or its lease is over         │
//!                              └──────────────▶ being found out
//! ```
//!
//! The rule: for each bound, what is counted, what is held and what is asked for are together no more than the bound. A call
//! counts in the minute, day and month in which it was held, however long it takes, so that the rule is exact at their
//! turn, too. Time is an argument.

mod ending;
mod hold;
mod lookup;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::attempt_log::Trace;
use super::calendar::{Span, iso};
use super::limit::{Amount, Bound, Limits, Measure, Refused};
use crate::ledger::Row;

pub(crate) use ending::{Ended, TOLD};
pub(crate) use hold::Hold;
pub(crate) use lookup::{Found, Question};

/// When it may help to ask again for what is only held, in milliseconds.
const SOON: Millis = 2_000;

/// An isolate leases this part of what is left of a budget, if it is enough.
const PART: u64 = 4;
/// For so long it may spend from it, in milliseconds.
const TERM: Millis = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Books {
    /// By [`Span`].
    pub(crate) windows: [Batch; 3],
    pub(crate) holds: BTreeMap<String, Hold>,
    /// The bounds that were last told.
    pub(crate) limits: Limits,
    /// What has to be written down.
    pub(crate) changes: Changes,
    /// Bounds on USD of which the larger part is gone now, and was not before.
    pub(crate) crossed: Vec<Crossed>,
}

/// What was used since a point in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) starts: Millis,
    pub(crate) used: Amount,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) amount: Amount,
    /// How long it is under way at most, in milliseconds.
    pub(crate) lease: Millis,
    pub(crate) row: Option<Row>,
}

/// A part of a budget, to spend for some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) amount: Amount,
    /// Calls at once.
    pub(crate) slots: u64,
    /// Milliseconds.
    pub(crate) term: Millis,
}

/// A bound on USD, most of which is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crossed {
    pub(crate) span: Span,
    /// When this one began.
    pub(crate) starts: Millis,
    pub(crate) used: u64,
    pub(crate) limit: u64,
}

/// What differs from what was last written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) windows: bool,
    pub(crate) limits: bool,
    pub(crate) holds: BTreeSet<String>,
}

impl Books {
    /// Holds what is `asked` for a call, if `limits` allow it. What is held already stays held: a message may come twice.
    ///
    /// # Errors
    /// The bound that would be exceeded; of several, the one that is to be waited for longest.
    pub(crate) fn hold(&mut self, id: &str, asked: Asked, limits: &Limits, now: Millis) -> Result<(), Refused> {
        self.begin(limits, now);
        if !self.holds.contains_key(id) {
            self.check(asked.amount, now)?;
            self.insert(id, asked, 1, now);
        }
        Ok(())
    }

    /// Holds a part of what is left, at least what is `asked` for; for an isolate to spend without asking.
    ///
    /// # Errors
    /// As [`Books::hold`].
    pub(crate) fn share(&mut self, id: &str, asked: Asked, limits: &Limits, now: Millis) -> Result<Granted, Refused> {
        self.begin(limits, now);
        self.check(asked.amount, now)?;
        let part = |left: u64, least: u64| (left / PART).clamp(least, left);
        let left = |measure| {
            let of = |span| Some(limits.of(measure, span)?.saturating_sub(self.counted(measure, span)));
            Span::ALL.into_iter().filter_map(of).min()
        };
        let held = Amount::each(|measure| left(measure).map_or(0, |left| part(left, asked.amount.of(measure))));
        let amount = Amount::each(|measure| left(measure).map_or(u64::MAX, |_| held.of(measure)));
        let slots = limits.concurrent.map(|most| part(most.saturating_sub(self.under_way()), 1));
        // What was leased in one span is not spent in the next.
        let ends = Span::ALL.into_iter().filter(|span| limits.bounds(*span)).map(|span| span.end(now) - now);
        let term = ends.fold(TERM, Millis::min);
        self.insert(id, Asked { amount: held, lease: term + asked.lease, row: None }, slots.unwrap_or(0), now);
        Ok(Granted { amount, slots: slots.unwrap_or(u64::MAX), term })
    }

    fn insert(&mut self, id: &str, asked: Asked, slots: u64, now: Millis) {
        let Asked { amount: left, lease, row } = asked;
        let lease = Some(now.saturating_add(lease));
        let (traces, open) = (Vec::new(), Vec::new());
        let counted = Amount::default();
        let hold = Hold { began: now, lease, slots, left, counted, row, traces, noted: 0, placed: 0, open };
        self.holds.insert(id.into(), hold);
        self.changes.holds.insert(id.into());
    }

    /// Remembers what is told of the attempts of a call under way; of two messages, the later counts.
    pub(crate) fn note(&mut self, id: &str, number: u64, traces: Vec<Trace>) {
        let Some(hold) = self.holds.get_mut(id).filter(|hold| hold.lease.is_some() && hold.noted < number) else {
            return;
        };
        (hold.noted, hold.traces) = (number, traces);
        self.changes.holds.insert(id.into());
    }

    fn begin(&mut self, limits: &Limits, now: Millis) {
        self.turn(now);
        if self.limits != *limits {
            self.limits = limits.clone();
            self.changes.limits = true;
        }
    }

    /// Begins the windows that it is time for.
    pub(crate) fn turn(&mut self, now: Millis) {
        for span in Span::ALL {
            let window = &mut self.windows[span as usize];
            // A clock that was set back begins nothing anew.
            if window.starts < span.start(now) {
                *window = Batch { starts: span.start(now), used: Amount::default() };
                self.changes.windows = true;
            }
        }
    }

    fn check(&self, asked: Amount, now: Millis) -> Result<(), Refused> {
        let mut refused = self.check_slots();
        for span in Span::ALL {
            for measure in Measure::ALL {
                let exceeded = self.check_bound(measure, span, asked.of(measure), now);
                let longer = |exceeded: &Refused| {
                    let wait = |refused: &Refused| refused.wait.unwrap_or(Millis::MAX);
                    refused.as_ref().is_none_or(|refused| wait(refused) < wait(exceeded))
                };
                if let Some(exceeded) = exceeded.filter(longer) {
                    refused = Some(exceeded);
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn check_slots(&self) -> Option<Refused> {
        let (limit, held) = (self.limits.concurrent?, self.under_way());
        let wait = if limit > 0 { Some(SOON) } else { None };
        (held >= limit).then_some(Refused {
            bound: Bound::Concurrent,
            limit,
            used: 0,
            held,
            asked: 1,
            resets: None,
            wait,
        })
    }

    fn check_bound(&self, measure: Measure, span: Span, asked: u64, now: Millis) -> Option<Refused> {
        let limit = self.limits.of(measure, span)?;
        let (used, held) = (self.used(measure, span), self.held(measure, span));
        if used.saturating_add(held).saturating_add(asked) <= limit {
            return None;
        }
        let resets = span.end(now);
        let wait = if asked > limit {
            None
        } else if used.saturating_add(asked) <= limit {
            Some(SOON.min(resets - now))
        } else {
            Some(resets - now)
        };
        let resets = Some(resets);
        Some(Refused { bound: Bound::Of(measure, span), limit, used, held, asked, resets, wait })
    }

    pub(crate) fn used(&self, measure: Measure, span: Span) -> u64 {
        self.windows[span as usize].used.of(measure)
    }

    /// What those hold that count in the window of `span`.
    pub(crate) fn held(&self, measure: Measure, span: Span) -> u64 {
        let starts = self.windows[span as usize].starts;
        let counts = |hold: &&Hold| hold.began >= starts;
        self.holds.values().filter(counts).fold(0, |sum, hold| sum.saturating_add(hold.left.of(measure)))
    }

    fn counted(&self, measure: Measure, span: Span) -> u64 {
        self.used(measure, span).saturating_add(self.held(measure, span))
    }

    /// Calls at once.
    pub(crate) fn under_way(&self) -> u64 {
        self.holds.values().filter(|hold| hold.lease.is_some()).map(|hold| hold.slots).sum()
    }

    /// How the account stands under `limits`: JSON in the shape of a budget.
    pub(crate) fn usage(&mut self, limits: &Limits, now: Millis) -> String {
        self.turn(now);
        let mut json = failsoft::json::Object::default();
        for measure in Measure::ALL {
            json.open(measure.name(), "{");
            for span in Span::ALL {
                let (used, held) = (self.used(measure, span), self.held(measure, span));
                json.open(span.name(), "{").raw("used", &measure.number(used)).raw("held", &measure.number(held));
                if let Some(limit) = limits.of(measure, span) {
                    let left = limit.saturating_sub(used).saturating_sub(held);
                    json.raw("limit", &measure.number(limit)).raw("left", &measure.number(left));
                }
                json.text("resets", &iso(span.end(now))).close("}");
            }
            json.close("}");
        }
        let under_way = self.under_way();
        json.open("concurrent", "{").whole("held", under_way);
        if let Some(limit) = limits.concurrent {
            json.whole("limit", limit).whole("left", limit.saturating_sub(under_way));
        }
        json.close("}");
        json.end()
    }
}
