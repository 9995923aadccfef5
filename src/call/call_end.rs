//! The end of a call: with an answer, with the best answer so far, or with a failure.

use std::mem;
use std::sync::Arc;

use super::outcome::{Answer, FinishedAnswer, Outcome};
use super::{Action, Call, Phase};
use crate::Millis;
use crate::attempt::Attempt;
use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind};
use crate::role::Role;

impl Call {
    /// Ends the call with an answer. `accepted`: it passed every rule.
    pub(super) fn deliver(&mut self, answer: FinishedAnswer, accepted: bool) {
        let FinishedAnswer { mut attempt, served, .. } = answer;
        self.report_served(&attempt, served);
        #[cfg(feature = "protocols")]
        self.record_turn(&attempt, served);
        self.report.accepted = accepted;
        self.report.settle();
        let edge_report = attempt.edge_report();
        let Some(events) = attempt.events() else { return };
        let was_committed = self.has_committed();
        if let Phase::Recovering(recovery) = mem::replace(&mut self.phase, Phase::Committed) {
            let answer = self.end_recovery(recovery, &events.answer);
            return self.finish(Ok(Answer::from_chunks(answer)), None, None);
        }
        events.end();
        events.annotate(&self.report);
        let chunks = mem::take(&mut events.waiting);
        // The host passes the body of a committed attempt by itself. A body that was never committed is still here.
        let is_passed = was_committed && self.request.lane().passes_bytes();
        if self.request.stream && !is_passed && !chunks.is_empty() {
            self.actions.push_back(Action::Yield(chunks));
        }
        self.finish(Ok(Answer::of(*attempt)), None, edge_report);
    }

    /// Keeps `answer`, which failed a rule, if it is better than the answers before. An empty answer is not kept.
    pub(super) fn keep_best(&mut self, failure: &Failure, answer: FinishedAnswer) {
        let content = answer.attempt.answer();
        let is_empty = content.is_none_or(|answer| answer.is_blank() && answer.refusal().is_empty());
        let is_better = self.best.as_ref().is_none_or(|best| best.rank < answer.rank);
        if is_better && failure.kind != Kind::Empty && !is_empty {
            self.best = Some(answer);
        }
    }

    /// The caller wants no answer any more.
    pub(super) fn abort(&mut self, now: Millis) {
        if self.is_over() {
            return;
        }
        // The host still has to close the connections of attempts that are over.
        self.actions.retain(|action| matches!(action, Action::Cancel { .. } | Action::Send { .. }));
        self.best = None;
        self.take_scored();
        self.give_up(Failure::explained(Kind::Aborted), now);
    }

    /// Ends the call and every attempt in flight: with the best answer so far, else with `failure`.
    pub(super) fn give_up(&mut self, failure: Box<Failure>, now: Millis) {
        // A request that is not sent yet is not sent any more, so there is nothing to close.
        let queued = self.actions.len();
        self.actions.retain(|action| !matches!(action, Action::Send { .. }));
        if self.actions.len() < queued {
            self.running.clear();
            self.report.attempts.pop();
        }
        let mut last = None;
        for attempt in mem::take(&mut self.running) {
            self.report_answer(&attempt);
            self.close(&attempt, Some(failure.clone()), now);
            last = last.or(Some(attempt).filter(|attempt| attempt.role != Role::Score));
        }
        if let Some(answer) = self.take_scored() {
            if self.policy.judge.as_ref().is_some_and(|judge| judge.open) {
                return self.deliver(answer, true);
            }
            self.keep_best(&failure, answer);
        }
        match self.best.take() {
            Some(best) if !self.has_committed() => self.deliver(best, false),
            Some(_) | None => self.end_with(last.as_deref(), failure),
        }
    }

    /// Takes the answer that the judge was to score. The call tries other models again.
    pub(super) fn take_scored(&mut self) -> Option<FinishedAnswer> {
        if !matches!(self.phase, Phase::Scoring(_)) {
            return None;
        }
        match mem::replace(&mut self.phase, Phase::Trying) {
            Phase::Scoring(answer) => Some(answer),
            Phase::Trying | Phase::Committed | Phase::Recovering(_) | Phase::Over(_) => None,
        }
    }

    /// Ends the call with a failure, and with the text so far: of the stream that broke, or of `attempt`.
    pub(super) fn end_with(&mut self, attempt: Option<&Attempt>, failure: Box<Failure>) {
        let recovered = self.recovery().map(|recovery| &recovery.answer);
        let answer = recovered.or(attempt.and_then(Attempt::answer));
        let partial = answer.map(Accumulator::text).filter(|text| !text.is_empty()).map(Into::into);
        self.finish(Err(failure), partial, attempt.and_then(Attempt::edge_report));
    }

    /// Ends the call.
    pub(super) fn finish(
        &mut self,
        result: Result<Answer, Box<Failure>>,
        partial: Option<String>,
        edge_report: Option<String>,
    ) {
        self.report.settle();
        let model_outcomes = mem::take(&mut self.model_outcomes);
        let mut unused_probes = self.chain.take_probes();
        unused_probes.retain(|probe| !model_outcomes.iter().any(|outcome| outcome.name == *probe));
        let report = Arc::new(mem::take(&mut self.report));
        self.phase = Phase::Over(report.clone());
        let outcome = Outcome {
            result,
            partial,
            report,
            edge_report,
            model_outcomes,
            unused_probes,
            #[cfg(feature = "protocols")]
            turn: self.turn.take(),
        };
        self.actions.push_back(Action::Done(Box::new(outcome)));
    }
}
