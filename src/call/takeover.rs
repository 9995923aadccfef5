//! After a failure: the same model again, another model, or the end of the call. Which models may take over depends on the
//! kind of the failure (`failure/kind.rs`).

use super::judge_score::rank;
use super::outcome::FinishedAnswer;
use super::{Call, Phase};
use crate::Millis;
use crate::attempt::{Attempt, Body};
use crate::chain::Batch;
use crate::failure::{Failure, Kind, NextModel};
use crate::policy::{Policy, Soft};
use crate::role::Role;
use crate::usd::Usd;
use crate::verdict::{check_rules, forbidden};

/// The requests that a call may add because a clock of its caller ran out before the owner's clock.
const CALLERS_TIMEOUTS: u32 = 1;

impl Call {
    /// An answer, or its beginning, failed a rule. A whole answer passed this many other rules.
    pub(super) fn fail_rule(
        &mut self,
        attempt: Box<Attempt>,
        failure: Box<Failure>,
        action: Soft,
        passed: Option<u32>,
        now: Millis,
    ) {
        let permitted = self.permit(&attempt, action, passed.is_some());
        let served = self.report_answer(&attempt);
        self.close(&attempt, Some(failure.clone()), now);
        // The upstream tried the models of the batch before the one that served, and they failed.
        let before: Batch = attempt.batch.iter().copied().take_while(|at| *at != served).collect();
        self.chain.fail(&before);
        if let Some(passed) = passed {
            self.keep_best(&failure, FinishedAnswer { attempt, served, rank: rank(passed, 0) });
        }
        self.last_failure = Some(failure.clone());
        match permitted {
            None => self.chain.fail_all(),
            Some(Soft::Fail) => {
                self.supersede_others(now);
                self.finish(Err(failure), None, None);
            }
            Some(Soft::Retry) if self.may_retry(served) => self.retry(served, self.backoff(served), now),
            Some(Soft::Retry | Soft::Next | Soft::Accept) => self.chain.fail(&[served]),
        }
    }

    /// What may follow after an answer that failed a rule with this `action`. `None`: no other request. The rules of a caller
    /// add no request to those that the owner's rules cause.
    fn permit(&self, attempt: &Attempt, action: Soft, is_whole: bool) -> Option<Soft> {
        let (Some(owner), Some(answer)) = (self.owner_policy(), attempt.answer()) else { return Some(action) };
        let owners_action = if is_whole {
            check_rules(answer, self.request.wanted(), owner).failed.map(|(_, action)| action)
        } else {
            forbidden(answer.text(), owner).map(|_| owner.pattern)
        };
        match (action, owners_action) {
            (Soft::Fail | Soft::Accept, _) | (_, Some(Soft::Retry)) => Some(action),
            (Soft::Retry | Soft::Next, Some(Soft::Next)) => Some(Soft::Next),
            (Soft::Retry | Soft::Next, Some(Soft::Fail | Soft::Accept) | None) => None,
        }
    }

    /// The clock that ran out for `attempt` was the caller's, and the owner's has not run out.
    fn is_in_time_for_owner(&self, attempt: &Attempt, now: Millis) -> bool {
        let owner = self.owner_policy().filter(|owner| owner.timeouts != self.policy.timeouts);
        owner
            .is_some_and(|owner| attempt.timeout(&self.clocks(attempt, &owner.timeouts)).is_none_or(|(at, _)| now < at))
    }

    /// The owner's policy, where a caller has changed some of it. A page has one policy.
    fn owner_policy(&self) -> Option<&Policy> {
        if cfg!(feature = "browser") { None } else { self.policy.owner.as_deref() }
    }

