//! Counts what occurred in the worlds. A simulator that never reaches a situation finds no bug in it.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) calls: u64,
    counts: BTreeMap<String, u64>,
}

impl Coverage {
    pub(crate) fn count(&mut self, group: &str, name: &str) {
        match self.counts.get_mut(&*format!("{group}: {name}")) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(format!("{group}: {name}"), 1)),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        for (name, count) in other.counts {
            *self.counts.entry(name).or_default() += count;
        }
    }

    /// What was expected to occur, but did not.
    pub(crate) fn missed(&self) -> Vec<String> {
        let expected =
            EXPECTED.iter().flat_map(|(group, names)| names.iter().map(move |name| format!("{group}: {name}")));
        expected.filter(|name| !self.counts.contains_key(name)).collect()
    }
}

/// What must occur in every run of at least 20,000 calls.
const EXPECTED: [(&str, &[&str]); 4] = [
    (
        "outcome",
        &[
            "accepted",
            "not accepted",
            "rateLimited",
            "inFlightBudget",
            "serverError",
            "unavailable",
            "network",
            "badResponse",
            "headersTimeout",
            "firstTokenTimeout",
            "stalled",
            "timeout",
            "unknownModel",
            "noEndpoint",
            "contextLength",
            "contentFilter",
            "unauthorized",
            "paymentRequired",
            "forbidden",
            "invalidRequest",
            "cut",
            "empty",
            "reasoningOnly",
            "tooShort",
            "pattern",
            "belowThreshold",
            "tooExpensive",
            "refusal",
            "length",
            "invalidJson",
            "circuitOpen",
            "aborted",
        ],
    ),
    (
        "seen",
        &[
            "fallback",
            "native fallback",
            "relayed",
            "yielded, then failed",
            "a model was dropped",
            "excused time",
            "cancelled an attempt",
            "probed",
            "a probe that was not used",
            "a breaker update",
            "an unmatched model",
            "six attempts and more",
            "cost bound, two attempts",
            "cost bound, hedged",
            "recovered",
            "recovered twice",
            "recovery failed",
            "restart event",
            "superseded",
            "rejected by the judge",
            "a judge without a score",
        ],
    ),
    ("sent", &["answer", "hedge", "restart", "continuation", "score"]),
    ("host", &["aborted", "slept"]),
];

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.counts {
            writeln!(f, "{count:>10}  {name}")?;
        }
        write!(f, "{:>10}  calls", self.calls)
    }
}
