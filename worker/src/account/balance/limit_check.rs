//! Whether a call fits into the limits of an account.

use failsoft::Millis;

use super::Balance;
use crate::account::amount::{Amount, Measure};
use crate::account::exceeded::Exceeded;
use crate::account::limits::{Bound, Limits};
use crate::account::period::Period;

/// When another try may succeed if running calls only hold the amount, in milliseconds.
const SOON: Millis = 2_000;

impl Balance {
    /// Checks `needed` against every limit. Of several exceeded limits, returns the one with the longest wait.
    pub(super) fn check(&self, needed: Amount, now: Millis) -> Result<(), Exceeded> {
        let wait = |exceeded: &Exceeded| exceeded.wait.unwrap_or(Millis::MAX);
        let mut longest = self.check_concurrent();
        for period in Period::ALL {
            for measure in Measure::ALL {
                let exceeded = self.check_limit(measure, period, needed.of(measure), now);
                if let Some(exceeded) =
                    exceeded.filter(|exceeded| longest.as_ref().is_none_or(|longest| wait(longest) < wait(exceeded)))
                {
                    longest = Some(exceeded);
                }
            }
        }
        longest.map_or(Ok(()), Err)
    }

    fn check_concurrent(&self) -> Option<Exceeded> {
        let (limit, held) = (self.limits.concurrent?, self.running());
        let wait = if limit > 0 { Some(SOON) } else { None };
        let exceeded = Exceeded::new(Bound::Concurrent, limit, 0, held, 1, None, wait);
        (held >= limit).then_some(exceeded)
    }

    fn check_limit(&self, measure: Measure, period: Period, needed: u64, now: Millis) -> Option<Exceeded> {
        let limit = self.limits.of(measure, period)?;
        let (used, held) = (self.used(measure, period), self.held(measure, period));
        if used.saturating_add(held).saturating_add(needed) <= limit {
            return None;
        }
        let resets = period.end(now);
        let wait = if needed > limit {
            None
        } else if used.saturating_add(needed) <= limit {
            Some(SOON.min(resets - now))
        } else {
            Some(resets - now)
        };
        let bound = Bound::Of(measure, period);
        Some(Exceeded::new(bound, limit, used, held, needed, Some(resets), wait))
    }

    /// Counts a call that was refused elsewhere.
    ///
    /// # Errors
    /// The limit of requests in a minute is used up.
    pub(crate) fn refuse(&mut self, limits: &Limits, now: Millis) -> Result<(), Exceeded> {
        self.apply_limits(limits, now);
        self.count_refusal(now)
    }

    /// Counts a refused call against the limit of requests in a minute, if there is one.
    pub(super) fn count_refusal(&mut self, now: Millis) -> Result<(), Exceeded> {
        if self.limits.of(Measure::Requests, Period::Minute).is_none() {
            return Ok(());
        }
        match self.check_limit(Measure::Requests, Period::Minute, 1, now) {
            Some(exceeded) => Err(exceeded),
            None => {
                self.periods[Period::Minute as usize].refused += 1;
                self.changes.periods = true;
                Ok(())
            }
        }
    }
}
