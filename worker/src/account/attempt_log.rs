//! The attempt log: the record of each upstream request of a call, for billing. The account's object receives the records
//! while the call runs, so it can settle the call even if the isolate disappears.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use failsoft::failure::{is_free, refuses_before_work};
use failsoft::{AttemptId, Headers};
use serde::{Deserialize, Serialize};

/// One request to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptRecord {
    /// The URL of the request.
    pub(crate) url: String,
    /// The request costs nothing: it never reached the upstream, or the upstream does not charge for an error like this. The
    /// stored name is `grounded`.
    #[serde(rename = "grounded")]
    pub(crate) is_free: bool,
    /// The upstream may charge for an error after it began to work.
    #[serde(skip)]
    pub(crate) charges_errors: bool,
    /// The status of the response, once its head has arrived.
    pub(crate) status: Option<u16>,
    /// The response header `x-generation-id`.
    pub(crate) generation: Option<String>,
    /// The most that the request can use.
    #[serde(default, skip_serializing_if = "Most::is_unknown")]
    pub(crate) most: Most,
}

/// The most that one request can use, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Most {
    pub(crate) tokens: Option<u64>,
    /// In units of 10^-12 USD.
    pub(crate) usd: Option<u64>,
}

/// Where the cost of an attempt comes from, if the answer did not contain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CostSource {
    /// The request was refused before any work, or never sent, so it costs nothing.
    Free,
    /// The upstream knows the cost of the generation with this id.
    Lookup(String),
    /// Nobody knows the cost. It may be the most that the request could cost.
    Unknown,
}

impl AttemptRecord {
    /// Decides where the cost comes from. Some upstreams name the generation only in the body: `in_body`.
    pub(crate) fn cost_source(&self, in_body: Option<&str>) -> CostSource {
        match self.status {
            _ if self.is_free => CostSource::Free,
            Some(status) if refuses_before_work(status) => CostSource::Free,
            // A connection that broke before the head arrived may have reached a model or not. Neither does an error of a
            // gateway say whether a model has generated an answer.
            _ => match self.generation.as_deref().or(in_body) {
                Some(id) => CostSource::Lookup(id.into()),
                None => CostSource::Unknown,
            },
        }
    }
}

impl Most {
    pub(super) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// The records of a call. The driver writes them; the account's client reports them to the object.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttemptLog(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    records: Vec<AttemptRecord>,
    /// The object does not know the latest records.
    is_unreported: bool,
    is_closed: bool,
    waker: Option<Waker>,
}

impl AttemptLog {
    /// Records that a request to `url` starts, which can use `most`. `charges_errors`: the upstream may charge for an error. The object expects the first request of a call, so only
    /// later ones are worth a report.
    pub(crate) fn record_start(&self, attempt: AttemptId, url: &str, most: Most, charges_errors: bool) {
        self.change(attempt, attempt > 0, |record| {
            (record.url, record.most, record.charges_errors) = (url.into(), most, charges_errors);
        });
    }

    /// Records that a request never reached its upstream.
    pub(crate) fn record_unsent(&self, attempt: AttemptId) {
        self.change(attempt, false, |record| record.is_free = true);
    }

    /// Records the head of a response.
    pub(crate) fn record_head(&self, attempt: AttemptId, status: u16, headers: &Headers) {
        let generation = headers.get("x-generation-id").map(String::from);
        self.change(attempt, generation.is_some(), |record| {
            record.status = Some(status);
            record.is_free = is_free(status, record.charges_errors);
            record.generation = generation;
        });
    }

    fn change(&self, attempt: AttemptId, report: bool, change: impl FnOnce(&mut AttemptRecord)) {
        let mut state = self.0.borrow_mut();
        let at = attempt as usize;
        if state.records.len() <= at {
            state.records.resize(at + 1, AttemptRecord::default());
        }
        change(&mut state.records[at]);
        if report {
            state.is_unreported = true;
            state.wake();
        }
    }

    /// Marks the records as unreported: the last report did not arrive.
    pub(crate) fn report_again(&self) {
        self.0.borrow_mut().is_unreported = true;
    }

    /// Closes the log at the end of the call, and returns all records.
    pub(crate) fn close(&self) -> Vec<AttemptRecord> {
        let mut state = self.0.borrow_mut();
        state.is_closed = true;
        state.wake();
        std::mem::take(&mut state.records)
    }

    /// Waits until there is something to report, and returns all records; returns nothing once the log is closed.
    pub(crate) async fn next_report(&self) -> Option<Vec<AttemptRecord>> {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.is_closed {
                return Poll::Ready(None);
            }
            if std::mem::take(&mut state.is_unreported) {
                return Poll::Ready(Some(state.records.clone()));
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use failsoft::Headers;

    use super::{AttemptLog, AttemptRecord, CostSource, Most};

    fn report(log: &AttemptLog) -> Poll<Option<Vec<AttemptRecord>>> {
        pin!(log.next_report()).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_report_that_did_not_arrive_is_repeated_with_newer_records_until_the_call_ends() {
        let log = AttemptLog::default();
        log.record_start(0, "https://u", Most::default(), true);
        assert!(report(&log).is_pending(), "the object expects the first request");
        log.record_start(1, "https://v", Most::default(), true);
        assert!(matches!(report(&log), Poll::Ready(Some(records)) if records.len() == 2));
        assert!(report(&log).is_pending());
        log.record_head(0, 500, &Headers::default());
        log.report_again();
        assert!(matches!(report(&log), Poll::Ready(Some(records)) if records[0].status == Some(500)));
        log.report_again();
        log.close();
        assert_eq!(report(&log), Poll::Ready(None));
    }

    #[test]
    fn an_error_is_free_where_the_upstream_does_not_charge_for_it_and_an_answer_is_not() {
        for (status, charges_errors, expected) in
            [(504, false, true), (504, true, false), (429, true, true), (200, false, false)]
        {
            let log = AttemptLog::default();
            log.record_start(0, "https://u", Most::default(), charges_errors);
            log.record_head(0, status, &Headers::default());
            assert_eq!(log.close()[0].is_free, expected, "{status} {charges_errors}");
        }
    }

    #[test]
    fn only_a_refusal_before_any_work_is_free() {
        let record = |status, generation: Option<&str>| AttemptRecord {
            status,
            generation: generation.map(Into::into),
            ..AttemptRecord::default()
        };
        for status in [302, 307, 400, 402, 403, 404, 408, 429, 499, 503, 529, 521] {
            assert_eq!(record(Some(status), Some("gen-1")).cost_source(None), CostSource::Free, "{status}");
        }
        for status in [None, Some(200), Some(500), Some(502), Some(504), Some(520), Some(522), Some(524)] {
            assert_eq!(record(status, None).cost_source(None), CostSource::Unknown, "{status:?}");
            let (in_head, in_body) = (record(status, Some("gen-1")), record(status, None));
            assert_eq!(in_head.cost_source(None), CostSource::Lookup("gen-1".into()), "{status:?}");
            assert_eq!(in_body.cost_source(Some("gen-2")), CostSource::Lookup("gen-2".into()), "{status:?}");
            let declared = AttemptRecord { is_free: true, ..in_head };
            assert_eq!(declared.cost_source(Some("gen-1")), CostSource::Free, "{status:?}");
        }
    }
}
