//! The state machine of one call. Everything that affects its state lives in this file and its folder.
//!
//! ```text
//!                             again, after a pause; the next, at once
//!            ┌──────────────────────────────────────────────────────────────────────┐
//!            ▼                                                                      │
//!         Waiting ── Send ──▶ Asked ── Head, Bytes ──▶ Answering ── End ──▶ whole? passes the rules?
//!                              │  ▲                      │     │                   │      │
//!            silent too long:  │  │ a hedge: two at      │     │ first meaningful  │      │ yes
//!            a second is asked └──┘ once, one wins       │     ▼ delta             │      ▼
//!                                                        │  Committed ── Yield     │   judge? ── below ──┐
//!                                                failure │     │  ▲                │      │              │
//!                                                        │     │  │ joined         │      │ passes       │
//!                                                        │     ▼  │                │      ▼              │
//!                                                        │  Recovering             │    Over ◀───────────┤
//!                                                        │     │ nobody is left    │      ▲              │
//!                                                        ▼     ▼                   ▼      │              │
//!                                                     nobody is left to ask: the best answer, or an error
//! ```
//!
//! What is in flight is a list: usually one attempt, two with a hedge. Each ends by itself and in one of the rooms below.
//!
//! | room | what happens there |
//! |---|---|
//! | `sending` | the next window or successor is asked; a hedge is due; who was outrun is closed |
//! | `ending` | an attempt has ended: it passes, fails softly or fails; the call ends |
//! | `judging` | a judge is asked, and its score is taken |
//! | `recovery` | after the commit point: who goes on, and where the new answer is joined |
//!
//! The *commit point* is the first meaningful delta of a stream: text, a tool call, reasoning that the caller asked to
//! see. Until then every chunk is held, and another model may take over invisibly. From then on the reader has seen
//! something that no other model can take back.
//!
//! Time is an argument, in milliseconds of the UNIX epoch; randomness is a seed. Time that nobody can blame a model for
//! does not count: while the host sleeps, and while the reader of a stream is busy with what it was given.

mod action;
mod ending;
mod failing;
mod judging;
mod noting;
mod outcome;
mod recovery;
mod sending;

use crate::text::{is_blank, text};
use std::collections::VecDeque;
use std::sync::Arc;

pub use action::{Action, Input};
pub use outcome::{Answer, Outcome};
pub(crate) use recovery::Resume;

use crate::Millis;
use crate::attempt::{Attempt, Body};
use crate::breaker::ModelOutcome;
use crate::catalog::ModelInfo;
use crate::chain::{Chain, Context};
use crate::chunk::Seen;
use crate::events::Events;
use crate::failure::{Failure, Kind};
use crate::json::decimal;
use crate::policy::{Policy, Soft};
use crate::report::Report;
use crate::request::{ChatRequest, Lane};
use crate::upstream::Upstream;
use crate::usd::Usd;
use crate::verdict::{Beginning, beginning, forbidden};
use noting::note_served;
use outcome::Kept;
use recovery::Joined;

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
    policy: Arc<Policy>,
    upstreams: Arc<Vec<Upstream>>,
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
    /// The stream broke after the commit point, and goes on with others.
    joined: Option<Joined>,
    /// The best answer that did not pass.
    kept: Option<Kept>,
    /// The answer that is being scored.
    judged: Option<Kept>,
    /// What is known of the judge.
    judge_facts: Arc<ModelInfo>,
    last: Option<Box<Failure>>,
    /// What the attempts that have ended may have cost.
    spent: Usd,
    report: Report,
    /// The report of a call that is over, which the outcome has too.
    ended: Option<Arc<Report>>,
    model_outcomes: Vec<ModelOutcome>,
}

impl Call {
    /// A call that begins `now`. With nobody to ask it is over at once, which [`Call::poll`] tells.
    pub fn new(mut request: ChatRequest, policy: Arc<Policy>, mut facts: Context<'_>, seed: u64, now: Millis) -> Self {
        let mut report = Report { warnings: std::mem::take(&mut request.warnings), ..Report::default() };
        let planned = Chain::plan(&request, &policy, &mut facts, now, &mut report);
        let judge = policy.judge.as_ref().and_then(|judge| facts.catalog.find(&judge.model));
        let mut call = Self {
            request,
            judge_facts: judge.cloned().unwrap_or_default(),
            policy,
            upstreams: facts.upstreams,
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
            joined: None,
            kept: None,
            judged: None,
            last: None,
            spent: Usd(0),
            report,
            ended: None,
            model_outcomes: Vec::new(),
        };
        match planned {
            Ok(chain) => call.chain = chain,
            Err(failure) => call.finish(Err(failure), None, None),
        }
        call
    }

    /// What has happened so far.
    pub fn report(&self) -> &Report {
        self.ended.as_deref().unwrap_or(&self.report)
    }