    /// `attempt` has failed: asks the same model again, asks the next, or ends the call.
    pub(super) fn fail(&mut self, mut attempt: Box<Attempt>, failure: Box<Failure>, now: Millis) {
        let failure = self.disclose(&attempt, failure);
        if attempt.role == Role::Score {
            return self.take_score(attempt, Some(failure), now);
        }
        let is_callers_clock = failure.kind.is_timeout() && self.is_in_time_for_owner(&attempt, now);
        let served = self.report_answer(&attempt);
        self.record_failure(&attempt, &failure);
        self.close(&attempt, Some(failure.clone()), now);
        let is_edges_failure = attempt.by_edge && failure.kind != Kind::Network;
        if is_edges_failure || (self.has_committed() && !self.may_recover(&attempt, &failure)) {
            self.supersede_others(now);
            return self.end_with(Some(&attempt), failure);
        }
        if attempt.batch.len() > 1
            && matches!(attempt.body, Body::Awaited)
            && failure.kind.next_model() == NextModel::Any
        {
            // Nothing is known about the other models of the batch: the upstream may not have asked them.
            self.last_failure = Some(failure);
            return self.chain.ask_one_by_one(&attempt.batch);
        }
        let tried = tried_models(&attempt, served);
        if self.has_committed() {
            self.keep_text(&mut attempt, &failure);
            let is_refused = failure.kind == Kind::NoEndpoint && failure.status == Some(400);
            if failure.kind == Kind::InvalidRequest || (is_refused && attempt.role == Role::Continue) {
                // The model may only have refused the prefill.
                return self.chain.note_refused_prefill(served);
            }
            return self.try_next(failure, &tried, now);
        }
        self.last_failure = Some(failure.clone());
        if self.gives_up_fields(&attempt, &failure) {
            // The next request names the same models again.
            return;
        }
        if is_callers_clock {
            self.callers_timeouts += 1;
            if self.callers_timeouts > CALLERS_TIMEOUTS {
                return self.chain.fail_all();
            }
        }
        let paid = if attempt.is_free { Usd(0) } else { attempt.highest_cost };
        match self.wait_before_retry(&failure, &tried, paid) {
            Some(wait) => self.retry(tried[0], wait, now),
            None => self.try_next(failure, &tried, now),
        }
    }

    /// The upstream does not accept a field that failsoft wrote, or the name of the output limit. The request is sent again
    /// without the field, or with the other name.
    fn gives_up_fields(&mut self, attempt: &Attempt, failure: &Failure) -> bool {
        // An upstream that does not know base64 may send a list without vectors.
        let is_about_request = matches!(failure.kind, Kind::InvalidRequest | Kind::NoEndpoint | Kind::Empty);
        is_about_request && self.chain.give_up_fields(&attempt.batch, failure.rejects.shared(attempt.own_fields))
    }

    /// Takes out of the chain the models that cannot take over after `failure`. [`Call::send`] asks the first that is left.
    fn try_next(&mut self, failure: Box<Failure>, tried: &[usize], now: Millis) {
        match failure.kind.next_model() {
            NextModel::Never => self.end_without_next(failure, now),
            _ if failure.kind == Kind::ContentFilter && self.policy.on_content_filter == Soft::Fail => {
                self.supersede_others(now);
                self.end_with(None, failure);
            }
            NextModel::OtherUpstream => self.chain.drop_upstream(self.chain.candidate(tried[0]).upstream()),
            NextModel::Any if matches!(failure.kind, Kind::UnknownModel | Kind::NoEndpoint) => {
                self.chain.drop_unserved(tried, &failure, &mut self.report);
            }
            NextModel::Any => self.chain.fail(tried),
            NextModel::LargerContext => {
                self.chain.fail(tried);
                self.chain.drop_no_larger(tried, &mut self.report);
            }
        }
    }

    /// No model may take over. If the other attempt of a hedge has a whole answer already, that answer decides.
    fn end_without_next(&mut self, failure: Box<Failure>, now: Millis) {
        match self.running.iter().position(|attempt| attempt.is_done()) {
            Some(done) => {
                self.chain.fail_all();
                self.conclude(done, now);
            }
            None => self.give_up(failure, now),
        }
    }

    /// No model is left, or no attempt.
    pub(super) fn end_exhausted(&mut self, now: Millis) {
        let broke = if let Phase::Recovering(recovery) = &self.phase { Some(recovery.broke.clone()) } else { None };
        let none_left = || Failure::new(Kind::NoEndpoint, "no model of the chain is left to ask");
        let failure = broke.or_else(|| self.last_failure.take()).unwrap_or_else(none_left);
        self.give_up(failure, now);
    }
}

/// The models of a batch that the upstream has tried. It did not try those behind a model that began to answer.
fn tried_models(attempt: &Attempt, served: usize) -> Batch {
    let mut tried = attempt.batch.clone();
    if matches!(attempt.body, Body::Whole(_) | Body::Events(_)) {
        tried.retain(|at| *at <= served);
    }
    tried
}
