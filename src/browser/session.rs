//! One call, as JavaScript holds it.

use std::rc::Rc;
use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::client::Memory;
use super::plan::Plan;
use crate::chunk::Brief;
use crate::failure::Kind;
use crate::http::READ_HEADERS;
use crate::json::{Object, array, quoted};
use crate::text::{of, split, text};
use crate::{Action, AttemptId, Call, Chunks, Context, Failure, HttpRequest, Input, Millis, Outcome, Policy, Report};

/// One call: poll it until it waits, do what it says, tell what happened, and poll again.
///
/// Text and not objects, because V8 up to Node 22 dies when it has to deoptimise code around an inlined call that
/// returns a reference.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session {
    memory: Rc<Memory>,
    seed: u64,
    phase: Phase,
    /// The policy of the call, for what the breakers learn of it.
    policy: Arc<Policy>,
    /// The request that is to be sent.
    request: Option<HttpRequest>,
    /// What was found out too early to be said.
    next: Option<Box<Action>>,
    /// Chunks for the reader.
    chunks: Chunks,
    /// What was told of them so far.
    brief: Brief,
    /// Bytes that JavaScript has put there, or what was said last.
    mailbox: Vec<u8>,
}

#[derive(Debug)]
enum Phase {
    /// With the plan, until the call takes it over.
    Planned(Option<Box<Plan>>),
    Running(Box<Call>),
    Over(Box<Outcome>),
}

/// What to do, as [`Session::poll`] says it. `call.js` has the same numbers.
#[derive(Clone, Copy)]
enum Step {
    /// Send the request of the attempt.
    Send = 1,
    /// Read one chunk of the attempt's body.
    Read = 2,
    /// Chunks wait for the reader.
    Yield = 3,
    /// Close the connection of the attempt.
    Cancel = 4,
    /// The call is over.
    Done = 5,
}

/// A wait names an attempt to read in so many parts of its fraction: as many as a point in time leaves precise.
const PARTS: f64 = 1024.0;

impl Step {
    /// With the attempt that it is about, or the length of what was said.
    fn of(self, value: u32) -> f64 {
        -f64::from(value << 3 | self as u32)
    }
}

#[wasm_bindgen]
impl Session {
    /// What to do next. If `length` is not 0, that many bytes of the body of `attempt` have come, and lie in the mailbox.
    ///
    /// Not below zero: nothing before something happens, or this point in time comes. Its fraction, in 1,024 parts, is one
    /// more than the attempt of which a chunk is to be read meanwhile, or 0. Below zero, with the sign turned: a [`Step`]
    /// in the lowest three bits, and above them the attempt that it is about. Of chunks it says at once what
    /// [`Session::say`] would, if `what` is 0 or more, and gives the length in place of the attempt.
    pub fn poll(&mut self, now: f64, what: i32, attempt: AttemptId, length: usize) -> f64 {
        if length > 0 {
            self.tell(-1, attempt, length, now);
        }
        let now = now as Millis;
        let next = self.next.take();
        let Some(call) = self.begun(now) else { return Step::Done.of(0) };
        match next.map_or_else(|| call.poll(now), |next| *next) {
            Action::Send { attempt, request } => {
                self.request = Some(request);
                Step::Send.of(attempt)
            }
            Action::Read { attempt } => match call.poll(now) {
                // Who waits for ever has no fraction.
                Action::Wait { until } => until.min(1 << 42) as f64 + f64::from(attempt + 1) / PARTS,
                next => {
                    self.next = Some(Box::new(next));
                    Step::Read.of(attempt)
                }
            },
            Action::Yield(chunks) => {
                self.chunks = chunks;
                Step::Yield.of(u32::try_from(what).map_or(0, |what| self.say(what)))
            }
            Action::Cancel { attempt } => Step::Cancel.of(attempt),
            Action::Wait { until } => until as f64,
            // Only asked for by a request whose lane is the relay; a page's never is.
            Action::Relay { .. } => now as f64,
            Action::Done(outcome) => {
                outcome.record_in(&mut self.memory.breakers.borrow_mut(), now, &self.policy);
                self.phase = Phase::Over(outcome);
                Step::Done.of(0)
            }
        }
    }

    /// Says what belongs to the last step, or tells of the call: puts its UTF-8 into the mailbox, and gives the length.
    ///
    /// | `what` | |
    /// |---|---|
    /// | 0 | the text in the chunks that wait |
    /// | 1 | those chunks, a line of JSON each |
    /// | 2 | the request that is to be sent, in three lines: its headers as JSON, its body, its URL |
    /// | 3 | the URLs of facts that are worth waiting for before the call begins, as JSON |
    /// | 4 | the completion, after a success |
    /// | 5 | what has happened so far, as JSON: `{report, failure, partial, http}` |
    /// | 6 | the chunks, as JSON in [`Brief`] |
    pub fn say(&mut self, what: u32) -> u32 {
        let said = match (what, &self.phase) {
            (0, _) => std::mem::take(&mut self.chunks).into_text(),
            (1, _) => std::mem::take(&mut self.chunks).into_lines(),
            (6, _) => self.brief.tell(&std::mem::take(&mut self.chunks)),
            (2, _) => self.request.take().map(|request| lines(&request)).unwrap_or_default(),
            (3, Phase::Planned(Some(plan))) => {
                array(plan.wanted(&self.memory.catalog.borrow()).iter().map(|url| quoted(url)))
            }
            (4, Phase::Over(outcome)) => outcome.result.as_ref().map(|answer| answer.completion()).unwrap_or_default(),
            _ => self.account(),
        };
        self.mailbox(said.len());
        self.mailbox[..said.len()].copy_from_slice(said.as_bytes());
        said.len() as u32
    }