    /// What an edge has told so far, as JSON text.
    pub fn edge_report(&self) -> Option<String> {
        self.running.first().and_then(|attempt| attempt.edge_report())
    }

    /// What to do next.
    pub fn poll(&mut self, now: Millis) -> Action {
        let now = self.counted(now);
        loop {
            // Two of a hedge may be late at once, and what an answer leads to may come too late.
            self.expire(now);
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
            if self.hedge_at().is_some_and(|at| now >= at) {
                self.running.iter_mut().for_each(|attempt| attempt.hedged = true);
                self.send(now);
            } else if !self.running.is_empty() || now < self.paused {
                return self.wait();
            } else {
                self.send(now);
            }
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
                let mut taken = attempt.take_bytes(bytes, now, now + self.excused);
                if taken.is_ok() {
                    self.advance(at, now);
                    if self.joined.is_some() {
                        taken = self.join(at, false);
                    }
                }
                let Err(failure) = taken else { return };
                // Whatever goes wrong behind its end, the answer is whole.
                if self.running[at].is_done() {
                    return self.conclude(at, now);
                }
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
                let failure = attempt.refused(now + self.excused).unwrap_or(failure);
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
        next = next.min(self.hedge_at().unwrap_or(next));
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
        let over = now >= self.began + total;
        // A complete answer waits for nothing but the end of its connection.
        if let Some(at) = self.running.iter().position(|attempt| over && attempt.is_done()) {
            return self.conclude(at, now);
        }
        if over && !self.over {
            let message = text!("the call took longer than ", &decimal(total), " ms");
            return self.give_up(Failure::new(Kind::Timeout, message), now);
        }
        let late = |attempt: &Attempt| attempt.deadline(&self.policy.timeouts).is_some_and(|(at, _)| now >= at);
        let Some(at) = self.running.iter().position(|attempt| late(attempt)) else { return };
        if self.running[at].is_done() {
            return self.conclude(at, now);
        }
        let attempt = self.running.remove(at);
        let kind = attempt.deadline(&self.policy.timeouts).map_or(Kind::Stalled, |(_, kind)| kind);
        let failure = attempt.refused(now + self.excused).unwrap_or_else(|| too_late(kind, attempt.age(now)));
        self.fail(attempt, failure, now);
    }

    /// Bytes of the attempt at `at` were taken: is it time to commit, to hand over?
    fn advance(&mut self, at: usize, now: Millis) {
        let attempt = &self.running[at];
        let (id, age) = (attempt.id, attempt.age(now));
        let Body::Events(events) = &attempt.body else { return };
        if events.is_alive() {
            self.report.attempts[id as usize].first_token.get_or_insert(age);
        }
        if !self.committed && self.may_commit(attempt, events) {
            if let Some(failure) = forbidden(events.answer.text(), &self.policy)
                && !attempt.judged_there
            {
                // One that is whole may still be the best of all: it is judged as a whole.
                if attempt.is_done() {
                    return;
                }
                let attempt = self.running.remove(at);
                return self.fail_softly(attempt, failure, self.policy.pattern, None, now);
            }
            self.committed = true;
            let mut attempt = self.running.remove(at);
            if let Some(held) = attempt.raw.take() {
                attempt.unread = self.request.lane() == Lane::Lean;
                self.actions.push_back(Action::Relay { attempt: id, held });
            }
            self.outrun(now);
            note_served(&mut self.report, &self.chain, &attempt);
            self.running.push(attempt);
            return self.hand_over(0);
        }
        self.hand_over(at);
    }

    /// Something has come that is worth showing, and no rule may still want to look at it.
    fn may_commit(&self, attempt: &Attempt, events: &Events) -> bool {
        let (seen, text) = (events.seen, events.answer.text());
        let ours = !attempt.judged_there;
        if !self.request.stream || (ours && self.policy.buffers()) {
            return false;
        }
        let reasons = seen.has(Seen::REASONING) && self.request.wants_reasoning;
        if seen.has(Seen::TOOL_CALL) || reasons || (seen.has(Seen::CONTENT) && text.is_empty()) {
            return true;
        }
        let holds = ours && self.policy.refusal != Soft::Accept;
        let long = !ours || self.policy.hold_chars == 0 || text.chars().count() as u64 >= self.policy.hold_chars;
        let clear = || !holds || beginning(text, &self.policy.refusal_phrases) == Beginning::Clear;
        // Blank text may be all that comes: it is not an answer yet.
        (!is_blank(text) && long && clear()) || (seen.has(Seen::REFUSAL) && !holds)
    }

    /// What came after the commit point is the reader's, whatever came behind it.
    fn hand_over(&mut self, at: usize) {
        let relayed = self.request.lane() != Lane::Gate;
        let joined = self.joined.is_some();
        if let Some(events) = self.running[at].events()
            && self.committed
            && !joined
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
    Failure::new(kind, text!(what, &decimal(age), since))
}
