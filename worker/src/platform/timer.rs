//! One timer that is set as seldom as possible: deadlines of a stream move with every event, and mostly never come. And
//! an end for what may never come to one.

use std::future::Future;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use failsoft::Millis;
use futures_util::future::{Either, select};
use worker::Delay;

use crate::platform::executor::{Alarm, Executor};
use crate::platform::host;

/// Longer than any call; more than `setTimeout` takes would fire at once.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// Fires at a point in time, or earlier: then there is nothing to do yet, and it is set again.
#[derive(Debug)]
pub(crate) struct Timer {
    bell: Executor,
    armed: Option<(Millis, Alarm)>,
}

impl Timer {
    pub(crate) fn new(bell: &Executor) -> Self {
        Self { bell: bell.clone(), armed: None }
    }

    /// Ready at `until` at the latest.
    pub(crate) fn poll(&mut self, now: Millis, until: Millis) -> Poll<()> {
        if self.armed.as_ref().is_none_or(|(at, _)| *at > until) {
            self.armed = Some((until, self.bell.alarm(until.saturating_sub(now).min(LONGEST))));
        }
        let Some((_, alarm)) = &self.armed else { return Poll::Pending };
        let fired = alarm.poll();
        if fired.is_ready() {
            self.armed = None;
        }
        fired
    }

    /// Ready once it is `until`, and not before.
    pub(crate) fn reached(&mut self, until: Millis) -> Poll<()> {
        loop {
            let now = host::now();
            if now >= until {
                return Poll::Ready(());
            }
            ready!(self.poll(now, until));
        }
    }
}

/// What `future` comes to, if it does so within `wait` milliseconds.
pub(crate) async fn within<T>(wait: Millis, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), Delay::from(Duration::from_millis(wait))).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}
