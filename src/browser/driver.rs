//! The driver of one call: it performs the actions of the state machine and reports what happened.
//!
//! A `RefCell` is never borrowed while code of the page runs: a callback or a `fetch` of the page may abort the call.

mod connection;
mod finish;
mod held_bytes;
mod lookup;
mod outbox;
mod requests;
mod state;

use core::fmt;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};

use js_sys::{Function, Math};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::memory::Memory;
use super::options::{Host, Plan};
use super::timer::{Timer, now};
use super::values::parse;
use crate::report::Report;
use crate::shape::Shape;
use crate::{Action, Call, Context, Failure, Input, Millis};
pub(super) use connection::request_init;
use connection::{Connection, cancel_body};
use lookup::{Lookups, PATIENCE};
pub use outbox::Form;
pub(super) use outbox::{Outbox, Pull};
use state::{Phase, State};

pub(super) struct Driver {
    memory: Rc<Memory>,
    host: Host,
    state: RefCell<State>,
    timer: Timer,
    on_abort: Closure<dyn FnMut()>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

impl Driver {
    /// Begins a call: it runs from here on, up to its commit point.
    pub(super) fn begin(memory: Rc<Memory>, plan: Plan, host: Host) -> Rc<Self> {
        let driver = Self::planned(memory, plan, host);
        driver.heed_signal();
        if driver.is_planned() {
            driver.look_up_or_start();
        }
        driver
    }

    /// A call that begins when its reader first asks for something.
    pub(super) fn planned(memory: Rc<Memory>, plan: Plan, host: Host) -> Rc<Self> {
        Rc::new_cyclic(|weak: &Weak<Self>| {
            let (at_time, at_abort) = (weak.clone(), weak.clone());
            Self {
                memory,
                host,
                state: RefCell::new(State {
                    phase: Phase::Planned(Some(Box::new(plan)), None),
                    policy: Arc::default(),
                    connections: Vec::new(),
                    outbox: Outbox::default(),
                    is_seeded: false,
                    is_resting: false,
                    notified: 0,
                    thrown: JsValue::UNDEFINED,
                    wakers: Vec::new(),
                }),
                timer: Timer::new(move || at_time.upgrade().iter().for_each(Self::take_time)),
                on_abort: Closure::new(move || at_abort.upgrade().iter().for_each(Self::abort)),
            }
        })
    }

    /// Draws the seed of the call, once a response is there or cannot come. Next.js ends a prerender that draws a random number
    /// before a request.
    fn draw_seed(&self) {
        let state = &mut *self.state.borrow_mut();
        if let (Phase::Running(call), false) = (&mut state.phase, std::mem::replace(&mut state.is_seeded, true)) {
            call.reseed((Math::random() * 2f64.powi(53)) as u64);
        }
    }

    pub(super) fn fetch(&self) -> &Function {
        &self.host.fetch
    }

    /// Waits for the end of the call, or for the commit point of a stream if that comes first.
    ///
    /// # Errors
    /// The `ChatError` of a call that failed.
    pub(super) async fn settled(&self, at_commit: bool) -> Result<(), JsValue> {
        poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if state.end().is_some() || (at_commit && state.outbox.has_chunks()) {
                return Poll::Ready(());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await;
        self.state.borrow().end().and_then(|end| end.error.clone()).map_or(Ok(()), Err)
    }

    /// Waits for the end of the call, and gives OpenAI's completion object.
    ///
    /// # Errors
    /// The `ChatError` of a call that failed.
    pub(super) async fn completion(&self) -> Result<JsValue, JsValue> {
        self.settled(false).await?;
        Ok(self.completion_now().unwrap_or_default())
    }

    /// The completion with the report, as JSON text, if the call has succeeded.
    pub(super) fn completion_text(&self) -> Option<String> {
        let state = self.state.borrow();
        let outcome = &state.end()?.outcome;
        outcome.result.as_ref().ok().map(|answer| answer.completion_with(&outcome.report_json()))
    }

    /// The completion, if the call has succeeded.
    pub(super) fn completion_now(&self) -> Option<JsValue> {
        match self.state.borrow_mut().phase {
            Phase::Over(ref mut end) => end.completion(),
            Phase::Planned(..) | Phase::Running(_) => None,
        }
    }

    /// The report of the call so far.
    pub(super) fn report(&self) -> JsValue {
        match &self.state.borrow().phase {
            Phase::Planned(..) => parse(&Report::default().to_json(None)),
            Phase::Running(call) => parse(&call.report().to_json(call.edge_report().as_deref())),
            Phase::Over(end) => end.report.clone(),
        }
    }

    /// The failure of the call, if it is over and failed.
    pub(super) fn failure(&self) -> Option<Box<Failure>> {
        self.state.borrow().end().and_then(|end| end.outcome.result.as_ref().err().cloned())
    }

    /// The reader of the events is a client of the wire.
    pub(super) fn set_shape(&self, shape: Shape) {
        self.state.borrow_mut().outbox.shape = shape;
    }

    /// Lets `change` see what the reader waits for; then goes on with the call.
    pub(super) fn serve(self: &Rc<Self>, change: impl FnOnce(&mut Outbox)) {
        change(&mut self.state.borrow_mut().outbox);
        if self.is_planned() {
            self.start();
        }
        self.deliver();
        self.advance();
    }

    /// Ends the call because its reader wants no more. For the reader, that is the end and no error.
    pub(super) fn cancel(self: &Rc<Self>) {
        self.state.borrow_mut().outbox.cancel();
        if let (true, Some(response)) = (self.is_planned(), &self.host.given) {
            cancel_body(response);
        }
        self.abort();
    }

    /// The call has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state.borrow().end().is_some()
    }

