//! What a call can use at most, so that it can be held before anything is sent.
//!
//! Everything that all attempts of a policy could cost would be many times what a call does cost: nobody could afford to
//! hold it. So the worst case of a call is that of [`ANSWERS`] answers of its dearest model, each with its judge, or what
//! the policy allows, if that is less; and the call is told to keep to it. A failure that costs nothing does not use it up.
//! For its money a call can get more tokens of cheaper models: where they are bounded too, it makes at most [`REQUESTS`]
//! requests, judges among them, and each is held.

use std::sync::Arc;

use failsoft::catalog::{ModelInfo, Price};
use failsoft::policy::JudgePolicy;
use failsoft::report::Usd;
use failsoft::tokens::Prompt;
use failsoft::{Catalog, ChatRequest, Policy, Upstream};

use crate::account::Usage;
use crate::http::api_error::{ApiError, Code};

/// An answer, and another in place of one that was paid for and lost.
const ANSWERS: u64 = 2;

/// Requests of a call on an account whose tokens are bounded. A native window of three models is one.
const REQUESTS: u32 = 4;

/// What of a call is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounded {
    pub(super) money: bool,
    pub(super) tokens: bool,
}

/// Of a token, in a text that somebody reads.
const BYTES: u64 = 5;

/// What a judge is told beside the conversation and the answer, and what it may say, in tokens.
const JUDGED_WITH: u64 = 1_000;

/// Whom a call may ask, and what is known of them.
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

    /// All of them have a price.
    pub(crate) fn are_known(&self, request: &'a ChatRequest) -> bool {
        self.candidates(request).all(|(_, facts)| facts.is_some_and(|facts| facts.raise(&mut Price::default(), 0)))
    }

    /// The most that `request` can use with answers of up to `output` tokens. `policy` keeps the call within what is
    /// `bounded`.
    ///
    /// # Errors
    /// When money is bounded and no model has a price.
    pub(crate) fn bound(
        &self,
        request: &'a ChatRequest,
        output: u64,
        policy: &mut Policy,
        bounded: Bounded,
    ) -> Result<Usage, ApiError> {
        let none = Prompt::default();
        // Who serves may take the prompt's price of one and the answer's of another.
        let (mut price, mut longest) = (Price::default(), None);
        for facts in self.candidates(request).filter_map(|(_, facts)| facts) {
            if facts.raise(&mut price, request.ceiling(none)) {
                longest = longest.max(Some(facts.max_output.map_or(output, |most| most.min(output))));
            }
        }
        if longest.is_none() && bounded.money {
            return Err(no_price(self.candidates(request).map(|(model, _)| model)));
        }
        let answer = request.cost(&price, none, longest.unwrap_or(output));
        let tokens = request.usage(output);
        // It reads the prompt too, and text is longer than its tokens.
        let read = request.ceiling(none).saturating_add(output.saturating_mul(BYTES));
        let judge = policy.judge.as_ref().map(|judge| self.judged(judge, read));
        let judge = judge.unwrap_or(Usage { tokens: 0, usd: Usd(0) });
        let twice = |one: u64, judge: u64| ANSWERS.saturating_mul(one.saturating_add(judge));
        let most = Usd(twice(answer.0, judge.usd.0));
        if bounded.money {
            policy.max_cost = Some(policy.max_cost.map_or(most, |max_cost| max_cost.min(most)));
        }
        let tokens = if bounded.tokens {
            policy.attempts = policy.attempts.min(REQUESTS);
            tokens.max(judge.tokens).saturating_mul(policy.attempts.into())
        } else {
            twice(tokens, judge.tokens)
        };
        Ok(Usage { tokens, usd: policy.max_cost.unwrap_or(most) })
    }

    /// What one score uses of an answer that, with its prompt, counts as so many `tokens`.
    fn judged(&self, judge: &JudgePolicy, tokens: u64) -> Usage {
        let tokens = tokens.saturating_add(JUDGED_WITH).saturating_add(Prompt::text(&judge.criteria).ceiling());
        let mut price = Price::default();
        // Without a price, the call does not ask it.
        if let Some(facts) = self.catalog.find(&judge.model) {
            facts.raise(&mut price, tokens);
        }
        let cost = price.cost(tokens, 0, JUDGED_WITH);
        Usage { tokens: tokens.saturating_add(JUDGED_WITH), usd: judge.max_cost.map_or(cost, |most| cost.min(most)) }
    }
}

fn no_price<'a>(models: impl Iterator<Item = &'a str>) -> ApiError {
    let models: Vec<&str> = models.collect();
    let message = format!(
        "what this call may cost is bounded, and no price is known of {}: the upstream's catalog has none; the owner of \
         this edge can set `prompt` and `completion` of a model in `upstream.models`",
        models.join(", ")
    );
    ApiError::new(Code::PriceUnknown, message).about("model")
}
