//! What a batch may cost, and how long its answer may be.

use super::{Batch, Chain};
use crate::catalog::Price;
use crate::request::ChatRequest;
use crate::tokens::Prompt;
use crate::usd::Usd;

impl Chain {
    /// The output limit of a request that names `batch`. Where the caller set no limit, the models set their own.
    pub(crate) fn output_limit(&self, batch: &[usize], request: &ChatRequest) -> Option<u64> {
        let mut limit = request.max_tokens;
        for candidate in batch.iter().map(|&at| &self.candidates[at]) {
            if let (Some(wanted), Some(room)) = (limit, candidate.answer_tokens(request)) {
                limit = Some(wanted.min(room.max(1)));
            }
        }
        limit
    }

    /// The most tokens that an answer of `batch` reasons beyond the output limit.
    pub(crate) fn reasoning(&self, batch: &[usize]) -> u64 {
        let most = || batch.iter().filter_map(|&at| self.candidates[at].reasoning).max().unwrap_or_default();
        if cfg!(feature = "browser") { 0 } else { most() }
    }

    /// The highest price of `batch` for an answer behind the text `so_far`, whichever of its models serves. An edge has no
    /// price here: it checks the cost by itself. The highest price may combine the prompt's price of one model with the
    /// answer's price of another. While it is more than `left` can pay, the last model leaves the batch.
    pub(crate) fn price(&self, batch: &mut Batch, request: &ChatRequest, so_far: Prompt, left: Usd) -> Price {
        loop {
            let mut price = Price::default();
            for &at in &*batch {
                self.candidates[at].info.raise(&mut price, request.ceiling(so_far));
            }
            let least = request.least_answer().saturating_add(self.reasoning(batch));
            if batch.len() < 2 || request.cost(&price, so_far, least) <= left {
                return price;
            }
            batch.pop();
        }
    }
}
