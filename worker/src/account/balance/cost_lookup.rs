//! Looks up unknown costs: an upstream knows what a generation cost, some time after its end.

use failsoft::{Json, Millis};

use super::hold::{Hold, Lookup, UnsettledAttempt};
use super::{Balance, Correction};
use crate::account::amount::Amount;
use crate::ledger::{Row, settled};

/// A look-up that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CostLookup {
    /// The id of the hold.
    pub(crate) hold: String,
    pub(super) attempt: usize,
    /// The URL of the request whose cost is looked up.
    pub(crate) url: String,
    pub(crate) generation: String,
    /// Earlier look-ups of the same cost.
    pub(crate) tries: u32,
}

/// What an upstream knows about a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GenerationCost {
    pub(super) cost: u64,
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) model: Option<String>,
    pub(super) provider: Option<String>,
}

impl GenerationCost {
    /// Reads the answer of `GET /generation`. Returns nothing if the answer contains no cost.
    pub(crate) fn read(answer: &str) -> Option<Self> {
        let data = Json::parse(answer)?.get("data");
        let tokens = |name| data.get(&["native_tokens_", name].concat()).whole();
        let text = |name| data.get(name).text().map(Into::into);
        Some(Self {
            cost: data.get("total_cost").trillionths()?,
            prompt_tokens: tokens("prompt"),
            completion_tokens: tokens("completion"),
            model: text("model"),
            provider: text("provider_name"),
        })
    }

    fn complete(self, row: Row) -> Row {
        Row {
            revision: row.revision + 1,
            cost: self.cost,
            settled: settled::BY_LOOKUP.into(),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            model: row.model.or(self.model),
            provider: row.provider.or(self.provider),
            ..row
        }
    }
}

impl Balance {
    /// Lists the look-ups that are due.
    pub(crate) fn due_lookups(&self, now: Millis) -> Vec<CostLookup> {
        let of_hold = |(id, hold): (&String, &Hold)| -> Vec<CostLookup> {
            let due = |unsettled: &UnsettledAttempt| {
                let lookup = unsettled.lookup.as_ref().filter(|lookup| lookup.next <= now)?;
                Some(CostLookup {
                    hold: id.clone(),
                    attempt: unsettled.attempt,
                    url: lookup.url.clone(),
                    generation: lookup.generation.clone(),
                    tries: lookup.tries,
                })
            };
            hold.unsettled.iter().filter_map(due).collect()
        };
        self.holds.iter().flat_map(of_hold).collect()
    }

    /// Records the upstream's answer to `lookup`. Returns the ledger rows that change.
    pub(crate) fn record_lookup(
        &mut self,
        lookup: &CostLookup,
        found: Option<GenerationCost>,
        now: Millis,
    ) -> Vec<Row> {
        self.start_periods(now);
        let Some(mut hold) = self.remove(&lookup.hold) else { return Vec::new() };
        let at = hold.unsettled.iter().position(|unsettled| {
            let is_same = |known: &Lookup| known.generation == lookup.generation && known.tries == lookup.tries;
            unsettled.attempt == lookup.attempt && unsettled.lookup.as_ref().is_some_and(is_same)
        });
        match (at, found) {
            (Some(at), Some(found)) => {
                let charged = hold.unsettled[at].row.cost;
                let row = found.complete(hold.unsettled.remove(at).row);
                let less = Amount { usd: charged.saturating_sub(row.cost), ..Amount::default() };
                if less.usd > 0 {
                    self.corrections.push(Correction { route: row.route.clone(), began: hold.began, less });
                }
                let tokens = row.tokens().unwrap_or(hold.left.tokens);
                self.count(&mut hold, Amount { requests: 0, tokens, usd: row.cost });
                hold.unsettled.iter_mut().for_each(|unsettled| unsettled.row.revision += 1);
                return self.conclude(&lookup.hold, hold, vec![row]);
            }
            (Some(at), None) => hold.unsettled[at].postpone_lookup(now),
            (None, _) => {}
        }
        if hold.awaits_lookup() {
            self.holds.insert(lookup.hold.clone(), hold);
        } else {
            // The ledger has the rows already, with the amount that is counted now.
            let left = hold.left;
            self.count(&mut hold, left);
        }
        Vec::new()
    }
}
