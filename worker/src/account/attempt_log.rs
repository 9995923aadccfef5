//! What became of each request of a call, as far as its cost goes; told to the account's object while the call runs, so
//! that it can be settled even if nothing is heard of it again.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use failsoft::{AttemptId, Headers};
use serde::{Deserialize, Serialize};

/// One request to an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// Where it went.
    pub(crate) url: String,
    /// It could not be sent at all.
    pub(crate) grounded: bool,
    /// Of its head, once that has come.
    pub(crate) status: Option<u16>,
    /// The header `x-generation-id`.
    pub(crate) generation: Option<String>,
}

/// What is known of the cost of an attempt whose answer did not tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was refused, or never sent: that costs nothing.
    Free,
    /// The upstream knows, by this id.
    Asks(String),
    /// Nobody can tell: it may have cost the most that it could.
    Unknown,
}

impl Trace {
    /// Whether it cost anything, and who knows how much. A generation may be named in the body alone.
    pub(crate) fn fate(&self, in_body: Option<&str>) -> Fate {
        match self.status {
            None if self.grounded => Fate::Free,
            // Before its head has come, a broken connection may have reached a model or not.
            None => Fate::Unknown,
            Some(200..=299) => self.generation.as_deref().or(in_body).map_or(Fate::Unknown, |id| Fate::Asks(id.into())),
            Some(_) => Fate::Free,
        }
    }
}

/// The traces of a call. The driver leaves them; whoever tells the object follows.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttemptLog(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    traces: Vec<Trace>,
    /// Something is worth telling that has not been told.
    news: bool,
    over: bool,
    waker: Option<Waker>,
}

impl AttemptLog {
    /// A request goes to `url`. The first is expected by whoever holds its cost; of any other they are told.
    pub(crate) fn sent(&self, attempt: AttemptId, url: &str) {
        self.change(attempt, attempt > 0, |trace| trace.url = url.into());
    }

    /// It could not be sent.
    pub(crate) fn grounded(&self, attempt: AttemptId) {
        self.change(attempt, false, |trace| trace.grounded = true);
    }

    /// Its head has come.
    pub(crate) fn head(&self, attempt: AttemptId, status: u16, headers: &Headers) {
        let generation = headers.get("x-generation-id").map(String::from);
        self.change(attempt, generation.is_some(), |trace| {
            trace.status = Some(status);
            trace.generation = generation;
        });
    }

    fn change(&self, attempt: AttemptId, news: bool, change: impl FnOnce(&mut Trace)) {
        let mut state = self.0.borrow_mut();
        let at = attempt as usize;
        if state.traces.len() <= at {
            state.traces.resize(at + 1, Trace::default());
        }
        change(&mut state.traces[at]);
        state.news |= news;
        if news && let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// What was told last was not heard.
    pub(crate) fn repeat(&self) {
        self.0.borrow_mut().news = true;
    }

    /// The call is over: what there was to tell is told with its end.
    pub(crate) fn end(&self) -> Vec<Trace> {
        let mut state = self.0.borrow_mut();
        state.over = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        std::mem::take(&mut state.traces)
    }

    /// All traces, once there is something new to tell; nothing, once the call is over.
    pub(crate) async fn news(&self) -> Option<Vec<Trace>> {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.over {
                return Poll::Ready(None);
            }
            if std::mem::take(&mut state.news) {
                return Poll::Ready(Some(state.traces.clone()));
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use failsoft::Headers;

    use super::{AttemptLog, Fate, Trace};

    fn news(trail: &AttemptLog) -> Poll<Option<Vec<Trace>>> {
        pin!(trail.news()).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_was_not_heard_is_told_again_with_what_is_new_by_then_until_the_call_is_over() {
        let trail = AttemptLog::default();
        trail.sent(0, "https://u");
        assert!(news(&trail).is_pending(), "the first is expected");
        trail.sent(1, "https://v");
        assert!(matches!(news(&trail), Poll::Ready(Some(traces)) if traces.len() == 2));
        assert!(news(&trail).is_pending());
        trail.head(0, 500, &Headers::default());
        trail.repeat();
        assert!(matches!(news(&trail), Poll::Ready(Some(traces)) if traces[0].status == Some(500)));
        trail.repeat();
        trail.end();
        assert_eq!(news(&trail), Poll::Ready(None));
    }

    #[test]
    fn what_was_refused_or_never_sent_is_free_and_what_was_not_heard_of_is_unknown() {
        let trace = |status, generation: Option<&str>| Trace {
            status,
            generation: generation.map(Into::into),
            ..Trace::default()
        };
        assert_eq!(Trace { grounded: true, ..Trace::default() }.fate(None), Fate::Free);
        assert_eq!(trace(None, None).fate(None), Fate::Unknown);
        for status in [302, 400, 402, 429, 500, 529] {
            assert_eq!(trace(Some(status), Some("gen-1")).fate(None), Fate::Free, "{status}");
        }
        assert_eq!(trace(Some(200), Some("gen-1")).fate(None), Fate::Asks("gen-1".into()));
        assert_eq!(trace(Some(200), None).fate(Some("gen-2")), Fate::Asks("gen-2".into()));
        assert_eq!(trace(Some(200), None).fate(None), Fate::Unknown);
    }
}
