//! The chain of models that a request names.

use super::ChatRequest;
use crate::invalid::Invalid;
use crate::json::{Fields, Json, decimal};
use crate::text::{is_blank, text};

/// The longest chain. A longer one is a mistake, or an attack on the bill.
const LONGEST_CHAIN: usize = 32;

impl ChatRequest {
    /// Replaces the chain with `models`.
    ///
    /// # Errors
    /// [`Invalid`], as for the field `models`.
    pub fn set_chain(&mut self, models: &[String]) -> Result<(), Box<Invalid>> {
        let models = models.iter().map(|model| Some(model.clone()).filter(|model| !is_blank(model)));
        self.models = read_all(models, &mut self.warnings)?;
        Ok(())
    }
}

/// The chain of a request that has models of its `own`, through a client that has a `chain`: its own models come first, and
/// the client's chain follows. Each model is in the result once. Empty ids are left out.
///
/// ```
/// use failsoft::request::own_models_first;
///
/// assert_eq!(own_models_first(["b/two"], ["a/one", "b/two"]), ["b/two", "a/one"]);
/// ```
pub fn own_models_first<'a>(
    own: impl IntoIterator<Item = &'a str>,
    chain: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let mut models: Vec<String> = Vec::new();
    for model in own.into_iter().chain(chain) {
        if !model.is_empty() && !models.iter().any(|known| known == model) {
            models.push(model.into());
        }
    }
    models
}

/// The longest id of a model, in bytes. Errors, reports and breakers name models.
const LONGEST_ID: usize = 256;

/// The id of a model, if `value` is one.
fn model_id(value: Json<'_>) -> Option<String> {
    let text = value.text().filter(|model| model.len() <= LONGEST_ID && !is_blank(model));
    text.map(Into::into)
}

/// The chain: `models`, else `model`. If a request has both, the caller wrote `models` and a wrapper added `model`.
pub(super) fn read(body: &Fields<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, Box<Invalid>> {
    let (single, listed) = (body.get("model"), body.get("models"));
    let head = model_id(single);
    if head.is_none() && !single.is_null() {
        return Err(Invalid::new("model", "must be a model's id, such as \"openai/gpt-4o\""));
    }
    if !listed.is_array() && !listed.is_null() {
        return Err(Invalid::new("models", "must be an array of model ids"));
    }
    let mut chain = read_all(listed.items().map(model_id), warnings)?;
    match (head, chain.first()) {
        (Some(model), None) => chain.push(model),
        (Some(model), Some(first)) if *first != model => {
            warnings.push(text!("`model` (", &model, ") was ignored, because the request also has `models`"));
        }
        (None, None) => return Err(Invalid::new("models", "is missing; name at least one model")),
        (Some(_) | None, Some(_)) => {}
    }
    Ok(chain)
}

/// A chain with each of `models` once. `None` is an entry that is no model's id.
fn read_all(
    models: impl Iterator<Item = Option<String>>,
    warnings: &mut Vec<String>,
) -> Result<Vec<String>, Box<Invalid>> {
    let mut chain: Vec<String> = Vec::new();
    for (at, model) in models.enumerate() {
        match model {
            _ if at >= LONGEST_CHAIN => return Err(Invalid::new("models", "has more than 32 models")),
            Some(model) if chain.contains(&model) => warnings.push(text!("`models` contains ", &model, " twice")),
            Some(model) => chain.push(model),
            None => return Err(Invalid::new(text!("models[", &decimal(at as u64), "]"), "must be a model's id")),
        }
    }
    Ok(chain)
}
