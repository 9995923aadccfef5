//! What is known about models: context windows, names, prices. It comes from `GET /models`, and may be missing or old.

use std::sync::Arc;

use crate::Millis;
use crate::date::start_of_day;
use crate::json::Json;
use crate::near_miss::closest;
use crate::text::{cut, find, split, text};
use crate::tokens::Prompt;
use crate::usd::Usd;

/// A prompt of at most this many tokens fits every useful model, so that nothing has to be known about the models.
const FITS_ANYWHERE: u64 = 6_000;

/// What is known about one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The id that a request names.
    pub id: String,
    /// The id that an answer may name instead.
    pub canonical_slug: Option<String>,
    /// The context window: tokens of the prompt and the answer together.
    pub context_length: Option<u64>,
    /// The most tokens of an answer.
    pub max_output: Option<u64>,
    /// The most tokens that it reasons, where its upstream bills reasoning beyond the output limit.
    pub max_reasoning: Option<u64>,
    /// The price of a token of the prompt, and of a token of the answer.
    pub price: (Option<Usd>, Option<Usd>),
    /// The price of a token of the prompt that came from a cache, where it has a price of its own.
    pub cached_price: Option<Usd>,
    /// The price of a token of the prompt that is written to a cache, where it has a price of its own: for minutes, for an hour.
    pub written_price: (Option<Usd>, Option<Usd>),
    /// The price of a token of the reasoning, where it has a price of its own.
    pub reasoning_price: Option<Usd>,
    /// The JSON text of a list of all prices: for long prompts, for writes to a cache, for a request. May be empty.
    pub prices: String,
    /// The JSON text of a list of the parameters that the model supports. Empty, if they are not known.
    pub parameters: String,
    /// When the model is no longer offered. Milliseconds since the UNIX epoch.
    pub expires: Option<Millis>,
}

/// The highest prices: of a token of the prompt, a token of the answer, a request, and an image; then the list prices of the
/// two kinds of tokens, and the price of a token that is written to a cache for an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price(pub(crate) [Usd; 7]);

/// The fields of a price in the catalog, with the columns of [`Price`] that they raise.
const PRICE_FIELDS: [(&str, usize); 6] = [
    ("prompt", PROMPT),
    ("input_cache_write", PROMPT),
    ("completion", ANSWER),
    ("internal_reasoning", ANSWER),
    ("request", 2),
    ("image", 3),
];
const PROMPT: usize = 0;
const ANSWER: usize = 1;
pub(crate) const LISTED_PROMPT: usize = 4;
pub(crate) const LISTED_ANSWER: usize = 5;
const WRITTEN_FOR_HOUR: usize = 6;

impl Price {
    /// The cost of a request with a prompt of `prompt` tokens and `images` images, and an answer of `answer` tokens.
    pub fn cost(&self, prompt: u64, images: u64, answer: u64) -> Usd {
        let mut cost = Usd(0);
        for (price, count) in self.0.iter().zip([prompt, answer, 1, images]) {
            cost = cost.plus(price.times(count));
        }
        cost
    }

    /// The same prices for a prompt that may be written to a cache for an hour.
    pub(crate) fn for_hour_in_cache(&self) -> Self {
        let mut price = self.clone();
        price.raise(PROMPT, self.0[WRITTEN_FOR_HOUR]);
        price
    }

    #[inline(never)]
    fn raise(&mut self, column: usize, price: Usd) {
        self.0[column] = price.max(self.0[column]);
    }

    fn raise_to(&mut self, pricing: Json<'_>) {
        for (name, column) in PRICE_FIELDS {
            self.raise(column, Usd(pricing.get(name).amount().unwrap_or_default()));
        }
    }
}

/// The known models, in the upstream's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    models: Vec<Arc<ModelInfo>>,
    /// It has every model of the upstream, so that the near miss of an unknown id is one of them.
    complete: bool,
}

impl Catalog {
    /// The catalog in the body of `GET /models`. Empty, if it is another body.
    pub fn read(body: Json<'_>) -> Self {
        Self { models: body.get("data").items().filter_map(ModelInfo::read).map(Arc::new).collect(), complete: true }
    }

    /// Adds the model in the body of `GET /models/{author}/{slug}/endpoints`. Ignores another body.
    pub fn add_endpoints(&mut self, body: Json<'_>) {
        let data = body.get("data");
        let Some(id) = data.get("id").text() else { return };
        let mut model = ModelInfo { id: id.into(), prices: data.get("endpoints").raw().into(), ..ModelInfo::default() };
        // Any endpoint may serve: the largest context window and the highest price count.
        for endpoint in data.get("endpoints").items().map(ModelInfo::of) {
            model.context_length = model.context_length.max(endpoint.context_length);
            model.max_output = model.max_output.max(endpoint.max_output);
            model.price = (model.price.0.max(endpoint.price.0), model.price.1.max(endpoint.price.1));
        }
        self.add(model);
    }

    /// Adds a model, or replaces what was known about it.
    pub fn add(&mut self, model: ModelInfo) {
        self.models.retain(|known| known.id != model.id);
        self.models.push(Arc::new(model));
    }

