//! Does what a [`Call`] says, with what the platform has, and tells it what happened. Holds no rule of its own.
//!
//! ```text
//!           Send, Read, Cancel ┌────────┐ Head, Bytes, End, Failed
//!         ┌───────────────────▶│ UpstreamRequest │───────────────────┐
//!  ┌──────┴─┐                  └────────┘                   ▼
//!  │        │ Wait             ┌────────┐ Woken         ┌────────┐
//!  │  Call  ├─────────────────▶│ Timer  │──────────────▶│  Call  │
//!  │        │                  └────────┘               └────────┘
//!  └──────┬─┘ Yield, Relay     ┌──────────┐ Aborted         ▲
//!         └───────────────────▶│ Delivery │─────────────────┘
//!                              └──────────┘ a write that failed, or `request.signal`
//! ```

use std::future::poll_fn;
use std::task::Poll;

use failsoft::request::Lane;
use failsoft::{Action, AttemptId, Call, Failure, HttpRequest, Input, Kind, Millis, Outcome};

use crate::account::AttemptLog;
use crate::call::delivery::Delivery;
use crate::call::upstream_request::{News, UpstreamRequest};
use crate::platform::disconnect::Disconnect;
use crate::platform::executor::Executor;
use crate::platform::host;
use crate::platform::timer::Timer;

/// An upstream that said why it fails closes soon; one that went silent does not. In milliseconds.
const GRACE: Millis = 1_000;

/// A call and everything that it has under way.
#[derive(Debug)]
pub(crate) struct Driver {
    call: Call,
    delivery: Delivery,
    gone: Disconnect,
    trail: AttemptLog,
    bell: Executor,
    timer: Timer,
    flights: Vec<UpstreamRequest>,
    lane: Lane,
    relay: Option<Relay>,
    /// From then on a client that has not taken everything counts as gone: nothing of the call is later than that.
    ends: Millis,
}

/// A body that goes over natively.
#[derive(Debug)]
struct Relay {
    attempt: AttemptId,
    /// Why a pipe broke cannot be told: the client's end, or the body. Reading the body, or a branch of it, will.
    broken: bool,
}

#[derive(Debug)]
enum Happened {
    Disconnect,
    News(AttemptId, News),
    Time,
}

impl Driver {
    /// Of a call whose request was heard by `bell` and `timer`.
    pub(crate) fn new(
        call: Call,
        lane: Lane,
        delivery: Delivery,
        (gone, bell, timer): (Disconnect, Executor, Timer),
        trail: AttemptLog,
        ends: Millis,
    ) -> Self {
        Self { call, delivery, gone, trail, bell, timer, flights: Vec::new(), lane, relay: None, ends }
    }

    /// Drives the call to its end. What the client still has to get is up to [`Driver::finish`].
    pub(crate) async fn run(&mut self) -> Outcome {
        loop {
            let now = host::now();
            // The call's own clocks stand still while its reader is busy.
            if now >= self.ends {
                self.call.handle(now, Input::Aborted);
            }
            match self.call.poll(now) {
                Action::Send { attempt, request } => self.send(attempt, &request),
                Action::Read { attempt } => self.flight(attempt).into_iter().for_each(UpstreamRequest::read),
                Action::Yield(chunks) => {
                    if self.idle().await {
                        self.delivery.give(&chunks, self.call.report());
                    }
                }
                Action::Relay { attempt, held } => self.relay(attempt, &held).await,
                Action::Cancel { attempt } => self.cancel(attempt),
                Action::Wait { until } => self.wait(until).await,
                Action::Done(outcome) => return *outcome,
            }
        }
    }

    fn flight(&mut self, attempt: AttemptId) -> Option<&mut UpstreamRequest> {
        self.flights.iter_mut().find(|flight| flight.attempt == attempt)
    }

    fn send(&mut self, attempt: AttemptId, request: &HttpRequest) {
        self.trail.record_start(attempt, &request.url);
        let flight = UpstreamRequest::take_off(&self.bell, attempt, request, self.lane != Lane::Lean);
        if flight.is_grounded() {
            self.trail.record_unsent(attempt);
        }
        self.flights.push(flight);
    }

    /// A body that goes over natively is closed by [`Driver::finish`], once it is known how the call ended.
    fn cancel(&mut self, attempt: AttemptId) {
        if self.relay.as_ref().is_some_and(|relay| relay.attempt == attempt) {
            return;
        }
        self.flights.retain(|flight| {
            if flight.attempt == attempt {
                flight.cancel();
            }
            flight.attempt != attempt
        });
    }

