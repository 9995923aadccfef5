//! Context about models, read from `GET /models`: windows, names, aliases. All of it may be missing or old.

use std::sync::Arc;

use crate::Millis;
use crate::date::start_of_day;
use crate::json::Json;
use crate::spelling::closest;
use crate::text::{cut, split, text};
use crate::tokens::Prompt;
use crate::usd::Usd;

/// A prompt of at most this many tokens fits every model that is worth a chain, so no facts are needed for it.
const FITS_ANYWHERE: u64 = 6_000;

/// What is known of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The id that a request names.
    pub id: String,
    /// The id that an answer may name instead.
    pub canonical_slug: Option<String>,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// Tokens of an answer.
    pub max_output: Option<u64>,
    /// What a token of the prompt costs, and one of the answer.
    pub price: (Option<Usd>, Option<Usd>),
    /// JSON text of a list of all prices that are told: of long prompts, of writes to a cache, of a request. May be empty.
    pub prices: String,
    /// JSON text of the list of parameters that it knows; empty, if that is not known.
    pub parameters: String,
    /// When it goes away.
    pub expires: Option<Millis>,
}

/// What is charged, at most: for a token of the prompt, one of the answer, a request, and an image in it; and for the two
/// tokens, as it is listed first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price(pub(crate) [Usd; 6]);

/// The columns of a [`Price`] that what is told of it raises.
const TOLD: [(&str, usize); 6] = [
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

impl Price {
    /// What a request with such a prompt, so many images in it, and an answer of so many tokens costs.
    pub fn cost(&self, prompt: u64, images: u64, answer: u64) -> Usd {
        let mut cost = Usd(0);
        for (price, count) in self.0.iter().zip([prompt, answer, 1, images]) {
            cost = cost.plus(price.times(count));
        }
        cost
    }

    #[inline(never)]
    fn raise(&mut self, column: usize, price: Usd) {
        self.0[column] = price.max(self.0[column]);
    }

    fn raise_to(&mut self, told: Json<'_>) {
        for (name, column) in TOLD {
            self.raise(column, Usd(told.get(name).amount().unwrap_or_default()));
        }
    }
}

/// The models that are known, in the upstream's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    models: Vec<Arc<ModelInfo>>,
    /// It lists every model of the upstream, so that an id that is not in it is worth a hint.
    complete: bool,
}

impl Catalog {
    /// The catalog in the body of `GET /models`; empty if it is no such body.
    pub fn read(body: Json<'_>) -> Self {
        Self { models: body.get("data").items().filter_map(ModelInfo::read).map(Arc::new).collect(), complete: true }
    }

    /// Adds the model in the body of `GET /models/{author}/{slug}/endpoints`, if it is such a body.
    pub fn learn_endpoints(&mut self, body: Json<'_>) {
        let data = body.get("data");
        let Some(id) = data.get("id").text() else { return };
        let mut model = ModelInfo { id: id.into(), prices: data.get("endpoints").raw().into(), ..ModelInfo::default() };
        // Whichever endpoint serves: the largest window, and the price to reckon with.
        for endpoint in data.get("endpoints").items().map(ModelInfo::of) {
            model.context_length = model.context_length.max(endpoint.context_length);
            model.max_output = model.max_output.max(endpoint.max_output);
            model.price = (model.price.0.max(endpoint.price.0), model.price.1.max(endpoint.price.1));
        }
        self.add(model);
    }

    /// Adds a model, in the place of what was known of it.
    pub fn add(&mut self, model: ModelInfo) {
        self.models.retain(|known| known.id != model.id);
        self.models.push(Arc::new(model));
    }

    /// What is known of `model`; a variant suffix (`:free`, `:nitro`) is not part of the name.
    pub fn find(&self, model: &str) -> Option<&Arc<ModelInfo>> {
        let base = base_name(model);
        self.models.iter().find(|row| row.id == model).or_else(|| self.models.iter().find(|row| row.id == base))
    }

