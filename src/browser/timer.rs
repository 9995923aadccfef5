//! One timer for a whole call. It may fire early: whoever it wakes looks at the clock, and sets it again.

use std::cell::{Cell, RefCell};

use js_sys::Function;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};

use super::now;
use crate::Millis;

#[wasm_bindgen]
extern "C" {
    // Of the global scope, whatever that is: a worker has no window.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(fire: &Function, wait: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The longest wait that hosts take; a later deadline is met by setting the timer again.
const LONGEST: Millis = i32::MAX as Millis;

#[derive(Debug)]
pub(super) struct Timer {
    fire: Closure<dyn FnMut()>,
    /// What was set, and when it is due.
    set: RefCell<Option<JsValue>>,
    due: Cell<Millis>,
}

impl Timer {
    pub(super) fn new(fire: impl FnMut() + 'static) -> Self {
        Self { fire: Closure::new(fire), set: RefCell::default(), due: Cell::new(0) }
    }

    /// Fires at `until`, or before. A timer that is due earlier stays: setting one for every chunk would cost more.
    pub(super) fn set(&self, until: Millis) {
        if self.set.borrow().is_some() && self.due.get() <= until {
            return;
        }
        self.clear();
        let wait = until.saturating_sub(now()).min(LONGEST);
        self.due.set(until);
        self.set.replace(Some(set_timeout(self.fire.as_ref().unchecked_ref(), wait as f64)));
    }

    /// It has fired.
    pub(super) fn fired(&self) {
        self.set.take();
    }

    pub(super) fn clear(&self) {
        if let Some(timer) = self.set.take() {
            clear_timeout(&timer);
        }
    }
}