    /// What is known about `model`. Without a row for a variant (`:free`, `:nitro`), the model itself counts.
    pub fn find(&self, model: &str) -> Option<&Arc<ModelInfo>> {
        let base = base_name(model);
        self.models.iter().find(|row| row.id == model).or_else(|| self.models.iter().find(|row| row.id == base))
    }

    /// The ids of all known models.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|row| row.id.as_str())
    }

    /// The id that was probably meant by `model`, an id that is not valid.
    pub fn near_miss(&self, model: &str) -> Option<String> {
        if self.complete {
            return closest(model, &mut self.models.iter().map(|row| row.id.as_str())).map(Into::into);
        }
        dotted_version(model)
    }

    /// The models of `chain` that a call has to look up before it is sent: for a long prompt, or if its cost `is_limited`.
    pub fn unknown_models<'a>(
        &self,
        chain: impl Iterator<Item = &'a str>,
        prompt: Prompt,
        is_limited: bool,
    ) -> Vec<&'a str> {
        let matters = |model: &str| is_limited || prompt.tokens(model) > FITS_ANYWHERE;
        chain.filter(|model| matters(model) && self.find(model).is_none()).collect()
    }
}

/// `served`, which an answer names, is the model `asked`. `slug` is its canonical slug, if that is known.
pub fn same_model(asked: &str, slug: Option<&str>, served: &str) -> bool {
    let (asked, served) = (base_name(asked), base_name(served));
    asked == served || dated(asked, served) || slug.is_some_and(|slug| base_name(slug) == served)
}

/// `model` continues a last message of the assistant. Many models accept that message and begin a new one, and some refuse it.
/// A model that is not in this list is not asked to continue.
pub fn continues_prefill(model: &str) -> bool {
    const CONTINUES: &str = "meta-llama/ mistralai/ deepseek/ qwen/ nousresearch/ anthropic/claude-3 \
                             anthropic/claude-sonnet-4 anthropic/claude-haiku-4";
    split(CONTINUES, b' ').any(|family| model.starts_with(family))
}

/// `model` thinks before it answers unless the request tells it not to. It may be silent for minutes.
pub fn reasons(model: &str) -> bool {
    // By the beginning of the name behind the vendor's. OpenAI, DeepSeek, Qwen, Mistral, xAI, Google, Zhipu, MiniMax, Perplexity.
    const REASONING: &str = "o1 o3 o4 gpt-5 gpt-oss deepseek-r1 qwq magistral grok-4 grok-3-mini gemini-2.5-pro gemini-3 \
                             glm-4.5 glm-4.6 glm-4.7 glm-5 minimax-m sonar-deep-research";
    let name = split(base_name(model), b'/').last().unwrap_or_default().to_ascii_lowercase();
    let has = |part: &str| find(&name, part).is_some();
    let is_known = split(REASONING, b' ').any(|family| name.starts_with(family)) || has("thinking") || has("reason");
    // A variant of the family that answers at once, and a suffix that asks for thought.
    model.ends_with(":thinking") || (is_known && !has("non-reasoning") && !has("-chat") && !has("no-think"))
}

impl ModelInfo {
    fn read(row: Json<'_>) -> Option<Self> {
        let mut info = Self::of(row);
        info.id = row.get("id").text()?.into();
        info.canonical_slug = row.get("canonical_slug").text().map(Into::into);
        info.prices = text!("[{\"pricing\":", row.get("pricing").raw(), "}]");
        Some(info)
    }

    /// The fields that a model and an endpoint have in common.
    fn of(row: Json<'_>) -> Self {
        let pricing = row.get("pricing");
        let price = |name| pricing.get(name).amount().map(Usd);
        let parameters = row.get("supported_parameters");
        let limit = row.get("max_completion_tokens").whole();
        Self {
            context_length: row.get("context_length").whole(),
            max_output: limit.or_else(|| row.at("top_provider.max_completion_tokens").whole()),
            price: (price("prompt"), price("completion")),
            cached_price: price("input_cache_read"),
            written_price: if cfg!(feature = "browser") {
                (None, None)
            } else {
                (price("input_cache_write"), price("input_cache_write_1h"))
            },
            reasoning_price: price("internal_reasoning"),
            parameters: if parameters.is_array() { parameters.raw().into() } else { String::new() },
            expires: start_of_day(row.get("expiration_date").word()),
            ..Self::default()
        }
    }

    /// Raises `price` to the price of this model, for a prompt of up to `tokens` tokens. False: the price is not known.
    pub fn raise(&self, price: &mut Price, tokens: u64) -> bool {
        let (Some(prompt), Some(answer)) = self.price else { return false };
        price.raise(ANSWER, self.reasoning_price.unwrap_or_default());
        let (written, stated) = self.written_price;
        // An endpoint that has no row here may charge for an hour what Anthropic charges.
        let for_hour = stated.unwrap_or(self.price_for_hour(prompt).max(prompt.times(2)));
        for (column, listed) in [
            (PROMPT, prompt.max(written.unwrap_or_default())),
            (ANSWER, answer),
            (LISTED_PROMPT, prompt),
            (LISTED_ANSWER, answer),
            (WRITTEN_FOR_HOUR, for_hour),
        ] {
            price.raise(column, listed);
        }
        for row in Json::or_null(&self.prices).items() {
            let pricing = row.get("pricing");
            price.raise_to(pricing);
            for row in pricing.get("overrides").items() {
                // Any other condition of the price may be true.
                if row.get("min_prompt_tokens").whole().unwrap_or_default() <= tokens {
                    price.raise_to(row);
                }
            }
        }
        true
    }

