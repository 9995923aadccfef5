//! The task of a request: one future, polled when something that it waits for has happened.
//!
//! ```text
//!  platform ── promise, timer, signal ──▶ ring(task, slot, …) ──▶ Slot ── poll ──▶ future ── Pending, Alarm ──▶ platform
//! ```
//!
//! A future of its own for every promise, with two functions of JavaScript and a queue behind them, costs more than most of
//! what is waited for. Here all promises of all tasks share one function, and what it is told is acted upon at once.
//!
//! When an instance of WebAssembly traps, all of its tasks are lost, and JavaScript, which outlives it, ends what they were
//! for (glue.js): whoever has no answer yet gets an error, and a stream breaks off. The next instance begins at once, and
//! numbers its tasks on from there, so that what still comes for a lost one finds nobody. What was held is settled by the
//! object's alarm.

use std::cell::{Cell, RefCell, RefMut};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use failsoft::Millis;
use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::platform::host;

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
}

/// Those that are not over, in the order in which they began.
#[derive(Default)]
struct Tasks {
    begun: u32,
    running: Vec<Rc<Task>>,
}

struct Task {
    id: u32,
    future: RefCell<Apart<'static, ()>>,
    slots: Rc<RefCell<Vec<Slot>>>,
    waker: Waker,
    /// Something happened while it was polled.
    again: Cell<bool>,
}

/// A future with its code in functions of its own. An isolate compiles a function as a whole when it is first called, and a
/// future that is awaited is a part of the one that awaits it: what most requests do not do stays apart.
pub(crate) type Apart<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Puts `future` apart.
#[inline(never)]
pub(crate) fn apart<'a, T>(future: impl Future<Output = T> + 'a) -> Apart<'a, T> {
    Box::pin(future)
}

/// All of `futures`, beside each other.
pub(crate) async fn all(mut futures: Vec<Apart<'_, ()>>) {
    poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What a promise came to.
pub(crate) type Settled = Result<JsValue, JsValue>;

/// What a request's task hears the platform by.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    task: u32,
    slots: Rc<RefCell<Vec<Slot>>>,
}

#[derive(Debug)]
enum Slot {
    Free,
    Awaited,
    Rung(Settled),
    Told,
    /// Nobody waits any more, and it will be rung.
    Abandoned,
}

/// Before anything else: tells JavaScript what to ring by. A function for each task would have to be collected with it.
pub(crate) fn set_up() {
    let ring = Closure::<dyn Fn(u32, u32, bool, JsValue)>::new(rung).into_js_value();
    let begun = host::tune(&ring);
    TASKS.with_borrow_mut(|tasks| tasks.begun = begun);
}

/// What the next task will hear the platform by.
pub(crate) fn bell() -> Executor {
    TASKS.with_borrow_mut(|tasks| {
        let task = tasks.begun;
        tasks.begun = task.wrapping_add(1);
        Executor { task, slots: Rc::default() }
    })
}

/// Makes `future` the task that hears the platform by `bell`. It begins when it is first rung for.
pub(crate) fn add(bell: &Executor, future: impl Future<Output = ()> + 'static) {
    let id = bell.task;
    let (future, slots) = (RefCell::new(apart(future)), Rc::clone(&bell.slots));
    let task = Rc::new(Task { id, future, slots, waker: Waker::from(Arc::new(Signal(id))), again: Cell::default() });
    TASKS.with_borrow_mut(|tasks| tasks.running.push(task));
}

/// The task of this number, if it is not over.
fn find(id: u32) -> Option<Rc<Task>> {
    TASKS.with_borrow(|tasks| tasks.at(id).map(|at| Rc::clone(&tasks.running[at])))
}

/// What JavaScript has to tell.
fn rung(task: u32, slot: u32, ok: bool, value: JsValue) {
    let Some(task) = find(task) else { return };
    if let Some(slot) = task.slots.borrow_mut().get_mut(slot as usize) {
        match slot {
            Slot::Awaited => *slot = Slot::Rung(if ok { Ok(value) } else { Err(value) }),
            Slot::Abandoned => *slot = Slot::Free,
            Slot::Free | Slot::Rung(_) | Slot::Told => {}
        }
    }
    task.poll();
}

