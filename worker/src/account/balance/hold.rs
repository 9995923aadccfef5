//! A hold: what a call can use at most, and its attempts whose cost is still to be found out.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

use super::Amount;
use crate::account::attempt_log::Trace;
use crate::ledger::Row;

/// An upstream may know of a generation only some time after its end, which it may not have come to. Milliseconds: before
/// it is first asked, between two questions at most, and until it is no longer asked.
const FIRST: Millis = 500;
const LONGEST: Millis = 60_000;
const PATIENCE: Millis = 10 * 60_000;

/// What a call, or a share of a route's budget, can use at most, until it is known what it did use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) began: Millis,
    /// Under way, and until when that is believed without a word from it.
    pub(crate) lease: Option<Millis>,
    /// Calls under way at once that it stands for.
    pub(super) slots: u64,
    /// What is not counted yet.
    pub(super) left: Amount,
    /// What is counted of a share.
    #[serde(default)]
    pub(super) counted: Amount,
    /// What all rows of its attempts say; a share has no attempts.
    pub(super) row: Option<Row>,
    /// The attempts that were told of, and in which message.
    pub(super) traces: Vec<Trace>,
    pub(super) noted: u64,
    /// So many attempts are counted, or open.
    pub(super) placed: usize,
    /// Attempts whose cost is being found out.
    pub(super) open: Vec<Open>,
}

/// An attempt whose cost is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    /// Which it is.
    pub(super) attempt: usize,
    /// As it was last written, if it was.
    pub(super) row: Row,
    /// What was told of its cost so far: it is no less.
    #[serde(default)]
    pub(super) least: u64,
    /// Its URL, while the upstream is to be asked.
    pub(super) asks: Option<Asks>,
}

/// An upstream that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asks {
    pub(super) url: String,
    pub(super) generation: String,
    pub(super) since: Millis,
    pub(super) next: Millis,
    pub(super) times: u32,
}

impl Hold {
    /// Some upstream is still to tell what an attempt cost.
    pub(super) fn is_asked_about(&self) -> bool {
        self.open.iter().any(|open| open.asks.is_some())
    }
}

impl Asks {
    /// The upstream of the request to `url`, about what became of it.
    pub(super) fn at(url: &str, generation: String, now: Millis) -> Self {
        Self { url: url.into(), generation, since: now, next: now + FIRST, times: 0 }
    }
}

impl Open {
    /// Nobody could tell. It is asked again later, but not for ever.
    pub(super) fn put_off(&mut self, now: Millis) {
        let Some(asks) = &mut self.asks else { return };
        asks.times += 1;
        asks.next = now + (FIRST << asks.times.min(7)).min(LONGEST);
        if asks.next > asks.since + PATIENCE {
            self.asks = None;
        }
    }
}
