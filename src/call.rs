//! The state machine of one call. This file and its folder contain everything that changes its state.
//!
//! ```text
//!              the same model, after a pause; or the next model, at once
//!           ┌─────────────────────────────────────────────────────────────┐
//!           ▼                                                             │
//!        Trying ── Send ──▶ Head, Bytes ──▶ End ──▶ whole? ──▶ passes the rules? ── no
//!           │                  │                                          │ yes
//!           │                  │ first meaningful delta                   ▼
//!           │                  ▼                           a judge? ──▶ Scoring ── below the threshold ──▶ Trying
//!           │               Committed ── Yield                │ no        │ passes
//!           │                  │                              │           │
//!           │          failure │   ┌───────────┐              │           │
//!           │                  ▼   │ also fails│              ▼           ▼
//!           │               Recovering ◀───────┘             Over ◀───────┘
//!           │                  │ whole, or no model is left   ▲
//!           │                  └──────────────────────────────┤
//!           └── no model is left: the best answer, or an error┘
//! ```
//!
//! Usually one attempt is in flight, with a hedge two.
//!
//! | file | contents |
//! |---|---|
//! | `action.rs`, `outcome.rs` | what the call asks of its host, and what the host reports; how a call ends |
//! | `sending.rs` | the next request: its models, its limits, its cost; when a hedge is due |
//! | `conversation.rs` | the turn before: the model that answered it, and what its cache saves |
//! | `translation.rs` | the request in the form that its upstream speaks, without what its models cannot read |
//! | `clock.rs`, `timeout.rs` | which time counts; what happens when a clock runs out |
//! | `commit.rs` | when a stream reaches its commit point, and what the reader gets |
//! | `attempt_end.rs` | the end of an attempt: is its answer whole, and does it pass the rules? |
//! | `takeover.rs`, `retry.rs` | after a failure: which model takes over; whether and when the same model is asked again |
//! | `judge_score.rs` | the request to the judge, and its score |
//! | `recovery.rs` | after the commit point: how a stream that broke goes on |
//! | `embeddings.rs` | the answer to a request for embeddings |
//! | `call_end.rs` | the end of the call: with an answer, the best answer, or a failure |
//! | `reporting.rs`, `breaker_record.rs` | what the report and the breakers record of an attempt |
//!
//! The *commit point* is the first meaningful delta of a stream: text, a tool call, or reasoning that the caller asked to
//! see. Before it, the call holds every chunk, and another model may take over invisibly. After it, the reader has seen
//! something that no other model can take back.
//!
//! Time is an argument, in milliseconds of the UNIX epoch. Randomness is a seed. Some time does not count, because no model
//! is to blame for it: while the host sleeps, and while the reader of a stream is busy with chunks that it received.

mod action;
mod attempt_end;
mod breaker_record;
mod call_end;
mod clock;
mod commit;
#[cfg(feature = "protocols")]
mod conversation;
#[cfg(feature = "protocols")]
mod embeddings;
mod judge_score;
mod outcome;
mod recovery;
mod reporting;
mod retry;
mod sending;
mod takeover;
mod timeout;
#[cfg(feature = "protocols")]
mod translation;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

pub use action::{Action, Input};
#[cfg(feature = "protocols")]
pub use conversation::Turn;
pub use outcome::{Answer, Outcome};

use crate::Millis;
use crate::attempt::Attempt;
use crate::breaker::ModelOutcome;
use crate::catalog::ModelInfo;
use crate::chain::{Chain, Context};
use crate::failure::{Failure, is_free};
use crate::http::Headers;
use crate::policy::Policy;
use crate::report::Report;
use crate::request::ChatRequest;
use crate::upstream::Upstream;
use crate::usd::Usd;
use clock::Clock;
use outcome::FinishedAnswer;
use recovery::Recovery;