impl Tasks {
    fn at(&self, id: u32) -> Option<usize> {
        // By how much younger they are than the first, as numbers start again one day.
        let first = self.running.first()?.id;
        self.running.binary_search_by_key(&id.wrapping_sub(first), |task| task.id.wrapping_sub(first)).ok()
    }
}

impl Task {
    fn poll(&self) {
        let Ok(mut future) = self.future.try_borrow_mut() else { return self.again.set(true) };
        loop {
            self.again.set(false);
            let over = host::at_once(|| future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready());
            if over {
                TASKS.with_borrow_mut(|tasks| tasks.at(self.id).map(|at| tasks.running.remove(at)));
            }
            if over || !self.again.get() {
                return;
            }
        }
    }
}

/// Wakes a task for what comes by other ways than its bell.
struct Signal(u32);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(task) = find(self.0) else { return };
        if task.future.try_borrow_mut().is_err() {
            return task.again.set(true);
        }
        // Whoever wakes it may be in the middle of something.
        host::soon(self.0);
    }
}

impl Executor {
    /// The number of its task.
    pub(crate) fn task(&self) -> u32 {
        self.task
    }

    /// What will be rung for: `start` starts it, given the task and the slot to ring for.
    pub(crate) fn hang(&self, start: impl FnOnce(u32, u32)) -> Pending {
        let ring = Pending { slot: self.slot(), slots: Rc::clone(&self.slots) };
        start(self.task, ring.slot);
        ring
    }

    /// What `promise` comes to.
    pub(crate) fn promise(&self, promise: &Promise) -> Pending {
        self.hang(|task, slot| host::settled(promise, task, slot))
    }

    /// Rings after `wait` milliseconds.
    pub(crate) fn alarm(&self, wait: Millis) -> Alarm {
        let mut timer = JsValue::UNDEFINED;
        let ring = self.hang(|task, slot| timer = host::alarm(wait as f64, task, slot));
        Alarm { ring, timer }
    }

    fn slot(&self) -> u32 {
        let mut slots = self.slots.borrow_mut();
        let at = slots.iter().position(|slot| matches!(slot, Slot::Free)).unwrap_or(slots.len());
        if at == slots.len() {
            slots.push(Slot::Free);
        }
        slots[at] = Slot::Awaited;
        at as u32
    }
}

/// Something that is waited for.
#[derive(Debug)]
pub(crate) struct Pending {
    slots: Rc<RefCell<Vec<Slot>>>,
    slot: u32,
}

impl Pending {
    fn slot(&self) -> RefMut<'_, Slot> {
        RefMut::map(self.slots.borrow_mut(), |slots| &mut slots[self.slot as usize])
    }

    /// What it came to, told once.
    pub(crate) fn told(&self) -> Poll<Settled> {
        let mut slot = self.slot();
        if !matches!(*slot, Slot::Rung(_)) {
            return Poll::Pending;
        }
        match std::mem::replace(&mut *slot, Slot::Told) {
            Slot::Rung(settled) => Poll::Ready(settled),
            Slot::Free | Slot::Awaited | Slot::Told | Slot::Abandoned => Poll::Pending,
        }
    }
}

impl Future for Pending {
    type Output = Settled;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Settled> {
        self.told()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut slot = self.slot();
        *slot = if matches!(*slot, Slot::Awaited) { Slot::Abandoned } else { Slot::Free };
    }
}

/// A timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    ring: Pending,
    timer: JsValue,
}

impl Alarm {
    /// Its time has come.
    pub(crate) fn poll(&self) -> Poll<()> {
        self.ring.told().map(drop)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut slot = self.ring.slot();
        if matches!(*slot, Slot::Awaited) {
            host::clear_timeout(&self.timer);
            // Now it will not be rung.
            *slot = Slot::Told;
        }
    }
}
