//! What an answer used: its tokens and its cost, wherever the upstream reports them and in whatever shape.

use crate::catalog::ModelInfo;
use crate::chunk::Accumulator;
use crate::json::{Fields, Json};
use crate::text::split;
use crate::usd::Usd;

/// The fields with a cost in USD. Perplexity and OpenRouter; DeepInfra; LiteLLM; others.
const COSTS: &str = "cost total_cost estimated_cost cost_usd total_cost_usd response_cost";

/// The fields of a cost that is an object with its parts, for the whole. Perplexity has `total_cost`.
const TOTALS: &str = "total_cost total total_cost_usd total_usd usd amount";

/// xAI counts in ticks: 10^10 of them are one US dollar.
const TRILLIONTHS_PER_TICK: u64 = 100;

/// What an answer used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// The tokens of the prompt.
    pub(crate) prompt: Option<u64>,
    /// The tokens of the answer: with those of the reasoning, which some upstreams count beside the others.
    pub(crate) completion: Option<u64>,
    /// The cost, as the upstream reports it.
    pub(crate) cost: Option<Usd>,
    /// Of the prompt, the tokens that came from a cache.
    pub(crate) cached: u64,
    /// Of the prompt, the tokens that were written to a cache; and of these, those for an hour.
    pub(crate) written: (u64, u64),
    /// Of the answer, the tokens of the reasoning.
    reasoning: u64,
}

impl Used {
    /// What `answer` reports.
    pub(crate) fn of(answer: &Accumulator) -> Self {
        // Groq's envelope; Moonshot's choices; Vercel's gateway.
        let (groq, choice) = (answer.field("x_groq").get("usage"), answer.choice_field("usage"));
        let gateways = ["provider_metadata", "providerMetadata"].map(|name| answer.field(name).get("gateway"));
        let usage = [answer.usage(), choice, groq].into_iter().find(|usage| usage.is_object()).unwrap_or(Json::NULL);
        let usage = &Fields::of(usage);
        let tokens = |paths: &str| split(paths, b' ').find_map(|path| usage.at(path).whole());
        let (prompt, written) = (tokens("prompt_tokens input_tokens"), tokens("completion_tokens output_tokens"));
        let total = tokens("total_tokens");
        let reasoning = tokens(
            "completion_tokens_details.reasoning_tokens output_tokens_details.reasoning_tokens reasoning_tokens",
        )
        .unwrap_or_default();
        let beside = match total {
            Some(total) => prompt.map(|prompt| total.saturating_sub(prompt)),
            // Reasoning that is more than the answer cannot be a part of it.
            None => written.filter(|written| reasoning > *written).map(|written| written.saturating_add(reasoning)),
        };
        let prompt = prompt.or(total.zip(written).map(|(total, written)| total.saturating_sub(written)));
        let beside_choices = || split(COSTS, b' ').find_map(|name| cost(answer.field(name)));
        let in_choice = || split(COSTS, b' ').find_map(|name| cost(answer.choice_field(name)));
        let in_gateway = || gateways.into_iter().find_map(|gateway| cost(gateway.get("cost")));
        Self {
            prompt,
            completion: written.max(beside),
            cost: reported(usage, answer).or_else(beside_choices).or_else(in_choice).or_else(in_gateway),
            // OpenAI; DeepSeek; Moonshot; Anthropic.
            cached: tokens(
                "prompt_tokens_details.cached_tokens input_tokens_details.cached_tokens prompt_cache_hit_tokens cached_tokens \
                 cache_read_input_tokens",
            )
            .unwrap_or_default(),
            // OpenRouter; OpenAI; Anthropic.
            written: (
                tokens(
                    "prompt_tokens_details.cache_write_tokens input_tokens_details.cache_write_tokens \
                     cache_creation_input_tokens",
                )
                .unwrap_or_default(),
                tokens(
                    "prompt_tokens_details.cache_write_1h_tokens cache_creation.ephemeral_1h_input_tokens",
                )
                .unwrap_or_default(),
            ),
            reasoning,
        }
    }

    /// The cost at the prices of `model`, if the tokens and the prices are known. A kind of token without a price of its own
    /// has the price of the others.
    pub(crate) fn cost_at(self, model: &ModelInfo) -> Option<Usd> {
        self.cost_with(model, model.cached_price.or(model.price.0))
    }

    /// The least cost at the prices of `model`: tokens from a cache are free, unless they have a price of their own.
    pub(crate) fn least_cost_at(self, model: &ModelInfo) -> Option<Usd> {
        self.cost_with(model, model.cached_price.or(Some(Usd(0))))
    }

    fn cost_with(self, model: &ModelInfo, cached_price: Option<Usd>) -> Option<Usd> {
        let (Some(prompt), Some(completion)) = (self.prompt, self.completion) else { return None };
        let (Some(prompt_price), Some(price)) = model.price else { return None };
        let (cached, reasoning) = (self.cached.min(prompt), self.reasoning.min(completion));
        // A page has no upstream that computes what it wrote to a cache.
        let written = if cfg!(feature = "browser") { 0 } else { self.written.0.min(prompt - cached) };
        let for_hour = self.written.1.min(written);
        let written_price = model.written_price.0.unwrap_or(prompt_price);
        let parts = [
            (prompt - cached - written, prompt_price),
            (written - for_hour, written_price),
            (for_hour, model.price_for_hour(prompt_price)),
            (cached, cached_price.unwrap_or(prompt_price)),
            (completion - reasoning, price),
            (reasoning, model.reasoning_price.unwrap_or(price)),
        ];
        Some(parts.into_iter().fold(Usd(0), |sum, (tokens, price)| sum.plus(price.times(tokens))))
    }
}

/// The cost in `usage`. With the caller's own key of a provider, OpenRouter reports its fee as the cost, and the provider
/// charges the caller beside it. Without such a key, the provider's charge is a part of the cost.
fn reported(usage: &Fields<'_>, answer: &Accumulator) -> Option<Usd> {
    let ticks = || usage.get("cost_in_usd_ticks").whole().map(|ticks| Usd(TRILLIONTHS_PER_TICK).times(ticks));
    let fee = split(COSTS, b' ').find_map(|name| cost(usage.get(name))).or_else(ticks);
    let details = usage.get("cost_details");
    let part = |name| details.get(name).amount().map(Usd);
    let parts = part("upstream_inference_prompt_cost").zip(part("upstream_inference_completions_cost"));
    let charge = part("upstream_inference_cost").or(parts.map(|(prompt, answer)| prompt.plus(answer)));
    let is_own_key = [usage.get("is_byok"), answer.field("is_byok"), answer.metadata().get("is_byok")];
    let is_own_key = is_own_key.into_iter().find_map(Json::flag).unwrap_or(charge > fee);
    match (fee, charge) {
        (Some(fee), Some(charge)) if is_own_key => Some(fee.plus(charge)),
        (fee, charge) => fee.or(charge),
    }
}

/// A cost in USD: a number, a text with a number, or an object with the total or the parts.
fn cost(value: Json<'_>) -> Option<Usd> {
    if !value.is_object() {
        return value.amount().map(Usd);
    }
    let total = split(TOTALS, b' ').find_map(|name| value.get(name).amount()).map(Usd);
    let mut parts =
        value.fields().filter(|(name, _)| name.word().ends_with("cost")).filter_map(|(_, part)| part.amount());
    total.or_else(|| parts.next().map(|first| parts.fold(Usd(first), |sum, part| sum.plus(Usd(part)))))
}
