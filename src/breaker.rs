//! A model that failed several times in a row is not asked for a while. Time is an argument, in milliseconds.
//!
//! ```text
//!            failures in a row              cooldown over, one call admitted
//! Closed ────────────────────────▶ Open ────────────────────────────▶ HalfOpen
//!   ▲                               ▲                                  │    │
//!   │                               └──────────── failure ─────────────┘    │
//!   └──────────────────────────────────────────── success ──────────────────┘
//! ```

use crate::learned::Rejected;
use crate::text::text;
use crate::{Millis, failure::Failure, failure::Kind, policy::BreakerPolicy};

/// A probe without a result after this time counts as lost, and another call may probe. In milliseconds.
const PROBE_LEASE: Millis = 60_000;

/// The breaker of one model on one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Calls go through.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// No call goes through yet.
    Open {
        /// When one call may probe the model.
        until: Millis,
    },
    /// One call probes the model.
    HalfOpen {
        /// When the probe counts as lost.
        lease: Millis,
    },
}

/// What came of a model in one call, for the breakers.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOutcome {
    /// The name of the breaker, from [`Breakers::name`].
    pub name: String,
    /// Why the model failed; `None`, if it answered.
    pub failure: Option<Box<Failure>>,
}

impl Breaker {
    /// Lets a call through, or returns when the next call may come. A call that an open breaker lets through is its probe.
    pub fn admit(&mut self, now: Millis) -> Result<(), Millis> {
        match *self {
            Self::Closed { .. } => Ok(()),
            Self::Open { until } | Self::HalfOpen { lease: until } if now < until => Err(until),
            Self::Open { .. } | Self::HalfOpen { .. } => {
                *self = Self::HalfOpen { lease: now + PROBE_LEASE };
                Ok(())
            }
        }
    }

    /// Records a failure, or with `None` a success. The breaker opens after `policy.failures` failures in a row, and at once
    /// for the full time of a wait that the model named.
    pub fn record(&mut self, now: Millis, failure: Option<&Failure>, policy: &BreakerPolicy) {
        let Some(failure) = failure else {
            *self = Self::Closed { failures: 0 };
            return;
        };
        let named = failure.retry_after.filter(|_| matches!(failure.kind, Kind::RateLimited | Kind::Unavailable));
        let failures = match *self {
            Self::Closed { failures } => failures + 1,
            Self::Open { .. } | Self::HalfOpen { .. } => policy.failures,
        };
        *self = match named {
            Some(wait) if wait > 0 => Self::Open { until: now + wait },
            _ if failures >= policy.failures => Self::Open { until: now + policy.cooldown },
            _ => Self::Closed { failures },
        };
    }
}

/// The breakers of one host: of a client object, or of an isolate. Beside them, what the host has learned about its
/// upstreams. Both are lists, because they are few.
#[derive(Clone, Debug, Default)]
pub struct Breakers {
    breakers: Vec<(String, Breaker)>,
    /// The fields that each upstream and each model rejects, by the URL or by the name of the breaker.
    rejected: Vec<(String, Rejected)>,
}

impl Breakers {
    /// The most breakers that are kept. A chain needs a few. More means that somebody makes ids up; then the oldest leaves.
    const MOST: usize = 1_000;

    /// The name of the breaker of `model` on the upstream at `url`.
    pub fn name(url: &str, model: &str) -> String {
        text!(url, " ", model)
    }

    /// The fields that the upstream at this URL rejects, or the model whose breaker has this name, as far as calls have
    /// learned.
    pub(crate) fn rejected_by(&mut self, name: &str) -> Rejected {
        if let Some((_, rejected)) = self.rejected.iter().find(|(known, _)| known == name) {
            return rejected.clone();
        }
        if self.rejected.len() >= Self::MOST {
            self.rejected.remove(0);
        }
        let rejected = Rejected::default();
        self.rejected.push((name.into(), rejected.clone()));
        rejected
    }

