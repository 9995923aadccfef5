//! The chat request of a caller: OpenAI's request, checked once.
//!
//! | file | contents |
//! |---|---|
//! | `read.rs` | what a request may contain, and what is wrong with one that is refused |
//! | `body.rs` | the body of a request to an upstream: the same fields for another batch of models |
//! | `fields.rs` | the registry of all fields: their types, and how the edge treats them |
//! | `models.rs` | the chain of models: which model comes first |
//! | `owner_fields.rs` | what the owner of an edge decides: the user, and the providers |
//! | `conversation.rs` | what tells a conversation from others, behind the cargo feature `protocols` |
//! | `system_prompt.rs` | the system prompt, and a request as it can be sent once more, behind the cargo feature `protocols` |
//! | `long_cache.rs` | whether the prompt may stay in a cache for longer than minutes |
//! | `embeddings.rs` | the request of `/embeddings`, behind the cargo feature `protocols` |
//! | `cost.rs` | how many tokens a request can use, and what it can cost |

mod body;
#[cfg(feature = "protocols")]
mod conversation;
mod cost;
#[cfg(feature = "protocols")]
mod embeddings;
pub mod fields;
mod long_cache;
mod models;
mod owner_fields;
mod read;
#[cfg(feature = "protocols")]
mod system_prompt;

use crate::catalog::reasons;
use crate::json::Json;
use crate::lane::Lane;
use crate::tokens::Prompt;
use crate::verdict::Wanted;
pub(crate) use body::{BodySpec, NO_CAP, PriceCap, capped, price_cap};
#[cfg(feature = "protocols")]
pub use conversation::{given_name, push_beginning};
#[cfg(feature = "protocols")]
pub use embeddings::Embeddings;
pub use long_cache::has_long_cache;
pub use models::own_models_first;
pub use owner_fields::{ACCOUNT_FIELDS, OwnerFields};
pub use read::MOST_FIELDS;

/// The names of the output limit.
const LIMITS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// A context window or a limit on the cost may lower the output limit, but not below this many tokens: then another model
/// is asked instead.
pub(crate) const LEAST_ANSWER: u64 = 1_000;

/// What becomes of the chunk that carries the usage of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageChunk {
    /// The reader gets the chunk as it came.
    AsSent,
    /// The reader gets the chunk with the call's report in a field `failsoft`.
    Annotated,
    /// The reader does not get the chunk: a client of OpenAI's protocol that did not ask for usage does not expect it.
    Hidden,
}

/// A chat request, ready to be sent to any model of its chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The chain: ids of models, in order. At least one, none twice.
    pub models: Vec<String>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The JSON text of the request's own `failsoft` field.
    pub policy: Option<String>,
    /// What becomes of the usage chunk. Default [`UsageChunk::AsSent`].
    pub usage_chunk: UsageChunk,
    /// How a stream reaches the reader. Default [`Lane::Gate`].
    pub lane: Lane,
    /// What the caller should know about the request, in sentences.
    pub warnings: Vec<String>,
    /// The caller set clocks of its own. No breaker counts a model that is too slow for them. Default false.
    pub callers_clocks: bool,
    /// The call has one response and cannot fall back: the reader gets everything that came, also beside an error.
    pub(crate) as_it_comes: bool,
    /// The caller asked for JSON.
    pub(crate) wants_json: bool,
    /// The caller asked for audio in the answer.
    pub(crate) wants_audio: bool,
    /// The caller asked to see the reasoning.
    pub(crate) wants_reasoning: bool,
    /// The caller asked the model to think, or not to think.
    pub(crate) thinking: Option<bool>,
    /// The estimated tokens of the prompt.
    pub(crate) prompt: Prompt,
    /// The most tokens that the prompt can have. Set it where the writer of the prompt does not pay; otherwise the estimate
    /// decides. Default none.
    pub prompt_most: Option<u64>,
    /// The most tokens that an answer may have. Without it, the model decides.
    pub max_tokens: Option<u64>,
    /// The most tokens that an answer may reason, as the caller says: `reasoning.max_tokens`.
    pub max_reasoning: Option<u64>,
    /// The prompt may be written to a cache for an hour, which costs more than the prompt. Default: whether a
    /// `cache_control` of the request has another lifetime (`ttl`) than five minutes. In a page, false.
    pub hour_in_cache: bool,
    /// The client's own request, for an upstream that speaks the protocol of the client. Default none.
    #[cfg(feature = "protocols")]
    pub native: Option<crate::protocol::Native>,
    /// The betas of Anthropic that the client asks for, as its header has them: a list with commas. Default none.
    #[cfg(feature = "protocols")]
    pub betas: String,
    /// The request is one for embeddings. Default none: a chat request.
    #[cfg(feature = "protocols")]
    pub embeddings: Option<Box<Embeddings>>,
    /// What the owner of an edge decides about the request. Default nothing.
    pub owner: OwnerFields,
    /// The number of answers to this request, `n`.
    answers: u64,
    /// The parameters that a model has to support, as a catalog names them. A model without one of them would ignore it.
    pub(crate) required: Vec<&'static str>,
    /// The JSON text of the schema that the answer should match; empty without one.
    schema: String,
    /// The names that the caller used for the output limit.
    limits: Vec<&'static str>,
    /// The JSON text of `stream_options`; empty without them.
    stream_options: String,
    /// The JSON text of an object with all other fields.
    rest: String,
}

