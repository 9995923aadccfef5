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

/// A model on an upstream.
struct Candidate<'a> {
    model: &'a str,
    info: Option<&'a Arc<ModelInfo>>,
    /// The most tokens that an answer reasons beyond the output limit. `None`: nothing bounds them.
    reasoning: Option<u64>,
}

impl<'a> Prices<'a> {
    fn candidates(&self, request: &'a ChatRequest) -> impl Iterator<Item = Candidate<'a>> {
        let catalog = self.catalog;
        self.upstreams.iter().flat_map(move |upstream| {
            upstream.models_for(&request.models).iter().map(move |model| {
                let info = upstream.model_info(model, catalog);
                let reasoning = upstream.reasoning_beyond_limit(request.max_reasoning, info.map(|info| &**info));
                Candidate { model, info, reasoning }
            })
        })
    }

    /// Whether every candidate has a price.
    pub(crate) fn are_known(&self, request: &'a ChatRequest) -> bool {
        self.candidates(request)
            .all(|Candidate { info, .. }| info.is_some_and(|info| info.raise(&mut Price::default(), 0)))
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
        let mut unbounded = None;
        for Candidate { model, info, reasoning } in self.candidates(request) {
            let is_priced = info.is_some_and(|info| info.raise(&mut price, request.ceiling(none)));
            if reasoning.is_none() && (is_priced || !bounded.money) {
                unbounded = Some(model);
            }
            if let (Some(info), Some(reasoning), true) = (info, reasoning, is_priced) {
                let answer = info.max_output.map_or(output, |most| most.min(output));
                longest = longest.max(Some(answer.saturating_add(reasoning)));
            }
        }
        // A call within a limit on its cost leaves out the models that it cannot bound. A limit on tokens leaves out none.
        if let Some(model) =
            unbounded.filter(|_| (bounded.money && longest.is_none()) || (bounded.tokens && !bounded.money))
        {
            return Err(unbounded_reasoning(model));
        }
        if longest.is_none() && bounded.money {
            return Err(no_price(self.candidates(request).map(|candidate| candidate.model)));
        }
        let reasoning = self.candidates(request).filter_map(|candidate| candidate.reasoning).max().unwrap_or_default();
        let output = output.saturating_add(reasoning);
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
        let mut answer = JUDGE_TOKENS;
        // A judge without a price is not asked, and neither is one with unbounded reasoning.
        if let Some(info) = self.catalog.find(&judge.model) {
            info.raise(&mut price, tokens);
            let is_beyond = self.upstreams.iter().any(|upstream| upstream.reasons_beyond_limit);
            answer += info.max_reasoning.filter(|_| is_beyond).unwrap_or_default();
        }
        let cost = price.cost(tokens, 0, answer);
        Usage { tokens: tokens.saturating_add(answer), usd: judge.max_cost.map_or(cost, |most| cost.min(most)) }
    }
}

fn unbounded_reasoning(model: &str) -> ApiError {
    let message = format!(
        "this call is bounded, and nothing bounds the reasoning of {model}, which its upstream bills beyond `max_tokens`: send \
         `reasoning.max_tokens`, or ask the owner of this edge to set `maxReasoning` of the model in `upstream.models`"
    );
    ApiError::new(Code::ReasoningUnbounded, message).about("reasoning.max_tokens")
}

fn no_price<'a>(models: impl Iterator<Item = &'a str>) -> ApiError {
    let models: Vec<&str> = models.collect();
    let message = format!(
        "the cost of this call is bounded, but no price is known for {}: the upstream's catalog has none; the owner of \
         this edge can set `prompt` and `completion` of a model in `upstream.models`, or `prompt` in `upstream.embeddings`",
        models.join(", ")
    );
    ApiError::new(Code::PriceUnknown, message).about("model")
}
