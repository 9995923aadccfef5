//! Who is asked next, with what, and whether a second one is asked too.

use super::{Action, Call, Resume};
use crate::Millis;
use crate::attempt::{Attempt, AttemptId};
use crate::catalog::Price;
use crate::chain::Batch;
use crate::failure::{Failure, Kind};
use crate::policy::Soft;
use crate::report::AttemptReport;
use crate::request::Lane;
use crate::text::trim_end;
use crate::tokens::Prompt;
use crate::upstream::Dialect;
use crate::usd::Usd;

impl Call {
    /// Asks whoever is next, if there is anybody and the budget allows.
    pub(super) fn send(&mut self, now: Millis) {
        let left = self.left();
        // Beside one in flight a second is asked if there is money for both; who is too dear now need not be later.
        let beside = !self.running.is_empty();
        let said = self.joined.as_ref().map(|joined| Prompt::text(joined.answer.text())).unwrap_or_default();
        if !beside {
            self.chain.leave_out_expensive(&self.request, said, left, &mut self.report);
        }
        let (mut window, splice) = match self.joined {
            Some(_) => self.successor(),
            None => {
                // A content filter that ends the call must be seen, and so must a silent model: inside a window OpenRouter
                // would fall back by itself.
                let alone = self.policy.on_content_filter == Soft::Fail || self.policy.hedge.is_some();
                (self.chain.window(&self.upstreams, alone), Resume::Joined(0))
            }
        };
        let (Some(&first), true) = (window.first(), self.report.attempts.len() < self.policy.attempts as usize) else {
            // Whoever is still in flight may answer yet.
            return if !beside {
                self.exhaust(now)
            };
        };
        let mut limit = self.chain.limit(&window, &self.request);
        let mut worst = Usd(0);
        let mut price = Price::default();
        if let Some(left) = left {
            price = self.chain.price(&mut window, &self.request, said, left);
            if !beside {
                limit = self.request.affordable(&price, said, limit, left);
            }
            worst = self.request.cost(&price, said, limit.unwrap_or(u64::MAX));
            if beside && worst > left {
                return;
            }
        }
        let cap = left.map(|_| &price);
        let models: Vec<&str> = window.iter().map(|&at| self.chain.candidates[at].model.as_str()).collect();
        let streamed = self.request.stream || self.policy.assemble;
        let upstream = &self.upstreams[self.chain.candidates[first].upstream];
        let prefill = match (&self.joined, splice) {
            (Some(joined), Resume::Continuing) => Some(trim_end(joined.answer.text())),
            _ => None,
        };
        let body = self.request.body(upstream.dialect, &models, streamed, limit, prefill, cap);
        let models = models.into_iter().map(Into::into).collect();
        let recovery = self.joined.as_ref().map(|_| if prefill.is_some() { "continue" } else { "restart" });
        // What an edge lets through has been judged there.
        let judged_there = upstream.dialect == Dialect::Edge;
        let upstream = self.chain.candidates[first].upstream;
        let mut attempt = self.post(upstream, window, streamed, body, now);
        let row = &mut self.report.attempts[attempt.id as usize];
        (row.models, row.recovery, row.hedge) = (models, recovery, beside);
        attempt.judged_there = judged_there;
        attempt.worst = worst;
        attempt.splice = self.joined.as_ref().map(|_| splice);
        attempt.raw = (self.request.stream && self.request.lane() != Lane::Gate).then(Vec::new);
        self.running.push(attempt);
    }

    /// What may still be spent, should everything in flight cost the most that it can.
    pub(super) fn left(&self) -> Option<Usd> {
        let spent = self.running.iter().fold(self.spent, |sum, attempt| sum.plus(attempt.worst)).0;
        self.policy.max_cost.map(|most| Usd(most.0.saturating_sub(spent)))
    }

    /// Begins an attempt: a row in the report, a request on its way.
    pub(super) fn post(
        &mut self,
        upstream: usize,
        window: Batch,
        streamed: bool,
        body: String,
        now: Millis,
    ) -> Box<Attempt> {
        let id = self.report.attempts.len() as AttemptId;
        let request = self.upstreams[upstream].post(streamed, body);
        self.actions.push_back(Action::Send { attempt: id, request });
        window.iter().for_each(|&at| self.chain.candidates[at].asked = true);
        self.report.attempts.push(AttemptReport { started: now - self.began, ..AttemptReport::default() });
        Box::new(Attempt::new(id, window, streamed, self.request.usage_chunk, now))
    }

    /// When a second model is asked too, because the first is silent.
    pub(super) fn hedge_at(&self) -> Option<Millis> {
        let [attempt] = &self.running[..] else { return None };
        let waits =
            !self.committed && !attempt.judged_there && !attempt.is_alive() && !attempt.hedged && !attempt.is_judge;
        self.policy.hedge.filter(|_| waits).map(|after| self.paused.max(attempt.sent + after))
    }

    /// Closes what else is in flight: another was first.
    pub(super) fn outrun(&mut self, now: Millis) {
        for attempt in std::mem::take(&mut self.running) {
            let failure = Failure::explained(Kind::Superseded);
            self.note(&attempt);
            self.close(&attempt, Some(failure), now);
        }
    }
}
