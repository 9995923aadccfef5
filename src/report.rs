//! What happened in a call: every attempt, its failure, its cost, and which model answered.

use crate::Millis;
use crate::failure::Failure;
use crate::json::{Json, Object, array, decimal, quoted};
use crate::text::text;

/// The account of one call. In JavaScript: `completion.failsoft`, `error.attempts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The model that answered, in the answer's own words; absent until one has.
    pub model: Option<String>,
    /// A model other than the first of the chain answered.
    pub fallback: bool,
    /// The answer passed every rule of the policy. False: it is the best of answers that did not.
    pub accepted: bool,
    /// Every request that was sent, in order.
    pub attempts: Vec<AttemptReport>,
    /// Models that were not asked, or not again, and why.
    pub dropped: Vec<Dropped>,
    /// What somebody should look at.
    pub warnings: Vec<String>,
    /// The sum of the known costs of all attempts, in USD; absent if no cost is known.
    pub cost: Option<Usd>,
    /// Ids of generations that may have cost money and did not say how much.
    pub unsettled: Vec<String>,
}

/// An amount of US dollars, in units of 10^-12: sums of costs are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(pub u64);

/// One request to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptReport {
    /// The models that the request named, in order.
    pub models: Vec<String>,
    /// The model that answered, as the answer names it.
    pub model: Option<String>,
    /// The provider behind it.
    pub provider: Option<String>,
    /// The answer names a model that is none of those asked for.
    pub unmatched: bool,
    /// It scored the answer of another request: with so many points, or it could not.
    pub judge: Option<Option<u64>>,
    /// It went on from an answer that broke: `continue` or `restart`.
    pub recovery: Option<&'static str>,
    /// What went wrong; absent for an answer that passed.
    pub failure: Option<Box<Failure>>,
    /// What OpenRouter tried inside this request, as it says: JSON of `{provider, model, status}` each.
    pub inside: Vec<String>,
    /// Milliseconds since the call began.
    pub started: Millis,
    /// Milliseconds until the first text, reasoning or tool call.
    pub first_token: Option<Millis>,
    /// Milliseconds until it ended; absent while it runs.
    pub duration: Option<Millis>,
    /// The generation's id.
    pub generation_id: Option<String>,
    /// What it cost in USD, as the upstream says.
    pub cost: Option<Usd>,
}

/// A model that left the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        self.cost = known.reduce(|sum, cost| Usd(sum.0.saturating_add(cost.0)));
        let open = self.attempts.iter().filter(|attempt| attempt.cost.is_none());
        self.unsettled = open.filter_map(|attempt| attempt.generation_id.clone()).collect();
    }

    /// The JSON text of the report. What an edge reported replaces the account of the last request, which asked it.
    pub fn to_json(&self, edge: Option<&str>) -> String {
        let edge = edge.and_then(Json::parse).unwrap_or(Json::NULL);
        let asked = self.attempts.len() - usize::from(edge.is_object() && !self.attempts.is_empty());
        let own = self.attempts[..asked].iter().map(AttemptReport::to_json);
        let attempts = own.chain(edge.get("attempts").items().map(|attempt| attempt.raw().into()));
        let mut json = Object::default();
        for (name, value) in edge.fields().filter(|(name, _)| !name.is("attempts")) {
            json.entry(name, value.raw());
        }
        json.raw("attempts", &array(attempts));
        let own = self.summary();
        for (name, value) in Json::parse(&own).unwrap_or(Json::NULL).fields() {
            if edge.get(&name.text().unwrap_or_default()).is_null() {
                json.entry(name, value.raw());
            }
        }
        json.end()
    }

    /// All but the attempts.
    fn summary(&self) -> String {
        let mut json = Object::default();
        json.maybe_text("model", self.model.as_deref());
        json.flag("fallback", self.fallback).flag("accepted", self.accepted);
        json.maybe_list("dropped", self.dropped.iter().map(Dropped::to_json));
        json.maybe_list("warnings", self.warnings.iter().map(|warning| quoted(warning)));
        json.maybe_raw("cost", self.cost.map(Usd::decimal).as_deref());
        json.maybe_list("unsettled", self.unsettled.iter().map(|id| quoted(id)));
        json.end()
    }
}

impl AttemptReport {
    /// The JSON text of the row.
    pub fn to_json(&self) -> String {
        let mut json = Object::default();
        json.raw("models", &array(self.models.iter().map(|model| quoted(model))));
        json.maybe_text("model", self.model.as_deref());
        json.maybe_text("provider", self.provider.as_deref());
        if self.unmatched {
            json.flag("unmatched", true);
        }
        if let Some(score) = self.judge {
            json.flag("judge", true).maybe_whole("score", score);
        }
        json.maybe_text("recovery", self.recovery);
        json.maybe_raw("failure", self.failure.as_deref().map(Failure::to_json).as_deref());
        json.maybe_list("inside", self.inside.iter().cloned());
        json.whole("started", self.started);
        json.maybe_whole("firstToken", self.first_token);
        json.maybe_whole("duration", self.duration);
        json.maybe_text("generationId", self.generation_id.as_deref());
        json.maybe_raw("cost", self.cost.map(Usd::decimal).as_deref());
        json.end()
    }
}

impl Dropped {
    fn to_json(&self) -> String {
        let mut json = Object::default();
        json.text("model", &self.model).text("reason", &self.reason);
        json.end()
    }
}

impl Usd {
    /// In US dollars.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::UNIT as f64
    }

    /// So much for each of `count`; beyond millions of dollars the most there is. Told by the size of the factors: an exact
    /// test multiplies in 128 bits, which a page would have to download.
    pub(crate) fn times(self, count: u64) -> Self {
        let fits = self.0.leading_zeros() + count.leading_zeros() >= 64;
        Self(if fits { self.0.wrapping_mul(count) } else { u64::MAX })
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    const UNIT: u64 = 1_000_000_000_000;

    /// The decimal number of US dollars.
    pub fn decimal(self) -> String {
        let fraction = decimal(self.0 % Self::UNIT + Self::UNIT);
        let fraction = fraction[1..].trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        text!(&decimal(self.0 / Self::UNIT), point, fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Usd};

    #[test]
    fn money_is_written_as_it_is() {
        for (trillionths, text) in
            [(0, "0"), (42_500_000, "0.0000425"), (1_500_000_000_000, "1.5"), (7, "0.000000000007")]
        {
            assert_eq!(Usd(trillionths).decimal(), text);
        }
    }

    #[test]
    fn what_an_edge_reported_comes_first() {
        let own = Report { attempts: vec![Default::default(), Default::default()], ..Report::default() };
        let edge = r#"{"accepted":true,"attempts":[{"models":["a"]},{"models":["b"]}],"cost":0.5}"#;
        let expected = r#"{"accepted":true,"cost":0.5,"attempts":[{"models":[],"started":0},{"models":["a"]},{"models":["b"]}],"fallback":false}"#;
        assert_eq!(own.to_json(Some(edge)), expected);
    }
}
