//! The task of a request: one future, polled when something that it waits for has happened.
//!
//! ```text
//!  platform ── promise, timer, signal ──▶ ring(slot, …) ──▶ Bell ── poll ──▶ future ── Ring, Alarm ──▶ platform
//! ```
//!
//! A future of its own for every promise, with two functions of JavaScript and a queue behind them, costs more than most of
//! what is waited for. Here all of a request's promises share one function, and what it is told is acted upon at once.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use failsoft::Millis;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use crate::host;

thread_local! {
    /// Tasks that are not over, by their numbers, and the next number.
    static TASKS: RefCell<(u64, HashMap<u64, Rc<Task>>)> = RefCell::default();
}

struct Task {
    future: RefCell<Apart<'static, ()>>,
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
pub(crate) struct Bell(Rc<Slots>);

#[derive(Debug)]
struct Slots {
    ring: Function,
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

/// Runs what `start` makes.
pub(crate) fn run<F: Future<Output = ()> + 'static>(start: impl FnOnce(Bell) -> F) {
    let id = TASKS.with_borrow_mut(|(next, _)| std::mem::replace(next, *next + 1));
    let future = RefCell::new(apart(start(Bell::new(id))));
    let task = Task { future, waker: Waker::from(Arc::new(Signal(id))), again: Cell::default() };
    TASKS.with_borrow_mut(|(_, tasks)| tasks.insert(id, Rc::new(task)));
    poll(id);
}

fn find(id: u64) -> Option<Rc<Task>> {
    TASKS.with_borrow(|(_, tasks)| tasks.get(&id).cloned())
}

fn poll(id: u64) {
    let Some(task) = find(id) else { return };
    let Ok(mut future) = task.future.try_borrow_mut() else { return task.again.set(true) };
    loop {
        task.again.set(false);
        let over = future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_ready();
        if over {
            TASKS.with_borrow_mut(|(_, tasks)| tasks.remove(&id));
        }
        if over || !task.again.get() {
            return;
        }
    }
}

/// Wakes a task for what comes by other ways than its bell.
struct Signal(u64);

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
        let id = self.0;
        js_sys::futures::spawn_local(async move { poll(id) });
    }
}

impl Bell {
    fn new(id: u64) -> Self {
        let slots = Rc::<RefCell<Vec<Slot>>>::default();
        let ring = Closure::<dyn FnMut(u32, bool, JsValue)>::new({
            let slots = Rc::clone(&slots);
            move |slot: u32, ok: bool, value| {
                if let Some(slot) = slots.borrow_mut().get_mut(slot as usize) {
                    match slot {
                        Slot::Awaited => *slot = Slot::Rung(if ok { Ok(value) } else { Err(value) }),
                        Slot::Abandoned => *slot = Slot::Free,
                        Slot::Free | Slot::Rung(_) | Slot::Told => {}
                    }
                }
                poll(id);
            }
        });
        // It may be called when the task is over, and lives for as long as JavaScript holds it.
        Self(Rc::new(Slots { ring: ring.into_js_value().unchecked_into(), slots }))
    }

    /// What will be rung for: `start` starts it, given the function and the slot.
    pub(crate) fn hang(&self, start: impl FnOnce(&Function, u32)) -> Ring {
        let ring = Ring { bell: self.clone(), slot: self.slot() };
        start(&self.0.ring, ring.slot);
        ring
    }

    /// What `promise` comes to.
    pub(crate) fn promise(&self, promise: &Promise) -> Ring {
        self.hang(|ring, slot| host::settled(promise, ring, slot))
    }

    /// Rings after `wait` milliseconds.
    pub(crate) fn alarm(&self, wait: Millis) -> Alarm {
        let mut timer = JsValue::UNDEFINED;
        let ring = self.hang(|ring, slot| timer = host::set_timeout(ring, wait as f64, slot, true));
        Alarm { ring, timer }
    }

    fn slot(&self) -> u32 {
        let mut slots = self.0.slots.borrow_mut();
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
pub(crate) struct Ring {
    bell: Bell,
    slot: u32,
}

impl Ring {
    fn slot(&self) -> RefMut<'_, Slot> {
        RefMut::map(self.bell.0.slots.borrow_mut(), |slots| &mut slots[self.slot as usize])
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

impl Future for Ring {
    type Output = Settled;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Settled> {
        self.told()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let mut slot = self.slot();
        *slot = if matches!(*slot, Slot::Awaited) { Slot::Abandoned } else { Slot::Free };
    }
}

/// A timer.
#[derive(Debug)]
pub(crate) struct Alarm {
    ring: Ring,
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
