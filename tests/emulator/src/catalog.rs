//! The models of the emulator and their prices.

use crate::fault::{Behaviour, FaultSpec};

/// Prices are integers, so that a sum is exact: picodollars (10⁻¹² USD) per token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Price {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

/// How a model handles a trailing assistant message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefill {
    /// It continues the message.
    Continues,
    /// It continues the message, but refuses one that ends in white space.
    ContinuesTrimmed,
    /// It accepts the message and answers from the beginning.
    StartsOver,
    /// It answers with a 400.
    Refuses,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) canonical: &'static str,
    pub(crate) name: &'static str,
    pub(crate) provider: &'static str,
    /// Whether the provider stops generating and billing when the client aborts a stream.
    pub(crate) stops_on_abort: bool,
    pub(crate) context: u64,
    pub(crate) max_output: u64,
    pub(crate) price: Price,
    pub(crate) expires: Option<&'static str>,
    pub(crate) prefill: Prefill,
}

const fn row(id: &'static str, canonical: &'static str, name: &'static str, provider: &'static str) -> Row {
    Row {
        id,
        canonical,
        name,
        provider,
        stops_on_abort: true,
        context: 128_000,
        max_output: 16_384,
        price: Price { prompt: 100_000, completion: 400_000 },
        expires: None,
        prefill: Prefill::StartsOver,
    }
}

const fn usd_per_million(prompt_cents: u64, completion_cents: u64) -> Price {
    Price { prompt: prompt_cents * 10_000, completion: completion_cents * 10_000 }
}

/// The catalog, without the models `fault/…`.
pub(crate) static ROWS: &[Row] = &[
    Row {
        context: 200_000,
        max_output: 64_000,
        price: usd_per_million(500, 2500),
        prefill: Prefill::Refuses,
        ..row(
            "anthropic/claude-opus-4.7",
            "anthropic/claude-4.7-opus-20260416",
            "Anthropic: Claude Opus 4.7",
            "Anthropic",
        )
    },
    Row {
        context: 200_000,
        max_output: 8_192,
        price: usd_per_million(80, 400),
        prefill: Prefill::ContinuesTrimmed,
        ..row(
            "anthropic/claude-3.5-haiku",
            "anthropic/claude-3-5-haiku-20241022",
            "Anthropic: Claude 3.5 Haiku",
            "Anthropic",
        )
    },
    Row {
        price: usd_per_million(250, 1000),
        ..row("openai/gpt-4o", "openai/gpt-4o-2024-11-20", "OpenAI: GPT-4o", "OpenAI")
    },
    Row {
        price: usd_per_million(15, 60),
        ..row("openai/gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18", "OpenAI: GPT-4o-mini", "OpenAI")
    },
    Row {
        price: usd_per_million(110, 440),
        ..row("openai/o4-mini", "openai/o4-mini-2025-04-16", "OpenAI: o4 Mini", "OpenAI")
    },
    Row {
        context: 1_048_576,
        max_output: 65_535,
        price: usd_per_million(30, 250),
        stops_on_abort: false,
        ..row("google/gemini-2.5-flash", "google/gemini-2.5-flash-20250617", "Google: Gemini 2.5 Flash", "Google")
    },
    Row {
        context: 131_072,
        price: usd_per_million(10, 32),
        prefill: Prefill::Continues,
        ..row(
            "meta-llama/llama-3.3-70b-instruct",
            "meta-llama/llama-3.3-70b-instruct-20241206",
            "Meta: Llama 3.3 70B Instruct",
            "DeepInfra",
        )
    },
    Row {
        context: 32_768,
        price: usd_per_million(20, 60),
        stops_on_abort: false,
        prefill: Prefill::Continues,
        ..row("mistralai/mistral-small", "mistralai/mistral-small-20240918", "Mistral Small", "Mistral")
    },
    Row {
        context: 1_000,
        max_output: 500,
        prefill: Prefill::Continues,
        ..row("test/tiny", "test/tiny-20260101", "Test: Tiny", "Test")
    },
    row("rule/judge", "rule/judge-20260101", "Rule: Judge", "Test"),
    row("rule/noisy-judge", "rule/noisy-judge-20260101", "Rule: Noisy judge", "Test"),
    row("rule/first-judge", "rule/first-judge-20260101", "Rule: Judge that prefers the first", "Test"),
    row("rule/silent-judge", "rule/silent-judge-20260101", "Rule: Silent judge", "Test"),
    row("rule/writer", "rule/writer-20260101", "Rule: Writer", "Test"),
    row("rule/bad-writer", "rule/bad-writer-20260101", "Rule: Bad writer", "Test"),
    Row { expires: Some("2027-01-31"), ..row("test/retiring", "test/retiring-20250101", "Test: Retiring", "Test") },
    Row { expires: Some("2025-12-31"), ..row("test/expired", "test/expired-20240101", "Test: Expired", "Test") },
];

