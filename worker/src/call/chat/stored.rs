//! Delivers an answer of the cache as the answer of a call.

use std::sync::Arc;

use failsoft::report::Report;
use failsoft::{Answer, Json, Millis, Outcome, Usd, replay};
use futures_util::future::join;

use super::prepare::PreparedCall;
use crate::cache::StoredAnswer;
use crate::call::delivery::{Delivery, Form, Respond};
use crate::call::log;
use crate::ops::spans;
use crate::platform::executor::{boxed, join_all};
use crate::platform::host;

/// How long a client may take to read a stored answer, in milliseconds.
const READING_FOR: Millis = 60_000;

impl PreparedCall {
    /// Delivers a stored answer, for which a request is held and no cost.
    pub(super) async fn deliver_stored(self, stored: StoredAnswer, respond: Respond) {
        let Self {
            mut admitted,
            mut disconnect,
            executor,
            mut timer,
            hold,
            context,
            config,
            trace,
            errors,
            concealed,
            ..
        } = self;
        let (began, streams) = (host::now(), admitted.request.stream);
        let completion = without_cost(stored.completion());
        let model = Json::parse(&completion).and_then(|answer| Some(answer.get("model").text()?.into_owned()));
        let warnings = std::mem::take(&mut admitted.request.warnings);
        let report =
            Report { model, accepted: true, warnings, cost: Some(Usd(0)), from_cache: true, ..Report::default() };
        let writer = admitted.context.take().map(|context| context.writer(host::seed(), began / 1_000));
        let mut delivery = Delivery::new(&executor, respond, None, Form { errors, writer, concealed });
        let until = began + READING_FOR;
        let mut is_taken = true;
        if streams {
            delivery.write_chunks(&replay(&completion, admitted.request.usage_chunk, &report), &report);
            is_taken = delivery.wait_until_taken(&mut disconnect, &mut timer, until).await;
        }
        let took = host::now().saturating_sub(began);
        let outcome = outcome(completion, report);
        host::log(&log::line(&context, &admitted, &outcome, took).to_string());
        let rows = vec![context.cached_row(began, took, &admitted.request.models, outcome.report.model.as_deref())];
        let spans =
            config.operations.otlp.as_ref().map(|target| {
                boxed(spans::send(target, trace.as_ref(), &context, rows.clone(), (began, began + took)))
            });
        let settlement = hold.settle(rows, Vec::new());
        let deliver = async {
            delivery.conclude(outcome, streams);
            let is_whole = is_taken && delivery.wait_until_taken(&mut disconnect, &mut timer, until).await;
            delivery.end(is_whole).await;
        };
        let after = spans.into_iter().chain(settlement).chain(hold.return_lease());
        join(deliver, join_all(after.collect())).await;
    }
}

/// `completion` with a usage that costs nothing.
fn without_cost(completion: &str) -> String {
    let usage = Json::parse(completion).unwrap_or(Json::NULL).get("usage");
    if usage.get("cost").is_null() {
        return completion.into();
    }
    let usage = failsoft::json::patched(usage.raw(), r#"{"cost":0,"cost_details":null}"#);
    failsoft::json::patched(completion, &["{\"usage\":", &usage, "}"].concat())
}

fn outcome(completion: String, report: Report) -> Outcome {
    Outcome {
        result: Ok(Answer::from_completion(completion)),
        partial: None,
        report: Arc::new(report),
        edge_report: None,
        model_outcomes: Vec::new(),
        unused_probes: Vec::new(),
        turn: None,
    }
}

#[cfg(test)]
mod tests {
    use super::without_cost;

    #[test]
    fn a_stored_answer_costs_nothing_and_keeps_its_tokens() {
        let stored =
            r#"{"id":"a","usage":{"prompt_tokens":1,"cost":0.5,"cost_details":{"x":0.5},"completion_tokens":2}}"#;
        let free = without_cost(stored);
        assert!(free.contains(r#""prompt_tokens":1"#) && free.contains(r#""completion_tokens":2"#), "{free}");
        assert!(free.contains(r#""cost":0"#) && !free.contains("0.5"), "{free}");
        assert_eq!(without_cost(r#"{"usage":{"prompt_tokens":1}}"#), r#"{"usage":{"prompt_tokens":1}}"#);
    }
}
