//! The state machine of one call. Everything that affects its state lives in this file.
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
use outcome::Kept;

/// A host that comes back this much later than it was asked to has slept, in milliseconds. Hidden tabs run their
/// timers once a minute.
const ASLEEP: Millis = 5_000;

#[derive(Debug)]
enum Phase {
    Ready,
    Pausing { until: Millis },
    Running(Box<Attempt>),
    Over,
}

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
    phase: Phase,
    actions: VecDeque<Action>,
    committed: bool,
    kept: Option<Kept>,
    last: Option<Failure>,
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
            phase: Phase::Ready,
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
        match &self.phase {
            Phase::Running(attempt) => match attempt.answer() {
                Some(answer) => answer.report().map(Into::into),
                None => attempt.error_body()?.get("failsoft").as_object().map(|report| report.raw().into()),
            },
            Phase::Ready | Phase::Pausing { .. } | Phase::Over => None,
        }
    }

    /// What to do next.
    pub fn poll(&mut self, now: Millis) -> Action {
        let now = self.counted(now);
        self.expire(now);
        loop {
            if let Some(action) = self.actions.pop_front() {
                if let (Action::Yield(_), false) = (&action, matches!(self.phase, Phase::Over)) {
                    self.yielded = Some(now + self.excused);
                }
                return action;
            }
            match &mut self.phase {
                Phase::Ready => self.send(now),
                Phase::Pausing { until } if now >= *until => self.phase = Phase::Ready,
                Phase::Running(attempt) if attempt.wants_read() => {
                    attempt.allow_read();
                    return Action::Read { attempt: attempt.id };
                }
                Phase::Pausing { .. } | Phase::Running(_) => return self.wait(),
                Phase::Over => return Action::Wait { until: Millis::MAX },
            }
        }
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Millis, input: Input<'_>) {
        let now = self.counted(now);
        match input {
            Input::Woken => {}
            Input::Aborted => self.abort(now),
            Input::Head { attempt, status, headers } => {
                let Some(running) = self.running(attempt) else { return };
                let generation = headers.get("x-generation-id").map(String::from);
                running.take_head(status, headers, now);
                self.row().generation_id = generation;
            }
            Input::Bytes { attempt, bytes } => {
                let wall = self.wall(now);
                let Some(running) = self.running(attempt) else { return };
                match running.take_bytes(bytes, now, wall) {
                    Ok(()) => self.advance(now),
                    Err(failure) => {
                        self.committed |= self.request.as_it_comes;
                        self.hand_over();
                        self.fail(failure, now);
                    }
                }
            }
            Input::End { attempt } => {
                let Some(running) = self.running(attempt) else { return };
                running.open = false;
                self.conclude(now);
            }
            Input::Failed { attempt, failure } => {
                let wall = self.wall(now);
                let Some(running) = self.running(attempt) else { return };
                running.open = false;
                if running.is_done() {
                    return self.conclude(now);
                }
                // An error status says more than the connection that broke while its body was read.
                let failure = running.refused(wall).unwrap_or(failure);
                self.fail(failure, now);
            }
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

    /// Time as an upstream's clock shows it, for the dates that it names.
    fn wall(&self, now: Millis) -> Millis {
        now + self.excused
    }

    fn wait(&mut self) -> Action {
        let total = self.began + self.policy.timeouts.total;
        let next = match &self.phase {
            Phase::Pausing { until } => *until,
            Phase::Running(attempt) => attempt.deadline(&self.policy.timeouts).map_or(total, |(at, _)| at),
            Phase::Ready | Phase::Over => total,
        };
        let until = next.min(total) + self.excused;
        self.expected = Some(until);
        Action::Wait { until }
    }

    /// Ends what has run out of time.
    fn expire(&mut self, now: Millis) {
        let total = self.policy.timeouts.total;
        let over = now >= self.began + total;
        if let Phase::Running(attempt) = &self.phase {
            match attempt.deadline(&self.policy.timeouts) {
                // A complete answer waits for nothing but the end of its connection.
                Some((at, _)) if attempt.is_done() && (over || now >= at) => self.conclude(now),
                Some((at, kind)) if !over && now >= at => {
                    let failure = attempt.refused(self.wall(now)).unwrap_or_else(|| late(kind, attempt.age(now)));
                    self.fail(failure, now);
                }
                _ => {}
            }
        }
        if over && !matches!(self.phase, Phase::Over) {
            let message = ["the call took longer than ", &decimal(total), " ms"].concat();
            self.give_up(Failure::new(Kind::Timeout, message), now);
        }
    }

    fn send(&mut self, now: Millis) {
        // A content filter that ends the call must be seen: inside a window OpenRouter would fall back on it.
        let alone = self.policy.on_content_filter == Soft::Fail;
        let window = self.chain.window(&self.upstreams, alone);
        let (Some(first), true) = (window.first(), self.report.attempts.len() < self.policy.attempts as usize) else {
            return self.exhaust(now);
        };
        let models: Vec<&str> = window.iter().map(|candidate| candidate.model.as_str()).collect();
        let streamed = self.request.stream || self.policy.assemble;
        let request = self.upstreams[first.upstream].ask(&self.request, &models, streamed);
        let row = AttemptReport {
            models: models.into_iter().map(Into::into).collect(),
            started: now - self.began,
            ..AttemptReport::default()
        };
        let id = self.report.attempts.len() as AttemptId;
        // What an edge lets through has been judged there.
        let judged_there = self.upstreams[first.upstream].dialect == Dialect::Edge;
        let reading = Reading::new(&self.request, self.policy.refusal != Soft::Accept && !judged_there);
        let mut attempt = Attempt::new(id, window.len(), streamed, reading, now);
        attempt.judged_there = judged_there;
        attempt.raw = (self.request.stream && self.request.lane == Lane::Relay).then(Vec::new);
        self.report.attempts.push(row);
        self.phase = Phase::Running(Box::new(attempt));
        self.actions.push_back(Action::Send { attempt: id, request });
    }

    /// The attempt `id`, if it is the one that runs.
    fn running(&mut self, id: AttemptId) -> Option<&mut Attempt> {
        match &mut self.phase {
            Phase::Running(attempt) if attempt.id == id => Some(attempt),
            Phase::Running(_) | Phase::Ready | Phase::Pausing { .. } | Phase::Over => None,
        }
    }

    /// The report's row of the attempt that runs: always the last.
    pub(super) fn row(&mut self) -> &mut AttemptReport {
        self.report.attempts.last_mut().expect("an attempt has a row from the moment it is sent")
    }

    /// Bytes of a stream were taken: is it time to commit, to hand over?
    fn advance(&mut self, now: Millis) {
        let Phase::Running(attempt) = &mut self.phase else { return };
        let (id, age, streams) = (attempt.id, attempt.age(now), self.request.stream);
        let Body::Events(events) = &mut attempt.body else { return };
        let alive = events.alive;
        let commits = streams && !self.committed && events.meaningful;
        if commits {
            self.commit(id);
        }
        if alive {
            self.row().first_token.get_or_insert(age);
        }
        self.hand_over();
    }

    /// From here on this answer is the reader's.
    fn commit(&mut self, id: AttemptId) {
        self.committed = true;
        self.note_served();
        let Phase::Running(attempt) = &mut self.phase else { return };
        if let Some(held) = attempt.raw.take() {
            self.actions.push_back(Action::Relay { attempt: id, held });
        }
    }

    /// What came after the commit point is the reader's, whatever came behind it.
    fn hand_over(&mut self) {
        if !self.committed {
            return;
        }
        let relayed = self.request.lane == Lane::Relay;
        let Phase::Running(attempt) = &mut self.phase else { return };
        let Some(events) = attempt.events() else { return };
        let chunks = std::mem::take(&mut events.waiting);
        if !relayed && !chunks.is_empty() {
            self.actions.push_back(Action::Yield(chunks));
        }
    }
}

fn late(kind: Kind, age: Millis) -> Failure {
    let what = match kind {
        Kind::HeadersTimeout => "no response headers came in ",
        Kind::FirstTokenTimeout => "no text, reasoning or tool call came in ",
        _ => "the stream went silent, ",
    };
    let since = if kind == Kind::Stalled { " ms after it was asked for" } else { " ms" };
    Failure::new(kind, [what, &decimal(age), since].concat())
}
