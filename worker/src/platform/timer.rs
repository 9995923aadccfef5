//! Points in time: a timer that is set as seldom as possible, and a time limit for any future.

use std::future::Future;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use failsoft::Millis;
use futures_util::future::{Either, select};
use worker::Delay;

use crate::platform::executor::{Alarm, Executor};
use crate::platform::host;

/// Longer than any call, in milliseconds. `setTimeout` fires at once for more than it can count.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// Fires at a point in time, or earlier: then the caller sets it again. The deadlines of a stream move with every event and
/// seldom come, so a timer that is set stays, as long as it fires early enough.
#[derive(Debug)]
pub(crate) struct Timer {
    executor: Executor,
    armed: Option<(Millis, Alarm)>,
}

impl Timer {
    pub(crate) fn new(executor: &Executor) -> Self {
        Self { executor: executor.clone(), armed: None }
    }

    /// Ready at `until`, or earlier.
    pub(crate) fn poll(&mut self, now: Millis, until: Millis) -> Poll<()> {
        if self.armed.as_ref().is_none_or(|(at, _)| *at > until) {
            self.armed = Some((until, self.executor.wait_for_time(until.saturating_sub(now).min(LONGEST))));
        }
        let Some((_, alarm)) = &self.armed else { return Poll::Pending };
        let fired = alarm.poll();
        if fired.is_ready() {
            self.armed = None;
        }
        fired
    }

    /// Ready at `until`, and not earlier.
    pub(crate) fn poll_until(&mut self, until: Millis) -> Poll<()> {
        loop {
            let now = host::now();
            if now >= until {
                return Poll::Ready(());
            }
            ready!(self.poll(now, until));
        }
    }
}

/// The result of `future`, if it comes within `wait` milliseconds.
pub(crate) async fn within<T>(wait: Millis, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), Delay::from(Duration::from_millis(wait))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