impl ChatRequest {
    /// Moves the request out, and leaves a copy without its texts: without the messages and the schema.
    pub fn take(&mut self) -> Self {
        let (rest, schema) = (std::mem::take(&mut self.rest), std::mem::take(&mut self.schema));
        #[cfg(feature = "protocols")]
        let native = self.native.take();
        Self {
            rest,
            schema,
            #[cfg(feature = "protocols")]
            native,
            ..self.clone()
        }
    }

    /// How a stream reaches the reader. A page has one lane, and does not download the code for others.
    pub(crate) fn lane(&self) -> Lane {
        if cfg!(feature = "browser") { Lane::Gate } else { self.lane }
    }

    /// An answer in one piece may be put together from a stream. A lane that passes bytes saves the work. A stream of OpenAI
    /// has audio in one format only (`audio.format` in OpenAI's API reference).
    pub(crate) fn may_assemble(&self) -> bool {
        self.lane().judges_chunks() && !self.wants_audio && !self.is_for_embeddings()
    }

    /// The caller asked for the usage of a stream, as OpenAI's clients do.
    pub fn asks_for_usage(&self) -> bool {
        Json::or_null(&self.stream_options).get("include_usage").flag() == Some(true)
    }

    /// The request is one for embeddings.
    pub fn is_for_embeddings(&self) -> bool {
        #[cfg(feature = "protocols")]
        return self.embeddings.is_some();
        #[cfg(not(feature = "protocols"))]
        false
    }

    /// The client reads vectors in base64.
    fn wants_base64(&self) -> bool {
        #[cfg(feature = "protocols")]
        return self.embeddings.as_ref().is_some_and(|embeddings| embeddings.base64);
        #[cfg(not(feature = "protocols"))]
        false
    }

    /// The part of the prompt that one context window has to hold.
    pub(crate) fn window_prompt(&self) -> Prompt {
        #[cfg(feature = "protocols")]
        if let Some(embeddings) = &self.embeddings {
            return embeddings.longest;
        }
        self.prompt
    }

    /// The estimated tokens of the prompt, for the first model of the chain.
    #[cfg(feature = "protocols")]
    pub fn prompt_tokens(&self) -> u64 {
        self.prompt.tokens(&self.models[0])
    }

    /// `model` thinks before it answers this request.
    pub(crate) fn thinks(&self, model: &str) -> bool {
        self.thinking.unwrap_or_else(|| reasons(model))
    }

    /// The messages, as JSON text.
    pub(crate) fn messages(&self) -> &str {
        Json::or_null(&self.rest).get("messages").raw()
    }

    /// What the rules for an answer depend on.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { json: self.wants_json, schema: Json::or_null(&self.schema) }
    }
}
