//! What happened in a call: every attempt, its failure, its cost, and which model answered.

use crate::Millis;
use crate::failure::Failure;
use crate::json::{Json, Object, patched};
use crate::role::Role;
use crate::usd::Usd;

/// The report of one call. In JavaScript: `completion.failsoft`, `error.attempts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The model that answered, as the answer names it. Absent until a model has answered.
    pub model: Option<String>,
    /// A model other than the first of the chain answered.
    pub fallback: bool,
    /// The answer passed every rule of the policy. If false, it is the best of the answers that did not.
    pub accepted: bool,
    /// Every request that was sent, in order.
    pub attempts: Vec<AttemptReport>,
    /// The models that left the chain, and why.
    pub dropped: Vec<Dropped>,
    /// What the caller or the owner should know, in sentences.
    pub warnings: Vec<String>,
    /// The sum of the known costs of all attempts, in USD; absent if no cost is known.
    pub cost: Option<Usd>,
    /// The ids of generations that may have cost money and did not report how much.
    pub unsettled: Vec<String>,
    /// The answer came from the cache of an edge, and no request was sent. In the JSON: `"cache": "hit"`.
    #[cfg(feature = "protocols")]
    pub from_cache: bool,
}

/// One request to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptReport {
    /// The models that the request named, in order.
    pub models: Vec<String>,
    /// The model that answered, as the answer names it.
    pub model: Option<String>,
    /// The provider behind the model.
    pub provider: Option<String>,
    /// The answer names a model that the request did not name.
    pub unmatched: bool,
    /// What the request was for.
    pub role: Role,
    /// The score that a judge gave, from 0 to 100. Only for [`Role::Score`], and absent where the judge gave no score.
    pub score: Option<u64>,
    /// What went wrong. Absent for an answer that passed.
    pub failure: Option<Box<Failure>>,
    /// What the request left out of the conversation, because only another vendor can read it.
    pub stripped: Vec<Stripped>,
    /// What the prompt cost more than with the model that answered the conversation before: that model's cache was of no use.
    pub lost_cache: Option<LostCache>,
    /// What OpenRouter tried inside this request, as its metadata says: the JSON text of `{provider, model, status}` each.
    pub inside: Vec<String>,
    /// When the request was sent, in milliseconds since the call began.
    pub started: Millis,
    /// The milliseconds until the first text, reasoning or tool call.
    pub first_token: Option<Millis>,
    /// The milliseconds until the attempt ended. Absent while it runs.
    pub duration: Option<Millis>,
    /// The id of the generation.
    pub generation_id: Option<String>,
    /// The tokens of the prompt, as the upstream counted them.
    pub prompt_tokens: Option<u64>,
    /// The tokens of the prompt, if the upstream says that none of them came from a cache, or says nothing about a cache. Not in
    /// the JSON.
    pub uncached_prompt_tokens: Option<u64>,
    /// The tokens of the answer with its reasoning, as the upstream counted them.
    pub completion_tokens: Option<u64>,
    /// The cost in USD, as the upstream reports it. Computed from the tokens, if the upstream reports no cost, or less than the
    /// tokens cost at the configured prices.
    pub cost: Option<Usd>,
    /// The cost that the upstream reports, where `cost` is higher. Not in the JSON.
    pub reported_cost: Option<Usd>,
    /// `cost` is computed from the tokens. In the JSON: `costComputed`.
    pub cost_is_computed: bool,
    /// `cost` is the whole cost: it came with the end of the answer. Not in the JSON.
    pub cost_is_final: bool,
    /// What the upstream said, if the reader gets something else as `failure`. Not in the JSON.
    pub original: Option<Box<Failure>>,
    /// What its tokens cost at the highest price, where the call has a limit on its cost. Not in the JSON.
    pub cost_of_tokens: Option<Usd>,
    /// The upstream may charge for an error after it began to work. Not in the JSON.
    pub charges_errors: bool,
    /// It costs nothing: the upstream refused the request before any work, or never received it. Not in the JSON.
    pub is_free: bool,
    /// The most that it can cost, where the call has a limit on its cost. Not in the JSON.
    pub highest_cost: Option<Usd>,
    /// The most tokens that it can use, where its answer has a limit. Not in the JSON.
    pub highest_tokens: Option<u64>,
}

/// What a request left out of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped {
    /// The type of an item of `reasoning_details`, such as `reasoning.encrypted`; or `reasoning`, `reasoning_content`,
    /// `thinking_blocks` or `thought_signature`.
    pub what: String,
    /// The format of the item, which names its issuer, such as `anthropic-claude-v1`; `unknown`, if nothing names the issuer.
    pub issuer: String,
    /// The number of items.
    pub count: u64,
}

/// The cache that an answer did without, because another model answered the turn before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostCache {
    /// The tokens of the prompt that the other model has in its cache.
    pub tokens: u64,
    /// What they cost more than tokens from a cache, at the prices of the model that answered. Absent, if the prices are not known.
    pub cost: Option<Usd>,
}

