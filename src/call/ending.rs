//! How an attempt ends: is it an answer, and whose? And how the call ends with it.

use std::sync::Arc;

use super::judging::rank;
use super::noting::serve;
use super::outcome::{Answer, Kept, Outcome};
use super::{Action, Call};
use crate::Millis;
use crate::attempt::{Attempt, Body, read_whole};
use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind};
use crate::json::{Json, decimal};
use crate::request::Lane;
use crate::text::text;
use crate::verdict::{json_within, judge};

impl Call {
    /// The body of the attempt at `at` has ended, or said that it is done: what is it worth?
    pub(super) fn conclude(&mut self, at: usize, now: Millis) {
        let attempt = &mut self.running[at];
        if let Body::Whole(bytes) = &attempt.body {
            let as_stream = self.request.stream && !attempt.is_judge;
            let (completion, events) = read_whole(bytes, attempt.reads, as_stream, now + self.excused);
            attempt.body = Body::Events(events);
            attempt.whole = Some(completion);
        }
        let complete = attempt.whole.is_some() || attempt.answer().is_some_and(Accumulator::is_finished);
        // What says that it failed is not joined to anything.
        let failed = attempt.events().is_some_and(|events| events.failure.is_some());
        let joined = if failed { Ok(()) } else { self.join(at, complete) };
        let mut attempt = self.running.remove(at);
        if let Err(failure) = joined.and_then(|()| self.whole(&mut attempt, now)) {
            return self.fail(attempt, failure, now);
        }
        if attempt.is_judge {
            return self.take_score(attempt, None, now);
        }
        let mut passed = 0;
        if !self.committed && !attempt.judged_there {
            self.repair(&mut attempt);
            let Some(answer) = attempt.answer() else { return };
            let verdict = judge(answer, self.request.wanted(), &self.policy);
            passed = verdict.passed;
            if let Some((failure, action)) = verdict.failed {
                return self.fail_softly(attempt, failure, action, Some(passed), now);
            }
        }
        self.pass(attempt, passed, now);
    }

    /// Is it an answer, and whole?
    fn whole(&self, attempt: &mut Attempt, now: Millis) -> Result<(), Box<Failure>> {
        if let Some(failure) = attempt.refused(now + self.excused) {
            return Err(failure);
        }
        let (whole, unread) = (attempt.whole.is_some(), attempt.unread);
        let Some(events) = attempt.events() else {
            return Err(Failure::new(Kind::Network, "the connection ended before an answer"));
        };
        if let Some(failure) = events.failure.take() {
            return Err(failure);
        }
        // A completion in one piece may leave its finish reason out; a stream may not, or a cut would look complete. What
        // nobody read may have one.
        if !whole && !unread && !events.answer.is_finished() {
            return Err(Failure::cut());
        }
        if events.malformed > 0 && events.answer.has_broken_tool_call() {
            let message = "an event was unreadable, and a tool call has a hole where it was";
            return Err(Failure::new(Kind::BadResponse, message));
        }
        Ok(())
    }

    /// Takes JSON that was asked for out of what surrounds it, where the policy says so.
    fn repair(&mut self, attempt: &mut Attempt) {
        if !self.policy.repair_json || !self.request.wanted().json || self.request.stream {
            return;
        }
        let is_whole = attempt.whole.is_some();
        let Some(events) = attempt.events() else { return };
        let text = events.answer.text();
        if Json::parse(text).is_none()
            && let Some(json) = json_within(text)
        {
            let json = json.to_owned();
            events.answer.set_text(json);
            // No longer as it came, but all of it.
            events.done |= is_whole;
            attempt.whole = None;
            self.report.warnings.push("the JSON was taken out of what surrounded it".into());
        }
    }

    /// An answer has passed the rules: it is the one, unless a judge has to look at it first.
    fn pass(&mut self, mut attempt: Box<Attempt>, passed: u32, now: Millis) {
        let served = self.note(&attempt);
        self.learn_success(&attempt, served);
        self.close(&attempt, None, now);
        self.outrun(now);
        if let Some(events) = attempt.events()
            && events.malformed > 0
        {
            let warning = text!(&decimal(events.malformed.into()), " unreadable events of the stream were skipped");
            self.report.warnings.push(warning);
        }
        let judged = !self.committed && !attempt.judged_there;
        let kept = Kept { attempt, served, rank: rank(passed, 0) };
        if judged && self.ask_judge(&kept, now) {
            self.judged = Some(kept);
        } else {
            self.deliver(kept, true);
        }
    }

