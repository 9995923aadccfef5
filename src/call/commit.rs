//! When a stream reaches its commit point, and what its reader gets.

use super::{Action, Call, Phase};
use crate::Millis;
use crate::attempt::{Attempt, Body};
use crate::chunk::Seen;
use crate::events::Events;
use crate::lane::Lane;
use crate::policy::Soft;
use crate::text::is_blank;
use crate::verdict::{Beginning, beginning, forbidden};

impl Call {
    /// The attempt at `at` took bytes. Commits to its answer if the answer may be shown, and gives the reader what it may
    /// have.
    pub(super) fn advance(&mut self, at: usize, now: Millis) {
        let attempt = &self.running[at];
        let (id, age) = (attempt.id, attempt.age(now));
        let Body::Events(events) = &attempt.body else { return };
        if events.is_alive() {
            self.report.attempts[id as usize].first_token.get_or_insert(age);
        }
        if !matches!(self.phase, Phase::Trying) || !self.may_commit(attempt, events) {
            return self.yield_waiting(at);
        }
        match forbidden(events.answer.text(), &self.policy).filter(|_| !attempt.by_edge) {
            // A whole answer may still be the best of all: the rules check all of it.
            Some(_) if attempt.is_done() => {}
            Some(failure) => {
                let attempt = self.running.remove(at);
                self.fail_rule(attempt, failure, self.policy.pattern, None, now);
            }
            None => self.commit(at, now),
        }
    }

    /// The attempt at `at` is the one whose answer the reader gets.
    fn commit(&mut self, at: usize, now: Millis) {
        self.phase = Phase::Committed;
        let mut attempt = self.running.remove(at);
        let held = attempt.held.take();
        if attempt.events().is_some_and(|events| events.has_removed()) {
            // Its bytes have what the reader may not have.
            self.request.lane = Lane::Gate;
        } else if let Some(held) = held {
            attempt.unread = !self.request.lane().reads_rest();
            self.actions.push_back(Action::Relay { attempt: attempt.id, held });
        }
        self.supersede_others(now);
        let served = self.report_answer(&attempt);
        self.report_served(&attempt, served);
        self.running.push(attempt);
        self.yield_waiting(0);
    }

    /// The stream has something to show, and no rule waits for more of it.
    fn may_commit(&self, attempt: &Attempt, events: &Events) -> bool {
        let (seen, text) = (events.seen, events.answer.text());
        // An edge has checked its answer by itself.
        let is_ours = !attempt.by_edge;
        if !self.request.stream || (is_ours && self.policy.buffers()) {
            return false;
        }
        let shows_reasoning = seen.has(Seen::REASONING) && self.request.wants_reasoning;
        if seen.has(Seen::TOOL_CALL) || shows_reasoning || (seen.has(Seen::CONTENT) && text.is_empty()) {
            return true;
        }
        let holds = is_ours && self.policy.refusal != Soft::Accept;
        let hold_chars = if is_ours { self.policy.hold_chars } else { 0 };
        // A text has at least as many bytes as characters. Its characters are counted only when they may be enough.
        let is_long = || text.len() as u64 >= hold_chars && text.chars().count() as u64 >= hold_chars;
        let is_clear = || !holds || beginning(text, &self.policy.refusal_phrases) == Beginning::Clear;
        // White space alone may be all that comes, and is no answer.
        (!is_blank(text) && is_long() && is_clear()) || (seen.has(Seen::REFUSAL) && !holds)
    }

    /// Gives the reader the chunks that came after the commit point.
    pub(super) fn yield_waiting(&mut self, at: usize) {
        if !matches!(self.phase, Phase::Committed) {
            return;
        }
        if let Some(events) = self.running[at].events() {
            let chunks = std::mem::take(&mut events.waiting);
            if self.request.lane().judges_chunks() && !chunks.is_empty() {
                self.actions.push_back(Action::Yield(chunks));
            }
        }
    }
}
