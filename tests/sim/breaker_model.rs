//! A second model of the breakers, built from the documented rules and from the outcomes that the calls report.

use failsoft::Kind;
use failsoft::breaker::{Breaker, Breakers, ModelOutcome};

use crate::plan::Plan;

/// How long a probe may take before another caller may probe, in milliseconds.
const LEASE: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u64 },
    Open { until: u64 },
    Leased { until: u64, by: usize },
}

/// What a call may do with a model, decided when the call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Free,
    /// This call probes the model.
    Probe,
    /// A probe was possible, but the call did not need it.
    Untaken,
    /// No call may use the model before this time.
    Resting(u64),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct BreakerModel(Vec<(String, State)>);

impl BreakerModel {
    /// Decides what `call`, which has just begun, may do with the model `name`. `breakers` know whether the call took
    /// the probe.
    pub(crate) fn admit(&mut self, name: &str, call: usize, now: u64, breakers: &Breakers) -> Admission {
        let Some((_, state)) = self.0.iter_mut().find(|(known, _)| known == name) else { return Admission::Free };
        match *state {
            State::Closed { .. } => Admission::Free,
            State::Open { until } | State::Leased { until, .. } if now < until => Admission::Resting(until),
            State::Open { .. } | State::Leased { .. } => match breakers.state(name) {
                Some(Breaker::HalfOpen { lease }) if lease > now => {
                    *state = State::Leased { until: now + LEASE, by: call };
                    Admission::Probe
                }
                _ => Admission::Untaken,
            },
        }
    }

    pub(crate) fn learn(&mut self, model_outcome: &ModelOutcome, plan: &Plan, now: u64) {
        if plan.breaker_failures == 0 {
            return;
        }
        if !self.0.iter().any(|(known, _)| *known == model_outcome.name) {
            self.0.push((model_outcome.name.clone(), State::Closed { failures: 0 }));
        }
        let Some((_, state)) = self.0.iter_mut().find(|(known, _)| *known == model_outcome.name) else { return };
        let Some(failure) = &model_outcome.failure else {
            *state = State::Closed { failures: 0 };
            return;
        };
        let failures = match *state {
            State::Closed { failures } => failures + 1,
            State::Open { .. } | State::Leased { .. } => plan.breaker_failures,
        };
        let named = matches!(failure.kind, Kind::RateLimited | Kind::Unavailable).then_some(failure.retry_after);
        *state = match named.flatten() {
            Some(wait) if wait > 0 => State::Open { until: now + wait },
            _ if failures >= plan.breaker_failures => State::Open { until: now + plan.cooldown },
            _ => State::Closed { failures },
        };
    }

    pub(crate) fn release(&mut self, name: &str, now: u64) {
        if let Some((_, state @ State::Leased { .. })) = self.0.iter_mut().find(|(known, _)| known == name) {
            *state = State::Open { until: now };
        }
    }

    /// A probe that `call`, which is over, has not given back.
    pub(crate) fn leaked(&self, call: usize) -> Option<&str> {
        let leased = |state: &State| matches!(state, State::Leased { by, .. } if *by == call);
        self.0.iter().find(|(_, state)| leased(state)).map(|(name, _)| name.as_str())
    }
}
