//! What a hold costs: the most that a call can use, which is held before anything is sent.
//!
//! All attempts of a policy together could cost many times what a call costs in fact, and nobody could afford to hold that.
//! So a hold is for [`ANSWERS`] answers of the most expensive model, each with its judge, or for the policy's bound, if that
//! is less. The call's policy is set to this bound. A failure that costs nothing uses up none of it.
//!
//! For the same money a call can get more tokens of cheaper models. So where tokens are bounded too, the call makes at most
//! [`REQUESTS`] requests, judges among them, and the tokens of each are held.

use std::sync::Arc;

use failsoft::catalog::{ModelInfo, Price};
use failsoft::policy::JudgePolicy;
use failsoft::tokens::Prompt;
use failsoft::{Catalog, ChatRequest, Policy, Upstream, Usd};

use crate::account::Usage;
use crate::http::api_error::{ApiError, Code};

/// One answer, and one more in place of an answer that was paid for and lost.
const ANSWERS: u64 = 2;

/// The most requests of a call whose tokens are bounded. A batch of models is one request.
const REQUESTS: u32 = 4;

/// What a budget or the policy bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounded {
    pub(super) money: bool,
    pub(super) tokens: bool,
}

/// The bytes of a token in a text for people.
const BYTES_PER_TOKEN: u64 = 5;

/// The tokens of a judge's own prompt, and the most tokens of its score.
const JUDGE_TOKENS: u64 = 1_000;

/// The upstreams of a call, and what is known about their models.
pub(crate) struct Prices<'a> {
    pub(crate) upstreams: &'a [Upstream],
    pub(crate) catalog: &'a Catalog,
}

impl<'a> Prices<'a> {
    fn candidates(&self, request: &'a ChatRequest) -> impl Iterator<Item = (&'a str, Option<&'a Arc<ModelInfo>>)> {
        let catalog = self.catalog;
        self.upstreams.iter().flat_map(move |upstream| {
            let models = upstream.models_for(&request.models).iter();
            models.map(move |model| (model.as_str(), upstream.model_info(model, catalog)))
        })
    }

    /// Whether every candidate has a price.
    pub(crate) fn are_known(&self, request: &'a ChatRequest) -> bool {
        self.candidates(request).all(|(_, info)| info.is_some_and(|info| info.raise(&mut Price::default(), 0)))
    }

    /// The most that `request` can use with answers of up to `output` tokens. Changes `policy`, so that the call stays within
    /// this.
    ///
    /// # Errors
    /// If money is bounded and no model has a price.
    pub(crate) fn bound(
        &self,
        request: &'a ChatRequest,
        output: u64,
        policy: &mut Policy,
        bounded: Bounded,
    ) -> Result<Usage, ApiError> {
        let none = Prompt::default();
        // The highest price of a prompt and the highest price of an answer may be of two models.
        let (mut price, mut longest) = (Price::default(), None);
        for info in self.candidates(request).filter_map(|(_, info)| info) {
            if info.raise(&mut price, request.ceiling(none)) {
                longest = longest.max(Some(info.max_output.map_or(output, |most| most.min(output))));
            }
        }
        if longest.is_none() && bounded.money {
            return Err(no_price(self.candidates(request).map(|(model, _)| model)));
        }
        let answer = request.cost(&price, none, longest.unwrap_or(output));
        let tokens = request.usage(none, output);
        // A judge reads the prompt and the answer.
        let read = request.ceiling(none).saturating_add(output.saturating_mul(BYTES_PER_TOKEN));
        let judge = policy.judge.as_ref().map(|judge| self.score_cost(judge, read));
        let judge = judge.unwrap_or(Usage { tokens: 0, usd: Usd(0) });
        let all_answers = |one: u64, judge: u64| ANSWERS.saturating_mul(one.saturating_add(judge));
        let most = Usd(all_answers(answer.0, judge.usd.0));
        if bounded.money {
            policy.max_cost = Some(policy.max_cost.map_or(most, |max_cost| max_cost.min(most)));
        }
        let tokens = if bounded.tokens {
            policy.attempts = policy.attempts.min(REQUESTS);
            tokens.max(judge.tokens).saturating_mul(policy.attempts.into())
        } else {
            all_answers(tokens, judge.tokens)
        };
        Ok(Usage { tokens, usd: policy.max_cost.unwrap_or(most) })
    }

    /// What one score uses, where prompt and answer have `tokens`.
    fn score_cost(&self, judge: &JudgePolicy, tokens: u64) -> Usage {
        let tokens = tokens.saturating_add(JUDGE_TOKENS).saturating_add(Prompt::text(&judge.criteria).ceiling());
        let mut price = Price::default();
        // A judge without a price is not asked.
        if let Some(info) = self.catalog.find(&judge.model) {
            info.raise(&mut price, tokens);
        }
        let cost = price.cost(tokens, 0, JUDGE_TOKENS);
        Usage { tokens: tokens.saturating_add(JUDGE_TOKENS), usd: judge.max_cost.map_or(cost, |most| cost.min(most)) }
    }
}

fn no_price<'a>(models: impl Iterator<Item = &'a str>) -> ApiError {
    let models: Vec<&str> = models.collect();
    let message = format!(
        "the cost of this call is bounded, but no price is known for {}: the upstream's catalog has none; the owner of \
         this edge can set `prompt` and `completion` of a model in `upstream.models`",
        models.join(", ")
    );
    ApiError::new(Code::PriceUnknown, message).about("model")
}