    async fn relay(&mut self, attempt: AttemptId, held: &[u8]) {
        if !self.idle().await {
            return;
        }
        self.delivery.give_held(held, self.call.report());
        let lean = self.lane == Lane::Lean;
        let rest = self.flight(attempt).and_then(|flight| match lean {
            true => flight.lend().map(Ok),
            false => flight.branch().transpose(),
        });
        // Nothing: it was all in what was held.
        let Some(rest) = rest else { return };
        let rest = match rest {
            Ok(rest) => rest,
            Err(thrown) => {
                let failure = Failure::new(Kind::Network, host::message(&thrown));
                return self.call.handle(host::now(), Input::Failed { attempt, failure });
            }
        };
        if self.idle().await {
            self.delivery.pipe(&rest);
            self.relay = Some(Relay { attempt, broken: false });
        }
    }

    /// Waits until the client has taken what was written. False: it went away, and the call knows.
    async fn idle(&mut self) -> bool {
        let taken = self.taken(self.ends).await;
        if !taken {
            self.call.handle(host::now(), Input::Aborted);
        }
        taken
    }

    /// Waits until the client has taken what was written, or piped. False: it went away, or has not by `until`.
    async fn taken(&mut self, until: Millis) -> bool {
        poll_fn(|_| {
            if let Poll::Ready(ended) = self.delivery.poll() {
                return Poll::Ready(ended.is_ok());
            }
            if self.gone.is_gone() {
                return Poll::Ready(false);
            }
            self.timer.reached(until).map(|()| false)
        })
        .await
    }

    async fn wait(&mut self, until: Millis) {
        let until = until.min(self.delivery.due()).min(self.ends);
        let happened = poll_fn(|_| self.happened(until)).await;
        let now = host::now();
        match happened {
            Happened::Disconnect => self.call.handle(now, Input::Aborted),
            Happened::News(attempt, news) => self.tell(attempt, news, now),
            Happened::Time => {
                self.call.handle(now, Input::Woken);
                self.delivery.keep_alive(now, self.call.report());
            }
        }
    }

    fn happened(&mut self, until: Millis) -> Poll<Happened> {
        if self.gone.is_gone() {
            return Poll::Ready(Happened::Disconnect);
        }
        match (self.delivery.poll(), &mut self.relay) {
            (Poll::Ready(ended), Some(relay)) => {
                relay.broken |= ended.is_err();
                let Relay { attempt, broken } = *relay;
                self.flight(attempt).into_iter().for_each(|flight| flight.take_back(broken));
            }
            (Poll::Ready(Err(_)), None) => return Poll::Ready(Happened::Disconnect),
            (Poll::Ready(Ok(())) | Poll::Pending, _) => {}
        }
        for flight in &mut self.flights {
            if let Poll::Ready(news) = flight.poll() {
                return Poll::Ready(Happened::News(flight.attempt, news));
            }
        }
        self.timer.poll(host::now(), until).map(|()| Happened::Time)
    }

    fn tell(&mut self, attempt: AttemptId, news: News, now: Millis) {
        let broken = self.relay.as_ref().is_some_and(|relay| relay.broken);
        if let News::Head { status, headers } = &news {
            self.trail.record_head(attempt, *status, headers);
        }
        let input = match &news {
            News::Failed(failure) => Input::Failed { attempt, failure: failure.clone() },
            // The body goes on, so it was the client who left.
            _ if broken => Input::Aborted,
            News::Head { status, headers } => Input::Head { attempt, status: *status, headers: headers.clone() },
            News::Bytes(bytes) => Input::Bytes { attempt, bytes },
            News::End => Input::End { attempt },
        };
        self.call.handle(now, input);
    }

    /// Gives the client what is left to give, and closes.
    pub(crate) async fn finish(mut self, outcome: Outcome, streams: bool) {
        let succeeded = outcome.result.is_ok();
        let whole = match self.relay.take() {
            Some(relay) => self.pass(succeeded).await && !relay.broken,
            None => {
                let taken = self.taken(self.ends).await;
                self.delivery.conclude(outcome, streams);
                taken && self.taken(self.ends).await
            }
        };
        self.flights.iter().for_each(UpstreamRequest::cancel);
        self.delivery.end(whole).await;
    }

    /// Lets a native body come to its own end, whatever it is. True: it ended as its protocol says.
    async fn pass(&mut self, succeeded: bool) -> bool {
        let grace = if succeeded { Millis::MAX } else { host::now() + GRACE };
        self.taken(grace.min(self.ends)).await
    }
}
