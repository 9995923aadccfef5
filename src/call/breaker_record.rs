//! What the breakers record of an attempt: which models served, and which failed by their own fault.

use super::Call;
use crate::attempt::Attempt;
use crate::breaker::ModelOutcome;
use crate::failure::{Failure, Fault, by_status};
use crate::json::Json;
use crate::resume::Resume;

impl Call {
    /// The candidate `served` has answered. The models before it in the batch failed, as far as the upstream says.
    pub(super) fn record_success(&mut self, attempt: &Attempt, served: usize) {
        self.record_inside(attempt, Some(served));
        if !self.report.attempts[attempt.id as usize].unmatched {
            self.record(served, None);
        }
    }

    /// Records a failure that is the model's fault and was not caused by the caller's clocks, by a host that slept or by a
    /// text that the model did not resume. For a batch, what the upstream says about each of its models counts.
    pub(super) fn record_failure(&mut self, attempt: &Attempt, failure: &Failure) {
        let is_excused = self.clock.has_slept() || (self.request.callers_clocks && failure.kind.is_timeout());
        if is_excused
            || attempt.resume == Some(Resume::Diverged)
            || attempt.by_edge
            || failure.kind.fault() != Fault::Model
        {
            return;
        }
        if attempt.batch.len() > 1 {
            return self.record_inside(attempt, None);
        }
        self.record(attempt.batch[0], Some(Box::new(failure.clone())));
    }

    /// The models of the batch before `served` failed inside the upstream. The last status that the upstream reports of each
    /// counts.
    fn record_inside(&mut self, attempt: &Attempt, served: Option<usize>) {
        for &at in attempt.batch.iter().take_while(|at| Some(**at) != served) {
            let candidate = self.chain.candidate(at);
            let mut last = None;
            for row in self.report.attempts[attempt.id as usize].inside.iter().map(|row| Json::or_null(row)) {
                if row.get("model").text().is_some_and(|model| candidate.answers_to(&model)) {
                    last = row.get("status").whole();
                }
            }
            let status = last.and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 400);
            let Some(kind) = status.map(by_status).filter(|kind| kind.fault() == Fault::Model) else { continue };
            let mut failure = Failure::new(kind, "the model failed inside a request that named several models");
            failure.status = status;
            self.record(at, Some(failure));
        }
    }

    fn record(&mut self, candidate: usize, failure: Option<Box<Failure>>) {
        let name = self.chain.candidate(candidate).breaker().to_owned();
        self.model_outcomes.push(ModelOutcome { name, failure });
    }
}
