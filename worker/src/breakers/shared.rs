//! The breakers of all isolates, and which isolate may probe a model.

use failsoft::breaker::Breaker;
use failsoft::{Failure, Kind, Millis};

use super::AGE;
use super::message::{BreakerAnswer, IsolateReport, ModelReport};
use super::witnesses::Witnesses;

/// The most breakers that are stored. Only models that failed have one.
const MOST: usize = 1_000;

/// The breaker of one model that failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    /// Half-open means that an isolate may probe the model.
    pub(super) breaker: Breaker,
    /// When the model last failed.
    pub(super) failed: Millis,
    /// Whose calls failed. Not stored.
    pub(super) witnesses: Witnesses,
}

/// The breakers of all isolates.
#[derive(Debug, Default)]
pub(super) struct SharedBreakers {
    pub(super) rows: Vec<Row>,
}

impl SharedBreakers {
    /// Records the report of an isolate, and returns the state of each breaker for this isolate.
    pub(super) fn handle(&mut self, report: &IsolateReport, now: Millis) -> Vec<(String, BreakerAnswer)> {
        report.models.iter().for_each(|model| self.record(model, now));
        for name in &report.released {
            if let Some(Row { breaker: breaker @ Breaker::HalfOpen { .. }, .. }) = self.row(name) {
                *breaker = Breaker::Open { until: now };
            }
        }
        for (name, span) in &report.probing {
            if let Some(Row { breaker: Breaker::HalfOpen { lease }, .. }) = self.row(name) {
                *lease = now + span;
            }
        }
        // A failure that does not count yet has a witness: the failure of a second account counts.
        self.rows.retain(|row| !row.is_healthy() || row.witnesses != Witnesses::default());
        let excess = self.rows.len().saturating_sub(MOST);
        self.rows.drain(..excess);
        let failing = self.rows.iter_mut().filter(|row| !row.is_healthy());
        failing.map(|row| (row.name.clone(), row.answer(report, now))).collect()
    }

    fn row(&mut self, name: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.name == name)
    }

    fn record(&mut self, model: &ModelReport, now: Millis) {
        if self.row(&model.name).is_none() && model.failed.is_some() {
            let breaker = Breaker::Closed { failures: 0 };
            self.rows.push(Row { name: model.name.clone(), breaker, failed: 0, witnesses: Witnesses::default() });
        }
        let Some(row) = self.row(&model.name) else { return };
        // An isolate reports a success late. A failure that another isolate saw in the meantime still counts.
        if model.served.is_some_and(|ago| now.saturating_sub(ago) >= row.failed) {
            row.breaker.record(now, None, &model.policy);
            row.witnesses = Witnesses::default();
        }
        if let Some(wait) = model.failed {
            row.witnesses.add(model.account);
            row.failed = now;
            if wait.is_some() || row.witnesses.may_count(Some(row.breaker), &model.policy) {
                let mut failure = Failure::new(Kind::Unavailable, "");
                failure.retry_after = wait;
                row.breaker.record(now, Some(&failure), &model.policy);
            }
        }
    }
}

impl Row {
    fn is_healthy(&self) -> bool {
        self.breaker == Breaker::Closed { failures: 0 }
    }

    fn answer(&mut self, report: &IsolateReport, now: Millis) -> BreakerAnswer {
        let from = match self.breaker {
            Breaker::Closed { failures } => return BreakerAnswer::Closed(failures),
            Breaker::Open { until } => until,
            // Another isolate probes the model now, so its state may be known soon.
            Breaker::HalfOpen { lease } if now < lease => return BreakerAnswer::Open((lease - now).min(AGE)),
            Breaker::HalfOpen { .. } => now,
        };
        let wait = from.saturating_sub(now);
        // An isolate that sends a message before the wait is over can get the probe then.
        if wait > report.next_message || !report.wanted.contains(&self.name) {
            return BreakerAnswer::Open(wait);
        }
        let lease = 2 * report.next_message + AGE;
        self.breaker = Breaker::HalfOpen { lease: now + wait + lease };
        BreakerAnswer::Probe(wait, lease)
    }
}

#[cfg(test)]
mod tests {
    use super::{BreakerAnswer, SharedBreakers};
    use crate::breakers::message::{IsolateReport, ModelReport};
    use failsoft::policy::BreakerPolicy;

    const NAME: &str = "u a";

    fn model(served: Option<u64>, failed: Option<Option<u64>>) -> IsolateReport {
        let policy = BreakerPolicy { failures: 3, cooldown: 20_000 };
        IsolateReport {
            next_message: 4_000,
            models: vec![ModelReport { name: NAME.into(), served, failed, account: None, policy }],
            ..IsolateReport::default()
        }
    }

    fn wanted(next_message: u64) -> IsolateReport {
        IsolateReport { next_message, wanted: vec![NAME.into()], ..IsolateReport::default() }
    }

    fn answer(shared: &mut SharedBreakers, report: &IsolateReport, now: u64) -> Option<BreakerAnswer> {
        shared.handle(report, now).into_iter().find(|(name, _)| name == NAME).map(|(_, answer)| answer)
    }