    fn get(&mut self, name: &str) -> Option<&mut Breaker> {
        self.breakers.iter_mut().find(|(known, _)| known == name).map(|(_, breaker)| breaker)
    }

    /// [`Breaker::admit`] for the breaker `name`. A breaker that is not known lets every call through.
    pub fn admit(&mut self, name: &str, now: Millis) -> Result<(), Millis> {
        self.get(name).map_or(Ok(()), |breaker| breaker.admit(now))
    }

    /// Gives back the probe of `name`: the call that took it never reached the model.
    pub fn release(&mut self, name: &str, now: Millis) {
        if let Some(breaker @ Breaker::HalfOpen { .. }) = self.get(name) {
            *breaker = Breaker::Open { until: now };
        }
    }

    /// Records what came of a model in a call.
    pub fn record(&mut self, now: Millis, outcome: &ModelOutcome, policy: &BreakerPolicy) {
        if policy.failures == 0 {
            return;
        }
        if let Some(breaker) = self.get(&outcome.name) {
            return breaker.record(now, outcome.failure.as_deref(), policy);
        }
        if outcome.failure.is_some() {
            let mut breaker = Breaker::Closed { failures: 0 };
            breaker.record(now, outcome.failure.as_deref(), policy);
            self.set(&outcome.name, breaker);
        }
    }

    /// Replaces the state of `name` with one that another host knows.
    pub fn set(&mut self, name: &str, breaker: Breaker) {
        if let Some(known) = self.get(name) {
            *known = breaker;
            return;
        }
        if self.breakers.len() >= Self::MOST {
            self.breakers.remove(0);
        }
        self.breakers.push((name.into(), breaker));
    }

    /// The state of `name`, if it is known.
    pub fn state(&self, name: &str) -> Option<Breaker> {
        self.breakers.iter().find(|(known, _)| known == name).map(|(_, breaker)| *breaker)
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, PROBE_LEASE};
    use crate::failure::{Failure, Kind};
    use crate::policy::{BreakerPolicy, Policy};

    fn policy() -> BreakerPolicy {
        Policy::default().breaker
    }

    fn down() -> Box<Failure> {
        Failure::new(Kind::Unavailable, "down")
    }

    #[test]
    fn opens_after_failures_in_a_row_and_admits_one_probe_after_the_cooldown() {
        let mut breaker = Breaker::Closed { failures: 0 };
        for now in 0..3 {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.record(now, Some(&down()), &policy());
        }
        assert_eq!(breaker.admit(3), Err(20_002));
        assert_eq!(breaker.admit(20_002), Ok(()));
        assert_eq!(breaker.admit(20_003), Err(20_002 + PROBE_LEASE));
        breaker.record(20_004, None, &policy());
        assert_eq!(breaker, Breaker::Closed { failures: 0 });
    }

    #[test]
    fn a_failed_probe_opens_it_again_at_once() {
        let mut breaker = Breaker::Open { until: 10 };
        assert_eq!(breaker.admit(10), Ok(()));
        breaker.record(11, Some(&down()), &policy());
        assert_eq!(breaker, Breaker::Open { until: 20_011 });
    }

    #[test]
    fn a_named_wait_opens_it_for_that_long() {
        let mut breaker = Breaker::Closed { failures: 0 };
        let mut limited = Failure::new(Kind::RateLimited, "slow down");
        limited.retry_after = Some(7_000);
        breaker.record(100, Some(&limited), &policy());
        assert_eq!(breaker, Breaker::Open { until: 7_100 });
    }

    #[test]
    fn a_success_between_failures_starts_the_count_again() {
        let mut breaker = Breaker::Closed { failures: 2 };
        breaker.record(0, None, &policy());
        breaker.record(1, Some(&down()), &policy());
        assert_eq!(breaker, Breaker::Closed { failures: 1 });
    }
}
