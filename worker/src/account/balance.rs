//! The balance of one account: what it has used in the running minute, hour, day and month, and what is held against it.
//!
//! ```text
//!        hold                note                       settle, all costs known
//!  ───▶ exceeded? ─no──▶ running ──────────────────────────────────────────────▶ counted
//!                            │ settle, some costs unknown;   ▲ cost looked up, or given up
//!                            │ or the hold expires           │
//!                            └──────────────▶ unsettled ─────┘
//! ```
//!
//! The rule: for each limit, the amounts that are counted, held and requested are together no more than the limit. A call
//! counts in the minute, hour, day and month in which it was held, however long it runs, so the rule is also exact where a
//! period ends. Time is an argument.

mod cost_lookup;
mod hold;
mod limit_check;
mod quota;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::amount::{Amount, Measure};
use super::attempt_log::AttemptRecord;
use super::edge_state::EdgeState;
use super::exceeded::Exceeded;
use super::limits::Limits;
use super::period::{Period, iso};
use crate::ledger::Row;

pub(crate) use cost_lookup::{CostLookup, GenerationCost};
pub(crate) use hold::Hold;
pub(crate) use settle::CallUsage;

/// A lease is this part of what is left of a budget, or the amount that was requested, if that is more.
const LEASE_PART: u64 = 4;
/// The longest time that an isolate may spend from a lease, in milliseconds.
const LEASE_TERM: Millis = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Balance {
    /// What was used in each [`Period`].
    pub(crate) periods: [PeriodUsage; 4],
    pub(crate) holds: BTreeMap<String, Hold>,
    /// What calls of each route used, where the account has a quota in the route's budget.
    pub(crate) quotas: BTreeMap<String, [PeriodUsage; 4]>,
    /// What the owner decided for all isolates. Only the object of the edge has this.
    pub(crate) edge: EdgeState,
    /// What the objects of routes and of the edge have to learn.
    pub(crate) corrections: Vec<Correction>,
    /// The limits of the last message.
    pub(crate) limits: Limits,
    /// What must be written to the storage.
    pub(crate) changes: Changes,
    /// Warnings that the owner has not received yet.
    pub(crate) warnings: Vec<BudgetWarning>,
}

/// What was used since a point in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeriodUsage {
    pub(crate) starts: Millis,
    pub(crate) used: Amount,
    /// Corrections of amounts that are not counted yet.
    #[serde(default, skip_serializing_if = "Amount::is_nothing")]
    pub(crate) early: Amount,
    /// Calls that were refused. Only those of the minute count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) refused: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A request to hold an amount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldRequest {
    pub(crate) amount: Amount,
    /// How long the call can run, in milliseconds. On the wire: `lease`.
    #[serde(rename = "lease")]
    pub(crate) duration: Millis,
    /// What the ledger rows of all attempts have in common; nothing for a lease.
    pub(crate) row: Option<Row>,
}

/// A part of a budget that an isolate may spend for some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseGrant {
    pub(crate) amount: Amount,
    /// Calls that may run at the same time.
    pub(crate) slots: u64,
    /// Milliseconds.
    pub(crate) term: Millis,
}

/// The part of a shared budget that one account may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quota {
    /// The route whose budget it is; nothing for what the calls of all routes share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<String>,
    pub(crate) limits: Limits,
}

/// A call cost less than the budgets of its route and of the edge count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Correction {
    pub(crate) route: Option<String>,
    pub(crate) began: Millis,
    pub(crate) less: Amount,
}

/// Four fifths of a limit in USD are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BudgetWarning {
    pub(crate) period: Period,
    /// When the period began.
    pub(crate) starts: Millis,
    pub(crate) used: u64,
    pub(crate) limit: u64,
}

/// What differs from the storage.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) periods: bool,
    pub(crate) limits: bool,
    pub(crate) edge: bool,
    pub(crate) quotas: BTreeSet<String>,
    pub(crate) holds: BTreeSet<String>,
}

