//! What the object knows, and whom it lets probe.

use failsoft::breaker::Breaker;
use failsoft::{Failure, Kind, Millis};

use super::AGE;
use super::message::{Heard, News, Told};

/// Breakers kept at most: those of models in trouble.
const MOST: usize = 1_000;

/// One breaker. Models that are well have none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    /// Half-open is a probe that an isolate has been given.
    pub(super) breaker: Breaker,
    /// When it last failed.
    pub(super) failed: Millis,
}

/// All breakers.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) rows: Vec<Row>,
}

impl Shared {
    /// Takes in what an isolate tells, and answers how things stand for it.
    pub(super) fn take(&mut self, news: &News, now: Millis) -> Vec<(String, Told)> {
        news.heard.iter().for_each(|heard| self.hear(heard, now));
        for name in &news.released {
            if let Some(Row { breaker: breaker @ Breaker::HalfOpen { .. }, .. }) = self.row(name) {
                *breaker = Breaker::Open { until: now };
            }
        }
        for (name, span) in &news.probing {
            if let Some(Row { breaker: Breaker::HalfOpen { lease }, .. }) = self.row(name) {
                *lease = now + span;
            }
        }
        self.rows.retain(|row| row.breaker != Breaker::Closed { failures: 0 });
        let excess = self.rows.len().saturating_sub(MOST);
        self.rows.drain(..excess);
        self.rows.iter_mut().map(|row| (row.name.clone(), row.tell(news, now))).collect()
    }

    fn row(&mut self, name: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.name == name)
    }

    fn hear(&mut self, heard: &Heard, now: Millis) {
        if self.row(&heard.name).is_none() && heard.failed.is_some() {
            let breaker = Breaker::Closed { failures: 0 };
            self.rows.push(Row { name: heard.name.clone(), breaker, failed: 0 });
        }
        let Some(row) = self.row(&heard.name) else { return };
        // An isolate tells late that a model served: what failed elsewhere in the meantime still counts.
        if heard.served.is_some_and(|ago| now.saturating_sub(ago) >= row.failed) {
            row.breaker.record(now, None, &heard.policy);
        }
        if let Some(wait) = heard.failed {
            let mut failure = Failure::new(Kind::Unavailable, "");
            failure.retry_after = wait;
            row.breaker.record(now, Some(&failure), &heard.policy);
            row.failed = now;
        }
    }
}

impl Row {
    fn tell(&mut self, news: &News, now: Millis) -> Told {
        let from = match self.breaker {
            Breaker::Closed { failures } => return Told::Closed(failures),
            Breaker::Open { until } => until,
            // A probe that is out: come back soon, it may tell more by then.
            Breaker::HalfOpen { lease } if now < lease => return Told::Open((lease - now).min(AGE)),
            Breaker::HalfOpen { .. } => now,
        };
        let wait = from.saturating_sub(now);
        // Who will come by before the time has come can be given the probe then.
        if wait > news.back || !news.wanted.contains(&self.name) {
            return Told::Open(wait);
        }
        let lease = 2 * news.back + AGE;
        self.breaker = Breaker::HalfOpen { lease: now + wait + lease };
        Told::Probe(wait, lease)
    }
}

#[cfg(test)]
mod tests {
    use super::{Shared, Told};
    use crate::breakers::message::{Heard, News};
    use failsoft::policy::BreakerPolicy;

    const NAME: &str = "u a";

    fn heard(served: Option<u64>, failed: Option<Option<u64>>) -> News {
        let policy = BreakerPolicy { failures: 3, cooldown: 20_000 };
        News { back: 4_000, heard: vec![Heard { name: NAME.into(), served, failed, policy }], ..News::default() }
    }

    fn wanted(back: u64) -> News {
        News { back, wanted: vec![NAME.into()], ..News::default() }
    }

    fn told(shared: &mut Shared, news: &News, now: u64) -> Option<Told> {
        shared.take(news, now).into_iter().find(|(name, _)| name == NAME).map(|(_, told)| told)
    }

    #[test]
    fn failures_of_several_isolates_open_it_together() {
        let mut shared = Shared::default();
        let failed = heard(None, Some(None));
        assert_eq!(told(&mut shared, &failed, 0), Some(Told::Closed(1)));
        assert_eq!(told(&mut shared, &failed, 10), Some(Told::Closed(2)));
        assert_eq!(told(&mut shared, &failed, 20), Some(Told::Open(20_000)));
    }

    #[test]
    fn a_success_between_failures_counts_and_one_before_them_does_not() {
        let mut shared = Shared::default();
        shared.take(&heard(None, Some(None)), 1_000);
        assert_eq!(told(&mut shared, &heard(Some(500), Some(None)), 1_100), Some(Told::Closed(2)));
        assert_eq!(told(&mut shared, &heard(Some(50), Some(None)), 1_200), Some(Told::Closed(1)));
        assert_eq!(told(&mut shared, &heard(Some(0), None), 1_300), None);
    }

    #[test]
    fn a_named_wait_opens_it_for_that_long() {
        assert_eq!(told(&mut Shared::default(), &heard(None, Some(Some(7_000))), 0), Some(Told::Open(7_000)));
    }

    #[test]
    fn the_probe_goes_to_one_isolate_that_wants_it_and_comes_by_in_time() {
        let mut shared = Shared::default();
        shared.take(&heard(None, Some(Some(20_000))), 0);
        assert_eq!(told(&mut shared, &wanted(4_000), 15_000), Some(Told::Open(5_000)), "it will be back before");
        assert_eq!(told(&mut shared, &News { back: 9_000, ..News::default() }, 15_000), Some(Told::Open(5_000)));
        assert_eq!(told(&mut shared, &wanted(6_000), 15_000), Some(Told::Probe(5_000, 13_000)));
        assert_eq!(told(&mut shared, &wanted(6_000), 21_000), Some(Told::Open(1_000)), "another has it");
        assert_eq!(told(&mut shared, &wanted(6_000), 33_001), Some(Told::Probe(0, 13_000)), "it was never used");
    }

    #[test]
    fn a_probe_is_out_until_it_tells_or_is_handed_back() {
        for (end, expected) in [
            (heard(Some(0), None), None),
            (heard(None, Some(None)), Some(Told::Open(20_000))),
            (News { released: vec![NAME.into()], ..wanted(0) }, Some(Told::Probe(0, 1_000))),
        ] {
            let mut shared = Shared::default();
            shared.take(&heard(None, Some(Some(100))), 0);
            assert_eq!(told(&mut shared, &wanted(0), 100), Some(Told::Probe(0, 1_000)));
            shared.take(&News { probing: vec![(NAME.into(), 60_000)], ..News::default() }, 200);
            assert_eq!(told(&mut shared, &wanted(0), 60_000), Some(Told::Open(200)));
            assert_eq!(told(&mut shared, &end, 60_100), expected);
        }
    }
}
