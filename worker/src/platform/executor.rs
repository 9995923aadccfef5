//! The executor: it runs the task of each request, which is one future.
//!
//! The Worker has an executor of its own, and does not use the one of wasm-bindgen-futures, for two reasons:
//!
//! - Its requests survive a trap of WebAssembly (a panic, no memory left). The instance loses all of its tasks then. But
//!   JavaScript, which outlives the instance, knows the tasks by number and ends each request: with an error for a client
//!   that has no response yet, or with a stream that breaks off. The next instance numbers its tasks on from there, so
//!   nothing meant for a lost task reaches a new one. tests/edge/trap.test.mjs tests this with genuine traps; before
//!   JavaScript kept this list, 11 of its 12 tests failed, because requests hung. The alarm of the account's object settles
//!   what the lost calls held.
//! - A promise costs less. The library makes two functions of JavaScript, a future and a turn in a queue for each promise.
//!   Here all promises share one function, which polls the task at once. This, with one crossing of the boundary for each
//!   step of a request, took a JSON call from 2.56 times the CPU of a native pass-through to 2.2 to 2.5 times (measured in
//!   separate runs).
//!
//! ```text
//!  platform ── promise, timer, signal ──▶ notify(task, slot, …) ──▶ Slot ── poll ──▶ future ── wait_for ──▶ platform
//! ```

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

/// The tasks that are not over, in the order in which they began.
#[derive(Default)]
struct Tasks {
    /// The number of the next task.
    next: u32,
    running: Vec<Rc<Task>>,
}

struct Task {
    id: u32,
    future: RefCell<Boxed<'static, ()>>,
    slots: Rc<RefCell<Vec<Slot>>>,
    waker: Waker,
    /// The task was woken while it was polled, so it must be polled again.
    is_woken: Cell<bool>,
}

/// A future whose code is in functions of its own. V8 compiles a function as a whole when it is first called, and an awaited
/// future is a part of the future that awaits it. So code that most requests do not run belongs into a box.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Puts `future` into a box.
#[inline(never)]
pub(crate) fn boxed<'a, T>(future: impl Future<Output = T> + 'a) -> Boxed<'a, T> {
    Box::pin(future)
}

/// Runs all `futures` at the same time.
pub(crate) async fn join_all(mut futures: Vec<Boxed<'_, ()>>) {
    poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The result of a promise.
pub(crate) type Settled = Result<JsValue, JsValue>;

/// What a task waits for the platform with.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    task: u32,
    slots: Rc<RefCell<Vec<Slot>>>,
}

/// A place for one result from JavaScript. Slots are used again.
#[derive(Debug)]
enum Slot {
    Free,
    Waiting,
    Settled(Settled),
    Taken,
    /// Nobody waits any more, but JavaScript will still notify.
    Abandoned,
}

/// Starts the executor: hands JavaScript the one function that it notifies tasks with, and the names of the headers to read.
pub(crate) fn start(request_headers: &[&str], response_headers: &[&str]) {
    let notify = Closure::<dyn Fn(u32, u32, bool, JsValue)>::new(notify).into_js_value();
    let next = host::connect(&notify, &request_headers.join("\n"), &response_headers.join("\n"));
    TASKS.with_borrow_mut(|tasks| tasks.next = next);
}

/// Takes a result from JavaScript, and polls the task.
fn notify(task: u32, slot: u32, ok: bool, value: JsValue) {
    let Some(task) = find(task) else { return };
    if let Some(slot) = task.slots.borrow_mut().get_mut(slot as usize) {
        match slot {
            Slot::Waiting => *slot = Slot::Settled(if ok { Ok(value) } else { Err(value) }),
            Slot::Abandoned => *slot = Slot::Free,
            Slot::Free | Slot::Settled(_) | Slot::Taken => {}
        }
    }
    task.poll();
}

/// The task with the number `id`, if it is not over.
fn find(id: u32) -> Option<Rc<Task>> {
    TASKS.with_borrow(|tasks| tasks.position(id).map(|at| Rc::clone(&tasks.running[at])))
}

impl Tasks {
    fn position(&self, id: u32) -> Option<usize> {
        // Numbers wrap around, so tasks are ordered by their distance from the first.
        let first = self.running.first()?.id;
        self.running.binary_search_by_key(&id.wrapping_sub(first), |task| task.id.wrapping_sub(first)).ok()
    }
}

