//! A hold: what a call or a lease can use at most, and the attempts whose cost is unknown.
//!
//! Holds are stored as JSON in the object's storage. A comment stands where the stored name differs from the name here.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::HoldRequest;
use crate::account::amount::Amount;
use crate::account::attempt_log::{AttemptRecord, Most};
use crate::ledger::Row;

/// An upstream may know a cost only some time after the end of the generation. Milliseconds before the first look-up,
/// between two look-ups at most, and until the last one.
const FIRST: Millis = 500;
const LONGEST: Millis = 60_000;
const PATIENCE: Millis = 10 * 60_000;

/// What a call or a lease can use at most, until its real usage is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) began: Millis,
    /// When the object settles a running call of which it hears nothing; absent after the end of the call. Stored name:
    /// `lease`.
    #[serde(rename = "lease")]
    pub(crate) expires: Option<Millis>,
    /// The number of running calls that the hold stands for.
    pub(super) slots: u64,
    /// What is not counted yet.
    pub(super) left: Amount,
    /// What is already counted of a lease.
    #[serde(default)]
    pub(super) counted: Amount,
    /// What the ledger rows of all attempts have in common; nothing for a lease.
    pub(super) row: Option<Row>,
    /// The records of the last note. Stored name: `traces`.
    #[serde(rename = "traces")]
    pub(super) records: Vec<AttemptRecord>,
    /// The number of the last note.
    pub(super) noted: u64,
    /// The number of attempts that are counted or unsettled.
    pub(super) placed: usize,
    /// The attempts whose cost is unknown. Stored name: `open`.
    #[serde(rename = "open")]
    pub(super) unsettled: Vec<UnsettledAttempt>,
}

/// An attempt whose cost is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnsettledAttempt {
    /// Its number in the call.
    pub(super) attempt: usize,
    /// Its ledger row as it was last written.
    pub(super) row: Row,
    /// The part of the cost that the answer contained. The cost is not less. Stored name: `least`.
    #[serde(default, rename = "least")]
    pub(super) known_cost: u64,
    /// The most that it can use.
    #[serde(default, skip_serializing_if = "Most::is_unknown")]
    pub(super) most: Most,
    /// The look-up of the cost; nothing if nobody knows the cost. Stored name: `asks`.
    #[serde(rename = "asks")]
    pub(super) lookup: Option<Lookup>,
}

/// The look-up of a cost at the upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lookup {
    pub(super) url: String,
    pub(super) generation: String,
    since: Millis,
    pub(super) next: Millis,
    /// Look-ups so far. Stored name: `times`.
    #[serde(rename = "times")]
    pub(super) tries: u32,
}

impl Hold {
    pub(super) fn new(request: HoldRequest, slots: u64, now: Millis) -> Self {
        let HoldRequest { amount, duration, row } = request;
        Self {
            began: now,
            expires: Some(now.saturating_add(duration)),
            slots,
            left: amount,
            counted: Amount::default(),
            row,
            records: Vec::new(),
            noted: 0,
            placed: 0,
            unsettled: Vec::new(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.expires.is_some()
    }

    /// The route of the call.
    pub(super) fn route(&self) -> Option<&String> {
        self.row.as_ref()?.route.as_ref()
    }

    /// Whether a cost is still to be looked up.
    pub(super) fn awaits_lookup(&self) -> bool {
        self.unsettled.iter().any(|unsettled| unsettled.lookup.is_some())
    }

    /// When the next look-up is due.
    pub(super) fn next_lookup(&self) -> Option<Millis> {
        self.unsettled.iter().filter_map(|unsettled| Some(unsettled.lookup.as_ref()?.next)).min()
    }
}

impl Hold {
    /// Holds what the unsettled attempts can have used at most, and nothing else. Attempts about which no maximum is known
    /// share what the others leave.
    pub(super) fn hold_unsettled(&mut self) {
        let known: Vec<u64> = self.unsettled.iter().map(|unsettled| unsettled.known_cost).collect();
        let most = |of: fn(&Most) -> Option<u64>| self.unsettled.iter().map(move |unsettled| of(&unsettled.most));
        let usd = charge(self.left.usd, most(|most| most.usd).zip(known.iter().copied()));
        let tokens = charge(self.left.tokens, most(|most| most.tokens).zip(known.iter().map(|_| 0)));
        for (unsettled, usd) in self.unsettled.iter_mut().zip(&usd) {
            unsettled.row.cost = *usd;
        }
        let sum = |charges: Vec<u64>| charges.into_iter().fold(0, u64::saturating_add);
        (self.left.usd, self.left.tokens) = (sum(usd), sum(tokens));
    }
}

/// What each attempt is charged, of which at most `left` is held. An attempt has a maximum, if one is known, and a known
/// part, which may be more.
fn charge(left: u64, attempts: impl Iterator<Item = (Option<u64>, u64)>) -> Vec<u64> {
    let attempts: Vec<(Option<u64>, u64)> = attempts.collect();
    let certain = |&(most, known): &(Option<u64>, u64)| most.unwrap_or_default().max(known);
    let rest = attempts.iter().map(certain).fold(left, u64::saturating_sub);
    let portions = attempts.iter().filter(|(most, _)| most.is_none()).count() as u64;
    let mut nth = 0;
    let mut charge = |attempt: &(Option<u64>, u64)| {
        if attempt.0.is_some() {
            return certain(attempt);
        }
        nth += 1;
        // The last portion has what division leaves over.
        let portion = if nth == portions { rest - rest / portions * (portions - 1) } else { rest / portions };
        certain(attempt).saturating_add(portion)
    };
    attempts.iter().map(&mut charge).collect()
}

impl Lookup {
    /// The look-up of `generation`, at the upstream of the request to `url`.
    pub(super) fn new(url: &str, generation: String, now: Millis) -> Self {
        Self { url: url.into(), generation, since: now, next: now + FIRST, tries: 0 }
    }
}

impl UnsettledAttempt {
    /// Schedules the next look-up after one without an answer, or gives the look-up up.
    pub(super) fn postpone_lookup(&mut self, now: Millis) {
        let Some(lookup) = &mut self.lookup else { return };
        lookup.tries += 1;
        lookup.next = now + (FIRST << lookup.tries.min(7)).min(LONGEST);
        if lookup.next > lookup.since + PATIENCE {
            self.lookup = None;
        }
    }
}