    /// The ids of all models that are known.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|row| row.id.as_str())
    }

    /// What may have been meant by `model`, an id that is not valid.
    pub fn near_miss(&self, model: &str) -> Option<String> {
        if self.complete {
            return closest(model, &mut self.models.iter().map(|row| row.id.as_str())).map(Into::into);
        }
        dotted_version(model)
    }

    /// The models of `chain` about which a call with this prompt, or one with a `bounded` cost, should know more before it is
    /// sent.
    pub fn wanting<'a>(&self, chain: impl Iterator<Item = &'a str>, prompt: Prompt, bounded: bool) -> Vec<&'a str> {
        let matters = |model: &str| bounded || prompt.tokens(model) > FITS_ANYWHERE;
        chain.filter(|model| matters(model) && self.find(model).is_none()).collect()
    }
}

/// `served`, named by an answer, is the model `asked`, whose canonical slug is `slug` where that is known.
pub fn same_model(asked: &str, slug: Option<&str>, served: &str) -> bool {
    let (asked, served) = (base_name(asked), base_name(served));
    asked == served || dated(asked, served) || slug.is_some_and(|slug| base_name(slug) == served)
}

/// `model` goes on from a last message of the assistant in place of beginning a new one. Many take such a message and
/// begin again, some refuse it; whoever is not listed is not asked to.
pub fn continues_prefill(model: &str) -> bool {
    const CONTINUES: &str = "meta-llama/ mistralai/ deepseek/ qwen/ nousresearch/ anthropic/claude-3 \
                             anthropic/claude-sonnet-4 anthropic/claude-haiku-4";
    split(CONTINUES, b' ').any(|family| model.starts_with(family))
}

impl ModelInfo {
    fn read(row: Json<'_>) -> Option<Self> {
        let mut facts = Self::of(row);
        facts.id = row.get("id").text()?.into();
        facts.canonical_slug = row.get("canonical_slug").text().map(Into::into);
        facts.prices = text!("[{\"pricing\":", row.get("pricing").raw(), "}]");
        Some(facts)
    }

    /// What a model and an endpoint are told of alike.
    fn of(row: Json<'_>) -> Self {
        let pricing = row.get("pricing");
        let price = |name| pricing.get(name).amount().map(Usd);
        let parameters = row.get("supported_parameters");
        let limit = row.get("max_completion_tokens").whole();
        Self {
            context_length: row.get("context_length").whole(),
            max_output: limit.or_else(|| row.at("top_provider.max_completion_tokens").whole()),
            price: (price("prompt"), price("completion")),
            parameters: if parameters.is_array() { parameters.raw().into() } else { String::new() },
            expires: start_of_day(row.get("expiration_date").word()),
            ..Self::default()
        }
    }

    /// Makes `price` no less than what it costs where the prompt has up to `tokens`. False: that is not known.
    pub fn raise(&self, price: &mut Price, tokens: u64) -> bool {
        let (Some(prompt), Some(answer)) = self.price else { return false };
        for (column, listed) in [(PROMPT, prompt), (ANSWER, answer), (LISTED_PROMPT, prompt), (LISTED_ANSWER, answer)] {
            price.raise(column, listed);
        }
        for row in Json::or_null(&self.prices).items() {
            let told = row.get("pricing");
            price.raise_to(told);
            for row in told.get("overrides").items() {
                // Whatever else it depends on may be the case.
                if row.get("min_prompt_tokens").whole().unwrap_or_default() <= tokens {
                    price.raise_to(row);
                }
            }
        }
        true
    }

    /// It is known to lack `parameter`.
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
    use super::{Catalog, same_model};
    use crate::json::Json;

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
    fn names_what_was_meant_with_and_without_a_list_of_all_models() {
        let meant = Some("anthropic/claude-opus-4.7".to_owned());
        assert_eq!(catalog().near_miss("anthropic/claude-opus-4-7"), meant);
        assert_eq!(Catalog::default().near_miss("anthropic/claude-opus-4-7"), meant);
        assert_eq!(Catalog::default().near_miss("openai/gpt-4o"), None);
    }
}
