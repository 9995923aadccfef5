//! What a request to an upstream is for.

/// The role of an attempt in its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It answers the request.
    #[default]
    Answer,
    /// It answers the request beside another attempt, which has been silent for long.
    Hedge,
    /// It scores the answer of another attempt.
    Score,
    /// It continues the text of a stream that broke.
    Continue,
    /// It answers from the beginning again, because a stream broke.
    Restart,
}

impl Role {
    /// The name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Hedge => "hedge",
            Self::Score => "judge",
            Self::Continue => "continue",
            Self::Restart => "restart",
        }
    }

    /// After a stream broke, it goes on with the answer.
    pub(crate) fn is_recovery(self) -> bool {
        matches!(self, Self::Continue | Self::Restart)
    }
}
