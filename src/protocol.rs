//! The protocols of clients and upstreams beside chat completions.
//!
//! In the middle stand one request and one stream: the chat completions request, as [`ChatRequest`](crate::ChatRequest) reads
//! it, and the chunks of a chat completion. A reader turns the body of another protocol into that request. A writer turns
//! chunks, a completion or a failure into the other protocol. A dialect does the same for an upstream, the other way round.
//!
//! ```text
//!   client                                  core                                  upstream
//!   Responses ──▶ responses::read ──┐                          ┌── openai::body ─────▶ Responses
//!   Messages  ──▶ messages::read  ──┼──▶ chat request ──▶ Call ┼── anthropic::body ──▶ Messages
//!   chat ───────────────────────────┘                          └─────────────────────▶ chat completions
//!
//!   Responses ◀── responses::Writer ─┐                         ┌── openai::Translator ◀──── Responses
//!   Messages  ◀── messages::Writer  ─┼── chunks ◀────── Call ◀─┼── anthropic::Translator ◀── Messages
//!   chat ◀───────────────────────────┘                         └── chat completions
//! ```
//!
//! Nothing here performs I/O or asks for the time. Ids come from a seed.
//!
//! | module | contents | follows |
//! |---|---|---|
//! | [`responses`] | OpenAI's Responses, for clients | `openai/openai-openapi` `openapi.yaml` |
//! | [`messages`] | Anthropic's Messages, for clients | platform.claude.com/docs/en/api/messages |
//! | [`anthropic`] | Anthropic's Messages, for upstreams | platform.claude.com/docs/en/api/messages |
//! | [`openai`] | OpenAI's Responses, for upstreams | `openai/openai-openapi` `openapi.yaml` |
//! | `client` | the protocol of a client: its reader and its writer | |
//! | `dialect` | what the dialect and the protocol of an upstream change: requests and answers | |
//! | `body`, `chunk_writer` | a request to an upstream; the chunks that its events become | |
//! | `blocks`, `marks` | chunks as blocks that follow one another; what only a client of the upstream's own protocol reads | |
//! | `reasoning` | reasoning that only its issuer can read | openrouter.ai/docs/use-cases/reasoning-tokens |
//! | `issuer`, `vendor` | what a request leaves out of a conversation; who made a model | the threads that it names |
//! | `request`, `content` | a request that was read; the messages of a chat request | |
//! | `response_fields` | the fields of Responses that both sides know | |
//! | `frame`, `ids` | server-sent events with names; ids | |

pub mod anthropic;
mod blocks;
mod body;
mod chunk_writer;
mod client;
mod content;
mod dialect;
mod frame;
mod ids;
mod issuer;
mod marks;
pub mod messages;
pub mod openai;
mod reasoning;
mod request;
mod response_fields;
pub mod responses;
mod vendor;

pub use crate::upstream::Protocol;
pub(crate) use anthropic::add_betas;
pub use body::Body;
pub use client::{Context, Writer, read_prompt};
pub use dialect::AnswerTranslator;
pub use dialect::{Native, Sent, request};
pub use issuer::Target;
pub(crate) use issuer::has_signatures;
pub use request::Request;
pub(crate) use vendor::Vendor;
