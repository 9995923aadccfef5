//! The end of a call, and what its callbacks get.

use std::sync::Arc;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::Driver;
use super::connection::Connection;
use super::state::{End, Phase};
use crate::Outcome;
use crate::browser::callbacks::{notify, report_fallback};
use crate::browser::error::chat_error;
use crate::browser::page::property;
use crate::browser::timer::now;
use crate::browser::values::parse;
use crate::failure::Kind;
use crate::report::AttemptReport;

impl Driver {
    /// Calls `onAttempt` for each attempt that failed, before another request is sent. One that served may be an edge's
    /// request, whose own attempts are known at the end only.
    pub(super) fn notify_attempts(&self) {
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

    /// Records the outcome, closes what is open, and gives everyone who waits the end.
    pub(super) fn finish(&self, outcome: Box<Outcome>) {
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