impl Task {
    fn poll(&self) {
        let Ok(mut future) = self.future.try_borrow_mut() else { return self.is_woken.set(true) };
        loop {
            self.is_woken.set(false);
            let is_over = host::at_one_time(|| future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready());
            if is_over {
                TASKS.with_borrow_mut(|tasks| tasks.position(self.id).map(|at| tasks.running.remove(at)));
            }
            if is_over || !self.is_woken.get() {
                return;
            }
        }
    }
}

/// Wakes a task for a future of another library, which does not use a slot.
struct TaskWaker(u32);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(task) = find(self.0) else { return };
        if task.future.try_borrow_mut().is_err() {
            return task.is_woken.set(true);
        }
        // The caller may hold a borrow, so the task is polled later.
        host::wake_soon(self.0);
    }
}

impl Executor {
    /// The executor of the next task.
    pub(crate) fn new() -> Self {
        TASKS.with_borrow_mut(|tasks| {
            let task = tasks.next;
            tasks.next = task.wrapping_add(1);
            Self { task, slots: Rc::default() }
        })
    }

    /// Makes `future` the task. The first notification starts the task.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let id = self.task;
        let (future, slots) = (RefCell::new(boxed(future)), Rc::clone(&self.slots));
        let waker = Waker::from(Arc::new(TaskWaker(id)));
        let task = Rc::new(Task { id, future, slots, waker, is_woken: Cell::default() });
        TASKS.with_borrow_mut(|tasks| tasks.running.push(task));
    }

    /// The number of the task.
    pub(crate) fn task(&self) -> u32 {
        self.task
    }

    /// Waits for a notification. `start` starts what will notify, given the numbers of the task and the slot.
    pub(crate) fn wait_for(&self, start: impl FnOnce(u32, u32)) -> Pending {
        let pending = Pending { slot: self.take_slot(), slots: Rc::clone(&self.slots) };
        start(self.task, pending.slot);
        pending
    }

    /// Waits for `promise`.
    pub(crate) fn wait_for_promise(&self, promise: &Promise) -> Pending {
        self.wait_for(|task, slot| host::watch(promise, task, slot))
    }

    /// Waits `wait` milliseconds.
    pub(crate) fn wait_for_time(&self, wait: Millis) -> Alarm {
        let mut timer = JsValue::UNDEFINED;
        let pending = self.wait_for(|task, slot| timer = host::set_timer(wait as f64, task, slot));
        Alarm { pending, timer }
    }

    fn take_slot(&self) -> u32 {
        let mut slots = self.slots.borrow_mut();
        let at = slots.iter().position(|slot| matches!(slot, Slot::Free)).unwrap_or(slots.len());
        if at == slots.len() {
            slots.push(Slot::Free);
        }
        slots[at] = Slot::Waiting;
        at as u32
    }
}

/// A result that JavaScript will bring.
#[derive(Debug)]
pub(crate) struct Pending {
    slots: Rc<RefCell<Vec<Slot>>>,
    slot: u32,
}

impl Pending {
    fn slot(&self) -> RefMut<'_, Slot> {
        RefMut::map(self.slots.borrow_mut(), |slots| &mut slots[self.slot as usize])
    }

    /// Takes the result, if it is there. Afterwards there is none.
    pub(crate) fn poll_result(&self) -> Poll<Settled> {
        let mut slot = self.slot();
        if !matches!(*slot, Slot::Settled(_)) {
            return Poll::Pending;
        }
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Settled(settled) => Poll::Ready(settled),
            Slot::Free | Slot::Waiting | Slot::Taken | Slot::Abandoned => Poll::Pending,
        }
    }
}

impl Future for Pending {
    type Output = Settled;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Settled> {
        self.poll_result()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut slot = self.slot();
        *slot = if matches!(*slot, Slot::Waiting) { Slot::Abandoned } else { Slot::Free };
    }
}

/// A timer of the platform.
#[derive(Debug)]
pub(crate) struct Alarm {
    pending: Pending,
    timer: JsValue,
}

impl Alarm {
    /// Whether the time has come.
    pub(crate) fn poll(&self) -> Poll<()> {
        self.pending.poll_result().map(drop)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut slot = self.pending.slot();
        if matches!(*slot, Slot::Waiting) {
            host::clear_timeout(&self.timer);
            // A timer that was cleared does not notify, so the slot is free.
            *slot = Slot::Taken;
        }
    }
}
