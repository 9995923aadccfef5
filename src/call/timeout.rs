//! When the host has to come back, and what happens when a clock runs out.

use super::{Action, Call};
use crate::Millis;
use crate::attempt::{Attempt, Clocks};
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::policy::Timeouts;
use crate::text::text;

impl Call {
    /// Waits until the first clock runs out.
    pub(super) fn wait(&mut self) -> Action {
        let mut next = self.deadline();
        if self.running.is_empty() {
            next = next.min(self.pause_until);
        }
        next = next.min(self.hedge_at().unwrap_or(next));
        for attempt in &self.running {
            if let Some((at, _)) = attempt.timeout(&self.clocks(attempt, &self.policy.timeouts)) {
                next = next.min(at);
            }
        }
        Action::Wait { until: self.clock.expect(next) }
    }

    /// The clocks that `policy` sets for `attempt`. The default time until the first token depends on the model: one that thinks may be silent for
    /// minutes, and one that another model could replace is not waited for as long.
    pub(super) fn clocks(&self, attempt: &Attempt, policy: &Timeouts) -> Clocks {
        // The other models of a batch are asked one by one if nothing comes of the batch.
        let has_other =
            || self.has_attempts() && (attempt.batch.len() > 1 || self.chain.has_other_than(&attempt.batch));
        let first_token = match policy.first_token {
            Some(first_token) => first_token,
            None if attempt.thinks => Timeouts::FIRST_TOKEN_OF_THOUGHT,
            // A hedge overtakes a silent model by itself.
            None if self.policy.hedge.is_none() && has_other() => self.patience(attempt),
            None => Timeouts::FIRST_TOKEN,
        };
        let headers = if attempt.thinks { Timeouts::HEADERS_OF_THOUGHT } else { Timeouts::HEADERS };
        Clocks { headers: policy.headers.unwrap_or(headers), first_token, idle: policy.idle }
    }

    /// How long the call waits for a model that another one could replace.
    fn patience(&self, attempt: &Attempt) -> Millis {
        let tokens = |at: &usize| self.request.prompt.tokens(self.chain.candidate(*at).model());
        let tokens = attempt.batch.first().map(tokens).unwrap_or_default();
        Timeouts::FIRST_TOKEN_OF_ONE_OF_SEVERAL + tokens / Timeouts::TOKENS_PER_MILLISECOND
    }

    /// When the time of the whole call is over.
    pub(super) fn deadline(&self) -> Millis {
        self.began + self.policy.timeouts.total
    }

    /// Ends the call or an attempt whose time is over.
    pub(super) fn end_late(&mut self, now: Millis) {
        let is_late = now >= self.deadline();
        // A whole answer only waits for the end of its connection.
        if let Some(at) = self.running.iter().position(|attempt| is_late && attempt.is_done()) {
            return self.conclude(at, now);
        }
        if is_late && !self.is_over() {
            let message = text!("the call took longer than ", &decimal(self.policy.timeouts.total), " ms");
            return self.give_up(Failure::new(Kind::Timeout, message), now);
        }
        let timeout = |attempt: &Attempt| {
            attempt.timeout(&self.clocks(attempt, &self.policy.timeouts)).filter(|(at, _)| now >= *at)
        };
        let late = self.running.iter().enumerate().find_map(|(at, attempt)| Some((at, timeout(attempt)?.1)));
        let Some((at, kind)) = late else { return };
        if self.running[at].is_done() {
            return self.conclude(at, now);
        }
        let attempt = self.running.remove(at);
        let failure =
            attempt.http_failure(self.clock.wall(now)).unwrap_or_else(|| timeout_failure(kind, attempt.age(now)));
        self.fail(attempt, failure, now);
    }
}

fn timeout_failure(kind: Kind, age: Millis) -> Box<Failure> {
    let (before, after) = match kind {
        Kind::HeadersTimeout => ("no response headers came within ", " ms"),
        Kind::FirstTokenTimeout => ("no text, reasoning or tool call came within ", " ms"),
        _ => ("the stream stopped sending events; the request was sent ", " ms ago"),
    };
    Failure::new(kind, text!(before, &decimal(age), after))
}
