//! A request's way to its answer, and what of it goes on behind that.

use std::cell::RefCell;
use std::future::Future;

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;

use crate::platform::executor::{Apart, Executor, apart};
use crate::platform::host;

/// One request of a client.
pub(crate) struct Exchange {
    platform: host::Exchange,
    rest: RefCell<Option<Apart<'static, ()>>>,
}

impl Exchange {
    /// Within the platform's `context`, by the task that hears `bell`.
    pub(crate) fn new(context: &JsValue, bell: &Executor) -> Self {
        Self { platform: host::Exchange::new(context, bell.task()), rest: RefCell::default() }
    }

    /// What the platform waits for.
    pub(crate) fn response(&self) -> JsValue {
        JsValue::clone(&self.platform)
    }

    /// What `call` answers. It goes on behind the answer.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = ()> + 'static,
        mut answer: oneshot::Receiver<T>,
    ) -> Option<T> {
        let mut call = apart(call);
        match select(call.as_mut(), &mut answer).await {
            Either::Left(_) => answer.try_recv().ok().flatten(),
            Either::Right((answer, _)) => {
                self.rest.replace(Some(call));
                answer.ok()
            }
        }
    }

    /// Sends the response, and runs what goes on after the response to its end.
    pub(crate) async fn end(self, status: u16, headers: Vec<(&str, String)>, body: JsValue) {
        let mut head = String::new();
        for (name, value) in &headers {
            for line in [name, "\n", value, "\n"] {
                head.push_str(line);
            }
        }
        self.platform.answer(status, &head, &body);
        // Nothing of the response stays in memory while the rest runs.
        drop((headers, head, body));
        if let Some(rest) = self.rest.take() {
            rest.await;
        }
        self.platform.leave();
    }
}
