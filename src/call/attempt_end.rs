//! The end of an attempt: is its answer whole, and does it pass the rules?

use super::judge_score::rank;
use super::outcome::FinishedAnswer;
use super::{Call, Phase};
use crate::Millis;
use crate::attempt::{Attempt, Body, read_whole};
use crate::chunk::Accumulator;
use crate::events::Events;
use crate::failure::{Failure, Kind};
use crate::json::{Json, decimal};
use crate::request::ChatRequest;
use crate::role::Role;
use crate::text::text;
use crate::verdict::{check_rules, json_in_fence, json_within};

impl Call {
    /// The body of the attempt at `at` has ended, or says that its answer is complete.
    pub(super) fn conclude(&mut self, at: usize, now: Millis) {
        let wall = self.clock.wall(now);
        let attempt = &mut self.running[at];
        if let Body::Whole(bytes) = &attempt.body {
            let (answer, events) = self.request.read_whole(attempt, bytes, wall);
            attempt.body = Body::Events(events);
            attempt.whole = answer;
        }
        let is_complete = attempt.whole.is_some() || attempt.answer().is_some_and(Accumulator::is_finished);
        // An answer that reports a failure does not go on with another.
        let has_failed = attempt.events().is_some_and(|events| events.failure.is_some());
        let resumed = if has_failed { Ok(()) } else { self.resume(at, is_complete) };
        let mut attempt = self.running.remove(at);
        if let Err(failure) = resumed.and_then(|()| check_whole(&mut attempt, wall)) {
            return self.fail(attempt, failure, now);
        }
        if attempt.role == Role::Score {
            return self.take_score(attempt, None, now);
        }
        let mut passed = 0;
        // The rules are about texts.
        let has_rules = !attempt.by_edge && !self.request.is_for_embeddings();
        if !self.has_committed() && has_rules {
            self.repair(&mut attempt);
            let Some(answer) = attempt.answer() else { return };
            let verdict = check_rules(answer, self.request.wanted(), &self.policy);
            passed = verdict.passed;
            if let Some((failure, action)) = verdict.failed {
                return self.fail_rule(attempt, failure, action, Some(passed), now);
            }
        }
        self.pass(attempt, passed, now);
    }

    /// Takes the requested JSON out of a code fence that is all of the answer, or if the policy says so, out of any text around
    /// it.
    fn repair(&mut self, attempt: &mut Attempt) {
        let is_whole = attempt.whole.is_some();
        let Some(events) = attempt.events().filter(|_| self.request.wanted().json) else { return };
        let text = events.answer.text();
        if Json::parse(text).is_some() {
            return;
        }
        let within = || if self.policy.repair_json { json_within(text) } else { None };
        let Some(json) = json_in_fence(text).or_else(within) else { return };
        let json = json.to_owned();
        events.replace_text(json);
        // The completion is no longer the text that came, but it is still all of it.
        events.done |= is_whole;
        attempt.whole = None;
        self.report.warnings.push("the JSON was taken out of the text around it".into());
    }

    /// An answer has passed the rules. It is the answer of the call, unless a judge scores it first.
    fn pass(&mut self, mut attempt: Box<Attempt>, passed: u32, now: Millis) {
        let served = self.report_answer(&attempt);
        self.record_success(&attempt, served);
        self.close(&attempt, None, now);
        self.supersede_others(now);
        if let Some(events) = attempt.events()
            && events.malformed > 0
        {
            let warning = text!(&decimal(events.malformed.into()), " unreadable events of the stream were skipped");
            self.report.warnings.push(warning);
        }
        let needs_score = !self.has_committed() && !attempt.by_edge && !self.request.is_for_embeddings();
        let answer = FinishedAnswer { attempt, served, rank: rank(passed, 0) };
        if needs_score && self.ask_judge(&answer, now) {
            self.phase = Phase::Scoring(answer);
        } else {
            self.deliver(answer, true);
        }
    }
}

impl ChatRequest {
    /// Reads `bytes`, the body of an answer that came in one piece. Returns its JSON text, and what the answer says about itself.
    fn read_whole(&self, attempt: &Attempt, bytes: &[u8], wall: Millis) -> (Option<String>, Box<Events>) {
        let is_score = attempt.role == Role::Score;
        #[cfg(feature = "protocols")]
        if let Some(embeddings) = &self.embeddings {
            return embeddings.read_answer(bytes, attempt.new_events(), wall);
        }
        #[cfg(feature = "protocols")]
        let translated = attempt.translator.as_ref().and_then(|translator| translator.whole(bytes));
        #[cfg(feature = "protocols")]
        let bytes = translated.as_ref().map_or(bytes, |completion| completion.as_bytes());
        read_whole(bytes, attempt.new_events(), self.stream && !is_score, wall)
    }
}

/// Fails an attempt whose answer is not whole.
fn check_whole(attempt: &mut Attempt, wall: Millis) -> Result<(), Box<Failure>> {
    if let Some(failure) = attempt.http_failure(wall) {
        return Err(failure);
    }
    let (is_whole, unread) = (attempt.whole.is_some(), attempt.unread);
    let Some(events) = attempt.events() else {
        return Err(Failure::new(Kind::Network, "the connection ended before an answer came"));
    };
    if let Some(failure) = events.failure.take() {
        return Err(failure);
    }
    // A completion in one piece may lack a finish reason. A stream may not, or a cut answer would look complete. An unread
    // body may have one.
    if !is_whole && !unread && !events.answer.is_finished() {
        return Err(Failure::cut());
    }
    events.answer.settle_calls();
    events.check_calls()
}
