//! `GET /models` and `GET /models/{author}/{slug}/endpoints`.

use serde_json::{Value, json};

use crate::catalog::{Candidate, EMBEDDING_ROWS, ROWS, usd_text};
use crate::fault::{Behaviour, FAULTS};

/// 2026-01-01: a fixed date keeps the listings the same in every run.
const CREATED: u64 = 1_767_225_600;

const PARAMETERS: &[&str] = &[
    "frequency_penalty",
    "include_reasoning",
    "max_tokens",
    "presence_penalty",
    "reasoning",
    "response_format",
    "seed",
    "stop",
    "structured_outputs",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// The catalog, followed by the faults.
pub(crate) fn models() -> Value {
    let rows = ROWS.iter().map(Candidate::of);
    let faults = FAULTS.iter().filter_map(|fault| Candidate::fault(fault.name));
    json!({ "data": rows.chain(faults).map(|model| model_json(&model)).collect::<Vec<_>>() })
}

/// The embedding models, which `GET /models` does not list.
pub(crate) fn embedding_models() -> Value {
    json!({ "data": EMBEDDING_ROWS.iter().map(Candidate::of).map(|model| model_json(&model)).collect::<Vec<_>>() })
}

fn model_json(model: &Candidate) -> Value {
    let row = model.row;
    json!({
        "id": model.id,
        "canonical_slug": model.canonical,
        "hugging_face_id": null,
        "name": model.name,
        "created": CREATED,
        "description": description(model),
        "context_length": row.context,
        "architecture": architecture(),
        "pricing": pricing(model),
        "top_provider": {
            "context_length": row.context,
            "max_completion_tokens": row.max_output,
            "is_moderated": false,
        },
        "per_request_limits": null,
        "supported_parameters": PARAMETERS,
        "default_parameters": {},
        "expiration_date": row.expires,
        "links": { "details": format!("/api/v1/models/{}/endpoints", model.id) },
    })
}

/// Each model has one endpoint, of its provider.
pub(crate) fn endpoints(model: &Candidate) -> Value {
    let row = model.row;
    json!({ "data": {
        "id": model.id,
        "name": model.name,
        "created": CREATED,
        "description": description(model),
        "architecture": architecture(),
        "endpoints": [{
            "name": format!("{} | {}", row.provider, model.id),
            "model_id": model.id,
            "model_name": model.name,
            "provider_name": row.provider,
            "tag": row.provider.to_ascii_lowercase(),
            "context_length": row.context,
            "max_completion_tokens": row.max_output,
            "max_prompt_tokens": null,
            "pricing": pricing(model),
            "quantization": "unknown",
            "supported_parameters": PARAMETERS,
            "status": 0,
            "uptime_last_30m": 100.0,
            "supports_implicit_caching": false,
        }],
    } })
}

fn description(model: &Candidate) -> &'static str {
    match &model.default_behaviour {
        Behaviour::Fault(spec) => spec.fault.description,
        Behaviour::Healthy | Behaviour::Answer(_) | Behaviour::Echo(_) => {
            "An emulated model that echoes what it is asked."
        }
    }
}

fn architecture() -> Value {
    json!({
        "modality": "text->text",
        "input_modalities": ["text"],
        "output_modalities": ["text"],
        "tokenizer": "Other",
        "instruct_type": null,
    })
}

fn pricing(model: &Candidate) -> Value {
    json!({
        "prompt": usd_text(model.row.price.prompt),
        "completion": usd_text(model.row.price.completion),
        "request": "0",
        "image": "0",
        "web_search": "0",
        "internal_reasoning": "0",
        "input_cache_read": "0",
        "input_cache_write": "0",
        "discount": 0,
    })
}
