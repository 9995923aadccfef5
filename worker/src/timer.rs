//! One timer that is set as seldom as possible: deadlines of a stream move with every event, and mostly never come.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use failsoft::Millis;
use worker::Delay;

/// Longer than any call; more than `setTimeout` takes would fire at once.
const LONGEST: Millis = 24 * 60 * 60 * 1000;

/// Fires at a point in time, or earlier: then there is nothing to do yet, and it is set again.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    armed: Option<(Millis, Pin<Box<Delay>>)>,
}

impl Timer {
    /// Ready at `until` at the latest.
    pub(crate) fn poll(&mut self, now: Millis, until: Millis, context: &mut Context<'_>) -> Poll<()> {
        if self.armed.as_ref().is_none_or(|(at, _)| *at > until) {
            let wait = until.saturating_sub(now).min(LONGEST);
            self.armed = Some((until, Box::pin(Delay::from(Duration::from_millis(wait)))));
        }
        let Some((_, delay)) = &mut self.armed else { return Poll::Pending };
        let ready = delay.as_mut().poll(context);
        if ready.is_ready() {
            self.armed = None;
        }
        ready
    }
}
