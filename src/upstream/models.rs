//! The models that a configuration lists for an upstream, and what it says about them. The page and the edge share this.

use super::Upstream;
use crate::catalog::ModelInfo;
use crate::invalid::{Invalid, Section, join};
use crate::json::decimal;
use crate::text::text;
use crate::usd::Usd;

/// A configuration states prices in USD for this many tokens.
const TOKENS_PER_PRICE: u64 = 1_000_000;

impl Upstream {
    /// Reads the list `models` of `config`, which stands at `path`: ids, or objects
    /// `{id, contextLength, maxOutput, maxReasoning, prompt, completion, cachedPrompt, reasoning}` (lengths in tokens, prices in
    /// USD for a million tokens).
    ///
    /// # Errors
    /// [`Invalid`] with the path of the entry or field that is wrong.
    pub fn read_models(&mut self, config: &Section<'_>, path: &str) -> Result<(), Box<Invalid>> {
        let rows = config.get("models");
        if !rows.is_array() && !rows.is_null() {
            let problem =
                "must be an array of ids, or of {id, contextLength, maxOutput, maxReasoning, prompt, completion}";
            return Err(config.wrong("models", problem));
        }
        for (row, at) in rows.items().zip(0..) {
            let place = text!("models[", &decimal(at), "]");
            let info = match row.text() {
                Some(id) => ModelInfo { id: id.into(), ..ModelInfo::default() },
                None if row.is_object() => read_info(&Section::object(join(path, &place), row)?)?,
                None => ModelInfo::default(),
            };
            if info.id.trim().is_empty() {
                return Err(config.wrong(&place, "must be a model's id, or an object with its `id`"));
            }
            if self.models.contains(&info.id) {
                return Err(config.wrong(&place, "repeats a model of this list"));
            }
            self.models.push(info.id.clone());
            if !row.is_string() {
                self.catalog.add(info);
            }
        }
        Ok(())
    }
}

fn read_info(row: &Section<'_>) -> Result<ModelInfo, Box<Invalid>> {
    row.only("id contextLength maxOutput maxReasoning prompt completion cachedPrompt reasoning")?;
    let tokens = |name| {
        let mut tokens = 0;
        row.whole(name, 1, 1_000_000_000, &mut tokens).map(|()| Some(tokens).filter(|tokens| *tokens > 0))
    };
    let price = |name| {
        let mut price = None;
        row.usd(name, &mut price)?;
        Ok::<_, Box<Invalid>>(price.map(|price| Usd(price.0.div_ceil(TOKENS_PER_PRICE))))
    };
    Ok(ModelInfo {
        id: row.text("id")?.unwrap_or_default().into(),
        context_length: tokens("contextLength")?,
        max_output: tokens("maxOutput")?,
        max_reasoning: tokens("maxReasoning")?,
        price: (price("prompt")?, price("completion")?),
        cached_price: price("cachedPrompt")?,
        reasoning_price: price("reasoning")?,
        ..ModelInfo::default()
    })
}
