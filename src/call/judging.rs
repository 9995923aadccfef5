//! The quality gate: after an answer has passed every other rule, a judge scores it.

use super::Call;
use super::outcome::Kept;
use crate::Millis;
use crate::attempt::Attempt;
use crate::call::noting::note_row;
use crate::catalog::Price;
use crate::chain::Batch;
use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::judge::{LONGEST_REPLY, mark, question, score};
use crate::policy::Soft;
use crate::request;
use crate::text::text;
use crate::upstream::Dialect;

impl Call {
    /// Asks the judge of the policy about an answer that has passed every other rule. False: there is none, or it cannot be
    /// asked and the answer passes without.
    pub(super) fn ask_judge(&mut self, kept: &Kept, now: Millis) -> bool {
        let Some(judge) = &self.policy.judge else { return false };
        let text = kept.attempt.answer().map(Accumulator::text).unwrap_or_default();
        let question = question(judge, self.request.messages(), text, &mark(self.seed));
        let tokens = if self.request.prompt_most.is_some() { question.body.len() as u64 } else { question.tokens };
        let mut price = Price::default();
        let known = self.judge_facts.raise(&mut price, tokens);
        let cost = known.then(|| price.cost(tokens, 0, LONGEST_REPLY));
        let left = self.left();
        let dear =
            [judge.max_cost, left].into_iter().any(|most| cost.zip(most).is_some_and(|(cost, most)| cost > most));
        // What nobody knows the price of cannot be kept within a bound.
        let dear = dear || (left.is_some() && cost.is_none());
        let late = now >= self.began + self.policy.timeouts.total;
        if dear || late || self.report.attempts.len() >= self.policy.attempts as usize {
            self.report.warnings.push("the judge was not asked: it would have gone beyond a bound".into());
            return false;
        }
        let until = now + judge.timeout;
        let models = vec![judge.model.clone()];
        let upstream = self.chain.candidates[kept.served].upstream;
        let capped = self.upstreams[upstream].dialect == Dialect::OpenRouter && left.is_some();
        let body = if capped { request::capped(&question.body, &price) } else { question.body };
        let mut attempt = self.post(upstream, Batch::new(), false, body, now);
        let row = &mut self.report.attempts[attempt.id as usize];
        (row.models, row.judge) = (models, Some(None));
        attempt.is_judge = true;
        attempt.worst = cost.unwrap_or_default();
        attempt.until = Some(until);
        self.running.push(attempt);
        true
    }

    /// The judge has spoken, or has failed.
    pub(super) fn take_score(&mut self, attempt: Box<Attempt>, failure: Option<Box<Failure>>, now: Millis) {
        let row = &mut self.report.attempts[attempt.id as usize];
        let mut points = None;
        if let Some(answer) = attempt.answer() {
            note_row(row, answer);
            // Of a reply that broke, the number may be a part.
            points = if failure.is_none() { score(answer.text(), &mark(self.seed)) } else { None };
        }
        row.judge = Some(points);
        let unread =
            || if points.is_none() { Some(Failure::new(Kind::BadResponse, "the judge gave no score")) } else { None };
        self.close(&attempt, failure.or_else(unread), now);
        let (Some(mut kept), Some(judge)) = (self.judged.take(), &self.policy.judge) else { return };
        let action = judge.action;
        if points.map_or(judge.open, |points| points >= judge.threshold) {
            return self.deliver(kept, true);
        }
        let points = points.unwrap_or_default();
        let message = text!("the judge gave the answer ", &decimal(points), " of 100 points");
        let failure = Failure::new(Kind::BelowThreshold, message);
        kept.rank += points;
        self.report.attempts[kept.attempt.id as usize].failure = Some(failure.clone());
        self.chain.spend(&[kept.served]);
        self.keep_best(&failure, kept);
        self.last = Some(failure.clone());
        if action == Soft::Fail {
            self.finish(Err(failure), None, None);
        }
    }
}

/// Answers are ranked by the rules they passed, then by their score.
pub(super) fn rank(passed: u32, score: u64) -> u64 {
    u64::from(passed) * 1_000 + score
}
