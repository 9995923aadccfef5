//! What the report says about an attempt.

use super::{Action, Call};
use crate::Millis;
use crate::attempt::Attempt;
use crate::catalog::ModelInfo;
use crate::chunk::Accumulator;
use crate::failure::Failure;
use crate::json::{Json, on_one_line};
use crate::report::AttemptReport;
use crate::role::Role;
use crate::usage::Used;

impl Call {
    /// Writes what the answer of `attempt` says about itself into its row, however the attempt ended. Returns the candidate
    /// that served: the first of the batch, if the answer names none of them.
    pub(super) fn report_answer(&mut self, attempt: &Attempt) -> usize {
        let row = &mut self.report.attempts[attempt.id as usize];
        let first = attempt.batch.first().copied().unwrap_or_default();
        let Some(answer) = attempt.answer() else {
            let metadata = attempt.error_body().get("openrouter_metadata");
            let redaction = attempt.redaction.as_ref().filter(|_| !cfg!(feature = "browser"));
            let shown = redaction.and_then(|redaction| redaction.of_value(metadata));
            row.inside = rows_inside(shown.as_deref().map_or(metadata, Json::or_null));
            return first;
        };
        fill_row(row, answer);
        let served = answer.model();
        let is_served = |at: &usize| served.is_some_and(|served| self.chain.candidate(*at).answers_to(served));
        let matched = attempt.batch.iter().copied().find(is_served);
        row.unmatched = matched.is_none() && served.is_some() && attempt.role != Role::Score;
        matched.unwrap_or(first)
    }

    /// Reports that the reader gets the answer of `attempt`.
    pub(super) fn report_served(&mut self, attempt: &Attempt, served: usize) {
        let model = attempt.answer().and_then(Accumulator::model);
        self.report.model = Some(model.unwrap_or(self.chain.candidate(served).model()).into());
        self.report.fallback = served != 0;
    }

    /// The failure of `attempt` as the reader may have it. The row keeps the original, for the owner.
    pub(super) fn disclose(&mut self, attempt: &Attempt, failure: Box<Failure>) -> Box<Failure> {
        let Some(disclosure) = self.disclosure.filter(|_| !cfg!(feature = "browser")) else { return failure };
        let shown = (disclosure.failure)(&failure, &self.upstreams);
        self.report.attempts[attempt.id as usize].original = Some(failure);
        shown
    }

    /// Completes the row of `attempt`, and closes its connection.
    pub(super) fn close(&mut self, attempt: &Attempt, failure: Option<Box<Failure>>, now: Millis) {
        self.chain.release(&attempt.batch);
        let row = &mut self.report.attempts[attempt.id as usize];
        row.duration = Some(attempt.age(now));
        row.failure = failure;
        row.is_free = attempt.is_free;
        if attempt.computes_cost && attempt.is_complete() {
            let info = match attempt.batch.first() {
                Some(&at) => self.chain.candidate(at).info(),
                None => &self.judge_info,
            };
            compute_cost(row, attempt, info);
        }
        row.cost_is_final = row.cost.is_some() && attempt.is_complete();
        let price = attempt.price.as_ref().filter(|_| !cfg!(feature = "browser"));
        row.cost_of_tokens = price.zip(row.prompt_tokens).map(|(price, prompt)| {
            price.cost(prompt, self.request.prompt.attachments, row.completion_tokens.unwrap_or_default())
        });
        let spent = attempt.spent(row.cost.filter(|_| row.cost_is_final));
        // An upstream may bill more tokens than the request allowed.
        let least = row.cost_of_tokens.filter(|_| !row.cost_is_final).unwrap_or_default();
        self.spent = self.spent.plus(spent.max(least));
        if attempt.is_open {
            self.actions.push_back(Action::Cancel { attempt: attempt.id });
        }
    }
}

/// Computes the cost of an answer that reports none, or less than its tokens cost: a gateway that does not know the price of a
/// model reports 0.
fn compute_cost(row: &mut AttemptReport, attempt: &Attempt, info: &ModelInfo) {
    let used = attempt.answer().map(Used::of);
    let Some(reported) = row.cost else {
        row.cost = used.and_then(|used| used.cost_at(info));
        row.cost_is_computed = row.cost.is_some();
        return;
    };
    let least = used.zip(attempt.stated.as_deref()).and_then(|(used, stated)| used.least_cost_at(stated));
    if let Some(least) = least.filter(|least| *least > reported) {
        row.cost = Some(least);
        row.cost_is_computed = true;
        row.reported_cost = Some(reported);
    }
}

/// Writes what `answer` says about itself into `row`.
pub(super) fn fill_row(row: &mut AttemptReport, answer: &Accumulator) {
    row.model = answer.model().map(Into::into);
    row.provider = answer.provider().map(Into::into);
    let used = Used::of(answer);
    (row.prompt_tokens, row.completion_tokens, row.cost) = (used.prompt, used.completion, used.cost);
    if !cfg!(feature = "browser") {
        row.uncached_prompt_tokens = used.prompt.filter(|_| used.cached == 0);
    }
    if let Some(id) = answer.id().filter(|id| id.starts_with("gen-")) {
        row.generation_id = Some(id.into());
    }
    row.inside = rows_inside(answer.metadata());
}

/// What OpenRouter tried inside one request, as its metadata says. Each row has one line, because a comment of a stream may
/// contain the report.
fn rows_inside(metadata: Json<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    for attempt in metadata.get("attempts").items() {
        let mut row = String::new();
        on_one_line(attempt.raw(), &mut row);
        rows.push(row);
    }
    rows
}
