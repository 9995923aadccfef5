//! What a call would do, without sending anything: every request is taken as one that its upstream cannot answer, so that the
//! call goes through its whole chain.

use std::sync::Arc;

use failsoft::{Action, Breakers, Call, Context, Failure, Input, Kind, Millis, Report};

use super::admission::AdmittedCall;
use super::model_state::breaker_names;
use crate::breakers::{with_known, without_probes};
use crate::catalog;

/// The most turns of a simulated call. Each turn ends a request or a pause, and a policy allows 32 requests.
const MOST_TURNS: usize = 200;

/// What a call would do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The URL of each request.
    pub(crate) urls: Vec<String>,
    /// The requests in order, and the models that are left out.
    pub(crate) report: Report,
    /// Why no request would be sent.
    pub(crate) failure: Option<Box<Failure>>,
}

/// Plans the call, which gets the texts of the request. Breakers and probes stay as they are.
pub(crate) fn plan(admitted: &mut AdmittedCall, now: Millis) -> Plan {
    let names = breaker_names(admitted);
    let mut breakers: Breakers =
        with_known(|breakers, _| without_probes(breakers, names.iter().map(String::as_str), now));
    let mut call = catalog::with(|catalog| {
        let context = Context { upstreams: Arc::clone(&admitted.upstreams), catalog, breakers: &mut breakers };
        Call::new(admitted.request.take(), Arc::clone(&admitted.policy), context, 0, now)
    });
    let (mut plan, mut now) = (Plan::default(), now);
    for _ in 0..MOST_TURNS {
        match call.poll(now) {
            Action::Send { attempt, request } => {
                plan.urls.push(request.url);
                let failure = Failure::new(Kind::Unavailable, "");
                call.handle(now, Input::Unsent { attempt, failure });
            }
            Action::Wait { until } => {
                now = until.max(now + 1);
                call.handle(now, Input::Woken);
            }
            Action::Done(outcome) => {
                plan.report = Report::clone(&outcome.report);
                plan.failure = outcome.result.err().filter(|_| plan.urls.is_empty());
                break;
            }
            Action::Read { .. } | Action::Yield(_) | Action::Relay { .. } | Action::Cancel { .. } => {}
        }
    }
    plan
}
