//! Has the client gone away? `request.signal` tells, with the compatibility flag `enable_request_signal`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

/// Listens for as long as it lives.
#[derive(Debug)]
pub(crate) struct Gone {
    signal: AbortSignal,
    listener: Closure<dyn FnMut()>,
    state: Rc<State>,
}

#[derive(Debug, Default)]
struct State {
    gone: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Gone {
    pub(crate) fn listen(signal: AbortSignal) -> Self {
        let state = Rc::new(State { gone: Cell::new(signal.aborted()), ..State::default() });
        let listener = Closure::new({
            let state = Rc::clone(&state);
            move || {
                state.gone.set(true);
                if let Some(waker) = state.waker.take() {
                    waker.wake();
                }
            }
        });
        // An event target that refuses a listener tells nothing; then a failing write has to.
        let _ = signal.add_event_listener_with_callback("abort", listener.as_ref().unchecked_ref());
        Self { signal, listener, state }
    }

    /// The client went away.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.gone.get()
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_gone() {
            return Poll::Ready(());
        }
        self.state.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", self.listener.as_ref().unchecked_ref());
    }
}
