//! How a call of an experiment ended.

use failsoft::Json;

/// How a call ended.
#[derive(Debug)]
pub(super) struct Called {
    /// The message of the answer, as JSON text; nothing, if no model answered.
    pub(super) message: Option<String>,
    /// What the call cost, in units of 10^-12 USD, if that is known.
    pub(super) cost: Option<f64>,
}

impl Called {
    /// The text of the answer.
    pub(super) fn text(&self) -> Option<String> {
        Some(Json::parse(self.message.as_deref()?)?.get("content").text()?.into())
    }
}
