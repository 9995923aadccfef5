//! The exchange with one client: the response, and the work that goes on after the response.

use std::cell::RefCell;
use std::future::Future;

use futures_channel::oneshot;
use futures_util::future::{Either, join, select};
use wasm_bindgen::JsValue;

use crate::platform::executor::{Boxed, Executor, boxed};
use crate::platform::host;

/// One request of a client.
pub(crate) struct Exchange {
    platform: host::Exchange,
    rest: RefCell<Option<Boxed<'static, ()>>>,
}

impl Exchange {
    /// `context` is the platform's, `executor` that of the request's task.
    pub(crate) fn new(context: &JsValue, executor: &Executor) -> Self {
        Self { platform: host::Exchange::new(context, executor.task()), rest: RefCell::default() }
    }

    /// What the platform waits for.
    pub(crate) fn response(&self) -> JsValue {
        JsValue::clone(&self.platform)
    }

    /// Runs `call` until it sends its answer. The rest of `call` runs beside the next call of this exchange, and after the response.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = ()> + 'static,
        mut answer: oneshot::Receiver<T>,
    ) -> Option<T> {
        let mut call = match self.rest.take() {
            None => boxed(call),
            Some(rest) => boxed(async { _ = join(rest, call).await }),
        };
        match select(call.as_mut(), &mut answer).await {
            Either::Left(_) => answer.try_recv().ok().flatten(),
            Either::Right((answer, _)) => {
                self.rest.replace(Some(call));
                answer.ok()
            }
        }
    }

    /// Sends the response, and runs the rest of the call to its end, and then `after`.
    pub(crate) async fn end(self, status: u16, headers: Vec<(&str, String)>, body: JsValue, after: Boxed<'static, ()>) {
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
        after.await;
        self.platform.leave();
    }
}