/// The embedding models: see `embeddings.rs`.
pub(crate) static EMBEDDING_ROWS: &[Row] = &[
    embedding("openai/text-embedding-3-small", "openai/text-embedding-3-small-20240125"),
    embedding("test/embed-numbers", "test/embed-numbers-20260101"),
    embedding("test/embed-no-base64", "test/embed-no-base64-20260101"),
    embedding("test/embed-fixed", "test/embed-fixed-20260101"),
    embedding("test/embed-unordered", "test/embed-unordered-20260101"),
];

const fn embedding(id: &'static str, canonical: &'static str) -> Row {
    Row { context: 8_192, max_output: 1, price: usd_per_million(2, 0), ..row(id, canonical, id, "OpenAI") }
}

/// The row that all faults share. It is ordinary, because the faults differ only in how they fail.
pub(crate) static FAULT_ROW: Row =
    Row { prefill: Prefill::Continues, ..row("fault/…", "fault/…", "Fault", "Faulty") };

/// The canonical slug of a fault is its name with this date, as for real models.
const FAULT_DATE: &str = "-20260101";

/// The model of a request that names none.
pub(crate) const DEFAULT_MODEL: &str = "openai/gpt-4o-mini";

/// Suffixes that select a variant of a model.
const VARIANTS: &[&str] = &["free", "floor", "nitro", "online", "exacto", "thinking", "extended"];

/// A model of a request.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// The id in the answer.
    pub(crate) id: String,
    pub(crate) canonical: String,
    pub(crate) name: String,
    pub(crate) row: &'static Row,
    /// The behaviour without a script.
    pub(crate) default_behaviour: Behaviour,
}

impl Candidate {
    /// Resolves an id, a canonical slug, an id with a variant, or a fault. `None` means "not a valid model ID".
    pub(crate) fn resolve(id: &str) -> Option<Self> {
        if let Some(name) = id.strip_prefix("fault/") {
            return Self::fault(name.strip_suffix(FAULT_DATE).unwrap_or(name));
        }
        let plain =
            id.rsplit_once(':').filter(|(_, variant)| VARIANTS.contains(variant)).map_or(id, |(plain, _)| plain);
        let row = ROWS.iter().chain(EMBEDDING_ROWS).find(|row| row.id == plain || row.canonical == plain)?;
        let id = if row.canonical == plain { row.id } else { id };
        Some(Self { id: id.to_owned(), ..Self::of(row) })
    }

    pub(crate) fn of(row: &'static Row) -> Self {
        Self {
            id: row.id.to_owned(),
            canonical: row.canonical.to_owned(),
            name: row.name.to_owned(),
            row,
            default_behaviour: Behaviour::Healthy,
        }
    }

    pub(crate) fn fault(name: &str) -> Option<Self> {
        let spec = FaultSpec::parse(name)?;
        Some(Self {
            id: format!("fault/{name}"),
            canonical: format!("fault/{name}{FAULT_DATE}"),
            name: format!("Fault: {}", spec.fault.title),
            row: &FAULT_ROW,
            default_behaviour: Behaviour::Fault(spec),
        })
    }

    /// The price of these tokens in picodollars.
    pub(crate) fn cost(&self, prompt: u64, completion: u64) -> u64 {
        self.row.price.prompt * prompt + self.row.price.completion * completion
    }
}

/// Converts picodollars to USD, as a JSON number.
pub(crate) fn usd(pico: u64) -> f64 {
    pico as f64 / 1e12
}

/// Converts picodollars to USD, as the decimal string of the price list.
pub(crate) fn usd_text(pico: u64) -> String {
    let fraction = format!("{:012}", pico % 1_000_000_000_000);
    let text = format!("{}.{}", pico / 1_000_000_000_000, fraction);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
