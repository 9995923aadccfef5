//! Which time counts for the clocks of a call.

use crate::Millis;

/// A host that comes back this much later than the call asked has slept, in milliseconds. A browser runs the timers of a
/// hidden tab once a minute.
const ASLEEP: Millis = 5_000;

/// The time that does not count. *Wall* time comes from the host; *counted* time is what the clocks of the call see.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The milliseconds so far that do not count.
    excused: Millis,
    /// The wall time at which the host should come back.
    expected: Option<Millis>,
    /// The host slept during this call, so no failure reaches a breaker.
    slept: bool,
    /// The wall time since which the reader has been busy.
    reader_since: Option<Millis>,
}

impl Clock {
    /// The counted time when the host comes back at the wall time `now`.
    pub(super) fn count(&mut self, now: Millis) -> Millis {
        if let Some(since) = self.reader_since.take() {
            self.excused += now.saturating_sub(since);
        }
        if let Some(expected) = self.expected.take()
            && now > expected + ASLEEP
        {
            self.excused += now - expected;
            self.slept = true;
        }
        now.saturating_sub(self.excused)
    }

    /// The wall time of a counted time.
    pub(super) fn wall(&self, counted: Millis) -> Millis {
        counted + self.excused
    }

    /// The host should come back at this counted time. Returns the wall time.
    pub(super) fn expect(&mut self, counted: Millis) -> Millis {
        let until = self.wall(counted);
        self.expected = Some(until);
        until
    }

    /// The reader gets chunks at this counted time. Until the host comes back, the reader is busy.
    pub(super) fn start_reader(&mut self, counted: Millis) {
        self.reader_since = Some(self.wall(counted));
    }

    /// The host slept during this call.
    pub(super) fn has_slept(&self) -> bool {
        self.slept
    }
}
