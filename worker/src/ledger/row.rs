//! What a call cost: one row for each attempt.

use failsoft::report::{AttemptReport, Report};
use failsoft::{Millis, Outcome, Role, Usd};
use serde::{Deserialize, Serialize};

use crate::config::VisitorSession;

/// Bytes of a name in a row. Clients choose the names of models, and upstreams those of models and providers.
const LONGEST_NAME: usize = 200;

/// How the cost of a row became known: the values of the column `settled`.
pub(crate) mod settled {
    /// The answer contained the cost.
    pub(crate) const BY_ANSWER: &str = "told";
    /// The answer contained tokens and no cost. The cost is computed from the configured prices.
    pub(crate) const COMPUTED: &str = "computed";
    /// The upstream was asked for the cost of the generation.
    pub(crate) const BY_LOOKUP: &str = "generation";
    /// Nobody knows the cost. The row has the most that the attempt can have cost.
    pub(crate) const UNSETTLED: &str = "unsettled";
}

/// The role of the row of a call whose answer came from the cache, and how such a call ended. No request was sent for it.
pub(crate) const CACHED: &str = "cached";

/// One attempt of a call. The field names are those of the columns of the table `attempts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// [`Context::id`], `/`, and the attempt's number. A row that is written twice stays one row.
    pub(crate) id: String,
    /// The request id of the call.
    pub(crate) call: String,
    /// Of two rows with one id, the one with the higher revision counts. A cost may become known later.
    pub(crate) revision: u32,
    /// When the request was sent, in milliseconds since 1970.
    pub(crate) at: Millis,
    /// The account that pays: the name of an [`Account`](crate::config::Account).
    pub(crate) account: String,
    /// The name of the client's key, or `user`, `visitor` or `loopback`.
    pub(crate) client: String,
    pub(crate) route: Option<String>,
    /// The version of the route, if the route is stored in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// The part of the app that made the call: the header `x-feature`.
    pub(crate) feature: Option<String>,
    /// The requested models, in order.
    pub(crate) asked: Vec<String>,
    /// The model that answered.
    pub(crate) model: Option<String>,
    pub(crate) provider: Option<String>,
    /// `answer`, `hedge`, `judge`, `continue` or `restart`; [`CACHED`], if the row is no attempt.
    pub(crate) role: String,
    /// `answered`, or the kind of the failure.
    pub(crate) outcome: String,
    pub(crate) prompt_tokens: Option<u64>,
    pub(crate) completion_tokens: Option<u64>,
    /// The cost in units of 10^-12 USD. An unknown cost is the amount that was held.
    pub(crate) cost: u64,
    /// One of [`settled`]; empty while the cost is not final.
    pub(crate) settled: String,
    pub(crate) generation: Option<String>,
    /// Milliseconds until the first text, reasoning or tool call.
    pub(crate) first_token: Option<Millis>,
    /// Milliseconds until the end of the attempt.
    pub(crate) duration: Option<Millis>,
    /// How the call ended, on the row of its first attempt: `answered`, `fallback` if another model than the first one
    /// answered, [`CACHED`], or the kind of the failure.
    #[serde(default)]
    pub(crate) ended: Option<String>,
    /// On the row of the first attempt: milliseconds from the beginning of the call until its client had the first text,
    /// reasoning or tool call. Streams only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call_first_token: Option<Millis>,
    /// On the row of the first attempt: milliseconds until the end of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call_duration: Option<Millis>,
    /// The host of the upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upstream: Option<String>,
    /// The judge's score, on the row of a judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<u64>,
    /// The edge does not know the first of the models `asked`. A client may have invented the name, so metrics have no label for
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) invented: bool,
}

