//! One call, as JavaScript holds it.

use crate::text::text;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::{Function, Math};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen_futures::spawn_local;

use super::client::Memory;
use super::connection::{self, Body};
use super::option::Plan;
use super::state::{Host, Inner, State};
use super::timer::Timer;
use super::wake::Wake;
use super::{fact, now};
use crate::failure::Kind;
use crate::invalid::Invalid;
use crate::json::Object;
use crate::{Call, Facts, Failure, Input, Outcome, Report};

/// What comes next.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read one chunk of the body.
    Read = 0,
    /// Chunks wait to be taken.
    Yield = 1,
    /// Something else has to happen first.
    Wait = 2,
    /// The call is over.
    Done = 3,
}

/// How chunks leave.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text in them.
    Text = 0,
    /// A JSON array.
    Json = 1,
    /// Server-sent events.
    Sse = 2,
    /// A line of JSON for each.
    Lines = 3,
    /// Not at all.
    Nothing = 4,
}

/// One call.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Session(Rc<Inner>);

#[wasm_bindgen]
impl Session {
    /// Does everything that is to be done until chunks wait or the call is over; tells `done` the [`Step`].
    ///
    /// A callback rather than a promise, and JSON rather than objects below: V8 up to Node 22 dies when it has to
    /// deoptimise code around an inlined call that returns a reference.
    pub fn drive(&self, done: Function) {
        let inner = self.0.clone();
        inner.state.borrow_mut().resting = false;
        spawn_local(async move {
            let step = drive(&inner).await;
            let _ = done.call1(&JsValue::UNDEFINED, &JsValue::from(step as u32));
        });
    }

    /// The reader wants more.
    pub fn next(&self) -> Step {
        self.0.state.borrow_mut().resting = false;
        self.0.pump()
    }

    /// The reader of the body, if there is one; it is at hand once [`Session::drive`] has come back.
    pub fn reader(&self) -> Option<JsValue> {
        match &self.0.state.borrow().connection.as_ref()?.body {
            Body::Stream(reader) => Some(reader.into()),
            Body::Awaited | Body::Text(_) | Body::Spent => None,
        }
    }

    /// The chunk that was to be read.
    pub fn bytes(&self, bytes: &[u8]) -> Step {
        self.read(|attempt| Input::Bytes { attempt, bytes })
    }

    /// The body has ended.
    pub fn end(&self) -> Step {
        self.read(|attempt| Input::End { attempt })
    }

    /// Reading failed.
    pub fn failed(&self, thrown: JsValue) -> Step {
        let attempt = self.0.state.borrow_mut().read.take();
        if let Some(attempt) = attempt {
            self.0.fail(attempt, thrown);
        }
        self.0.pump()
    }

    /// The chunks that wait.
    pub fn take(&self, form: Form) -> Option<String> {
        let chunks = std::mem::take(&mut self.0.state.borrow_mut().waiting);
        match form {
            Form::Text => Some(chunks.text().into()),
            Form::Json => Some(chunks.to_json_array()),
            Form::Sse => Some(chunks.to_sse()),
            Form::Lines => Some(chunks.iter().flat_map(|chunk| [chunk, "\n"]).collect()),
            Form::Nothing => None,
        }
    }

    /// The caller wants no more.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// What has happened so far, as JSON.
    pub fn report(&self) -> String {
        let state = self.0.state.borrow();
        match &*state {
            State { outcome: Some(outcome), .. } => outcome.report_json(),
            State { call: Some(call), .. } => call.report().to_json(call.edge_report().as_deref()),
            _ => Report::default().to_json(None),
        }
    }

    /// Why the call failed, if it has, as JSON: the failure, what was said, and how to say it over HTTP.
    pub fn failure(&self) -> Option<String> {
        let state = self.0.state.borrow();
        let Outcome { result: Err(failure), partial, .. } = state.outcome.as_ref()? else { return None };
        let body = text!("{\"error\":", &failure.to_openai(), "}");
        let (mut http, mut json) = (Object::default(), Object::default());
        http.whole("status", failure.http_status().into()).text("body", &body);
        json.raw("failure", &failure.to_json());
        json.maybe_text("partial", partial.as_deref());
        json.raw("http", &http.end());
        Some(json.end())
    }

    /// What `fetch` or a reader threw last.
    pub fn thrown(&self) -> JsValue {
        self.0.state.borrow().thrown.clone().unwrap_or_default()
    }

    /// The JSON of the completion, once, if the call has succeeded.
    pub fn completion(&self) -> Option<String> {
        let mut state = self.0.state.borrow_mut();
        let outcome = state.outcome.as_mut()?;
        let report = outcome.report_json();
        let taken = Failure::new(Kind::Aborted, "the completion was taken");
        let answer = std::mem::replace(&mut outcome.result, Err(taken)).ok()?;
        Some(answer.completion_with(&report))
    }
}

impl Session {
    pub(super) fn begin(memory: Rc<Memory>, plan: Result<Plan, Box<Invalid>>, host: Host) -> Self {
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let (at_time, at_abort) = (weak.clone(), weak.clone());
            Inner {
                memory,
                host,
                state: RefCell::default(),
                timer: Timer::new(move || at_time.upgrade().iter().for_each(Inner::woken)),
                wake: Wake::default(),
                on_abort: Closure::new(move || at_abort.upgrade().iter().for_each(Inner::abort)),
            }
        });
        match plan {
            Ok(plan) => {
                inner.state.borrow_mut().plan = Some(plan);
                inner.heed_signal();
            }
            Err(invalid) => {
                let failure = Failure::new(Kind::InvalidRequest, invalid.sentence());
                inner.state.borrow_mut().outcome = Some(failed(failure));
            }
        }
        Self(inner)
    }

    fn read<'a>(&self, input: impl FnOnce(crate::AttemptId) -> Input<'a>) -> Step {
        let attempt = self.0.state.borrow_mut().read.take();
        if let Some(attempt) = attempt {
            self.0.handle(input(attempt));
        }
        self.0.pump()
    }
}

async fn drive(inner: &Rc<Inner>) -> Step {
    if inner.state.borrow().plan.is_some() {
        fact::gather(inner).await;
        begin(inner);
    }
    loop {
        match inner.pump() {
            step @ (Step::Yield | Step::Done) => return step,
            Step::Read => connection::read(inner),
            Step::Wait => {}
        }
        inner.wake.woken().await;
    }
}

/// From the plan to the call.
fn begin(inner: &Inner) {
    let mut state = inner.state.borrow_mut();
    let Some(Plan { request, upstream, policy }) = state.plan.take() else { return };
    let upstreams = [upstream];
    let (catalog, mut breakers) = (inner.memory.catalog.borrow(), inner.memory.breakers.borrow_mut());
    let facts = Facts { upstreams: &upstreams, catalog: &catalog, breakers: &mut breakers };
    let seed = (Math::random() * 2f64.powi(53)) as u64;
    let mut call = Call::new(request, &policy, facts, seed, now());
    if state.aborted {
        call.handle(now(), Input::Aborted);
    }
    state.call = Some(call);
    state.policy = policy;
}

/// The outcome of a call that never began.
fn failed(failure: Box<Failure>) -> Outcome {
    Outcome {
        result: Err(failure),
        partial: None,
        report: Report::default(),
        edge_report: None,
        lessons: Vec::new(),
        unused_probes: Vec::new(),
    }
}
