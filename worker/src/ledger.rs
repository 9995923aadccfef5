//! What each call cost: a row for every attempt, also for those that were discarded, hedged, aborted or a judge's.
//!
//! No prompt and no answer is in it. A row goes behind the response to the object of its account, which keeps it until it
//! is written into the database: a database that fails delays no call and loses no row.

pub(crate) mod alerts;
mod backlog;
pub(crate) mod database;
mod outbox;

pub(crate) use outbox::Outbox;

use failsoft::report::AttemptReport;
use failsoft::{Millis, Outcome};
use serde::{Deserialize, Serialize};

/// The binding of the database.
pub(crate) const DATABASE: &str = "LEDGER";

/// Callers choose names of models, and answers those of models and providers: no row grows with them. In bytes.
const LONGEST_NAME: usize = 200;

/// One attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// [`Context::id`], `/`, and the attempt's number: written twice, it is still one row.
    pub(crate) id: String,
    /// The request id of the call.
    pub(crate) call: String,
    /// Of two rows with one id, the one with the higher revision counts: the cost was found out later.
    pub(crate) revision: u32,
    /// When it was sent, in milliseconds since 1970.
    pub(crate) at: Millis,
    /// Who pays: see [`Account`](crate::config::Account).
    pub(crate) account: String,
    /// The name of the key, or of the way in.
    pub(crate) client: String,
    pub(crate) route: Option<String>,
    /// What of the app the call was for: the header `x-feature`.
    pub(crate) feature: Option<String>,
    /// The models that were asked for, in order.
    pub(crate) asked: Vec<String>,
    /// The model that served.
    pub(crate) model: Option<String>,
    pub(crate) provider: Option<String>,
    /// `answer`, `hedge`, `judge`, `continue` or `restart`.
    pub(crate) role: String,
    /// `answered`, or the kind of the failure.
    pub(crate) outcome: String,
    pub(crate) prompt_tokens: Option<u64>,
    pub(crate) completion_tokens: Option<u64>,
    /// In USD, in units of 10^-12. Where it is not known, what was held for it.
    pub(crate) cost: u64,
    /// `told` by the answer, looked up by `generation`, or `unsettled`: the most that it can have been.
    pub(crate) settled: String,
    pub(crate) generation: Option<String>,
    /// Milliseconds until the first text, reasoning or tool call.
    pub(crate) first_token: Option<Millis>,
    /// Milliseconds until its end.
    pub(crate) duration: Option<Millis>,
    /// How the call ended, on the row of its first attempt: `answered`, `fallback` where the answer is not that of the
    /// first model, or the kind of its failure.
    #[serde(default)]
    pub(crate) ended: Option<String>,
}

/// What every row of a call says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// Of this edge's own making, and of no other call: rows are told apart by it.
    pub(crate) id: String,
    /// The request id, which a caller may have chosen, and chosen twice.
    pub(crate) call: String,
    pub(crate) account: String,
    pub(crate) client: String,
    pub(crate) route: Option<String>,
    pub(crate) feature: Option<String>,
}

impl Row {
    /// Tokens of the prompt and the answer, if either is known.
    pub(crate) fn tokens(&self) -> Option<u64> {
        match (self.prompt_tokens, self.completion_tokens) {
            (None, None) => None,
            (prompt, completion) => Some(prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0))),
        }
    }
}

impl Context {
    /// What the rows of attempts that asked for models `asked` have in common.
    pub(crate) fn row(&self, at: Millis, asked: &[String]) -> Row {
        Row {
            id: self.id.clone(),
            call: self.call.clone(),
            at,
            account: self.account.clone(),
            client: self.client.clone(),
            route: self.route.clone(),
            feature: self.feature.clone(),
            asked: asked.iter().map(|model| short(model)).collect(),
            role: "answer".into(),
            ..Row::default()
        }
    }
}

/// The rows of a call that began at `began`. Where a cost is not final, `settled` is empty, and it is what
/// was told so far.
pub(crate) fn rows(context: &Context, began: Millis, outcome: &Outcome) -> Vec<Row> {
    let report = &outcome.report;
    let ended = match &outcome.result {
        Ok(_) if report.fallback => "fallback",
        Ok(_) => "answered",
        Err(failure) => failure.kind.name(),
    };
    let attempts = report.attempts.iter().enumerate();
    attempts
        .map(|(at, attempt)| Row {
            id: format!("{}/{at}", context.id),
            call: context.call.clone(),
            at: began + attempt.started,
            account: context.account.clone(),
            client: context.client.clone(),
            route: context.route.clone(),
            feature: context.feature.clone(),
            ended: (at == 0).then(|| ended.to_owned()),
            ..row(attempt)
        })
        .collect()
}

/// What a row says of its attempt.
fn row(attempt: &AttemptReport) -> Row {
    Row {
        asked: attempt.models.iter().map(|model| short(model)).collect(),
        model: attempt.model.as_deref().map(short),
        provider: attempt.provider.as_deref().map(short),
        role: attempt.role.name().to_owned(),
        outcome: attempt.failure.as_ref().map_or("answered", |failure| failure.kind.name()).to_owned(),
        prompt_tokens: attempt.prompt_tokens,
        completion_tokens: attempt.completion_tokens,
        cost: attempt.cost.unwrap_or_default().0,
        settled: if attempt.cost_is_final { "told".to_owned() } else { String::new() },
        generation: attempt.generation_id.as_deref().map(short),
        first_token: attempt.first_token,
        duration: attempt.duration,
        ..Row::default()
    }
}

/// The beginning of `name`, where it is long.
fn short(name: &str) -> String {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[cfg(test)]
mod tests;
