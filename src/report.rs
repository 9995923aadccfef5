//! What happened in a call: every attempt, its failure, its cost, and which model answered.

use serde::Serialize;
use serde_json::Value;

use crate::Millis;
use crate::failure::Failure;

/// The account of one call. In JavaScript: `completion.failsoft`, `error.attempts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The model that answered, in the answer's own words; absent until one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A model other than the first of the chain answered.
    pub fallback: bool,
    /// The answer passed every rule of the policy. False: it is the best of answers that did not.
    pub accepted: bool,
    /// Every request that was sent, in order.
    pub attempts: Vec<AttemptReport>,
    /// Models that were not asked, or not again, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// What somebody should look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The sum of the known costs of all attempts, in USD; absent if no cost is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Ids of generations that may have cost money and did not say how much.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<String>,
}

/// One request to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptReport {
    /// The models that the request named, in order.
    pub models: Vec<String>,
    /// The model that answered, as the answer names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The answer names a model that is none of those asked for.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub unmatched: bool,
    /// What went wrong; absent for an answer that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What OpenRouter tried inside this request, as it says: `{provider, model, status}` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Value>,
    /// Milliseconds since the call began.
    pub started: Millis,
    /// Milliseconds until the first text, reasoning or tool call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token: Option<Millis>,
    /// Milliseconds until it ended; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Millis>,
    /// The generation's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation_id: Option<String>,
    /// What it cost in USD, as the upstream says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// A model that left the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropped {
    /// Its id.
    pub model: String,
    /// Why, in a sentence.
    pub reason: String,
}

impl Report {
    /// Notes that `model` is not asked, or not again.
    pub(crate) fn drop_model(&mut self, model: &str, reason: impl Into<String>) {
        self.dropped.push(Dropped { model: model.into(), reason: reason.into() });
    }

    /// Adds up what is known once every attempt has ended.
    pub(crate) fn settle(&mut self) {
        let known = self.attempts.iter().filter_map(|attempt| attempt.cost);
        self.cost = known.reduce(|sum, cost| sum + cost);
        let open = self.attempts.iter().filter(|attempt| attempt.cost.is_none());
        self.unsettled = open.filter_map(|attempt| attempt.generation_id.clone()).collect();
    }

    /// The JSON of the report. What an edge reported replaces the account of the last request, which asked it.
    pub fn to_json(&self, edge: Option<&Value>) -> Value {
        let mut own = serde_json::to_value(self).unwrap_or_default();
        let (Some(fields), Some(edge)) = (own.as_object_mut(), edge.and_then(Value::as_object)) else { return own };
        let mut attempts = fields["attempts"].as_array().cloned().unwrap_or_default();
        attempts.pop();
        attempts.extend(edge.get("attempts").and_then(Value::as_array).into_iter().flatten().cloned());
        fields.extend(edge.iter().map(|(name, value)| (name.clone(), value.clone())));
        fields.insert("attempts".into(), attempts.into());
        own
    }
}