    /// The price of a token that is written to a cache for an hour, for a model whose prompt costs `prompt` a token. Where it is
    /// not stated, a model that charges for what it writes to a cache charges twice the price of the prompt, as Anthropic does, and
    /// nobody else has such a cache (platform.claude.com/docs/en/about-claude/pricing). Other models charge the price of the prompt.
    pub(crate) fn price_for_hour(&self, prompt: Usd) -> Usd {
        let (written, for_hour) = self.written_price;
        for_hour.unwrap_or(written.map_or(prompt, |written| written.max(prompt.times(2))))
    }

    /// The model is known not to support `parameter`.
    pub fn lacks(&self, parameter: &str) -> bool {
        let known = Json::or_null(&self.parameters);
        known.is_array() && !known.items().any(|known| known.is(parameter))
    }
}

fn base_name(model: &str) -> &str {
    cut(model, b':').0
}

/// `gpt-4o` answers as `gpt-4o-2024-08-06`: the same name, then a date.
fn dated(asked: &str, served: &str) -> bool {
    let Some(date) = served.strip_prefix(asked).and_then(|rest| rest.strip_prefix('-')) else { return false };
    date.len() >= 4 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Ids carry a dot between the digits of a version; a dash there is the usual slip.
fn dotted_version(model: &str) -> Option<String> {
    let bytes = model.as_bytes();
    let dash = (1..bytes.len().checked_sub(1)?)
        .find(|&at| bytes[at] == b'-' && bytes[at - 1].is_ascii_digit() && bytes[at + 1].is_ascii_digit())?;
    Some(text!(&model[..dash], ".", &model[dash + 1..]))
}

#[cfg(test)]
mod tests {
    use super::{Catalog, ModelInfo, Price, same_model};
    use crate::json::Json;
    use crate::usd::Usd;

    fn catalog() -> Catalog {
        let body = r#"{"data": [
            {"id": "anthropic/claude-opus-4.7", "canonical_slug": "anthropic/claude-4.7-opus-20260416", "context_length": 200000},
            {"id": "openai/gpt-4o", "context_length": 128000}
        ]}"#;
        Catalog::read(Json::parse(body).expect("JSON"))
    }

    #[test]
    fn matches_a_served_name_by_slug_date_and_variant_not_by_likeness() {
        let catalog = catalog();
        let slug = catalog.find("anthropic/claude-opus-4.7").and_then(|row| row.canonical_slug.as_deref());
        assert!(same_model("anthropic/claude-opus-4.7", slug, "anthropic/claude-4.7-opus-20260416"));
        assert!(same_model("openai/gpt-4o", None, "openai/gpt-4o-2024-08-06"));
        assert!(same_model("openai/gpt-4o:floor", None, "openai/gpt-4o"));
        assert!(!same_model("openai/gpt-4o", None, "openai/gpt-4o-mini"));
    }

    #[test]
    fn what_is_held_for_an_hour_in_the_cache_is_never_less_than_its_cost() {
        let usd = |prices: (u64, Option<u64>, Option<u64>)| {
            let (prompt, written, for_hour) = (Usd(prices.0), prices.1.map(Usd), prices.2.map(Usd));
            let model = ModelInfo {
                price: (Some(prompt), Some(Usd(0))),
                written_price: (written, for_hour),
                ..ModelInfo::default()
            };
            let mut price = Price::default();
            assert!(model.raise(&mut price, 1));
            (model.price_for_hour(prompt).0, price.for_hour_in_cache().cost(1, 0, 0).0)
        };
        for (prices, cost, held) in [
            ((4, None, None), 4, 8),
            ((4, Some(5), None), 8, 8),
            ((4, Some(9), None), 9, 9),
            ((4, Some(5), Some(7)), 7, 7),
            ((4, None, Some(7)), 7, 7),
            ((4, Some(5), Some(3)), 3, 5),
        ] {
            assert_eq!(usd(prices), (cost, held), "{prices:?}");
            assert!(cost <= held, "{prices:?}");
        }
    }

    #[test]
    fn finds_the_id_that_was_meant_with_and_without_a_list_of_all_models() {
        let meant = Some("anthropic/claude-opus-4.7".to_owned());
        assert_eq!(catalog().near_miss("anthropic/claude-opus-4-7"), meant);
        assert_eq!(Catalog::default().near_miss("anthropic/claude-opus-4-7"), meant);
        assert_eq!(Catalog::default().near_miss("openai/gpt-4o"), None);
    }
}