impl Balance {
    /// Holds the amount of `request` for a call, if `limits` and all `quotas` allow it. A hold that exists already stays as it
    /// is, because a message may arrive twice.
    ///
    /// # Errors
    /// The limit that the call would exceed; of several, the one with the longest wait.
    pub(crate) fn hold<'a>(
        &mut self,
        id: &str,
        request: HoldRequest,
        limits: &Limits,
        quotas: impl IntoIterator<Item = &'a Quota>,
        now: Millis,
    ) -> Result<(), Exceeded> {
        self.apply_limits(limits, now);
        if !self.holds.contains_key(id) {
            let mut checked = self.check(request.amount, now);
            for quota in quotas {
                checked = checked.and_then(|()| self.check_quota(quota, request.amount, now));
            }
            if let Err(exceeded) = checked {
                // Whichever limit refused the call: if the minute has room for a request, the refusal takes it.
                let _ = self.count_refusal(now);
                return Err(exceeded);
            }
            self.insert(id, Hold::new(request, 1, now));
        }
        Ok(())
    }

    /// Holds a part of what is left, at least the amount of `request`. An isolate spends it without asking. A request with the
    /// id of an earlier one replaces it: the isolate did not get the earlier lease.
    ///
    /// # Errors
    /// As [`Balance::hold`].
    pub(crate) fn lease(
        &mut self,
        id: &str,
        request: HoldRequest,
        limits: &Limits,
        now: Millis,
    ) -> Result<LeaseGrant, Exceeded> {
        self.apply_limits(limits, now);
        self.remove(id);
        self.check(request.amount, now)?;
        let part = |left: u64, least: u64| (left / LEASE_PART).clamp(least, left);
        let left = |measure| {
            let of = |period| Some(limits.of(measure, period)?.saturating_sub(self.counted(measure, period)));
            Period::ALL.into_iter().filter_map(of).min()
        };
        let held =
            Amount::from_measures(|measure| left(measure).map_or(0, |left| part(left, request.amount.of(measure))));
        let amount = Amount::from_measures(|measure| left(measure).map_or(u64::MAX, |_| held.of(measure)));
        let slots = limits.concurrent.map(|most| part(most.saturating_sub(self.running()), 1));
        // A lease ends with its period, so that nothing of it is spent in the next one.
        let ends = Period::ALL.into_iter().filter(|period| limits.any_in(*period)).map(|period| period.end(now) - now);
        let term = ends.fold(LEASE_TERM, Millis::min);
        let request = HoldRequest { amount: held, duration: term + request.duration, row: None };
        self.insert(id, Hold::new(request, slots.unwrap_or(0), now));
        Ok(LeaseGrant { amount, slots: slots.unwrap_or(u64::MAX), term })
    }

    fn insert(&mut self, id: &str, hold: Hold) {
        self.holds.insert(id.into(), hold);
        self.changes.holds.insert(id.into());
    }

    fn remove(&mut self, id: &str) -> Option<Hold> {
        let hold = self.holds.remove(id)?;
        self.changes.holds.insert(id.into());
        Some(hold)
    }

    /// Stores the records of a running call. Of two notes, the one with the higher number counts.
    pub(crate) fn note(&mut self, id: &str, number: u64, records: Vec<AttemptRecord>) {
        let Some(hold) = self.holds.get_mut(id).filter(|hold| hold.is_running() && hold.noted < number) else {
            return;
        };
        (hold.noted, hold.records) = (number, records);
        self.changes.holds.insert(id.into());
    }

    /// Changes what the owner decided for all isolates.
    pub(crate) fn decide<T>(&mut self, change: impl FnOnce(&mut EdgeState) -> T) -> T {
        self.changes.edge = true;
        change(&mut self.edge)
    }

    fn apply_limits(&mut self, limits: &Limits, now: Millis) {
        self.start_periods(now);
        if self.limits != *limits {
            self.limits = limits.clone();
            self.changes.limits = true;
        }
    }

    /// Starts each period that is due.
    pub(crate) fn start_periods(&mut self, now: Millis) {
        for period in Period::ALL {
            let usage = &mut self.periods[period as usize];
            // A clock that was set back starts no period again.
            if usage.starts < period.start(now) {
                *usage = PeriodUsage { starts: period.start(now), ..PeriodUsage::default() };
                self.changes.periods = true;
            }
        }
    }

    pub(crate) fn used(&self, measure: Measure, period: Period) -> u64 {
        let usage = &self.periods[period as usize];
        let refused = if measure == Measure::Requests { usage.refused } else { 0 };
        usage.used.of(measure).saturating_add(refused)
    }

    /// What all holds that count in the running `period` hold.
    pub(crate) fn held(&self, measure: Measure, period: Period) -> u64 {
        let starts = self.periods[period as usize].starts;
        let counts = |hold: &&Hold| hold.began >= starts;
        self.holds.values().filter(counts).fold(0, |sum, hold| sum.saturating_add(hold.left.of(measure)))
    }

    fn counted(&self, measure: Measure, period: Period) -> u64 {
        self.used(measure, period).saturating_add(self.held(measure, period))
    }

    /// The number of running calls.
    pub(crate) fn running(&self) -> u64 {
        self.holds.values().filter(|hold| hold.is_running()).map(|hold| hold.slots).sum()
    }

    /// Counts `used` for `hold`, in the periods in which the hold was made.
    fn count(&mut self, hold: &mut Hold, used: Amount) {
        hold.left = hold.left.minus(used);
        self.changes.periods = true;
        self.count_share(hold, used);
        for period in Period::ALL {
            let usage = &mut self.periods[period as usize];
            if hold.began < usage.starts {
                continue;
            }
            let before = usage.used.usd;
            usage.used = usage.used.plus(used.minus(usage.early));
            usage.early = usage.early.minus(used);
            let (starts, used) = (usage.starts, usage.used.usd);
            let Some(limit) = self.limits.of(Measure::Usd, period) else { continue };
            let four_fifths = limit - limit / 5;
            if before < four_fifths && used >= four_fifths {
                self.warnings.push(BudgetWarning { period, starts, used, limit });
            }
        }
    }

    /// When the object must act by itself.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        let has_news = !self.warnings.is_empty() || !self.corrections.is_empty();
        let warning = if has_news { Some(0) } else { None };
        let of_hold = |hold: &Hold| hold.expires.or_else(|| hold.next_lookup());
        self.holds.values().filter_map(of_hold).chain(warning).min()
    }

    /// What the account has used of `limits`: JSON in the shape of a budget.
    pub(crate) fn usage_json(&mut self, limits: &Limits, now: Millis) -> String {
        self.start_periods(now);
        let mut json = failsoft::json::Object::default();
        for measure in Measure::ALL {
            json.open(measure.name(), "{");
            for period in Period::ALL {
                let (used, held) = (self.used(measure, period), self.held(measure, period));
                json.open(period.name(), "{").raw("used", &measure.number(used)).raw("held", &measure.number(held));
                if let Some(limit) = limits.of(measure, period) {
                    let left = limit.saturating_sub(used).saturating_sub(held);
                    json.raw("limit", &measure.number(limit)).raw("left", &measure.number(left));
                }
                json.text("resets", &iso(period.end(now))).close("}");
            }
            json.close("}");
        }
        let running = self.running();
        json.open("concurrent", "{").whole("held", running);
        if let Some(limit) = limits.concurrent {
            json.whole("limit", limit).whole("left", limit.saturating_sub(running));
        }
        json.close("}");
        json.end()
    }
}
