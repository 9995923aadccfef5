//! What this isolate knows about the models of a call: the catalog and the breakers. A call begins with this knowledge, and
//! its outcome adds to the breakers.

use std::sync::Arc;

use failsoft::breaker::ModelOutcome;
use failsoft::{Breakers, Call, Context, Millis, Outcome, Upstream};

use crate::breakers::{self, Message, without_probes};
use crate::call::admission::AdmittedCall;
use crate::call::disclosure::DISCLOSURE;
use crate::catalog;
use crate::platform::host;

/// Starts the core's call, which gets the texts of the request. Returns also what the other isolates should know at once.
pub(crate) fn start_call(admitted: &mut AdmittedCall, now: Millis) -> (Call, Option<Message>) {
    let names = breaker_names(admitted);
    let names = || names.iter().map(String::as_str);
    breakers::with_known(|breakers, state| {
        state.start_call(breakers, names(), now);
        let mut seen = if admitted.leaves_no_trace || admitted.excuses_failures {
            Some(without_probes(breakers, names(), now))
        } else {
            None
        };
        let call = catalog::with(|catalog| {
            let breakers = seen.as_mut().unwrap_or(breakers);
            let context = Context { upstreams: Arc::clone(&admitted.upstreams), catalog, breakers };
            let mut call = Call::new(admitted.request.take(), Arc::clone(&admitted.policy), context, host::seed(), now);
            call.disclose_with(DISCLOSURE);
            call
        });
        (call, state.report_probe(breakers, names(), now))
    })
}

/// Records in the breakers how the models did. Returns what the other isolates should know.
pub(crate) fn record_outcome(outcome: &Outcome, admitted: &AdmittedCall, now: Millis) -> Option<Message> {
    let unused = if admitted.leaves_no_trace { &[][..] } else { &outcome.unused_probes[..] };
    let counts = |outcome: &&ModelOutcome| {
        !admitted.leaves_no_trace && (outcome.failure.is_none() || !admitted.excuses_failures)
    };
    let model_outcomes: Vec<ModelOutcome> = outcome.model_outcomes.iter().filter(counts).cloned().collect();
    breakers::with_known(|breakers, state| {
        state.record_outcomes(breakers, &model_outcomes, unused, &admitted.policy.breaker, admitted.account, now)
    })
}

/// The breakers of all models that the call may ask.
pub(super) fn breaker_names(admitted: &AdmittedCall) -> Vec<String> {
    let names = |upstream: &Upstream| {
        let models = upstream.models_for(&admitted.request.models).iter();
        models.map(|model| Breakers::name(&upstream.url, model)).collect::<Vec<_>>()
    };
    admitted.upstreams.iter().flat_map(names).collect()
}
