//! What a session holds, and how it does what the machine says.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use js_sys::{Function, JSON};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;
use web_sys::AbortSignal;

use super::client::Memory;
use super::connection::Connection;
use super::option::Plan;
use super::session::Step;
use super::timer::Timer;
use super::wake::Wake;
use super::{connection, now};
use crate::report::AttemptReport;
use crate::{Action, AttemptId, Call, Chunks, Input, Json, Outcome, Policy};

/// What the page handed over beside the data.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) fetch: Function,
    pub(super) signal: Option<AbortSignal>,
    pub(super) on_attempt: Option<Function>,
}

/// What changes while a call runs.
#[derive(Default)]
pub(super) struct State {
    /// Until the call begins.
    pub(super) plan: Option<Plan>,
    pub(super) call: Option<Call>,
    /// The policy of that call.
    pub(super) policy: Policy,
    pub(super) connection: Option<Connection>,
    /// The machine allows one read of this attempt, and nobody has begun it.
    pub(super) read: Option<AttemptId>,
    /// Chunks for the reader.
    pub(super) waiting: Chunks,
    /// The reader has chunks to look at; until it comes back, the machine is left alone.
    pub(super) resting: bool,
    /// Attempts that the page was told of.
    told: usize,
    pub(super) aborted: bool,
    pub(super) outcome: Option<Outcome>,
    /// What `fetch` or a reader threw last.
    pub(super) thrown: Option<JsValue>,
}

pub(super) struct Inner {
    pub(super) memory: Rc<Memory>,
    pub(super) host: Host,
    /// Never borrowed while code of the page runs.
    pub(super) state: RefCell<State>,
    pub(super) timer: Timer,
    pub(super) wake: Wake,
    pub(super) on_abort: Closure<dyn FnMut()>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner")
    }
}

impl Inner {
    /// Does what the machine says until it waits, has something for the reader, or is over.
    pub(super) fn pump(self: &Rc<Self>) -> Step {
        loop {
            let action = {
                let mut state = self.state.borrow_mut();
                match &mut *state {
                    State { waiting, .. } if !waiting.is_empty() => return Step::Yield,
                    State { outcome: Some(_), .. } => return Step::Done,
                    State { resting: true, .. } | State { call: None, .. } => return Step::Wait,
                    State { call: Some(call), .. } => call.poll(now()),
                }
            };
            self.tell_failed_attempts();
            match action {
                Action::Send { attempt, request } => connection::open(self, attempt, &request),
                Action::Read { attempt } => self.state.borrow_mut().read = Some(attempt),
                Action::Yield(chunks) => {
                    let mut state = self.state.borrow_mut();
                    state.resting = true;
                    state.waiting = chunks;
                }
                // Only asked for by a request whose lane is the relay; a page's never is.
                Action::Relay { .. } => {}
                Action::Cancel { attempt } => self.cancel(attempt),
                Action::Wait { until } => {
                    self.timer.set(until);
                    return if self.state.borrow().read.is_some() { Step::Read } else { Step::Wait };
                }
                Action::Done(outcome) => self.finish(*outcome),
            }
        }
    }

    /// Takes note of what happened to an attempt.
    pub(super) fn handle(&self, input: Input<'_>) {
        if let Some(call) = &mut self.state.borrow_mut().call {
            call.handle(now(), input);
        }
    }

    /// Something has happened while nobody was asking.
    pub(super) fn advance(self: &Rc<Self>) {
        self.pump();
        self.wake.wake();
    }

    pub(super) fn woken(self: &Rc<Self>) {
        self.timer.fired();
        if !self.state.borrow().resting {
            self.handle(Input::Woken);
        }
        self.advance();
    }

    pub(super) fn abort(self: &Rc<Self>) {
        {
            let mut state = self.state.borrow_mut();
            state.aborted = true;
            state.resting = false;
        }
        self.handle(Input::Aborted);
        self.advance();
    }

    fn cancel(&self, attempt: AttemptId) {
        let connection = self.state.borrow_mut().connection.take_if(|connection| connection.attempt == attempt);
        if let Some(connection) = connection {
            connection.close();
        }
    }

    pub(super) fn finish(&self, outcome: Outcome) {
        self.timer.clear();
        self.ignore_signal();
        let all = outcome.report_json();
        let told = {
            let mut state = self.state.borrow_mut();
            outcome.teach(&mut self.memory.breakers.borrow_mut(), now(), &state.policy);
            state.outcome = Some(outcome);
            state.read = None;
            state.told
        };
        let attempts = Json::parse(&all).unwrap_or(Json::NULL).get("attempts");
        attempts.items().skip(told).for_each(|attempt| self.tell(attempt.raw()));
    }

    /// An attempt that failed is told at once. One that served may be an edge's, which tells of its own at the end.
    fn tell_failed_attempts(&self) {
        if self.host.on_attempt.is_none() {
            return;
        }
        let mut failed = Vec::new();
        {
            let mut state = self.state.borrow_mut();
            let State { call: Some(call), told, .. } = &mut *state else { return };
            let new = call.report().attempts.iter().skip(*told).take_while(|row| row.failure.is_some());
            failed.extend(new.map(AttemptReport::to_json));
            *told += failed.len();
        }
        failed.iter().for_each(|attempt| self.tell(attempt));
    }

    fn tell(&self, attempt: &str) {
        if let Some(on_attempt) = &self.host.on_attempt {
            // The page's own wrapper catches what a callback throws.
            let _ = on_attempt.call1(&JsValue::UNDEFINED, &to_js(attempt));
        }
    }

    pub(super) fn heed_signal(self: &Rc<Self>) {
        let Some(signal) = &self.host.signal else { return };
        let _ = signal.add_event_listener_with_callback("abort", connection::function(&self.on_abort));
        if signal.aborted() {
            self.state.borrow_mut().aborted = true;
        }
    }

    fn ignore_signal(&self) {
        if let Some(signal) = &self.host.signal {
            let _ = signal.remove_event_listener_with_callback("abort", connection::function(&self.on_abort));
        }
    }
}

/// JSON text as JavaScript's own objects.
fn to_js(json: &str) -> JsValue {
    JSON::parse(json).unwrap_or(JsValue::UNDEFINED)
}
