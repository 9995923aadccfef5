//! What the host gets at the end of a call.

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
    /// The answer, or the failure of the call.
    pub result: Result<Answer, Box<Failure>>,
    /// The text so far of an answer that failed.
    pub partial: Option<String>,
    /// What happened, attempt by attempt.
    pub report: Arc<Report>,
    /// The report of an edge that answered this call: JSON text.
    pub edge_report: Option<String>,
    /// What the breakers should record.
    pub model_outcomes: Vec<ModelOutcome>,
    /// Names of the breakers that this call was to probe and did not.
    pub unused_probes: Vec<String>,
    /// What is known for the next turn of the conversation, if there is an answer.
    #[cfg(feature = "protocols")]
    pub turn: Option<super::Turn>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    form: Form,
    /// Several attempts wrote it, or an event of its stream was unreadable.
    #[cfg(feature = "protocols")]
    is_mended: bool,
}

#[derive(Debug)]
enum Form {
    /// As it came in one piece: JSON text.
    Whole(String),
    /// The sum of the chunks of a stream. It is written on demand: a caller that has read the stream may not need it.
    Chunks(Accumulator),
}

/// The whole answer of an attempt that has ended.
#[derive(Debug)]
pub(super) struct FinishedAnswer {
    pub(super) attempt: Box<Attempt>,
    /// The candidate that served.
    pub(super) served: usize,
    /// How good the answer is, compared with other answers of the call.
    pub(super) rank: u64,
}

impl Outcome {
    /// The JSON text of the report. The attempts that an edge reported replace the request to the edge.
    pub fn report_json(&self) -> String {
        self.report.to_json(self.edge_report.as_deref())
    }

    /// Records in `breakers` what came of the models of this call.
    pub fn record_in(&self, breakers: &mut Breakers, now: Millis, policy: &Policy) {
        self.model_outcomes.iter().for_each(|outcome| breakers.record(now, outcome, &policy.breaker));
        self.unused_probes.iter().for_each(|name| breakers.release(name, now));
    }
}

impl Answer {
    /// The answer of `attempt`: in one piece as it came, or the sum of its chunks.
    pub(super) fn of(mut attempt: Attempt) -> Self {
        let form = match attempt.whole.take() {
            Some(whole) => Form::Whole(whole),
            None => Form::Chunks(attempt.events().map(|events| std::mem::take(&mut events.answer)).unwrap_or_default()),
        };
        Self {
            form,
            #[cfg(feature = "protocols")]
            is_mended: attempt.events().is_some_and(|events| events.malformed > 0),
        }
    }

    /// The sum of the chunks of a stream that several attempts wrote.
    pub(super) fn from_chunks(answer: Accumulator) -> Self {
        Self {
            form: Form::Chunks(answer),
            #[cfg(feature = "protocols")]
            is_mended: true,
        }
    }

    /// An answer that was stored: the JSON text of OpenAI's completion object.
    #[cfg(feature = "protocols")]
    pub fn from_completion(completion: String) -> Self {
        Self { form: Form::Whole(completion), is_mended: false }
    }

    /// Several attempts wrote the answer, or an event of its stream was unreadable. A cache does not store such an answer.
    #[cfg(feature = "protocols")]
    pub fn is_mended(&self) -> bool {
        self.is_mended
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
        match &self.form {
            Form::Whole(json) => json.into(),
            Form::Chunks(answer) => answer.completion().into(),
        }
    }
}

/// `completion`, an object, with `report` as its last field. A long completion is not read again.
fn with_report(completion: &str, report: &str) -> String {
    match completion.trim_end().strip_suffix('}') {
        Some(open) if open.ends_with(|end: char| end != '{') && !open.contains("\"failsoft\"") => {
            text!(open, ",\"failsoft\":", report, "}")
        }
        // The report replaces that of an edge.
        _ => patched(completion, &Object::default().raw("failsoft", report).end()),
    }
}

#[cfg(test)]
mod tests {
    use super::with_report;

    #[test]
    fn a_report_is_the_last_field_or_replaces_another_report() {
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
