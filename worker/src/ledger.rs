//! What each call cost: a row for every attempt, also for those that were discarded, hedged, aborted or a judge's.
//!
//! No prompt and no answer is in it. A row goes behind the response to the object of its account, which keeps it until it
//! is written into the database: a database that fails delays no call and loses no row.

use failsoft::Millis;
use serde::{Deserialize, Serialize};

/// One attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The call's id, `/`, and the attempt's number: written twice, it is still one row.
    pub(crate) id: String,
    /// The request id of the call.
    pub(crate) call: String,
    /// Of two rows with one id, the one with the higher revision counts: the cost was found out later.
    pub(crate) revision: u32,
    /// When it was sent, in milliseconds since 1970.
    pub(crate) at: Millis,
    /// Who pays: see [`Account`](crate::account::Account).
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
}
