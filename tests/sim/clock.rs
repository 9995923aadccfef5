//! The time of a call by the documented rules: time in which the reader is busy or the host sleeps does not count.

use crate::plan::Plan;

/// A host that returns later than this after the requested time has slept, in milliseconds.
const ASLEEP: u64 = 5_000;

#[derive(Clone, Debug)]
pub(crate) struct CallClock {
    pub(crate) began: u64,
    total: u64,
    pub(crate) excused: u64,
    pub(crate) slept: bool,
    yielded: Option<u64>,
    expected: Option<u64>,
}

impl CallClock {
    pub(crate) fn new(plan: &Plan, now: u64) -> Self {
        Self { began: now, total: plan.clocks.total, excused: 0, slept: false, yielded: None, expected: None }
    }

    /// The host calls into the core.
    pub(crate) fn enter(&mut self, now: u64) {
        if let Some(since) = self.yielded.take() {
            self.excused += now - since;
        }
        if let Some(expected) = self.expected.take().filter(|expected| now > expected + ASLEEP) {
            self.excused += now - expected;
            self.slept = true;
        }
    }

    pub(crate) fn yielded(&mut self, now: u64) {
        self.yielded = Some(now);
    }

    pub(crate) fn expected(&mut self, until: u64) {
        self.expected = Some(until);
    }

    pub(crate) fn counted(&self, now: u64) -> u64 {
        now - self.excused
    }

    /// The time at which the call must be over.
    pub(crate) fn deadline(&self) -> u64 {
        self.began + self.total + self.excused
    }
}
