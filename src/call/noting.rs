//! What an attempt leaves behind: its row in the report, and what the breakers should learn.

use super::{Action, Call, Resume};
use crate::Millis;
use crate::attempt::Attempt;
use crate::breaker::ModelOutcome;
use crate::chain::Chain;
use crate::chunk::Accumulator;
use crate::failure::{Failure, Fault, by_status};
use crate::json::{Fields, Json, on_one_line};
use crate::report::{AttemptReport, Report};
use crate::usd::Usd;

impl Call {
    /// Writes what `attempt` has brought into its row, however it ended. The candidate that served.
    pub(super) fn note(&mut self, attempt: &Attempt) -> usize {
        note_answer(&mut self.report, &self.chain, attempt)
    }

    /// Closes the row of `attempt`, and its connection.
    pub(super) fn close(&mut self, attempt: &Attempt, failure: Option<Box<Failure>>, now: Millis) {
        attempt.window.iter().for_each(|&at| self.chain.candidates[at].asked = false);
        let row = &mut self.report.attempts[attempt.id as usize];
        row.duration = Some(attempt.age(now));
        row.failure = failure;
        row.cost_is_final = row.cost.is_some() && attempt.is_complete();
        self.spent = self.spent.plus(attempt.spent(row.cost.filter(|_| row.cost_is_final)));
        if attempt.open {
            self.actions.push_back(Action::Cancel { attempt: attempt.id });
        }
    }

    /// The one that served has; those before it in the window failed, as far as the upstream tells.
    pub(super) fn learn_success(&mut self, attempt: &Attempt, served: usize) {
        self.learn_inside(attempt, served);
        if !self.report.attempts[attempt.id as usize].unmatched {
            let name = self.chain.candidates[served].breaker.clone();
            self.model_outcomes.push(ModelOutcome { name, failure: None });
        }
    }

    /// A breaker learns from what is the model's fault and was seen. Of a native window, that is what the upstream tells.
    pub(super) fn learn_failure(&mut self, attempt: &Attempt, failure: &Failure) {
        let blameless = self.slept || (self.request.callers_clocks && failure.kind.is_timeout());
        if blameless
            || attempt.splice == Some(Resume::Elsewhere)
            || attempt.judged_there
            || failure.kind.fault() != Fault::Model
        {
            return;
        }
        if attempt.window.len() > 1 {
            return self.learn_inside(attempt, usize::MAX);
        }
        let name = self.chain.candidates[attempt.window[0]].breaker.clone();
        self.model_outcomes.push(ModelOutcome { name, failure: Some(Box::new(failure.clone())) });
    }

    /// The models of the window before `served` failed natively: the last status told of each counts.
    pub(super) fn learn_inside(&mut self, attempt: &Attempt, served: usize) {
        let inside = &self.report.attempts[attempt.id as usize].inside;
        for &at in attempt.window.iter().take_while(|at| **at != served) {
            let candidate = &self.chain.candidates[at];
            let mut last = None;
            for row in inside.iter().map(|row| Json::or_null(row)) {
                if row.get("model").text().is_some_and(|model| candidate.answers_to(&model)) {
                    last = row.get("status").whole();
                }
            }
            let status = last.and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 400);
            let Some(kind) = status.map(by_status).filter(|kind| kind.fault() == Fault::Model) else { continue };
            let mut failure = Failure::new(kind, "failed inside a native window");
            failure.status = status;
            self.model_outcomes.push(ModelOutcome { name: candidate.breaker.clone(), failure: Some(failure) });
        }
    }
}

/// The answer of `attempt` is the reader's, or about to be: says so in the report.
pub(super) fn note_served(report: &mut Report, chain: &Chain, attempt: &Attempt) {
    let served = note_answer(report, chain, attempt);
    serve(report, chain, attempt, served);
}

pub(super) fn serve(report: &mut Report, chain: &Chain, attempt: &Attempt, served: usize) {
    let candidate = &chain.candidates[served];
    report.model = Some(attempt.answer().and_then(Accumulator::model).unwrap_or(&candidate.model).into());
    report.fallback = served != 0;
}

/// Writes what the answer says about itself into its row. The candidate that served; the first of the window, where the
/// name is not known.
pub(super) fn note_answer(report: &mut Report, chain: &Chain, attempt: &Attempt) -> usize {
    let row = &mut report.attempts[attempt.id as usize];
    let first = attempt.window.first().copied().unwrap_or_default();
    let Some(answer) = attempt.answer() else {
        row.inside = inside(attempt.error_body().get("openrouter_metadata"));
        return first;
    };
    note_row(row, answer);
    let served = answer.model();
    let is_served = |at: &usize| served.is_some_and(|served| chain.candidates[*at].answers_to(served));
    let matched = attempt.window.iter().copied().find(is_served);
    row.unmatched = matched.is_none() && served.is_some() && !attempt.is_judge;
    matched.unwrap_or(first)
}

pub(super) fn note_row(row: &mut AttemptReport, answer: &Accumulator) {
    row.model = answer.model().map(Into::into);
    row.provider = answer.provider().map(Into::into);
    let usage = Fields::of(answer.usage());
    row.prompt_tokens = usage.get("prompt_tokens").whole();
    row.completion_tokens = usage.get("completion_tokens").whole();
    row.cost = usage.get("cost").trillionths().map(Usd);
    if let Some(id) = answer.id().filter(|id| id.starts_with("gen-")) {
        row.generation_id = Some(id.into());
    }
    row.inside = inside(answer.metadata());
}

/// What a native window tried, as its metadata tells; each on one line, as a report is told in a comment of a stream too.
fn inside(metadata: Json<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    for attempt in metadata.get("attempts").items() {
        let mut row = String::new();
        on_one_line(attempt.raw(), &mut row);
        rows.push(row);
    }
    rows
}
