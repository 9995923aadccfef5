//! How many tokens a request can use, and what it can cost.

use super::{ChatRequest, LEAST_ANSWER};
use crate::catalog::Price;
use crate::tokens::Prompt;
use crate::usd::Usd;

impl ChatRequest {
    /// The most that a request can cost at this price: an answer of up to `tokens` tokens, behind the text `so_far`.
    pub fn cost(&self, price: &Price, so_far: Prompt, tokens: u64) -> Usd {
        let tokens = Usd(tokens).times(self.answers).0;
        let is_for_hour = !cfg!(feature = "browser") && self.hour_in_cache;
        let for_hour = is_for_hour.then(|| price.for_hour_in_cache());
        let price = for_hour.as_ref().unwrap_or(price);
        price.cost(self.ceiling(so_far), self.prompt.attachments, tokens)
    }

    /// The output limit that `left` can pay at this price, where each answer has up to `reasoning` tokens beyond the limit. No
    /// more than `limit`, and at least one token. `None`: no limit.
    pub(crate) fn affordable(
        &self,
        price: &Price,
        so_far: Prompt,
        limit: Option<u64>,
        reasoning: u64,
        left: Usd,
    ) -> Option<u64> {
        let none = self.cost(price, so_far, reasoning).0;
        let one = self.cost(price, so_far, reasoning.saturating_add(1)).0.saturating_sub(none);
        let affordable = left.0.saturating_sub(none).checked_div(one).unwrap_or(u64::MAX);
        Some(limit.unwrap_or(u64::MAX).min(affordable.max(1))).filter(|limit| *limit < u64::MAX)
    }

    /// The most tokens that one request can use, with an answer of up to `tokens` tokens, behind the text `so_far`.
    pub fn usage(&self, so_far: Prompt, tokens: u64) -> u64 {
        self.ceiling(so_far).saturating_add(tokens.saturating_mul(self.answers))
    }

    /// The most tokens that the prompt can have, with the text `so_far` behind it.
    pub fn ceiling(&self, so_far: Prompt) -> u64 {
        match self.prompt_most {
            Some(most) => most.saturating_add(so_far.bytes),
            None => self.prompt.ceiling() + so_far.ceiling(),
        }
    }

    /// The tokens of the shortest answer that is worth its prompt. A caller that sets an output limit wants that much.
    pub(crate) fn least_answer(&self) -> u64 {
        let wanted = if self.limits.is_empty() { None } else { self.max_tokens };
        wanted.unwrap_or(1).clamp(1, LEAST_ANSWER)
    }
}