/// A model that left the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The id of the model.
    pub model: String,
    /// Why, in a sentence.
    pub reason: String,
}

impl Report {
    /// Reports that `model` left the chain.
    pub(crate) fn drop_model(&mut self, model: &str, reason: impl Into<String>) {
        self.dropped.push(Dropped { model: model.into(), reason: reason.into() });
    }

    /// Sums the costs, when every attempt has ended.
    pub(crate) fn settle(&mut self) {
        self.cost = None;
        self.unsettled.clear();
        for attempt in &self.attempts {
            match (attempt.cost, &attempt.generation_id) {
                (Some(cost), _) => self.cost = Some(cost.plus(self.cost.unwrap_or(Usd(0)))),
                (None, Some(id)) => self.unsettled.push(id.clone()),
                (None, None) => {}
            }
        }
    }

    /// The JSON text of the report. The report of an `edge` (JSON text) replaces the last request, which the edge answered.
    pub fn to_json(&self, edge: Option<&str>) -> String {
        let answered_by_edge = usize::from(edge.is_some());
        let mut attempts = Object::default();
        attempts.open("attempts", "[");
        for attempt in &self.attempts[..self.attempts.len().saturating_sub(answered_by_edge)] {
            attempts.item(&attempt.to_json());
        }
        for attempt in Json::or_null(edge.unwrap_or_default()).get("attempts").items() {
            attempts.item(attempt.raw());
        }
        let attempts = attempts.close("]").end();
        let mut own = self.summary();
        match edge {
            Some(edge) => patched(&patched(&own.end(), edge), &attempts),
            None => own.fields(&attempts).end(),
        }
    }

    /// All fields except the attempts.
    fn summary(&self) -> Object {
        let mut json = Object::default();
        json.maybe_text("model", self.model.as_deref());
        json.flag("fallback", self.fallback).flag("accepted", self.accepted);
        #[cfg(feature = "protocols")]
        if self.from_cache {
            json.text("cache", "hit");
        }
        if !self.dropped.is_empty() {
            json.open("dropped", "[");
            for Dropped { model, reason } in &self.dropped {
                json.item("{").text("model", model).text("reason", reason).close("}");
            }
            json.close("]");
        }
        json.maybe_texts("warnings", &self.warnings);
        write_cost(self.cost, &mut json);
        json.maybe_texts("unsettled", &self.unsettled);
        json
    }
}

fn write_cost(cost: Option<Usd>, json: &mut Object) {
    if let Some(cost) = cost {
        json.raw("cost", &cost.decimal());
    }
}

impl AttemptReport {
    /// The JSON text of the row.
    pub fn to_json(&self) -> String {
        let mut json = Object::default();
        json.texts("models", &self.models);
        json.maybe_text("model", self.model.as_deref()).maybe_text("provider", self.provider.as_deref());
        if self.unmatched {
            json.flag("unmatched", true);
        }
        match self.role {
            Role::Answer => {}
            Role::Hedge => _ = json.flag("hedge", true),
            Role::Score => _ = json.flag("judge", true).maybe_whole("score", self.score),
            Role::Continue | Role::Restart => _ = json.text("recovery", self.role.name()),
        }
        if let Some(failure) = &self.failure {
            json.raw("failure", &failure.to_json());
        }
        // A page sends the conversation as it is.
        if !cfg!(feature = "browser") && !self.stripped.is_empty() {
            json.open("stripped", "[");
            for Stripped { what, issuer, count } in &self.stripped {
                json.item("{").text("what", what).text("issuer", issuer).whole("count", *count).close("}");
            }
            json.close("]");
        }
        if let Some(LostCache { tokens, cost }) = self.lost_cache.filter(|_| !cfg!(feature = "browser")) {
            json.open("lostCache", "{").whole("tokens", tokens);
            write_cost(cost, &mut json);
            json.close("}");
        }
        if !self.inside.is_empty() {
            json.open("inside", "[");
            for row in &self.inside {
                json.item(row);
            }
            json.close("]");
        }
        json.whole("started", self.started);
        json.maybe_whole("firstToken", self.first_token).maybe_whole("duration", self.duration);
        json.maybe_text("generationId", self.generation_id.as_deref());
        json.maybe_whole("promptTokens", self.prompt_tokens).maybe_whole("completionTokens", self.completion_tokens);
        write_cost(self.cost, &mut json);
        if self.cost_is_computed {
            json.flag("costComputed", true);
        }
        json.end()
    }
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn the_report_of_an_edge_replaces_the_request_to_it() {
        let own = Report { attempts: vec![Default::default(), Default::default()], ..Report::default() };
        let edge = r#"{"accepted":true,"attempts":[{"models":["a"]},{"models":["b"]}],"cost":0.5}"#;
        let expected = r#"{"fallback":false,"accepted":true,"cost":0.5,"attempts":[{"models":[],"started":0},{"models":["a"]},{"models":["b"]}]}"#;
        assert_eq!(own.to_json(Some(edge)), expected);
    }
}
