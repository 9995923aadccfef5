//! The state machine of one call. Everything that affects its state lives in this file and its folder.
//!
//! ```text
//!            poll: Send                     Head, Bytes                      answer passes
//!  Ready ───────────────▶ Running ──────────────────────────▶ Running ─────────────────────▶ Over
//!    ▲                       │ failure                           │  ▲                          ▲
//!    │ pause over            ▼                                   │  └── Yield, Read (stream)   │
//!  Pausing ◀──── again? next? or neither ───────────────────────────────────────────────────────┤
//!                                                                └── failure after the commit ──┘
//! ```
//!
//! The *commit point* is the first meaningful delta of a stream: text, a tool call, reasoning that the caller asked to
//! see. Until then every chunk is held, and another model may take over invisibly. From then on the reader has seen
//! something that no other model can take back.
//!
//! Time is an argument, in milliseconds of the UNIX epoch; randomness is a seed. Time that nobody can blame a model for
//! does not count: while the host sleeps, and while the reader of a stream is busy with what it was given.

mod action;
mod ending;
mod outcome;

use std::collections::VecDeque;

pub use action::{Action, Input};
pub use outcome::{Answer, Outcome};

use crate::Millis;
use crate::attempt::{Attempt, AttemptId, Body};
use crate::breaker::Lesson;
use crate::chain::{Chain, Facts};
use crate::events::Reading;
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::policy::{Policy, Soft};
use crate::report::{AttemptReport, Report};
use crate::request::{ChatRequest, Lane};
use crate::upstream::{Dialect, Upstream};
use ending::note_served;
use outcome::Kept;

/// A host that comes back this much later than it was asked to has slept, in milliseconds. Hidden tabs run their
/// timers once a minute.
const ASLEEP: Millis = 5_000;

/// One call: a request, its chain, and a policy.
///
/// [`Call::poll`] until it says [`Action::Wait`], do what it says, and tell [`Call::handle`] what happened; then poll
/// again. After [`Action::Done`] there is nothing more to do.
#[derive(Debug)]
pub struct Call {
    request: ChatRequest,
    policy: Policy,
    upstreams: Vec<Upstream>,
    chain: Chain,
    seed: u64,
    began: Millis,
    /// Time that does not count.
    excused: Millis,
    /// When the host was asked to come back.
    expected: Option<Millis>,
    /// The host slept during this call: no failure of it teaches a breaker.
    slept: bool,
    /// Since when the reader has been busy.
    yielded: Option<Millis>,
    /// Nothing is sent before.
    paused: Millis,
    /// What is in flight.
    #[expect(clippy::vec_box, reason = "an attempt is large, and goes from hand to hand when it has ended")]
    running: Vec<Box<Attempt>>,
    over: bool,
    actions: VecDeque<Action>,
    committed: bool,
    kept: Option<Kept>,
    last: Option<Box<Failure>>,
    report: Report,
    lessons: Vec<Lesson>,
}

impl Call {
    /// A call that begins `now`. With nobody to ask it is over at once, which [`Call::poll`] tells.
    pub fn new(request: ChatRequest, policy: &Policy, mut facts: Facts<'_>, seed: u64, now: Millis) -> Self {
        let mut report = Report { warnings: request.warnings.clone(), ..Report::default() };
        let planned = Chain::plan(&request, &mut facts, now, &mut report);
        let mut call = Self {
            request,
            policy: policy.clone(),
            upstreams: facts.upstreams.to_vec(),
            chain: Chain::default(),
            seed,
            began: now,
            excused: 0,
            expected: None,
            slept: false,
            yielded: None,
            paused: 0,
            running: Vec::new(),
            over: false,
            actions: VecDeque::new(),
            committed: false,
            kept: None,
            last: None,
            report,
            lessons: Vec::new(),
        };
        match planned {
            Ok(chain) => call.chain = chain,
            Err(failure) => call.finish(Err(failure), None, None),
        }
        call
    }

    /// What has happened so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What an edge has told so far, as JSON text.
    pub fn edge_report(&self) -> Option<String> {
        self.running.first().and_then(|attempt| attempt.edge_report())
    }

    /// What to do next.
    pub fn poll(&mut self, now: Millis) -> Action {
        let now = self.counted(now);
        self.expire(now);
        loop {
            if let Some(action) = self.actions.pop_front() {
                if matches!(action, Action::Yield(_)) && !self.over {
                    self.yielded = Some(now + self.excused);
                }
                return action;
            }
            if self.over {
                return Action::Wait { until: Millis::MAX };
            }
            if let Some(attempt) = self.running.iter_mut().find(|attempt| attempt.wants_read()) {
                attempt.reading = true;
                return Action::Read { attempt: attempt.id };
            }
            if !self.running.is_empty() || now < self.paused {
                return self.wait();
            }
            self.send(now);
        }
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Millis, input: Input<'_>) {
        let now = self.counted(now);
        let id = match &input {
            Input::Woken => return,
            Input::Aborted => return self.abort(now),
            Input::Head { attempt, .. }
            | Input::Bytes { attempt, .. }
            | Input::End { attempt }
            | Input::Failed { attempt, .. } => *attempt,
        };
        let Some(at) = self.running.iter().position(|attempt| attempt.id == id) else { return };
        let attempt = &mut self.running[at];
        match input {
            Input::Head { status, headers, .. } => {
                self.report.attempts[id as usize].generation_id = headers.get("x-generation-id").map(Into::into);
                attempt.take_head(status, headers, now);
            }
            Input::Bytes { bytes, .. } => {
                let Err(failure) = attempt.take_bytes(bytes, now) else { return self.advance(at, now) };
                self.committed |= self.request.as_it_comes;
                self.hand_over(at);
                let attempt = self.running.remove(at);
                self.fail(attempt, failure, now);
            }
            Input::End { .. } => {
                attempt.open = false;
                self.conclude(at, now);
            }
            Input::Failed { failure, .. } => {
                attempt.open = false;
                // What has come may say more than the connection that broke afterwards.
                if attempt.is_done() {
                    return self.conclude(at, now);
                }
                let attempt = self.running.remove(at);
                let failure = attempt.refused(now).unwrap_or(failure);
                self.fail(attempt, failure, now);
            }
            Input::Woken | Input::Aborted => {}
        }
    }