/// What all rows of a call have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// An id that the edge makes for each call, so that no two calls share a row.
    pub(crate) id: String,
    /// The request id. A client may have chosen it, and may use one id twice.
    pub(crate) call: String,
    pub(crate) account: String,
    pub(crate) client: String,
    pub(crate) route: Option<String>,
    pub(crate) version: Option<u64>,
    pub(crate) feature: Option<String>,
    /// The client reads a stream.
    pub(crate) streams: bool,
    /// The visitor's session, for the log. No row has it.
    pub(crate) session: Option<VisitorSession>,
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
    /// Makes the row that a call holds, for the models `asked`.
    pub(crate) fn row(&self, at: Millis, asked: &[String], is_known: impl Fn(&str) -> bool) -> Row {
        Row {
            id: self.id.clone(),
            call: self.call.clone(),
            at,
            account: self.account.clone(),
            client: self.client.clone(),
            route: self.route.clone(),
            version: self.version,
            feature: self.feature.clone(),
            asked: asked.iter().map(|model| short(model)).collect(),
            role: "answer".into(),
            invented: is_invented(asked, is_known),
            ..Row::default()
        }
    }

    /// Makes the row of a call that began at `began` and got a stored answer of `model` after `took` milliseconds.
    pub(crate) fn cached_row(&self, began: Millis, took: Millis, asked: &[String], model: Option<&str>) -> Row {
        Row {
            id: [&self.id, "/0"].concat(),
            model: model.map(short),
            role: CACHED.into(),
            outcome: "answered".into(),
            settled: settled::BY_ANSWER.into(),
            ended: Some(CACHED.into()),
            call_first_token: self.streams.then_some(took),
            call_duration: Some(took),
            ..self.row(began, asked, |_| true)
        }
    }
}

/// Makes the rows of a call that began at `began` and took `took` milliseconds. Where a cost is not final, `settled` is empty, and the cost is the part
/// that is known.
pub(crate) fn rows(
    context: &Context,
    began: Millis,
    took: Millis,
    outcome: &Outcome,
    is_known: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let report = &outcome.report;
    let first_token = outcome.result.as_ref().ok().filter(|_| context.streams).and_then(|_| first_token(report));
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
            version: context.version,
            feature: context.feature.clone(),
            ended: (at == 0).then(|| ended.to_owned()),
            call_first_token: first_token.filter(|_| at == 0),
            call_duration: (at == 0).then_some(took),
            invented: is_invented(&attempt.models, &is_known),
            ..row(attempt)
        })
        .collect()
}

/// When the client of an answered call had the first text, in milliseconds since the call began. The text came from the attempt
/// that answered, or from an earlier one that this attempt continued.
fn first_token(report: &Report) -> Option<Millis> {
    let at = |attempt: &AttemptReport| Some(attempt.started + attempt.first_token?);
    let of_reader = |attempt: &&AttemptReport| attempt.role != Role::Score;
    let answered = report.attempts.iter().filter(of_reader).rfind(|attempt| attempt.failure.is_none())?;
    match answered.role {
        Role::Continue | Role::Restart => report.attempts.iter().filter(of_reader).filter_map(at).min(),
        _ => at(answered),
    }
}

fn is_invented(asked: &[String], is_known: impl Fn(&str) -> bool) -> bool {
    asked.first().is_some_and(|model| !is_known(model))
}

/// Makes the part of a row that describes the attempt.
fn row(attempt: &AttemptReport) -> Row {
    Row {
        asked: attempt.models.iter().map(|model| short(model)).collect(),
        model: attempt.model.as_deref().map(short),
        provider: attempt.provider.as_deref().map(short),
        role: attempt.role.name().to_owned(),
        score: attempt.score,
        outcome: attempt.failure.as_ref().map_or("answered", |failure| failure.kind.name()).to_owned(),
        prompt_tokens: attempt.prompt_tokens,
        completion_tokens: attempt.completion_tokens,
        cost: known_cost(attempt).0,
        settled: match (attempt.cost_is_final, attempt.cost_is_computed) {
            (true, false) => settled::BY_ANSWER.to_owned(),
            (true, true) => settled::COMPUTED.to_owned(),
            (false, _) => String::new(),
        },
        generation: attempt.generation_id.as_deref().map(short),
        first_token: attempt.first_token,
        duration: attempt.duration,
        ..Row::default()
    }
}

/// The reported cost. Where no final cost is reported, the cost is not less than that of the reported tokens.
fn known_cost(attempt: &AttemptReport) -> Usd {
    let of_tokens = attempt.cost_of_tokens.filter(|_| !attempt.cost_is_final);
    attempt.cost.max(of_tokens).unwrap_or_default()
}

/// Cuts a long name.
fn short(name: &str) -> String {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[cfg(test)]
mod tests;
