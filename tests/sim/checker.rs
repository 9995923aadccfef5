//! The invariants of the core, by name, and the checker that reports a violation.

/// What must hold in every world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// A call ends within its total time, and no attempt exceeds its timeouts.
    Deadline,
    /// Retries and fallbacks share one budget of attempts.
    Budget,
    /// While a breaker is open, only a leased probe is sent; the breaker records exactly the observed outcomes.
    Breaker,
    /// What the reader received is a beginning of the answer, and matches what the upstream sent.
    Prefix,
    /// A cut answer is not a success.
    Cut,
    /// A successful answer passes every active rule, or the report says that it does not.
    Rules,
    /// A mistake of the caller or a bad key is not repeated on other models.
    Mistake,
    /// No request is sent to a model before the time that the model named.
    RetryAfter,
    /// The report contains what was sent, which model served, and the cost.
    Report,
    /// No attempt stays open after the end of the call.
    Open,
    /// After an abort nothing more happens.
    Abort,
    /// The core comes to rest after every input.
    Bounded,
    /// The same seed gives the same calls.
    Deterministic,
    /// A good answer is not thrown away.
    Lost,
    /// Recovery continues a broken stream only where the content is text, only with a model that can, and exactly.
    Recovery,
    /// A hedge sends one second request beside a silent one; the slower request is cancelled.
    Hedge,
    /// The judge scores an answer once, and an answer below the threshold does not pass.
    Judge,
    /// Requests stay within the bounds on price and cost.
    Money,
    /// The core does not panic.
    Panic,
}

impl Invariant {
    pub(crate) const ALL: [Self; 19] = [
        Self::Deadline,
        Self::Budget,
        Self::Breaker,
        Self::Prefix,
        Self::Cut,
        Self::Rules,
        Self::Mistake,
        Self::RetryAfter,
        Self::Report,
        Self::Open,
        Self::Abort,
        Self::Bounded,
        Self::Deterministic,
        Self::Lost,
        Self::Recovery,
        Self::Hedge,
        Self::Judge,
        Self::Money,
        Self::Panic,
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|invariant| format!("{invariant:?}") == name)
    }
}

/// An invariant that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) what: String,
}

pub(crate) type CheckResult = Result<(), Violation>;

/// Checks all invariants, or only one: a world that breaks several then reports the one that is of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checker {
    pub(crate) only: Option<Invariant>,
}

impl Checker {
    pub(crate) fn require(self, invariant: Invariant, holds: bool, what: impl FnOnce() -> String) -> CheckResult {
        if holds || self.only.is_some_and(|only| only != invariant) {
            return Ok(());
        }
        Err(Violation { invariant, what: what() })
    }
}
