//! One timer for a whole call. It may fire early: the driver then looks at the clock and sets it again.

use std::cell::{Cell, RefCell};

use js_sys::{Date, Function, global};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};

use super::page::{call, property};
use crate::Millis;

#[wasm_bindgen]
extern "C" {
    // Of the global scope, because a worker has no window. Browsers return a number, Node an object.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(fire: &Function, wait: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The longest wait that hosts accept, in milliseconds. For a later deadline, the timer is set again.
const LONGEST: Millis = i32::MAX as Millis;

thread_local! {
    static IS_NEXT: bool = {
        let environment = property(&property(&global(), "process"), "env");
        property(&environment, "NEXT_RUNTIME").is_truthy()
    };
}

/// The time of the host, in milliseconds since the UNIX epoch.
pub(super) fn now() -> Millis {
    if IS_NEXT.with(|is_next| *is_next) { now_of_next().unwrap_or_default() } else { Date::now() as Millis }
}

/// Next.js with `cacheComponents` ends a prerender that asks for the date before a request. It does not mind this clock, which
/// is no substitute in a page, because it stands still while a device sleeps.
#[cold]
fn now_of_next() -> Option<Millis> {
    let performance = property(&global(), "performance");
    let since = call(&performance, "now", &JsValue::UNDEFINED).ok()?.as_f64()?;
    Some((property(&performance, "timeOrigin").as_f64()? + since) as Millis)
}

#[derive(Debug)]
pub(super) struct Timer {
    fire: Closure<dyn FnMut()>,
    armed: RefCell<Option<JsValue>>,
    due: Cell<Millis>,
}

impl Timer {
    /// A timer that calls `fire`.
    pub(super) fn new(fire: impl FnMut() + 'static) -> Self {
        Self { fire: Closure::new(fire), armed: RefCell::default(), due: Cell::default() }
    }

    /// Fires at `until` at the latest. A timer that is due earlier stays: a new one for every chunk would cost more.
    pub(super) fn arm(&self, until: Millis) {
        if self.armed.borrow().is_some() && self.due.get() <= until {
            return;
        }
        self.disarm();
        self.due.set(until);
        let wait = until.saturating_sub(now()).min(LONGEST);
        self.armed.replace(Some(set_timeout(self.fire.as_ref().unchecked_ref(), wait as f64)));
    }

    /// Notes that the timer has fired.
    pub(super) fn mark_fired(&self) {
        self.armed.take();
    }

    pub(super) fn disarm(&self) {
        if let Some(timer) = self.armed.take() {
            clear_timeout(&timer);
        }
    }
}

/// A closure must not be called once it is dropped.
impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}
