//! The generations and their charges: the data of `GET /generation` and `GET /key`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::billing::Billing;
use crate::catalog::{Candidate, usd};
use crate::completion::usage;
use crate::log::now_ms;

/// A generation in progress, with its cost when it is delivered completely.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) model: Candidate,
    pub(crate) streamed: bool,
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    pub(crate) reasoning: u64,
    /// OpenRouter's finish reason and the provider's; `None` if the generation does not reach its end.
    pub(crate) finish: Option<(&'static str, &'static str)>,
    pub(crate) started_ms: u64,
}

/// How a generation was delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivered {
    /// The number of completion tokens that were written.
    pub(crate) tokens: u64,
    /// The client left before the end.
    pub(crate) cancelled: bool,
}

#[derive(Debug)]
struct Generation {
    id: String,
    key: String,
    pico: u64,
    finished_ms: u64,
    data: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    generations: Mutex<Vec<Generation>>,
}

impl Ledger {
    /// Records a generation. A stream is charged for the part that was written, unless its provider does not notice
    /// that the client left. Everything else is charged in full. Some APIs charge everything in full: see [`Billing`].
    pub(crate) fn settle(&self, draft: Draft, delivered: Delivered, billing: Billing) {
        let ignored = delivered.cancelled && !draft.model.row.stops_on_abort || billing.charges_whole_answers();
        let completion = if draft.streamed && !ignored { delivered.tokens } else { draft.completion };
        let finish = draft.finish.filter(|_| !delivered.cancelled);
        // OpenRouter's zero completion insurance: an answer without text and without a regular end costs nothing.
        let insured =
            !billing.charges_whole_answers() && completion == 0 && finish.is_none_or(|(name, _)| name == "error");
        let pico = if insured { 0 } else { draft.model.cost(draft.prompt, completion) };
        let finished_ms = now_ms();
        let data = data(&draft, delivered.cancelled, completion, finish, pico, finished_ms);
        self.lock().push(Generation { id: draft.id, key: draft.key, pico, finished_ms, data });
    }

    /// The record of a generation, once it has been finished for `delay`.
    pub(crate) fn find(&self, id: &str, delay: Duration) -> Option<Value> {
        let is_available =
            |generation: &Generation| u128::from(now_ms().saturating_sub(generation.finished_ms)) >= delay.as_millis();
        let generations = self.lock();
        let found = generations.iter().find(|generation| generation.id == id && is_available(generation));
        found.map(|generation| generation.data.clone())
    }

    pub(crate) fn all(&self) -> Vec<Value> {
        self.lock().iter().map(|generation| generation.data.clone()).collect()
    }

    /// The USD that were charged to a key.
    pub(crate) fn spent(&self, key: &str) -> f64 {
        usd(self.lock().iter().filter(|generation| generation.key == key).map(|generation| generation.pico).sum())
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Generation>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn data(
    draft: &Draft,
    cancelled: bool,
    completion: u64,
    finish: Option<(&str, &str)>,
    pico: u64,
    finished_ms: u64,
) -> Value {
    let mut usage = usage(&draft.model, draft.prompt, completion, draft.reasoning.min(completion));
    usage["cost"] = json!(usd(pico));
    json!({
        "id": draft.id,
        "model": draft.model.id,
        "provider_name": draft.model.row.provider,
        "streamed": draft.streamed,
        "cancelled": cancelled,
        "finish_reason": finish.map(|(name, _)| name),
        "native_finish_reason": finish.map(|(_, native)| native),
        "created_at": httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_millis(draft.started_ms)),
        "latency": 0,
        "generation_time": finished_ms.saturating_sub(draft.started_ms),
        "moderation_latency": null,
        "tokens_prompt": draft.prompt,
        "tokens_completion": completion,
        "native_tokens_prompt": draft.prompt,
        "native_tokens_completion": completion,
        "native_tokens_reasoning": draft.reasoning.min(completion),
        "total_cost": usd(pico),
        "usage": usd(pico),
        "upstream_inference_cost": null,
        "cache_discount": null,
        "is_byok": false,
        "router": null,
        "session_id": null,
        "external_user": null,
        "provider_responses": [{ "provider_name": draft.model.row.provider, "status": 200 }],
        "request_id": format!("req-{}", draft.id),
        "usage_details": usage,
    })
}