/// One call: a request, its chain, and a policy.
///
/// Call [`Call::poll`] and do what it returns, until it returns [`Action::Wait`]. Report what happened with
/// [`Call::handle`], then poll again. After [`Action::Done`] there is nothing more to do.
#[derive(Debug)]
pub struct Call {
    request: ChatRequest,
    policy: Arc<Policy>,
    upstreams: Arc<Vec<Upstream>>,
    chain: Chain,
    /// What is known about the judge.
    judge_info: Arc<ModelInfo>,
    seed: u64,
    began: Millis,
    clock: Clock,
    phase: Phase,
    /// The attempts in flight.
    #[expect(clippy::vec_box, reason = "an attempt is large, and several functions take it over when it has ended")]
    running: Vec<Box<Attempt>>,
    actions: VecDeque<Action>,
    /// No request is sent before this time.
    pause_until: Millis,
    /// The best of the answers that did not pass every rule.
    best: Option<FinishedAnswer>,
    /// The failure of the last attempt.
    last_failure: Option<Box<Failure>>,
    /// How often a clock of the caller ran out before the owner's clock.
    callers_timeouts: u32,
    /// The most that the attempts that have ended cost.
    spent: Usd,
    report: Report,
    model_outcomes: Vec<ModelOutcome>,
    disclosure: Option<Disclosure>,
    /// The turn before this call, if it is known.
    #[cfg(feature = "protocols")]
    turn_before: Option<Turn>,
    /// The turn that this call was.
    #[cfg(feature = "protocols")]
    turn: Option<Turn>,
}

/// What a caller may read of what an upstream sends, where the caller is not the owner of the upstream's key.
#[derive(Clone, Copy, Debug)]
pub struct Disclosure {
    /// The failure as a caller may read it. Its kind and its wait stay.
    pub failure: fn(&Failure, &[Upstream]) -> Box<Failure>,
    /// A field of an answer as a caller may read it; `None` if it may stay as it is. The text of an answer always stays.
    pub field: fn(&str, &[Upstream]) -> Option<String>,
}

/// The state of a call, with the data that only this state has.
#[derive(Debug)]
enum Phase {
    /// The reader has nothing yet, so any model may answer.
    Trying,
    /// The reader has a part of the answer of the attempt in flight.
    Committed,
    /// The stream broke after the commit point. Other attempts go on with its answer.
    Recovering(Recovery),
    /// The judge scores this answer.
    Scoring(FinishedAnswer),
    /// The call is over. The outcome has the same report.
    Over(Arc<Report>),
}

impl Call {
    /// A call that begins `now`. If no model can be asked, the call is over at once: the first [`Call::poll`] returns
    /// [`Action::Done`].
    pub fn new(
        mut request: ChatRequest,
        policy: Arc<Policy>,
        mut context: Context<'_>,
        seed: u64,
        now: Millis,
    ) -> Self {
        let mut report = Report { warnings: mem::take(&mut request.warnings), ..Report::default() };
        let planned = Chain::plan(&request, &policy, &mut context, now, &mut report);
        let judge = policy.judge.as_ref().and_then(|judge| context.catalog.find(&judge.model));
        let mut call = Self {
            request,
            judge_info: judge.cloned().unwrap_or_default(),
            policy,
            upstreams: context.upstreams,
            chain: Chain::default(),
            seed,
            began: now,
            clock: Clock::default(),
            phase: Phase::Trying,
            running: Vec::new(),
            actions: VecDeque::new(),
            pause_until: 0,
            best: None,
            last_failure: None,
            callers_timeouts: 0,
            spent: Usd(0),
            report,
            model_outcomes: Vec::new(),
            disclosure: None,
            #[cfg(feature = "protocols")]
            turn_before: None,
            #[cfg(feature = "protocols")]
            turn: None,
        };
        match planned {
            Ok(chain) => call.chain = chain,
            Err(failure) => call.finish(Err(failure), None, None),
        }
        call
    }

    /// Replaces the seed: some hosts must draw no random number before a request is under way.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Changes what an upstream sends with `disclosure` before the reader or the report gets it: the caller is not the owner of
    /// the upstream's key. The row of the attempt keeps the original of a failure. A page is the owner, so there this has no
    /// effect.
    pub fn disclose_with(&mut self, disclosure: Disclosure) {
        self.disclosure = Some(disclosure);
    }

    /// The upstreams that the call may ask.
    pub fn upstreams(&self) -> &Arc<Vec<Upstream>> {
        &self.upstreams
    }

    /// What has happened so far.
    pub fn report(&self) -> &Report {
        if let Phase::Over(report) = &self.phase { report } else { &self.report }
    }

    /// What an edge has reported so far, as JSON text.
    pub fn edge_report(&self) -> Option<String> {
        self.running.first().and_then(|attempt| attempt.edge_report())
    }

