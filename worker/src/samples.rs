//! Samples: the text of a part of the calls of a route with `sampling`, to try cheaper variants with it. Without `sampling`, no text
//! is stored.
//!
//! ```text
//!  a call of the route ──▶ chosen by its random id? ──▶ answered, cost known, small enough? ──▶ AES-GCM ──▶ a row of D1
//!                                                                                                              │
//!                                        the cron trigger deletes what has expired, the owner whatever he names ┘
//! ```

pub(crate) mod store;

use failsoft::{ChatRequest, Json, Lane, Outcome};

use crate::config::Config;
use crate::config::Route;
use crate::ledger::{Context, Row};

/// The most bytes of a request and its answer.
const LARGEST: usize = 64 * 1024;

const DAY: u64 = 24 * 60 * 60 * 1_000;

/// A call whose text is kept if it is answered.
#[derive(Debug)]
pub(crate) struct Chosen {
    request: String,
    days: u64,
}

/// A call whose text is kept.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) id: String,
    pub(crate) route: String,
    pub(crate) version: Option<u64>,
    pub(crate) account: String,
    pub(crate) at: u64,
    pub(crate) expires: u64,
    /// In units of 10^-12 USD.
    pub(crate) cost: u64,
    /// `{"request", "answer"}`: a chat request without models, and the message that answered it.
    pub(crate) text: String,
}

/// Decides whether the text of the call is kept, before the call takes it.
pub(crate) fn choose(
    context: &Context,
    route: Option<&Route>,
    request: &ChatRequest,
    config: &Config,
) -> Option<Chosen> {
    let sampling = route?.sampling.filter(|sampling| sampling.chooses(&context.id))?;
    let is_read = request.lane == Lane::Gate && !request.is_for_embeddings() && config.samples_secret.is_some();
    is_read.then(|| Chosen { request: request.conversation_json(), days: sampling.days })
}

impl Chosen {
    /// The sample of a call with these `rows`, if the call was answered at a known cost.
    pub(crate) fn finish(self, context: &Context, outcome: &Outcome, rows: &[Row]) -> Option<Sample> {
        let completion = outcome.result.as_ref().ok()?.completion();
        let answer = Json::parse(&completion)?.get("choices").items().next()?.get("message").raw();
        if rows.iter().any(|row| row.settled.is_empty()) || self.request.len() + answer.len() > LARGEST {
            return None;
        }
        let at = rows.first()?.at;
        Some(Sample {
            id: context.id.clone(),
            route: context.route.clone()?,
            version: context.version,
            account: context.account.clone(),
            at,
            expires: at + self.days * DAY,
            cost: rows.iter().map(|row| row.cost).sum(),
            text: [r#"{"request":"#, &self.request, r#","answer":"#, answer, "}"].concat(),
        })
    }
}
