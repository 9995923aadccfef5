//! What must hold in every world, by name.

/// A promise of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// A call ends within its time, and no attempt outlives its clocks.
    Deadline,
    /// Retries and fallbacks share one budget of attempts.
    Budget,
    /// An open breaker is asked by a leased probe only, and learns what was seen.
    Breaker,
    /// What the reader has got is how the answer begins, and what the upstream said.
    Prefix,
    /// A cut answer is no success.
    Cut,
    /// A success passes every rule that is on, or says that it does not.
    Rules,
    /// The caller's own mistake, or a bad key, is not tried on others.
    Mistake,
    /// Nobody is asked again before the time that it named.
    RetryAfter,
    /// The report tells what was sent, who served, and what it cost.
    Report,
    /// No attempt is left open.
    Open,
    /// An abort ends everything.
    Abort,
    /// The machine comes to rest after every input.
    Bounded,
    /// The same seed is the same call.
    Deterministic,
    /// A good answer is not thrown away.
    Lost,
    /// A broken stream goes on only where that can be text, by who may, and exactly.
    Recovery,
    /// A second model is asked beside a silent one, and no third; the loser is closed.
    Hedge,
    /// An answer is scored once, and below the threshold it does not pass.
    Judge,
    /// What is asked stays within the bounds on price and cost.
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

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) what: String,
}

pub(crate) type CheckResult = Result<(), Violation>;

/// Watches all promises, or one: a world that breaks several is told by the one that is asked for.
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