    #[test]
    fn failures_of_several_isolates_open_a_breaker_together() {
        let mut shared = SharedBreakers::default();
        let failed = model(None, Some(None));
        assert_eq!(answer(&mut shared, &failed, 0), Some(BreakerAnswer::Closed(1)));
        assert_eq!(answer(&mut shared, &failed, 10), Some(BreakerAnswer::Closed(2)));
        assert_eq!(answer(&mut shared, &failed, 20), Some(BreakerAnswer::Open(20_000)));
    }

    #[test]
    fn a_breaker_that_one_failure_opens_needs_failures_of_two_accounts_without_a_success_between_them() {
        let mut shared = SharedBreakers::default();
        let mut report = |account, served, now| {
            let mut report = model(served, Some(None));
            report.models[0].account = Some(account);
            report.models[0].policy.failures = 1;
            answer(&mut shared, &report, now)
        };
        assert_eq!(report(1, None, 0), None);
        assert_eq!(report(1, None, 10), None);
        assert_eq!(report(2, Some(5), 20), None);
        assert_eq!(report(1, None, 30), Some(BreakerAnswer::Open(20_000)));
    }

    #[test]
    fn failures_of_one_account_do_not_open_a_breaker_and_one_of_another_account_does() {
        let mut shared = SharedBreakers::default();
        let failed = |account: u32| {
            let mut report = model(None, Some(None));
            report.models[0].account = Some(account);
            report
        };
        for expected in [1, 2, 2, 2, 2] {
            assert_eq!(answer(&mut shared, &failed(7), 0), Some(BreakerAnswer::Closed(expected)));
        }
        assert_eq!(answer(&mut shared, &failed(8), 10), Some(BreakerAnswer::Open(20_000)));
        // A success in between forgets who failed.
        let mut shared = SharedBreakers::default();
        shared.handle(&failed(7), 0);
        shared.handle(&model(Some(0), None), 10);
        for _ in 0..5 {
            shared.handle(&failed(8), 20);
        }
        assert_ne!(answer(&mut shared, &failed(8), 30), Some(BreakerAnswer::Open(20_000)));
        // The upstream itself names a wait.
        let mut named = failed(7);
        named.models[0].failed = Some(Some(7_000));
        assert_eq!(answer(&mut SharedBreakers::default(), &named, 0), Some(BreakerAnswer::Open(7_000)));
    }

    #[test]
    fn a_success_between_failures_counts_and_one_before_them_does_not() {
        let mut shared = SharedBreakers::default();
        shared.handle(&model(None, Some(None)), 1_000);
        assert_eq!(answer(&mut shared, &model(Some(500), Some(None)), 1_100), Some(BreakerAnswer::Closed(2)));
        assert_eq!(answer(&mut shared, &model(Some(50), Some(None)), 1_200), Some(BreakerAnswer::Closed(1)));
        assert_eq!(answer(&mut shared, &model(Some(0), None), 1_300), None);
    }

    #[test]
    fn a_named_wait_opens_the_breaker_for_that_time() {
        assert_eq!(
            answer(&mut SharedBreakers::default(), &model(None, Some(Some(7_000))), 0),
            Some(BreakerAnswer::Open(7_000))
        );
    }

    #[test]
    fn the_probe_goes_to_one_isolate_that_wants_the_model_and_sends_its_next_message_in_time() {
        let mut shared = SharedBreakers::default();
        shared.handle(&model(None, Some(Some(20_000))), 0);
        assert_eq!(
            answer(&mut shared, &wanted(4_000), 15_000),
            Some(BreakerAnswer::Open(5_000)),
            "its next message comes before"
        );
        assert_eq!(
            answer(&mut shared, &IsolateReport { next_message: 9_000, ..IsolateReport::default() }, 15_000),
            Some(BreakerAnswer::Open(5_000))
        );
        assert_eq!(answer(&mut shared, &wanted(6_000), 15_000), Some(BreakerAnswer::Probe(5_000, 13_000)));
        assert_eq!(
            answer(&mut shared, &wanted(6_000), 21_000),
            Some(BreakerAnswer::Open(1_000)),
            "another isolate has the probe"
        );
        assert_eq!(
            answer(&mut shared, &wanted(6_000), 33_001),
            Some(BreakerAnswer::Probe(0, 13_000)),
            "the probe was never used"
        );
    }

    #[test]
    fn a_probe_runs_until_its_result_or_its_release_is_reported() {
        for (end, expected) in [
            (model(Some(0), None), None),
            (model(None, Some(None)), Some(BreakerAnswer::Open(20_000))),
            (IsolateReport { released: vec![NAME.into()], ..wanted(0) }, Some(BreakerAnswer::Probe(0, 1_000))),
        ] {
            let mut shared = SharedBreakers::default();
            shared.handle(&model(None, Some(Some(100))), 0);
            assert_eq!(answer(&mut shared, &wanted(0), 100), Some(BreakerAnswer::Probe(0, 1_000)));
            shared.handle(&IsolateReport { probing: vec![(NAME.into(), 60_000)], ..IsolateReport::default() }, 200);
            assert_eq!(answer(&mut shared, &wanted(0), 60_000), Some(BreakerAnswer::Open(200)));
            assert_eq!(answer(&mut shared, &end, 60_100), expected);
        }
    }
}