    fn is_planned(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::Planned(..))
    }

    fn heed_signal(self: &Rc<Self>) {
        let Some(signal) = &self.host.signal else { return };
        let _ = signal.add_event_listener_with_callback("abort", self.on_abort.as_ref().unchecked_ref());
        if signal.aborted() {
            self.abort();
        }
    }

    fn ignore_signal(&self) {
        if let Some(signal) = &self.host.signal {
            let _ = signal.remove_event_listener_with_callback("abort", self.on_abort.as_ref().unchecked_ref());
        }
    }

    /// Begins the call, or asks for the model info that it needs.
    fn look_up_or_start(self: &Rc<Self>) {
        let urls = match &self.state.borrow().phase {
            Phase::Planned(Some(plan), _) => lookup::list_wanted(&self.memory, plan),
            Phase::Planned(None, _) | Phase::Running(_) | Phase::Over(_) => return,
        };
        match Lookups::start(self, urls) {
            Some(lookups) => {
                self.timer.arm(now() + PATIENCE);
                if let Phase::Planned(_, waiting) = &mut self.state.borrow_mut().phase {
                    *waiting = Some(lookups);
                }
            }
            None => {
                self.start();
                self.advance();
            }
        }
    }

    /// One request for model info has ended.
    pub(super) fn end_lookup(self: &Rc<Self>, body: Option<&str>) {
        if let Some(body) = body {
            lookup::learn(&self.memory, body);
        }
        let is_last = match &mut self.state.borrow_mut().phase {
            Phase::Planned(_, Some(lookups)) => lookups.end_one(),
            Phase::Planned(_, None) | Phase::Running(_) | Phase::Over(_) => false,
        };
        if is_last {
            self.start();
            self.advance();
        }
    }

    /// From the plan to the call. Lookups that are under way are dropped, which aborts them.
    fn start(&self) {
        let lookups = {
            let state = &mut *self.state.borrow_mut();
            let Phase::Planned(plan, lookups) = &mut state.phase else { return };
            let (Some(plan), lookups) = (plan.take(), lookups.take()) else { return };
            let Plan { request, upstreams, policy } = *plan;
            let (catalog, mut breakers) = (self.memory.catalog.borrow(), self.memory.breakers.borrow_mut());
            let context = Context { upstreams: Arc::new(upstreams), catalog: &catalog, breakers: &mut breakers };
            state.policy = Arc::new(policy);
            let call = Call::new(request, Arc::clone(&state.policy), context, 0, now());
            state.phase = Phase::Running(Box::new(call));
            lookups
        };
        drop(lookups);
        self.timer.disarm();
    }

    /// Performs what the machine says until it waits, has chunks for the reader, or is over.
    pub(super) fn advance(self: &Rc<Self>) {
        // To ask for the time is a call into JavaScript, which each chunk would make four times.
        let mut time = now();
        while let Some(action) = self.poll(time) {
            match action {
                Action::Send { attempt, request } => {
                    self.notify_attempts();
                    self.send(attempt, request);
                    time = now();
                }
                Action::Read { attempt } => self.read(attempt),
                Action::Yield(chunks) => {
                    {
                        let mut state = self.state.borrow_mut();
                        state.outbox.put(chunks);
                        state.is_resting = true;
                    }
                    self.deliver();
                    self.wake();
                }
                Action::Cancel { attempt } => {
                    self.close(attempt);
                    self.notify_attempts();
                    time = now();
                }
                Action::Wait { until } => return self.timer.arm(until),
                // Only a request on the lane `relay` or `lean` gets this action. A page has neither.
                Action::Relay { .. } => return,
                Action::Done(outcome) => self.finish(outcome),
            }
        }
    }

    fn poll(&self, time: Millis) -> Option<Action> {
        let state = &mut *self.state.borrow_mut();
        match &mut state.phase {
            Phase::Running(call) if !state.is_resting => Some(call.poll(time)),
            Phase::Planned(..) | Phase::Running(_) | Phase::Over(_) => None,
        }
    }

    fn handle(&self, input: Input<'_>) {
        if let Phase::Running(call) = &mut self.state.borrow_mut().phase {
            call.handle(now(), input);
        }
    }

    fn take_time(self: &Rc<Self>) {
        self.timer.mark_fired();
        if self.is_planned() {
            self.start();
        }
        self.advance();
    }

    fn abort(self: &Rc<Self>) {
        if self.is_planned() {
            self.start();
        }
        self.state.borrow_mut().is_resting = false;
        self.handle(Input::Aborted);
        self.advance();
    }

    /// Gives the reader what it waits for, as far as that is there. A reader that still waits lets the machine go on.
    fn deliver(&self) {
        loop {
            let delivery = {
                let state = &mut *self.state.borrow_mut();
                let end = match &state.phase {
                    Phase::Over(end) => Some((end.outcome.result.as_ref().err().map(|failure| &**failure), &end.error)),
                    Phase::Planned(..) | Phase::Running(_) => None,
                };
                match state.outbox.next_delivery(end) {
                    Some(delivery) => delivery,
                    None => {
                        state.is_resting &= !state.outbox.wants_more();
                        return;
                    }
                }
            };
            delivery.perform();
        }
    }

    fn wake(&self) {
        let wakers = std::mem::take(&mut self.state.borrow_mut().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A reader that is gone needs no connection.
impl Drop for Driver {
    fn drop(&mut self) {
        self.ignore_signal();
        std::mem::take(&mut self.state.get_mut().connections).into_iter().for_each(Connection::close);
    }
}
