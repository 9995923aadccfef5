//! Requests that the call no longer wants, before the head of their response has come. The head names the generation, whose cost
//! can then be looked up. A request that is closed before would be charged the most that it can cost.

use std::future::poll_fn;
use std::task::Poll;

use failsoft::Millis;

use crate::account::AttemptLog;
use crate::call::upstream_request::{Event, UpstreamRequest};
use crate::platform::executor::Executor;
use crate::platform::host;
use crate::platform::timer::Timer;

/// How long a request that nobody wants waits for the head of its response, in milliseconds.
const PATIENCE: Millis = 5_000;

/// Requests that wait for the head of their response, to be closed then.
#[derive(Debug, Default)]
pub(crate) struct Abandoned(Vec<(UpstreamRequest, Millis)>);

impl Abandoned {
    /// Adds a request whose head has not come.
    pub(crate) fn add(&mut self, request: UpstreamRequest) {
        self.0.push((request, host::now() + PATIENCE));
    }

    /// When the first request has waited long enough.
    pub(crate) fn due(&self) -> Millis {
        self.0.iter().map(|(_, until)| *until).min().unwrap_or(Millis::MAX)
    }

    /// Records in `log` the heads that have come, and closes these requests and those that have waited long enough.
    pub(crate) fn poll(&mut self, log: &AttemptLog) {
        let now = host::now();
        self.0.retain_mut(|(request, until)| {
            match request.poll() {
                Poll::Pending if now < *until => return true,
                Poll::Ready(Event::Head { status, headers }) => {
                    log.record_head(request.attempt, status, &headers);
                }
                Poll::Ready(Event::Unsent(_)) => log.record_unsent(request.attempt),
                Poll::Pending | Poll::Ready(Event::Bytes(_) | Event::End | Event::Failed(_)) => {}
            }
            request.cancel();
            false
        });
    }

    /// Waits until every request is closed.
    pub(crate) async fn close(mut self, log: &AttemptLog, executor: &Executor) {
        let mut timer = Timer::new(executor);
        poll_fn(|_| {
            loop {
                self.poll(log);
                if self.0.is_empty() {
                    return Poll::Ready(());
                }
                std::task::ready!(timer.poll(host::now(), self.due()));
            }
        })
        .await;
    }
}
