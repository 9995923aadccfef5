//! When the host has to come back, and what happens when a clock runs out.

use super::{Action, Call};
use crate::Millis;
use crate::attempt::Attempt;
use crate::failure::{Failure, Kind};
use crate::json::decimal;
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
            if let Some((at, _)) = attempt.timeout(&self.policy.timeouts) {
                next = next.min(at);
            }
        }
        Action::Wait { until: self.clock.expect(next) }
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
        let timeout = |attempt: &Attempt| attempt.timeout(&self.policy.timeouts).filter(|(at, _)| now >= *at);
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
