//! The quota of one account in a budget that several accounts share, of a route or of the whole edge: one account cannot use it
//! up.

use failsoft::Millis;

use super::hold::Hold;
use super::{Balance, PeriodUsage, Quota};
use crate::account::amount::{Amount, Measure};
use crate::account::exceeded::Exceeded;
use crate::account::limits::Bound;
use crate::account::period::Period;

impl Balance {
    /// Checks `needed` against a quota of the account. The first call of a period always fits: a quota may be smaller than one
    /// call.
    pub(super) fn check_quota(&mut self, quota: &Quota, needed: Amount, now: Millis) -> Result<(), Exceeded> {
        let periods = match &quota.route {
            Some(route) => self.start_quota(route, now),
            None => self.periods.clone(),
        };
        let counts = |hold: &&Hold| quota.route.is_none() || hold.route() == quota.route.as_ref();
        let exceeded = |exceeded| Err(Exceeded { quota: true, edge: quota.route.is_none(), ..exceeded });
        let running: u64 =
            self.holds.values().filter(counts).filter(|hold| hold.is_running()).map(|hold| hold.slots).sum();
        if let Some(limit) = quota.limits.concurrent.filter(|limit| running >= *limit) {
            return exceeded(Exceeded::new(Bound::Concurrent, limit, 0, running, 1, None, Some(2_000)));
        }
        for period in Period::ALL {
            for measure in Measure::ALL {
                let Some(limit) = quota.limits.of(measure, period) else { continue };
                let usage = &periods[period as usize];
                let held = self.holds.values().filter(counts).filter(|hold| hold.began >= usage.starts);
                let held = held.fold(0, |sum: u64, hold| sum.saturating_add(hold.left.of(measure)));
                let (used, needed) = (usage.used.of(measure), needed.of(measure));
                let counted = used.saturating_add(held);
                if counted > 0 && counted.saturating_add(needed) > limit {
                    let resets = period.end(now);
                    let bound = Bound::Of(measure, period);
                    return exceeded(Exceeded::new(bound, limit, used, held, needed, Some(resets), Some(resets - now)));
                }
            }
        }
        Ok(())
    }

    /// Counts `used` for the route of `hold`, if the account has a quota in the route.
    pub(super) fn count_share(&mut self, hold: &Hold, used: Amount) {
        let Some(route) = hold.route() else { return };
        let Some(periods) = self.quotas.get_mut(route) else { return };
        for usage in periods.iter_mut().filter(|usage| hold.began >= usage.starts) {
            usage.used = usage.used.plus(used);
        }
        self.changes.quotas.insert(route.clone());
    }

    /// Starts each period of the quota of `route` that is due, and returns the quota.
    fn start_quota(&mut self, route: &str, now: Millis) -> [PeriodUsage; 4] {
        let periods = self.quotas.entry(route.into()).or_default();
        for period in Period::ALL {
            let usage = &mut periods[period as usize];
            if usage.starts < period.start(now) {
                *usage = PeriodUsage { starts: period.start(now), ..PeriodUsage::default() };
                self.changes.quotas.insert(route.into());
            }
        }
        periods.clone()
    }

    /// Counts `less` for a call that began at `began`. Its cost became known after the call was settled; a lease that counts the
    /// call may come back later.
    pub(crate) fn correct(&mut self, began: Millis, less: Amount, now: Millis) {
        self.start_periods(now);
        for usage in self.periods.iter_mut().filter(|usage| began >= usage.starts) {
            usage.early = usage.early.plus(less.minus(usage.used));
            usage.used = usage.used.minus(less);
            self.changes.periods = true;
        }
    }
}
