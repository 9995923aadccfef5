//! The driver: it performs the actions of a [`Call`] with what the platform offers, and tells the call what happened. The
//! driver contains no rule.
//!
//! ```text
//!           Send, Read, Cancel ┌─────────────────┐ Head, Bytes, End, Failed
//!         ┌───────────────────▶│ UpstreamRequest │──────────┐
//!  ┌──────┴─┐                  └─────────────────┘          ▼
//!  │        │ Wait             ┌────────┐ Woken         ┌────────┐
//!  │  Call  ├─────────────────▶│ Timer  │──────────────▶│  Call  │
//!  │        │                  └────────┘               └────────┘
//!  └──────┬─┘ Yield, Relay     ┌──────────┐ Aborted         ▲
//!         └───────────────────▶│ Delivery │─────────────────┘
//!                              └──────────┘ a write that failed, or the disconnect
//! ```

use std::future::poll_fn;
use std::task::Poll;

use failsoft::{Action, AttemptId, Call, ChatRequest, Failure, HttpRequest, Input, Kind, Lane, Millis, Outcome, Usd};

use crate::account::{AttemptLog, Most};
use crate::call::abandoned::Abandoned;
use crate::call::delivery::Delivery;
use crate::call::upstream_request::{Event, UpstreamRequest};
use crate::platform::disconnect::Disconnect;
use crate::platform::executor::Executor;
use crate::platform::host;
use crate::platform::timer::Timer;

/// How long a failed body may take to end by itself, in milliseconds. An upstream that sent an error closes soon; an upstream
/// that went silent does not.
const GRACE: Millis = 1_000;

/// A call, and everything that it has under way.
#[derive(Debug)]
pub(crate) struct Driver {
    call: Call,
    delivery: Delivery,
    disconnect: Disconnect,
    log: AttemptLog,
    executor: Executor,
    timer: Timer,
    requests: Vec<UpstreamRequest>,
    abandoned: Abandoned,
    lane: Lane,
    /// The answer is a list of vectors.
    for_embeddings: bool,
    relay: Option<Relay>,
    /// At this time, a client that has not taken everything counts as gone. Nothing of the call happens later.
    ends: Millis,
}

/// A body that goes to the client natively.
#[derive(Debug)]
struct Relay {
    attempt: AttemptId,
    /// The pipe broke. The cause is the client's end or the body: reading the body, or a branch of it, tells which.
    is_broken: bool,
}

#[derive(Debug)]
enum Wakeup {
    Disconnect,
    Upstream(AttemptId, Event),
    Time,
}

impl Driver {
    pub(crate) fn new(
        call: Call,
        request: &ChatRequest,
        delivery: Delivery,
        (disconnect, executor, timer): (Disconnect, Executor, Timer),
        log: AttemptLog,
        ends: Millis,
    ) -> Self {
        Self {
            call,
            delivery,
            disconnect,
            log,
            executor,
            timer,
            requests: Vec::new(),
            abandoned: Abandoned::default(),
            lane: request.lane,
            for_embeddings: request.is_for_embeddings(),
            relay: None,
            ends,
        }
    }

    /// Drives the call to its end. [`Driver::finish`] delivers what the client has not got yet.
    pub(crate) async fn run(&mut self) -> Outcome {
        loop {
            let now = host::now();
            // The call's own clocks stand still while its reader is busy.
            if now >= self.ends {
                self.call.handle(now, Input::Aborted);
            }
            match self.call.poll(now) {
                Action::Send { attempt, request } => self.send(attempt, &request),
                Action::Read { attempt } => self.find(attempt).into_iter().for_each(UpstreamRequest::read),
                Action::Yield(chunks) => {
                    if self.wait_until_idle().await {
                        self.delivery.write_chunks(&chunks, self.call.report());
                    }
                }
                Action::Relay { attempt, held } => self.relay(attempt, &held).await,
                Action::Cancel { attempt } => self.cancel(attempt),
                Action::Wait { until } => self.wait(until).await,
                Action::Done(outcome) => return *outcome,
            }
        }
    }

    /// The client has the headers of a stream.
    pub(crate) fn has_begun(&self) -> bool {
        self.delivery.has_begun()
    }

    fn find(&mut self, attempt: AttemptId) -> Option<&mut UpstreamRequest> {
        self.requests.iter_mut().find(|request| request.attempt == attempt)
    }

    fn send(&mut self, attempt: AttemptId, request: &HttpRequest) {
        let row = self.call.report().attempts.get(attempt as usize);
        let most = Most {
            tokens: row.and_then(|row| row.highest_tokens),
            usd: row.and_then(|row| row.highest_cost).map(|Usd(usd)| usd),
        };
        let charges_errors = row.is_some_and(|row| row.charges_errors);
        self.log.record_start(attempt, &request.url, most, charges_errors);
        let (reads_rest, for_embeddings) = (self.lane.reads_rest(), self.for_embeddings);
        let upstreams = self.call.upstreams();
        let request = UpstreamRequest::start(&self.executor, attempt, request, reads_rest, upstreams, for_embeddings);
        self.requests.push(request);
    }

