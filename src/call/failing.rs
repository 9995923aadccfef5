//! What follows a failure: the same again, the next model, or the end.

use super::Call;
use super::judging::rank;
use super::outcome::Kept;
use crate::Millis;
use crate::attempt::{Attempt, Body};
use crate::failure::{Failure, Kind, NextModel, SameModel};
use crate::policy::Soft;

impl Call {
    /// An answer, or its beginning, did not pass a rule; whole, it passed so many others.
    pub(super) fn fail_softly(
        &mut self,
        attempt: Box<Attempt>,
        failure: Box<Failure>,
        action: Soft,
        passed: Option<u32>,
        now: Millis,
    ) {
        let served = self.note(&attempt);
        self.close(&attempt, Some(failure.clone()), now);
        // The models before the one that served have failed inside the window.
        for &at in attempt.window.iter().take_while(|at| **at != served) {
            self.chain.candidates[at].spent = true;
        }
        if let Some(passed) = passed {
            self.keep_best(&failure, Kept { attempt, served, rank: rank(passed, 0) });
        }
        self.last = Some(failure.clone());
        match action {
            Soft::Fail => {
                self.outrun(now);
                self.finish(Err(failure), None, None);
            }
            Soft::Retry if self.may_repeat(served) => self.repeat(served, self.backoff(served), now),
            Soft::Retry | Soft::Next | Soft::Accept => self.chain.spend(&[served]),
        }
    }

    /// `attempt` has failed: ask the same again, ask the next, or give up.
    pub(super) fn fail(&mut self, mut attempt: Box<Attempt>, failure: Box<Failure>, now: Millis) {
        if attempt.is_judge {
            return self.take_score(attempt, Some(failure), now);
        }
        let served = self.note(&attempt);
        self.learn_failure(&attempt, &failure);
        self.close(&attempt, Some(failure.clone()), now);
        let edge = attempt.judged_there && failure.kind != Kind::Network;
        if edge || (self.committed && !self.may_recover(&attempt, &failure)) {
            self.outrun(now);
            return self.end_with(Some(&attempt), failure);
        }
        // Inside a native window nobody follows on a model that began to answer: those behind it were not asked.
        let began = matches!(attempt.body, Body::Whole(_) | Body::Events(_));
        let tried =
            if began { attempt.window.iter().take_while(|at| **at <= served).count() } else { attempt.window.len() };
        let tried = &attempt.window[..tried].to_vec()[..];
        if self.committed {
            self.keep_said(&mut attempt, &failure);
            if failure.kind == Kind::InvalidRequest {
                // It may be the last message that it does not like.
                self.chain.candidates[served].refuses_prefill = true;
                return;
            }
            return self.move_on(failure, tried, now);
        }
        self.last = Some(failure.clone());
        match self.wait_before_same(&failure, tried) {
            Some(wait) => self.repeat(tried[0], wait, now),
            None => self.move_on(failure, tried, now),
        }
    }

    /// How long to wait before the same window is asked again; nothing if it is not.
    fn wait_before_same(&self, failure: &Failure, tried: &[usize]) -> Option<Millis> {
        let has_next = self.chain.candidates.iter().enumerate().any(|(at, next)| !next.spent && !tried.contains(&at));
        // A window of several has fallen back already: those behind it come first.
        if !self.may_repeat(tried[0]) || (tried.len() > 1 && has_next) {
            return None;
        }
        let named = failure.retry_after;
        let short = named.is_none_or(|wait| wait <= self.policy.retry.max_wait);
        match failure.kind.same_model() {
            SameModel::AfterNamedWait if short => named,
            SameModel::AfterPause if short => Some(named.unwrap_or(0).max(self.backoff(tried[0]))),
            SameModel::Never | SameModel::AfterNamedWait | SameModel::AfterPause => None,
        }
    }

    fn may_repeat(&self, candidate: usize) -> bool {
        let budget = self.report.attempts.len() < self.policy.attempts as usize;
        budget && self.chain.candidates[candidate].repeated < self.policy.retry.same
    }

    fn backoff(&self, candidate: usize) -> Millis {
        let repeated = self.chain.candidates[candidate].repeated;
        self.policy.backoff(repeated, self.seed.wrapping_add(self.report.attempts.len() as u64))
    }

    fn repeat(&mut self, candidate: usize, wait: Millis, now: Millis) {
        self.chain.candidates[candidate].repeated += 1;
        self.paused = self.paused.max(now + wait);
    }

    fn move_on(&mut self, failure: Box<Failure>, tried: &[usize], now: Millis) {
        match failure.kind.next_model() {
            NextModel::Never => match self.running.iter().position(|attempt| attempt.is_done()) {
                // The other of a hedge has its answer already; whatever it is worth, nobody is asked after it.
                Some(done) => {
                    self.chain.candidates.iter_mut().for_each(|candidate| candidate.spent = true);
                    self.conclude(done, now);
                }
                None => self.give_up(failure, now),
            },
            _ if failure.kind == Kind::ContentFilter && self.policy.on_content_filter == Soft::Fail => {
                self.outrun(now);
                self.end_with(None, failure);
            }
            NextModel::OtherUpstream => self.chain.leave_upstream(self.chain.candidates[tried[0]].upstream),
            NextModel::Any if matches!(failure.kind, Kind::UnknownModel | Kind::NoEndpoint) => {
                self.chain.leave_out_unknown(tried, &failure, &mut self.report);
            }
            NextModel::Any => self.chain.spend(tried),
            NextModel::LargerContext => {
                self.chain.spend(tried);
                self.chain.leave_out_small(tried, &mut self.report);
            }
        }
    }

    /// Nobody is left to ask, or no attempt.
    pub(super) fn exhaust(&mut self, now: Millis) {
        let nobody = || Failure::new(Kind::NoEndpoint, "no model of the chain is left to ask");
        let broke = self.joined.as_ref().map(|joined| joined.broke.clone());
        let failure = broke.or_else(|| self.last.take()).unwrap_or_else(nobody);
        self.give_up(failure, now);
    }
}