    /// Time as the clocks of this call see it.
    fn counted(&mut self, now: Millis) -> Millis {
        if let Some(since) = self.yielded.take() {
            self.excused += now.saturating_sub(since);
        }
        if let Some(expected) = self.expected.take()
            && now > expected + ASLEEP
        {
            self.excused += now - expected;
            self.slept = true;
        }
        now.saturating_sub(self.excused)
    }

    fn wait(&mut self) -> Action {
        let mut next = self.began + self.policy.timeouts.total;
        if self.running.is_empty() {
            next = next.min(self.paused);
        }
        for attempt in &self.running {
            if let Some((at, _)) = attempt.deadline(&self.policy.timeouts) {
                next = next.min(at);
            }
        }
        let until = next + self.excused;
        self.expected = Some(until);
        Action::Wait { until }
    }

    /// Ends what has run out of time.
    fn expire(&mut self, now: Millis) {
        let total = self.policy.timeouts.total;
        if now >= self.began + total && !self.over {
            let message = ["the call took longer than ", &decimal(total), " ms"].concat();
            return self.give_up(Failure::new(Kind::Timeout, message), now);
        }
        let late = |attempt: &Attempt| attempt.deadline(&self.policy.timeouts).is_some_and(|(at, _)| now >= at);
        let Some(at) = self.running.iter().position(|attempt| late(attempt)) else { return };
        if self.running[at].is_done() {
            return self.conclude(at, now);
        }
        let attempt = self.running.remove(at);
        let kind = attempt.deadline(&self.policy.timeouts).map_or(Kind::Stalled, |(_, kind)| kind);
        let failure = attempt.refused(now).unwrap_or_else(|| too_late(kind, attempt.age(now)));
        self.fail(attempt, failure, now);
    }

    fn send(&mut self, now: Millis) {
        // A content filter that ends the call must be seen: inside a window OpenRouter would fall back on it.
        let alone = self.policy.on_content_filter == Soft::Fail;
        let window = self.chain.window(&self.upstreams, alone);
        let id = self.report.attempts.len() as AttemptId;
        let (Some(&first), true) = (window.first(), id < self.policy.attempts) else {
            return self.exhaust(now);
        };
        let models: Vec<&str> = window.iter().map(|&at| self.chain.candidates[at].model.as_str()).collect();
        let streamed = self.request.stream || self.policy.assemble;
        let upstream = &self.upstreams[self.chain.candidates[first].upstream];
        let request = upstream.ask(&self.request, &models, streamed);
        // What an edge lets through has been judged there.
        let judged_there = upstream.dialect == Dialect::Edge;
        self.report.attempts.push(AttemptReport {
            models: models.into_iter().map(Into::into).collect(),
            started: now - self.began,
            ..AttemptReport::default()
        });
        let reading = Reading::new(&self.request, self.policy.refusal != Soft::Accept && !judged_there);
        let mut attempt = Attempt::new(id, window, streamed, reading, now);
        attempt.judged_there = judged_there;
        attempt.raw = (self.request.stream && self.request.lane == Lane::Relay).then(Vec::new);
        self.running.push(Box::new(attempt));
        self.actions.push_back(Action::Send { attempt: id, request });
    }

    /// Bytes of the attempt at `at` were taken: is it time to commit, to hand over?
    fn advance(&mut self, at: usize, now: Millis) {
        let attempt = &mut self.running[at];
        let (id, age) = (attempt.id, attempt.age(now));
        let Body::Events(events) = &attempt.body else { return };
        if events.alive {
            self.report.attempts[id as usize].first_token.get_or_insert(age);
        }
        if self.request.stream && !self.committed && events.meaningful {
            self.committed = true;
            if let Some(held) = attempt.raw.take() {
                self.actions.push_back(Action::Relay { attempt: id, held });
            }
            note_served(&mut self.report, &self.chain, attempt);
        }
        self.hand_over(at);
    }

    /// What came after the commit point is the reader's, whatever came behind it.
    fn hand_over(&mut self, at: usize) {
        let relayed = self.request.lane == Lane::Relay;
        if let Some(events) = self.running[at].events()
            && self.committed
        {
            let chunks = std::mem::take(&mut events.waiting);
            if !relayed && !chunks.is_empty() {
                self.actions.push_back(Action::Yield(chunks));
            }
        }
    }
}

fn too_late(kind: Kind, age: Millis) -> Box<Failure> {
    let (what, since) = match kind {
        Kind::HeadersTimeout => ("no response headers came in ", " ms"),
        Kind::FirstTokenTimeout => ("no text, reasoning or tool call came in ", " ms"),
        _ => ("the stream went silent, ", " ms after it was asked for"),
    };
    Failure::new(kind, [what, &decimal(age), since].concat())
}