    /// A body that goes to the client natively stays open: [`Driver::finish`] closes it, when the end of the call is known.
    fn cancel(&mut self, attempt: AttemptId) {
        if self.relay.as_ref().is_some_and(|relay| relay.attempt == attempt) {
            return;
        }
        let Some(at) = self.requests.iter().position(|request| request.attempt == attempt) else { return };
        let request = self.requests.remove(at);
        if request.awaits_head() {
            self.abandoned.add(request);
        } else {
            request.cancel();
        }
    }

    /// Takes the requests that the call abandoned before the head of their response had come.
    pub(crate) fn take_abandoned(&mut self) -> Abandoned {
        std::mem::take(&mut self.abandoned)
    }

    async fn relay(&mut self, attempt: AttemptId, held: &[u8]) {
        if !self.wait_until_idle().await {
            return;
        }
        self.delivery.write_held(held, self.call.report());
        let reads_rest = self.lane.reads_rest();
        let rest = self.find(attempt).and_then(|request| match reads_rest {
            true => request.branch().transpose(),
            false => request.lend().map(Ok),
        });
        // Without a rest, the bytes that were held are the whole body.
        let Some(rest) = rest else { return };
        let rest = match rest {
            Ok(rest) => rest,
            Err(thrown) => {
                let failure = Failure::new(Kind::Network, host::message(&thrown));
                return self.call.handle(host::now(), Input::Failed { attempt, failure });
            }
        };
        if self.wait_until_idle().await {
            self.delivery.pipe(&rest);
            self.relay = Some(Relay { attempt, is_broken: false });
        }
    }

    /// Waits until the client has taken everything. Returns false if the client is gone; the call knows it then.
    async fn wait_until_idle(&mut self) -> bool {
        let is_taken = self.wait_until_taken(self.ends).await;
        if !is_taken {
            self.call.handle(host::now(), Input::Aborted);
        }
        is_taken
    }

    async fn wait_until_taken(&mut self, until: Millis) -> bool {
        self.delivery.wait_until_taken(&mut self.disconnect, &mut self.timer, until).await
    }

    async fn wait(&mut self, until: Millis) {
        let until = until.min(self.delivery.due()).min(self.abandoned.due()).min(self.ends);
        let wakeup = poll_fn(|_| self.poll_wakeup(until)).await;
        let now = host::now();
        match wakeup {
            Wakeup::Disconnect => self.call.handle(now, Input::Aborted),
            Wakeup::Upstream(attempt, event) => self.handle(attempt, &event, now),
            Wakeup::Time => {
                self.call.handle(now, Input::Woken);
                self.delivery.keep_alive(now, self.call.report());
            }
        }
    }

    fn poll_wakeup(&mut self, until: Millis) -> Poll<Wakeup> {
        if self.disconnect.has_happened() {
            return Poll::Ready(Wakeup::Disconnect);
        }
        match (self.delivery.poll(), &mut self.relay) {
            (Poll::Ready(ended), Some(relay)) => {
                relay.is_broken |= ended.is_err();
                let Relay { attempt, is_broken } = *relay;
                self.find(attempt).into_iter().for_each(|request| request.take_back(is_broken));
            }
            (Poll::Ready(Err(_)), None) => return Poll::Ready(Wakeup::Disconnect),
            (Poll::Ready(Ok(())) | Poll::Pending, _) => {}
        }
        self.abandoned.poll(&self.log);
        for request in &mut self.requests {
            if let Poll::Ready(event) = request.poll() {
                return Poll::Ready(Wakeup::Upstream(request.attempt, event));
            }
        }
        self.timer.poll(host::now(), until).map(|()| Wakeup::Time)
    }

    fn handle(&mut self, attempt: AttemptId, event: &Event, now: Millis) {
        let is_broken = self.relay.as_ref().is_some_and(|relay| relay.is_broken);
        if let Event::Unsent(_) = event {
            self.log.record_unsent(attempt);
        }
        let input = match event {
            Event::Failed(failure) => Input::Failed { attempt, failure: failure.clone() },
            Event::Unsent(failure) => Input::Unsent { attempt, failure: failure.clone() },
            // The body goes on, so the client's end broke the pipe.
            _ if is_broken => Input::Aborted,
            Event::Head { status, headers } => Input::Head { attempt, status: *status, headers: headers.clone() },
            Event::Bytes(bytes) => Input::Bytes { attempt, bytes },
            Event::End => Input::End { attempt },
        };
        self.call.handle(now, input);
        if let Event::Head { status, headers } = event {
            self.log.record_head(attempt, *status, headers);
        }
    }

    /// Delivers the rest, and closes all connections.
    pub(crate) async fn finish(mut self, outcome: Outcome, streams: bool) {
        let succeeded = outcome.result.is_ok();
        let whole = match self.relay.take() {
            Some(relay) => self.finish_pipe(succeeded).await && !relay.is_broken,
            None => {
                let is_taken = self.wait_until_taken(self.ends).await;
                self.delivery.conclude(outcome, streams);
                is_taken && self.wait_until_taken(self.ends).await
            }
        };
        self.requests.iter().for_each(UpstreamRequest::cancel);
        self.delivery.end(whole).await;
    }

    /// Waits until a body that goes to the client natively has ended. Returns whether the client has taken all of it.
    async fn finish_pipe(&mut self, succeeded: bool) -> bool {
        let grace = if succeeded { Millis::MAX } else { host::now() + GRACE };
        self.wait_until_taken(grace.min(self.ends)).await
    }
}
