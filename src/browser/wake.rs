//! Wakes the one who drives a call when something has happened to it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

#[derive(Debug, Default)]
pub(super) struct Wake {
    happened: Cell<bool>,
    driver: RefCell<Option<Waker>>,
}

impl Wake {
    /// Something has happened.
    pub(super) fn wake(&self) {
        self.happened.set(true);
        let driver = self.driver.take();
        driver.into_iter().for_each(Waker::wake);
    }

    /// Until something has happened since this was last awaited.
    pub(super) async fn woken(&self) {
        poll_fn(|context| {
            if self.happened.take() {
                return Poll::Ready(());
            }
            self.driver.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