    /// Where the mailbox lies, which has room for `size` bytes then. It stays there until it has to become larger, and
    /// keeps what it holds.
    pub fn mailbox(&mut self, size: usize) -> *const u8 {
        if size > self.mailbox.len() {
            self.mailbox.resize(size, 0);
        }
        self.mailbox.as_ptr()
    }

    /// What happened, with so many bytes in the mailbox:
    ///
    /// | `what` | | in the mailbox |
    /// |---|---|---|
    /// | -1 | the chunk came that was to be read | the chunk |
    /// | -2 | the body has ended | |
    /// | -3 | there is no connection, or it broke | why, in words |
    /// | -4 | the caller wants no more, whatever the attempt | |
    /// | else | the response has begun; this is its status | a line for each of [`READ_HEADERS`], empty if not there |
    pub fn tell(&mut self, what: i32, attempt: AttemptId, length: usize, now: f64) {
        let now = now as Millis;
        let mailbox = std::mem::take(&mut self.mailbox);
        let bytes = mailbox.get(..length).unwrap_or_default();
        let text = || of(bytes).unwrap_or_default();
        let input = match what {
            -1 => Input::Bytes { attempt, bytes },
            -2 => Input::End { attempt },
            -3 => Input::Failed { attempt, failure: Failure::new(Kind::Network, text()) },
            -4 => Input::Aborted,
            status => {
                let values = text();
                let headers = READ_HEADERS.into_iter().zip(split(values, b'\n')).filter(|(_, value)| !value.is_empty());
                Input::Head { attempt, status: status as u16, headers: headers.collect() }
            }
        };
        if let Some(call) = self.begun(now) {
            call.handle(now, input);
        }
        self.mailbox = mailbox;
    }
}

impl Session {
    pub(super) fn plan(memory: Rc<Memory>, handed: &[u8], seed: u64) -> Self {
        let phase = match Plan::read(handed) {
            Ok(plan) => Phase::Planned(Some(Box::new(plan))),
            Err(invalid) => Phase::Over(Box::new(failed(Failure::new(Kind::InvalidRequest, invalid.sentence())))),
        };
        Self {
            memory,
            seed,
            phase,
            policy: Arc::default(),
            request: None,
            next: None,
            chunks: Chunks::default(),
            mailbox: Vec::new(),
            brief: Brief::default(),
        }
    }

    /// The call, begun if it was only planned; nothing, if it is over.
    fn begun(&mut self, now: Millis) -> Option<&mut Call> {
        if let Phase::Planned(plan) = &mut self.phase
            && let Some(plan) = plan.take()
        {
            let Plan { request, upstreams, policy } = *plan;
            let (catalog, mut breakers) = (self.memory.catalog.borrow(), self.memory.breakers.borrow_mut());
            let facts = Context { upstreams: Arc::new(upstreams), catalog: &catalog, breakers: &mut breakers };
            self.policy = Arc::new(policy);
            self.phase = Phase::Running(Box::new(Call::new(request, self.policy.clone(), facts, self.seed, now)));
        }
        match &mut self.phase {
            Phase::Running(call) => Some(call),
            Phase::Planned(_) | Phase::Over(_) => None,
        }
    }

    fn account(&self) -> String {
        let mut json = Object::default();
        match &self.phase {
            Phase::Planned(_) => json.raw("report", &Report::default().to_json(None)),
            Phase::Running(call) => json.raw("report", &call.report().to_json(call.edge_report().as_deref())),
            Phase::Over(outcome) => json.raw("report", &outcome.report_json()),
        };
        if let Phase::Over(outcome) = &self.phase
            && let Err(failure) = &outcome.result
        {
            let mut http = Object::default();
            http.whole("status", failure.http_status().into()).raw("error", &failure.to_openai());
            json.raw("failure", &failure.to_json());
            json.maybe_text("partial", outcome.partial.as_deref());
            json.raw("http", &http.end());
        }
        json.end()
    }
}

fn lines(request: &HttpRequest) -> String {
    let mut headers = Object::default();
    for (name, value) in &request.headers {
        headers.text(name, value);
    }
    // Where a name comes twice, `JSON.parse` takes the later value.
    for (name, value) in &request.extra_headers {
        headers.text(name, value);
    }
    text!(&headers.end(), "\n", &request.body, "\n", &request.url)
}

/// The outcome of a call that never began.
fn failed(failure: Box<Failure>) -> Outcome {
    Outcome {
        result: Err(failure),
        partial: None,
        report: Default::default(),
        edge_report: None,
        model_outcomes: Vec::new(),
        unused_probes: Vec::new(),
    }
}
