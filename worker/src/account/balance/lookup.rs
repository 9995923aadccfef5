//! Costs that nobody told are looked up: an upstream knows what a generation cost, some time after its end.

use failsoft::{Json, Millis};

use super::hold::{Asks, Open};
use super::{Amount, Books, Hold};
use crate::ledger::Row;

/// A cost that was asked for.
const GENERATION: &str = "generation";

/// What an upstream is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) hold: String,
    pub(super) attempt: usize,
    /// Of the request whose cost it is.
    pub(crate) url: String,
    pub(crate) generation: String,
    /// How often it was asked before.
    pub(crate) times: u32,
}

/// What an upstream says of a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(super) cost: u64,
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) model: Option<String>,
    pub(super) provider: Option<String>,
}

impl Found {
    /// Reads the answer of `GET /generation`; nothing, if it tells no cost.
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
}

impl Books {
    /// The questions that it is time for.
    pub(crate) fn questions(&self, now: Millis) -> Vec<Question> {
        let asked = |(id, hold): (&String, &Hold)| -> Vec<Question> {
            let due = |open: &Open| {
                let asks = open.asks.as_ref().filter(|asks| asks.next <= now)?;
                Some(Question {
                    hold: id.clone(),
                    attempt: open.attempt,
                    url: asks.url.clone(),
                    generation: asks.generation.clone(),
                    times: asks.times,
                })
            };
            hold.open.iter().filter_map(due).collect()
        };
        self.holds.iter().flat_map(asked).collect()
    }

    /// Takes what the upstream answered to `question`. Rows to write.
    pub(crate) fn answered(&mut self, question: &Question, found: Option<Found>, now: Millis) -> Vec<Row> {
        self.turn(now);
        let Some(mut hold) = self.take(&question.hold) else { return Vec::new() };
        let at = hold.open.iter().position(|open| {
            let same = |asks: &Asks| asks.generation == question.generation && asks.times == question.times;
            open.attempt == question.attempt && open.asks.as_ref().is_some_and(same)
        });
        match (at, found) {
            (Some(at), Some(found)) => {
                let row = looked_up(hold.open.remove(at).row, found);
                let tokens = row.tokens().unwrap_or(hold.left.tokens);
                self.count(&mut hold, Amount { requests: 0, tokens, usd: row.cost });
                hold.open.iter_mut().for_each(|open| open.row.revision += 1);
                return self.conclude(&question.hold, hold, vec![row]);
            }
            (Some(at), None) => hold.open[at].put_off(now),
            (None, _) => {}
        }
        if hold.is_asked_about() {
            self.holds.insert(question.hold.clone(), hold);
        } else {
            // Its rows have been written with what is now counted.
            let left = hold.left;
            self.count(&mut hold, left);
        }
        Vec::new()
    }
}

fn looked_up(row: Row, found: Found) -> Row {
    Row {
        revision: row.revision + 1,
        cost: found.cost,
        settled: GENERATION.into(),
        prompt_tokens: found.prompt_tokens,
        completion_tokens: found.completion_tokens,
        model: row.model.or(found.model),
        provider: row.provider.or(found.provider),
        ..row
    }
}
