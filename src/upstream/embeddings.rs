//! The embedding models of upstreams. An embedding model has no place in a chain: the vectors of one model mean nothing to
//! another. So only an upstream that has the model itself is asked.

use super::{Dialect, Upstream};
use crate::catalog::ModelInfo;
use crate::invalid::{Invalid, Section, join};
use crate::json::decimal;
use crate::text::text;
use crate::usd::Usd;

/// An embedding model of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingModel {
    /// The id that the upstream knows: on Azure, the deployment.
    pub id: String,
    /// The id by which clients ask for it. The owner declares with the same name that two upstreams have the same model.
    pub name: String,
}

impl Upstream {
    /// Reads the list `embeddings` of `config`, which stands at `path`: ids, or objects `{id, name, contextLength, prompt}` (the
    /// context window in tokens, the price in USD for a million tokens).
    ///
    /// # Errors
    /// [`Invalid`] with the path of the entry or field that is wrong.
    pub fn read_embeddings(&mut self, config: &Section<'_>, path: &str) -> Result<(), Box<Invalid>> {
        let rows = config.get("embeddings");
        if !rows.is_array() && !rows.is_null() {
            return Err(config.wrong("embeddings", "must be an array of ids, or of {id, name, contextLength, prompt}"));
        }
        for (row, at) in rows.items().zip(0..) {
            let place = text!("embeddings[", &decimal(at), "]");
            let (id, name) = if row.is_object() {
                let row = Section::object(join(path, &place), row)?;
                let (id, name) = (row.text("id")?, row.text("name")?);
                self.catalog.add(read_info(&row, id.as_deref().unwrap_or_default())?);
                (id, name)
            } else {
                (row.text(), None)
            };
            let id = id.unwrap_or_default().into_owned();
            if id.trim().is_empty() {
                return Err(config.wrong(&place, "must be a model's id, or an object with its `id`"));
            }
            self.embeddings.push(EmbeddingModel { name: name.map_or(id.clone(), Into::into), id });
        }
        Ok(())
    }

    /// This upstream, to be asked for vectors of `model` alone. `None`, if it has no such model, or its dialect has no embeddings.
    /// An upstream without any list of models may have every model.
    pub fn for_embeddings(&self, model: &str) -> Option<Self> {
        let named = self.embeddings.iter().find(|known| known.name == model);
        let listed = || self.models.iter().any(|known| known == model);
        let id = match named {
            Some(known) => &known.id,
            None if listed() || (self.models.is_empty() && self.embeddings.is_empty()) => model,
            None => return None,
        };
        // Nothing is written, so there is no reasoning to bound.
        (self.dialect != Dialect::Anthropic).then(|| Self {
            models: vec![id.into()],
            reasons_beyond_limit: false,
            ..self.clone()
        })
    }
}

fn read_info(row: &Section<'_>, id: &str) -> Result<ModelInfo, Box<Invalid>> {
    row.only("id name contextLength prompt")?;
    let (mut tokens, mut price) = (0, None);
    row.whole("contextLength", 1, 1_000_000_000, &mut tokens)?;
    row.usd("prompt", &mut price)?;
    let price = price.map(super::models::per_token);
    Ok(ModelInfo {
        id: id.into(),
        context_length: Some(tokens).filter(|tokens| *tokens > 0),
        // Nothing is written beside the vectors.
        price: (price, price.map(|_| Usd(0))),
        ..ModelInfo::default()
    })
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Upstream};
    use crate::invalid::Section;
    use crate::json::Json;

    fn upstream(dialect: Dialect, config: &str) -> Result<Upstream, String> {
        let mut upstream = Upstream::new(dialect, "https://api.example/v1", None);
        let config = Section::object("upstream", Json::parse(config).expect("JSON")).expect("an object");
        upstream.read_models(&config, "upstream").map_err(|wrong| wrong.to_string())?;
        upstream.read_embeddings(&config, "upstream").map_err(|wrong| wrong.to_string())?;
        Ok(upstream)
    }

    #[test]
    fn only_an_upstream_that_has_the_model_is_asked() {
        let named = r#"{"embeddings": [{"id": "my-deployment", "name": "openai/e", "prompt": 0.02, "contextLength": 8192}, "f"]}"#;
        for (dialect, config, model, asked) in [
            (Dialect::OpenRouter, "{}", "openai/e", Some("openai/e")),
            (Dialect::Azure, named, "openai/e", Some("my-deployment")),
            (Dialect::Azure, named, "f", Some("f")),
            (Dialect::Azure, named, "my-deployment", None),
            (Dialect::Azure, named, "g", None),
            (Dialect::OpenAi, r#"{"models": ["chat", "f"]}"#, "f", Some("f")),
            (Dialect::OpenAi, r#"{"models": ["chat"]}"#, "f", None),
            (Dialect::OpenAi, r#"{"models": ["chat"], "embeddings": ["f"]}"#, "f", Some("f")),
            (Dialect::Anthropic, "{}", "f", None),
        ] {
            let found = upstream(dialect, config).expect("valid").for_embeddings(model);
            assert_eq!(found.as_ref().map(|found| &*found.models[0]), asked, "{config} {model}");
        }
        let mut reasoning = upstream(Dialect::OpenAi, "{}").expect("valid");
        reasoning.reasons_beyond_limit = true;
        assert_eq!(reasoning.reasoning_beyond_limit(None, None), None);
        assert_eq!(reasoning.for_embeddings("f").expect("an upstream").reasoning_beyond_limit(None, None), Some(0));
        let price =
            upstream(Dialect::Azure, named).expect("valid").catalog.find("my-deployment").map(|info| info.price);
        assert_eq!(
            price.map(|(prompt, answer)| (prompt.map(|usd| usd.0), answer.map(|usd| usd.0))),
            Some((Some(20_000), Some(0)))
        );
    }

    #[test]
    fn a_wrong_list_is_an_error_with_its_place() {
        for (config, problem) in [
            (
                r#"{"embeddings": "e"}"#,
                "`upstream.embeddings` must be an array of ids, or of {id, name, contextLength, prompt}",
            ),
            (r#"{"embeddings": [" "]}"#, "`upstream.embeddings[0]` must be a model's id, or an object with its `id`"),
            (
                r#"{"embeddings": ["a", {"name": "b"}]}"#,
                "`upstream.embeddings[1]` must be a model's id, or an object with its `id`",
            ),
        ] {
            assert_eq!(upstream(Dialect::OpenAi, config).err().as_deref(), Some(problem));
        }
        assert!(upstream(Dialect::OpenAi, r#"{"embeddings": [{"id": "a", "completion": 1}]}"#).is_err());
    }
}
