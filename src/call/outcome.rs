//! How a call ends.

use std::borrow::Cow;
use std::sync::Arc;

use crate::Millis;
use crate::attempt::Attempt;
use crate::breaker::{Breakers, ModelOutcome};
use crate::chunk::Accumulator;
use crate::failure::Failure;
use crate::json::{Object, patched};
use crate::policy::Policy;
use crate::report::Report;
use crate::text::text;

/// How a call ended.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or the last failure.
    pub result: Result<Answer, Box<Failure>>,
    /// What a reader has got, or could have, of an answer that failed.
    pub partial: Option<String>,
    /// Every attempt.
    pub report: Arc<Report>,
    /// What an edge reported, which was asked on this call's behalf: JSON text.
    pub edge_report: Option<String>,
    /// What the breakers should learn.
    pub model_outcomes: Vec<ModelOutcome>,
    /// Breakers whose probe was taken and not used.
    pub unused_probes: Vec<String>,
}

/// An answer, complete.
#[derive(Debug)]
pub struct Answer(Form);

#[derive(Debug)]
enum Form {
    /// As it came in one piece: JSON text.
    Whole(String),
    /// Added up from a stream. It is written when it is asked for: who has read the stream may not want it again.
    Added(Accumulator),
}

/// An answer that did not pass every rule, kept in case that none does.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) attempt: Box<Attempt>,
    /// The candidate that served.
    pub(super) served: usize,
    /// How good it is.
    pub(super) rank: u64,
}

impl Outcome {
    /// The JSON text of the report, with what an edge told in place of the request to it.
    pub fn report_json(&self) -> String {
        self.report.to_json(self.edge_report.as_deref())
    }

    /// Teaches `breakers` what this call saw.
    pub fn teach(&self, breakers: &mut Breakers, now: Millis, policy: &Policy) {
        self.model_outcomes.iter().for_each(|lesson| breakers.record(now, lesson, &policy.breaker));
        self.unused_probes.iter().for_each(|name| breakers.release(name, now));
    }
}

impl Answer {
    /// The answer of `attempt`: as it came in one piece, or added up from its stream.
    pub(super) fn of(mut attempt: Attempt) -> Self {
        match attempt.whole.take() {
            Some(whole) => Self(Form::Whole(whole)),
            None => Self::added(attempt.events().map(|events| std::mem::take(&mut events.answer)).unwrap_or_default()),
        }
    }

    /// The answer that a stream has added up to.
    pub(super) fn added(answer: Accumulator) -> Self {
        Self(Form::Added(answer))
    }

    /// The JSON text of OpenAI's completion object.
    pub fn completion(&self) -> String {
        self.json().into_owned()
    }

    /// The JSON text of OpenAI's completion object, with `report` as its `failsoft`.
    pub fn completion_with(&self, report: &str) -> String {
        with_report(&self.json(), report)
    }

    fn json(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Whole(json) => json.into(),
            Form::Added(answer) => answer.completion().into(),
        }
    }
}

/// `completion`, which is an object, with `report` behind all that it holds: it is long, and need not be read once more.
fn with_report(completion: &str, report: &str) -> String {
    match completion.trim_end().strip_suffix('}') {
        Some(open) if open.ends_with(|end: char| end != '{') && !open.contains("\"failsoft\"") => {
            text!(open, ",\"failsoft\":", report, "}")
        }
        // That of an edge gives way to it.
        _ => patched(completion, &Object::default().raw("failsoft", report).end()),
    }
}

#[cfg(test)]
mod tests {
    use super::with_report;

    #[test]
    fn a_report_stands_behind_the_rest_and_in_the_place_of_another() {
        for (completion, expected) in [
            (r#"{"id":"a","choices":[]}"#, r#"{"id":"a","choices":[],"failsoft":{"n":1}}"#),
            ("{\"id\":\"}\"} \n", r#"{"id":"}","failsoft":{"n":1}}"#),
            (r#"{"failsoft":{"n":2},"id":"a"}"#, r#"{"id":"a","failsoft":{"n":1}}"#),
            (r#"{"id":"\"failsoft\""}"#, r#"{"id":"\"failsoft\"","failsoft":{"n":1}}"#),
            ("{}", r#"{"failsoft":{"n":1}}"#),
        ] {
            assert_eq!(with_report(completion, r#"{"n":1}"#), expected);
        }
    }
}