    /// Ends the call with an answer.
    pub(super) fn deliver(&mut self, kept: Kept, accepted: bool) {
        let Kept { mut attempt, served, .. } = kept;
        serve(&mut self.report, &self.chain, &attempt, served);
        self.report.accepted = accepted;
        self.report.settle();
        let edge_report = attempt.edge_report();
        let Some(events) = attempt.events() else { return };
        if let Some(joined) = self.joined.take() {
            let answer = self.end_joined(joined, &events.answer);
            return self.finish(Ok(Answer::added(answer)), None, None);
        }
        events.end();
        events.annotate(&self.report);
        let chunks = std::mem::take(&mut events.waiting);
        // A relayed body has gone over by itself; one that never committed has not.
        let gone_over = self.committed && self.request.lane() != Lane::Gate;
        if self.request.stream && !gone_over && !chunks.is_empty() {
            self.actions.push_back(Action::Yield(chunks));
        }
        self.finish(Ok(Answer::of(*attempt)), None, edge_report);
    }

    /// Of the answers that failed only softly the best stays, unless there is nothing in it.
    pub(super) fn keep_best(&mut self, failure: &Failure, new: Kept) {
        let nothing_said = new.attempt.answer().is_none_or(|answer| answer.is_blank() && answer.refusal().is_empty());
        let better = self.kept.as_ref().is_none_or(|kept| kept.rank < new.rank);
        if better && failure.kind != Kind::Empty && !nothing_said {
            self.kept = Some(new);
        }
    }

    pub(super) fn abort(&mut self, now: Millis) {
        if !self.over {
            // What was closed is still to be closed.
            self.actions.retain(|action| matches!(action, Action::Cancel { .. } | Action::Send { .. }));
            (self.kept, self.judged) = (None, None);
            self.give_up(Failure::explained(Kind::Aborted), now);
        }
    }

    /// Ends the call, whatever is under way: with the best answer so far, else with `failure`.
    pub(super) fn give_up(&mut self, failure: Box<Failure>, now: Millis) {
        // A judge that was to be asked is not, and there is nothing to close.
        let queued = self.actions.len();
        self.actions.retain(|action| !matches!(action, Action::Send { .. }));
        if self.actions.len() < queued {
            self.running.clear();
            self.report.attempts.pop();
        }
        let mut last = None;
        for attempt in std::mem::take(&mut self.running) {
            self.note(&attempt);
            self.close(&attempt, Some(failure.clone()), now);
            // What a judge says is no answer.
            last = last.or(Some(attempt).filter(|attempt| !attempt.is_judge));
        }
        if let Some(kept) = self.judged.take() {
            if self.policy.judge.as_ref().is_some_and(|judge| judge.open) {
                return self.deliver(kept, true);
            }
            self.keep_best(&failure, kept);
        }
        match self.kept.take() {
            Some(kept) if !self.committed => self.deliver(kept, false),
            Some(_) | None => self.end_with(last.as_deref(), failure),
        }
    }

    /// Ends the call with a failure, and what had been said: by several attempts, or by `attempt`.
    pub(super) fn end_with(&mut self, attempt: Option<&Attempt>, failure: Box<Failure>) {
        let answer = self.joined.as_ref().map(|joined| &joined.answer).or(attempt.and_then(Attempt::answer));
        let said = answer.map(Accumulator::text).filter(|text| !text.is_empty()).map(Into::into);
        self.finish(Err(failure), said, attempt.and_then(Attempt::edge_report));
    }

    pub(super) fn finish(
        &mut self,
        result: Result<Answer, Box<Failure>>,
        partial: Option<String>,
        edge_report: Option<String>,
    ) {
        self.report.settle();
        self.over = true;
        let model_outcomes = std::mem::take(&mut self.model_outcomes);
        let mut unused_probes = std::mem::take(&mut self.chain.probes);
        unused_probes.retain(|probe| !model_outcomes.iter().any(|lesson| lesson.name == *probe));
        let report = Arc::new(std::mem::take(&mut self.report));
        self.ended = Some(report.clone());
        let outcome = Outcome { result, partial, report, edge_report, model_outcomes, unused_probes };
        self.actions.push_back(Action::Done(Box::new(outcome)));
    }
}