    /// What the host should do next.
    pub fn poll(&mut self, now: Millis) -> Action {
        let now = self.clock.count(now);
        loop {
            // Both attempts of a hedge may be late at once, and so may the request that follows an answer.
            self.end_late(now);
            if let Some(action) = self.actions.pop_front() {
                if matches!(action, Action::Yield(_)) && !self.is_over() {
                    self.clock.start_reader(now);
                }
                return action;
            }
            if self.is_over() {
                return Action::Wait { until: Millis::MAX };
            }
            if let Some(attempt) = self.running.iter_mut().find(|attempt| attempt.wants_read()) {
                attempt.is_reading = true;
                return Action::Read { attempt: attempt.id };
            }
            if self.hedge_at().is_some_and(|at| now >= at) {
                self.running.iter_mut().for_each(|attempt| attempt.had_hedge = true);
                self.send(now);
            } else if !self.running.is_empty() || now < self.pause_until {
                return self.wait();
            } else {
                self.send(now);
            }
        }
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Millis, input: Input<'_>) {
        let now = self.clock.count(now);
        match input {
            Input::Woken => {}
            Input::Aborted => self.abort(now),
            Input::Head { attempt, status, headers } => self.handle_head(attempt, status, headers, now),
            Input::Bytes { attempt, bytes } => self.handle_bytes(attempt, bytes, now),
            Input::End { attempt } => self.handle_end(attempt, now),
            Input::Failed { attempt, failure } => self.handle_failure(attempt, failure, now),
            Input::Unsent { attempt, failure } => {
                if let Some(at) = self.place(attempt) {
                    self.running[at].is_free = true;
                }
                self.handle_failure(attempt, failure, now);
            }
        }
    }

    /// The place of the attempt `id` among those in flight. What comes of an attempt that is over is ignored.
    fn place(&self, id: u32) -> Option<usize> {
        self.running.iter().position(|attempt| attempt.id == id)
    }

    fn handle_head(&mut self, id: u32, status: u16, headers: Headers, now: Millis) {
        let Some(at) = self.place(id) else { return };
        let row = &mut self.report.attempts[id as usize];
        row.generation_id = headers.get("x-generation-id").map(Into::into);
        row.is_free = is_free(status, row.charges_errors);
        self.running[at].is_free = row.is_free;
        self.running[at].take_head(status, headers, now);
    }

    fn handle_bytes(&mut self, id: u32, bytes: &[u8], now: Millis) {
        let Some(at) = self.place(id) else { return };
        let taken = self.running[at].take_bytes(bytes, now, self.clock.wall(now));
        self.follow(at, taken, now);
    }

    /// The attempt at `at` took bytes, or the end of its body. Returns whether the attempt goes on.
    fn follow(&mut self, at: usize, mut taken: Result<(), Box<Failure>>, now: Millis) -> bool {
        let id = self.running[at].id;
        if taken.is_ok() {
            self.advance(at, now);
            if self.is_recovering() {
                taken = self.resume(at, false);
            }
        }
        let Err(failure) = taken else { return self.place(id).is_some() };
        // A failure behind the end of an answer leaves the answer whole.
        if self.running[at].is_done() {
            self.conclude(at, now);
            return false;
        }
        if self.request.as_it_comes {
            self.phase = Phase::Committed;
        }
        self.yield_waiting(at);
        let attempt = self.running.remove(at);
        self.fail(attempt, failure, now);
        false
    }

    fn handle_end(&mut self, id: u32, now: Millis) {
        let Some(at) = self.place(id) else { return };
        let taken = self.running[at].take_end(self.clock.wall(now));
        if self.follow(at, taken, now)
            && let Some(at) = self.place(id)
        {
            self.conclude(at, now);
        }
    }

    fn handle_failure(&mut self, id: u32, failure: Box<Failure>, now: Millis) {
        let Some(at) = self.place(id) else { return };
        self.running[at].is_open = false;
        // What came before the connection broke may be the whole answer, or say more about the failure.
        if self.running[at].is_done() {
            return self.conclude(at, now);
        }
        let attempt = self.running.remove(at);
        let failure = attempt.http_failure(self.clock.wall(now)).unwrap_or(failure);
        self.fail(attempt, failure, now);
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    fn is_recovering(&self) -> bool {
        matches!(self.phase, Phase::Recovering(_))
    }

    /// The reader has a part of an answer.
    fn has_committed(&self) -> bool {
        match self.phase {
            Phase::Committed | Phase::Recovering(_) => true,
            Phase::Trying | Phase::Scoring(_) | Phase::Over(_) => false,
        }
    }

    /// The stream that broke, and what the reader has of its answer.
    fn recovery(&self) -> Option<&Recovery> {
        if let Phase::Recovering(recovery) = &self.phase { Some(recovery) } else { None }
    }
}
