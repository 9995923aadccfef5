//! What changes while a call runs, and how it ends.

use std::sync::Arc;
use std::task::Waker;

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use super::connection::Connection;
use super::lookup::Lookups;
use super::outbox::Outbox;
use crate::browser::options::Plan;
use crate::browser::values::parse;
use crate::{Call, Outcome, Policy};

pub(super) struct State {
    pub(super) phase: Phase,
    /// The policy of the call, by which its outcome is recorded.
    pub(super) policy: Arc<Policy>,
    pub(super) connections: Vec<Connection>,
    pub(super) outbox: Outbox,
    /// The call has its random seed.
    pub(super) is_seeded: bool,
    /// The reader is busy with what it got. Until it asks for more, the machine is left alone and no clock runs.
    pub(super) is_resting: bool,
    /// The number of attempts that `onAttempt` was called with.
    pub(super) notified: usize,
    /// What `fetch` or a reader threw, if nothing happened since.
    pub(super) thrown: JsValue,
    pub(super) wakers: Vec<Waker>,
}

pub(super) enum Phase {
    /// The call has not begun. It may wait for model info.
    Planned(Option<Box<Plan>>, Option<Lookups>),
    Running(Box<Call>),
    Over(Box<End>),
}

/// How the call ended.
pub(super) struct End {
    pub(super) outcome: Box<Outcome>,
    pub(super) report: JsValue,
    pub(super) error: Option<JsValue>,
    pub(super) completion: Option<JsValue>,
}

impl State {
    pub(super) fn end(&self) -> Option<&End> {
        match &self.phase {
            Phase::Over(end) => Some(end),
            Phase::Planned(..) | Phase::Running(_) => None,
        }
    }
}

impl End {
    /// The completion, if the call has succeeded.
    pub(super) fn completion(&mut self) -> Option<JsValue> {
        let Self { outcome, report, completion, .. } = self;
        let answer = outcome.result.as_ref().ok()?;
        let made = completion.get_or_insert_with(|| {
            let object = parse(&answer.completion());
            let _ = Reflect::set(&object, &"failsoft".into(), report);
            object
        });
        Some(made.clone())
    }
}
