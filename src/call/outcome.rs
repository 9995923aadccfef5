//! How a call ends.

use crate::Millis;
use crate::attempt::{Attempt, Body};
use crate::breaker::{Breakers, Lesson};
use crate::chunk::Accumulator;
use crate::events::Events;
use crate::failure::Failure;
use crate::json::{Json, Object};
use crate::policy::Policy;
use crate::report::Report;

/// How a call ended.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or the last failure.
    pub result: Result<Answer, Box<Failure>>,
    /// What a reader has got, or could have, of an answer that failed.
    pub partial: Option<String>,
    /// Every attempt.
    pub report: Report,
    /// What an edge reported, which was asked on this call's behalf: JSON text.
    pub edge_report: Option<String>,
    /// What the breakers should learn.
    pub lessons: Vec<Lesson>,
    /// Breakers whose probe was taken and not used.
    pub unused_probes: Vec<String>,
}

/// An answer, complete.
#[derive(Debug)]
pub enum Answer {
    /// As the upstream sent it: JSON text.
    Whole(String),
    /// Added up from a stream.
    Streamed(Box<Accumulator>),
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
        self.lessons.iter().for_each(|lesson| breakers.record(now, lesson, &policy.breaker));
        self.unused_probes.iter().for_each(|name| breakers.release(name, now));
    }
}

impl Answer {
    /// The JSON text of OpenAI's completion object.
    pub fn completion(&self) -> String {
        match self {
            Self::Whole(completion) => completion.clone(),
            Self::Streamed(answer) => answer.completion(),
        }
    }

    /// The JSON text of OpenAI's completion object, with `report` as its `failsoft`.
    pub fn completion_with(&self, report: &str) -> String {
        let completion = self.completion();
        let mut json = Object::default();
        for (name, value) in Json::parse(&completion).unwrap_or(Json::NULL).fields() {
            if !name.is("failsoft") {
                json.entry(name, value.raw());
            }
        }
        json.raw("failsoft", report);
        json.end()
    }
}

pub(super) fn answer_of(attempt: Attempt) -> Answer {
    match (attempt.whole, attempt.body) {
        (Some(completion), _) => Answer::Whole(completion),
        (None, Body::Events(events)) => {
            let Events { answer, .. } = *events;
            Answer::Streamed(Box::new(answer))
        }
        (None, Body::Awaited | Body::Error { .. } | Body::Whole(_)) => Answer::Whole("{}".into()),
    }
}
