//! The driver of one call: it performs the actions of the state machine and reports what happened.
//!
//! A `RefCell` is never borrowed while code of the page runs: a callback or a `fetch` of the page may abort the call.

mod connection;
mod lookup;
mod outbox;

use core::fmt;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};

use js_sys::{Array, Function, Math, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::callbacks::{notify, report_fallback};
use super::error::chat_error;
use super::memory::Memory;
use super::options::{Host, Plan};
use super::page::{explain, property};
use super::promise::{settle, spawn};
use super::timer::{Timer, now};
use super::values::parse;
use crate::failure::Kind;
use crate::report::{AttemptReport, Report};
use crate::{Action, AttemptId, Call, Context, Failure, HttpRequest, Input, Outcome, Policy};
pub(super) use connection::Foreign;
use connection::{Connection, Piece, cancel_body};
use lookup::{Lookups, PATIENCE};
pub use outbox::Form;
pub(super) use outbox::{Outbox, Pull};

pub(super) struct Driver {
    memory: Rc<Memory>,
    host: Host,
    state: RefCell<State>,
    timer: Timer,
    on_abort: Closure<dyn FnMut()>,
}

struct State {
    phase: Phase,
    /// The policy of the call, by which its outcome is recorded.
    policy: Arc<Policy>,
    connections: Vec<Connection>,
    outbox: Outbox,
    /// The reader is busy with what it got. Until it asks for more, the machine is left alone and no clock runs.
    is_resting: bool,
    /// The number of attempts that `onAttempt` was called with.
    notified: usize,
    /// What `fetch` or a reader threw, if nothing happened since.
    thrown: JsValue,
    wakers: Vec<Waker>,
}

enum Phase {
    /// The call has not begun. It may wait for model info.
    Planned(Option<Box<Plan>>, Option<Lookups>),
    Running(Box<Call>),
    Over(Box<End>),
}

/// How the call ended.
struct End {
    outcome: Box<Outcome>,
    report: JsValue,
    error: Option<JsValue>,
    completion: Option<JsValue>,
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
            let seed = (Math::random() * 2f64.powi(53)) as u64;
            state.policy = Arc::new(policy);
            let call = Call::new(request, Arc::clone(&state.policy), context, seed, now());
            state.phase = Phase::Running(Box::new(call));
            lookups
        };
        drop(lookups);
        self.timer.disarm();
    }

    /// Performs what the machine says until it waits, has chunks for the reader, or is over.
    pub(super) fn advance(self: &Rc<Self>) {
        while let Some(action) = self.poll() {
            match action {
                Action::Send { attempt, request } => {
                    self.notify_attempts();
                    self.send(attempt, request);
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
                }
                Action::Wait { until } => return self.timer.arm(until),
                // Only a request on the lane `relay` or `lean` gets this action. A page has neither.
                Action::Relay { .. } => return,
                Action::Done(outcome) => self.finish(outcome),
            }
        }
    }

    fn poll(&self) -> Option<Action> {
        let state = &mut *self.state.borrow_mut();
        match &mut state.phase {
            Phase::Running(call) if !state.is_resting => Some(call.poll(now())),
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

    fn send(self: &Rc<Self>, attempt: AttemptId, request: HttpRequest) {
        if let Some(response) = &self.host.given {
            self.state.borrow_mut().connections.push(Connection::of_given(attempt));
            return self.take_response(attempt, Ok(response.clone()));
        }
        let (connection, answer) = Connection::send(&self.host.fetch, attempt, request);
        self.put_back(connection);
        let driver = Rc::clone(self);
        spawn(async move {
            driver.take_response(attempt, settle(answer).await);
            driver.advance();
        });
    }

    /// The response of `attempt` is there, unless the request failed.
    fn take_response(self: &Rc<Self>, attempt: AttemptId, response: Result<JsValue, JsValue>) {
        let Some(mut connection) = self.remove(attempt) else {
            return response.iter().for_each(cancel_body);
        };
        let head = response.and_then(|response| connection.open(response, self.host.given.is_some()));
        match head {
            Ok(head) => {
                self.put_back(connection);
                self.state.borrow_mut().thrown = JsValue::UNDEFINED;
                self.handle(Input::Head { attempt, status: head.status, headers: head.headers });
            }
            Err(thrown) => self.fail(&connection, thrown),
        }
    }

    fn read(self: &Rc<Self>, attempt: AttemptId) {
        let source = {
            let connections = &mut self.state.borrow_mut().connections;
            connections.iter_mut().find(|connection| connection.attempt == attempt).map(Connection::source)
        };
        if let Some(source) = source {
            source.read(self, attempt);
        }
    }

    /// A read of the body of `attempt` has ended.
    fn take_piece(self: &Rc<Self>, attempt: AttemptId, piece: Result<Piece, JsValue>) {
        // Without a connection, the attempt was closed meanwhile.
        let Some(mut connection) = self.remove(attempt) else { return };
        self.state.borrow_mut().thrown = JsValue::UNDEFINED;
        match piece {
            Ok(Piece::Chunk(chunk)) => match connection.hold(&chunk) {
                Ok(true) => {
                    self.give_held(&mut connection);
                    self.put_back(connection);
                }
                Ok(false) => {
                    self.put_back(connection);
                    return self.read(attempt);
                }
                Err(thrown) => {
                    self.give_held(&mut connection);
                    connection.cancel();
                    self.fail(&connection, thrown);
                }
            },
            Ok(Piece::End) => {
                self.give_held(&mut connection);
                self.handle(Input::End { attempt });
                self.notify_attempts();
            }
            Err(thrown) => {
                self.give_held(&mut connection);
                self.fail(&connection, thrown);
            }
        }
        self.advance();
    }

    /// The machine gets the bytes that were held back.
    fn give_held(&self, connection: &mut Connection) {
        if !connection.held.is_empty() {
            self.handle(Input::Bytes { attempt: connection.attempt, bytes: &connection.held });
            connection.held.clear();
        }
    }

    fn fail(&self, connection: &Connection, thrown: JsValue) {
        let failure = Failure::new(Kind::Network, explain(&thrown, &connection.url));
        self.state.borrow_mut().thrown = thrown;
        self.handle(Input::Failed { attempt: connection.attempt, failure });
        self.notify_attempts();
    }

    fn close(&self, attempt: AttemptId) {
        if let Some(connection) = self.remove(attempt) {
            connection.close();
        }
    }

    /// Keeps a connection, unless the call ended while code of the page ran.
    fn put_back(&self, connection: Connection) {
        if self.is_over() {
            return connection.close();
        }
        self.state.borrow_mut().connections.push(connection);
    }

    fn remove(&self, attempt: AttemptId) -> Option<Connection> {
        let connections = &mut self.state.borrow_mut().connections;
        let at = connections.iter().position(|connection| connection.attempt == attempt)?;
        Some(connections.swap_remove(at))
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

    /// Calls `onAttempt` for each attempt that failed, before another request is sent. One that served may be an edge's
    /// request, whose own attempts are known at the end only.
    fn notify_attempts(&self) {
        let Some(on_attempt) = &self.host.on_attempt else { return };
        let rows: Vec<JsValue> = {
            let state = &mut *self.state.borrow_mut();
            let rows: Vec<JsValue> = match &state.phase {
                Phase::Planned(..) => Vec::new(),
                Phase::Running(call) => {
                    let new = call.report().attempts.iter().skip(state.notified);
                    new.take_while(|row| row.failure.is_some()).map(|row| parse(&AttemptReport::to_json(row))).collect()
                }
                Phase::Over(end) => {
                    let rows: Array = property(&end.report, "attempts").unchecked_into();
                    rows.iter().skip(state.notified).collect()
                }
            };
            state.notified += rows.len();
            rows
        };
        rows.iter().for_each(|row| notify("onAttempt", on_attempt, row));
    }

    fn finish(&self, outcome: Box<Outcome>) {
        let report = parse(&outcome.report_json());
        let error = outcome.result.as_ref().err().map(|failure| {
            let is_aborted = failure.kind == Kind::Aborted;
            let reason = self.host.signal.as_ref().filter(|_| is_aborted).map(|signal| property(signal, "reason"));
            let thrown = if is_aborted { JsValue::UNDEFINED } else { self.state.borrow().thrown.clone() };
            let cause = reason.unwrap_or(thrown);
            chat_error(self.host.caller.clone(), failure, report.clone(), outcome.partial.as_deref(), &cause)
        });
        let succeeded = error.is_none();
        let (connections, core_report) = {
            let state = &mut *self.state.borrow_mut();
            outcome.record_in(&mut self.memory.breakers.borrow_mut(), now(), &state.policy);
            let core_report = Arc::clone(&outcome.report);
            state.phase = Phase::Over(Box::new(End { outcome, report: report.clone(), error, completion: None }));
            (std::mem::take(&mut state.connections), core_report)
        };
        self.timer.disarm();
        connections.into_iter().for_each(Connection::close);
        self.ignore_signal();
        self.notify_attempts();
        if succeeded {
            report_fallback(&self.memory, &core_report, &report, self.host.on_fallback.as_ref());
        }
        self.deliver();
        self.wake();
    }
}

/// A reader that is gone needs no connection.
impl Drop for Driver {
    fn drop(&mut self) {
        self.ignore_signal();
        std::mem::take(&mut self.state.get_mut().connections).into_iter().for_each(Connection::close);
    }
}

impl State {
    fn end(&self) -> Option<&End> {
        match &self.phase {
            Phase::Over(end) => Some(end),
            Phase::Planned(..) | Phase::Running(_) => None,
        }
    }
}

impl End {
    /// The completion, if the call has succeeded.
    fn completion(&mut self) -> Option<JsValue> {
        let Self { outcome, report, completion, .. } = self;
        let answer = outcome.result.as_ref().ok()?;
        let made = completion.get_or_insert_with(|| {
            let object = parse(&answer.completion());
            let _ = Reflect::set(&object, &"failsoft".into(), report);
            object
        });
        Some(made.clone())
    }
}
