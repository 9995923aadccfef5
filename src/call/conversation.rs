//! The conversation of a call: which model answered the turn before, and what that model has in its cache.

use super::Call;
use crate::Millis;
use crate::attempt::Attempt;
use crate::policy::Sticky;
use crate::protocol::Vendor;
use crate::report::LostCache;
use crate::usage::Used;
use crate::usd::Usd;

/// What is known after a turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The name of the breaker of the model that answered.
    pub served: String,
    /// The tokens of the prompt that the model has in its cache now, as its usage says.
    pub cached: u64,
    /// How long this counts for the next turn, in milliseconds.
    pub lifetime: Millis,
}

impl Call {
    /// The conversation has had the turn `before`. Its model is asked first, if the policy says so and the chain still has it;
    /// if another model answers, the report says what that costs. No effect on embeddings. Call it before the first
    /// [`Call::poll`].
    pub fn resume_conversation(&mut self, before: Turn) {
        if self.request.is_for_embeddings() {
            return;
        }
        if self.policy.sticky != Sticky::Off {
            self.chain.prefer(&before.served);
        }
        self.turn_before = Some(before);
    }

    /// The answer of `attempt` is that of the call. Vectors are no turn of a conversation.
    pub(super) fn record_turn(&mut self, attempt: &Attempt, served: usize) {
        if self.request.is_for_embeddings() {
            return;
        }
        let (candidate, used) = (self.chain.candidate(served), attempt.answer().map(Used::of).unwrap_or_default());
        let name = candidate.breaker();
        let row = &mut self.report.attempts[attempt.id as usize];
        if let Some(before) = self.turn_before.take().filter(|before| before.served != name) {
            // What the model has in a cache of its own is not lost.
            let tokens = before.cached.min(used.prompt.unwrap_or(before.cached)).saturating_sub(used.cached);
            let prices = candidate.info().price.0.zip(candidate.info().cached_price);
            let cost = prices.map(|(full, cached)| Usd(full.0.saturating_sub(cached.0)).times(tokens));
            row.lost_cache = (tokens > 0).then_some(LostCache { tokens, cost });
        }
        let cached = used.cached.saturating_add(used.written.0);
        let lifetime = self.lifetime(candidate.model());
        self.turn = Some(Turn { served: name.into(), cached, lifetime });
    }

    /// How long `model` remembers the prompt. Anthropic's caches live five minutes or an hour, and OpenAI's five to ten minutes
    /// (platform.claude.com/docs/en/build-with-claude/prompt-caching; platform.openai.com/docs/guides/prompt-caching).
    fn lifetime(&self, model: &str) -> Millis {
        const MINUTE: Millis = 60_000;
        match (self.policy.sticky, Vendor::of(model)) {
            (Sticky::Seconds(seconds), _) => seconds * 1_000,
            (_, Vendor::Claude) if self.request.hour_in_cache => 60 * MINUTE,
            (_, Vendor::OpenAi) => 10 * MINUTE,
            _ => 5 * MINUTE,
        }
    }
}
