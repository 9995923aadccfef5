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
    /// `{id, contextLength, maxOutput, maxReasoning, prompt, completion, cachedPrompt, cacheWrite, cacheWriteHour, reasoning}`
    /// (lengths in tokens, prices in USD for a million tokens). Without prices for a cache, Claude's models have Anthropic's.
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
            #[cfg(feature = "protocols")]
            let info = if self.dialect == super::Dialect::Anthropic { with_cache_prices(info) } else { info };
            if !row.is_string() {
                self.catalog.add(info);
            }
        }
        Ok(())
    }
}

/// The prices that Anthropic has for its cache, where the configuration states none: a tenth of the prompt's price for a token
/// from the cache, a quarter more than it for five minutes in the cache, and twice as much for an hour
/// (platform.claude.com/docs/en/build-with-claude/prompt-caching).
#[cfg(feature = "protocols")]
fn with_cache_prices(mut info: ModelInfo) -> ModelInfo {
    if let Some(Usd(prompt)) = info.price.0 {
        info.cached_price.get_or_insert(Usd(prompt.div_ceil(10)));
        info.written_price.0.get_or_insert(Usd(prompt.saturating_add(prompt.div_ceil(4))));
        info.written_price.1.get_or_insert(Usd(prompt.saturating_mul(2)));
    }
    info
}

/// The price of a token, for a price of [`TOKENS_PER_PRICE`].
pub(super) fn per_token(price: Usd) -> Usd {
    Usd(price.0.div_ceil(TOKENS_PER_PRICE))
}

fn read_info(row: &Section<'_>) -> Result<ModelInfo, Box<Invalid>> {
    row.only(
        "id contextLength maxOutput maxReasoning prompt completion cachedPrompt cacheWrite cacheWriteHour reasoning",
    )?;
    let tokens = |name| {
        let mut tokens = 0;
        row.whole(name, 1, 1_000_000_000, &mut tokens).map(|()| Some(tokens).filter(|tokens| *tokens > 0))
    };
    let price = |name| {
        let mut price = None;
        row.usd(name, &mut price)?;
        Ok::<_, Box<Invalid>>(price.map(per_token))
    };
    Ok(ModelInfo {
        id: row.text("id")?.unwrap_or_default().into(),
        context_length: tokens("contextLength")?,
        max_output: tokens("maxOutput")?,
        max_reasoning: tokens("maxReasoning")?,
        price: (price("prompt")?, price("completion")?),
        cached_price: price("cachedPrompt")?,
        // The hold of an edge, and what it computes, need them.
        written_price: if cfg!(feature = "browser") {
            (None, None)
        } else {
            (price("cacheWrite")?, price("cacheWriteHour")?)
        },
        reasoning_price: price("reasoning")?,
        ..ModelInfo::default()
    })
}

#[cfg(all(test, feature = "protocols"))]
mod tests {
    use crate::invalid::Section;
    use crate::json::Json;
    use crate::upstream::{Dialect, Upstream};
    use crate::usd::Usd;

    #[test]
    fn claudes_models_have_the_cache_prices_of_anthropic_unless_they_are_stated() {
        let read = |dialect: Dialect, more: &str| {
            let config = ["{\"models\":[{\"id\":\"m\",\"prompt\":4,\"completion\":20", more, "}]}"].concat();
            let mut upstream = Upstream::new(dialect, "https://a.example/v1", None);
            let section = Section::object("upstream", Json::parse(&config).expect("JSON")).expect("an object");
            upstream.read_models(&section, "upstream").expect("valid");
            let info = upstream.catalog.find("m").expect("a model").clone();
            [info.cached_price, info.written_price.0, info.written_price.1].map(|price| price.map(|Usd(price)| price))
        };
        assert_eq!(read(Dialect::Anthropic, ""), [Some(400_000), Some(5_000_000), Some(8_000_000)]);
        let stated = r#","cachedPrompt":1,"cacheWrite":2,"cacheWriteHour":3"#;
        for dialect in [Dialect::Anthropic, Dialect::OpenAi] {
            assert_eq!(read(dialect, stated), [Some(1_000_000), Some(2_000_000), Some(3_000_000)]);
        }
        assert_eq!(read(Dialect::OpenAi, ""), [None; 3]);
    }
}
