//! The judge: after an answer has passed every other rule, a model scores it.

use super::Call;
use super::outcome::FinishedAnswer;
use super::reporting::fill_row;
use super::sending::Request;
use crate::Millis;
use crate::attempt::Attempt;
use crate::catalog::Price;
use crate::chain::Batch;
use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind, RequestFields};
use crate::json::decimal;
use crate::judge::{LONGEST_REPLY, Question, mark, question, score};
use crate::policy::{JudgePolicy, Soft};
use crate::request;
use crate::role::Role;
use crate::text::text;
use crate::upstream::Dialect;
use crate::usd::Usd;

impl Call {
    /// Asks the judge of the policy to score an answer. False: the policy has no judge, or the judge cannot be asked and the
    /// answer passes without a score.
    pub(super) fn ask_judge(&mut self, answer: &FinishedAnswer, now: Millis) -> bool {
        let policy = self.policy.clone();
        let Some(judge) = &policy.judge else { return false };
        let text = answer.attempt.answer().map(Accumulator::text).unwrap_or_default();
        let question = question(judge, self.request.messages(), text, &mark(self.seed));
        let upstream = self.chain.candidate(answer.served).upstream();
        let (price, tokens, cost) = self.price_question(&question, upstream);
        if now >= self.deadline() || !self.has_attempts() || !self.can_pay_judge(judge, cost) {
            self.report.warnings.push("the judge was not asked: the request would exceed a limit of the policy".into());
            return false;
        }
        let is_openrouter = self.upstreams[upstream].dialect == Dialect::OpenRouter;
        let is_capped = is_openrouter && self.money_left().is_some();
        let mut body = question.body;
        // A page has no owner who is not its caller.
        if !cfg!(feature = "browser") {
            body = self.request.own(&body, &self.upstreams[upstream].account_fields, is_openrouter);
        }
        let body = if is_capped { request::capped(&body, request::price_cap(&price, request::NO_CAP)) } else { body };
        let models = vec![judge.model.clone()];
        let (batch, own_fields) = (Batch::new(), RequestFields::default());
        let request = Request { role: Role::Score, upstream, batch, models, streamed: false, own_fields, body };
        let mut attempt = self.start(request, now);
        attempt.highest_cost = cost.unwrap_or_default();
        let row = &mut self.report.attempts[attempt.id as usize];
        (row.highest_cost, row.highest_tokens) = (cost, Some(tokens + LONGEST_REPLY));
        attempt.deadline = Some(now + judge.timeout);
        self.running.push(attempt);
        true
    }

    /// The price of the judge, the most tokens of `question`, and the most that its answer can cost, if the price is known.
    fn price_question(&self, question: &Question, upstream: usize) -> (Price, u64, Option<Usd>) {
        // Where the tokens of the prompt have an upper bound, so have those of the question: its bytes.
        let tokens = if self.request.prompt_most.is_some() { question.body.len() as u64 } else { question.tokens };
        let mut price = Price::default();
        let is_known = self.judge_info.raise(&mut price, tokens);
        let is_beyond = self.upstreams[upstream].reasons_beyond_limit;
        let reasoning = if is_beyond { self.judge_info.max_reasoning } else { Some(0) };
        let cost = reasoning.filter(|_| is_known).map(|reasoning| price.cost(tokens, 0, LONGEST_REPLY + reasoning));
        (price, tokens, cost)
    }

    fn can_pay_judge(&self, judge: &JudgePolicy, cost: Option<Usd>) -> bool {
        let left = self.money_left();
        let is_above = |limit: Option<Usd>| cost.zip(limit).is_some_and(|(cost, limit)| cost > limit);
        // A request of unknown cost cannot be kept within a limit.
        let is_unknown = left.is_some() && cost.is_none();
        !is_above(judge.max_cost) && !is_above(left) && !is_unknown
    }

    /// The judge has answered, or has failed.
    pub(super) fn take_score(&mut self, attempt: Box<Attempt>, failure: Option<Box<Failure>>, now: Millis) {
        let row = &mut self.report.attempts[attempt.id as usize];
        let mut points = None;
        if let Some(answer) = attempt.answer() {
            fill_row(row, answer);
            // The number at the end of a broken reply may lack digits.
            points = if failure.is_none() { score(answer.text(), &mark(self.seed)) } else { None };
        }
        row.score = points;
        let no_score = || points.is_none().then(|| Failure::new(Kind::BadResponse, "the judge gave no score"));
        self.close(&attempt, failure.or_else(no_score), now);
        let Some(answer) = self.take_scored() else { return };
        let policy = self.policy.clone();
        let Some(judge) = &policy.judge else { return };
        if points.map_or(judge.open, |points| points >= judge.threshold) {
            self.deliver(answer, true);
        } else {
            self.reject(answer, points.unwrap_or_default(), judge.action);
        }
    }

    /// The answer scored below the threshold.
    fn reject(&mut self, mut answer: FinishedAnswer, points: u64, action: Soft) {
        let message = text!("the judge gave the answer ", &decimal(points), " of 100 points");
        let failure = Failure::new(Kind::BelowThreshold, message);
        answer.rank += points;
        self.report.attempts[answer.attempt.id as usize].failure = Some(failure.clone());
        self.chain.fail(&[answer.served]);
        self.keep_best(&failure, answer);
        self.last_failure = Some(failure.clone());
        if action == Soft::Fail {
            self.finish(Err(failure), None, None);
        }
    }
}

/// Answers are ranked by the number of rules that they passed, then by their score.
pub(super) fn rank(passed: u32, score: u64) -> u64 {
    u64::from(passed) * 1_000 + score
}
