//! Requests for embeddings: which fields they may have, how many inputs, and which upstreams may answer.

use std::sync::Arc;

use failsoft::invalid::{Invalid, Section};
use failsoft::request::MOST_FIELDS;
use failsoft::{ChatRequest, Upstream};

use super::fields::{Checked, warn_about_unknown};
use super::openrouter::check_provider;
use crate::config::Limits;
use crate::http::api_error::{ApiError, Code};

/// The fields of OpenAI and of OpenRouter. None of them adds a cost to that of the inputs.
const FIELDS: &str = "model models input encoding_format dimensions user input_type provider failsoft";

/// Checks every field of `body` but those that the owner `opened`. The inputs are checked by [`check_inputs`].
///
/// # Errors
/// The first field that is refused, and what to do about it.
pub(super) fn check<'a>(body: &Section<'a>, limits: &Limits, opened: &[String]) -> Result<Checked<'a>, Box<Invalid>> {
    let (mut fields, mut unknown) = (Vec::new(), Vec::new());
    for (at, (key, value)) in body.fields().enumerate() {
        let name = &*key.text().unwrap_or_default();
        if at == MOST_FIELDS {
            return Err(Invalid::new("body", format!("has more than {MOST_FIELDS} fields")));
        }
        if FIELDS.split(' ').any(|known| known == name) || opened.iter().any(|opened| opened == name) {
            fields.push((key, value));
        } else if limits.refuses_unknown {
            return Err(Invalid::unknown("", name, FIELDS));
        } else if !value.is_null() {
            unknown.push(name.to_owned());
        }
    }
    if !body.get("provider").is_null() {
        check_provider(&body.section("provider")?)?;
    }
    let warnings = warn_about_unknown(&unknown, FIELDS);
    Ok(Checked {
        fields: fields.into_iter().collect(),
        output: 0,
        prompt: 0,
        has_files: false,
        hour_in_cache: false,
        warnings,
    })
}

/// Refuses more inputs than the `limits` allow. Returns the most tokens of all inputs.
pub(super) fn check_inputs(request: &ChatRequest, limits: &Limits) -> Result<Option<u64>, Box<Invalid>> {
    let Some(embeddings) = &request.embeddings else { return Ok(None) };
    if embeddings.inputs > limits.inputs {
        let problem = format!(
            "has {} entries, and one request can have {} (`limits.inputs`); send several requests",
            embeddings.inputs, limits.inputs
        );
        return Err(Invalid::new("input", problem));
    }
    Ok(Some(embeddings.most_tokens))
}

/// Gives `request` the first of the models of a route.
pub(super) fn choose_first(request: &mut ChatRequest, models: &[String]) -> Result<(), Box<Invalid>> {
    if models.len() > 1 {
        let warning =
            "the first model of the route was asked, and no other: vectors of different models cannot be compared";
        request.warnings.push(warning.into());
    }
    request.set_chain(&models[..models.len().min(1)])
}

/// Of `upstreams`, those that have the model of `request`, each to be asked for this model alone.
///
/// # Errors
/// If there is none.
pub(super) fn find_upstreams(request: &ChatRequest, upstreams: &[Upstream]) -> Result<Arc<Vec<Upstream>>, ApiError> {
    let model = &request.models[0];
    let found: Vec<Upstream> = upstreams.iter().filter_map(|upstream| upstream.for_embeddings(model)).collect();
    if found.is_empty() {
        let message = "no upstream of this edge has embeddings of this model; the owner of the edge can list the model in \
                       `embeddings` of an upstream";
        return Err(ApiError::new(Code::ModelNotFound, message).about("model"));
    }
    Ok(Arc::new(found))
}
