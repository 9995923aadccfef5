//! OpenAI's Responses, for upstreams: the protocol `responses` of the dialects `openai` and `openrouter`. Nothing is stored.
//!
//! The facts are those of `openai/openai-openapi` `openapi.yaml`, and for OpenRouter those of `OpenRouterTeam/typescript-sdk`
//! `.speakeasy/in.openapi.yaml`.
//!
//! ```
//! use failsoft::protocol::openai::{Translator, body};
//! use failsoft::protocol::{Protocol, Target};
//! use failsoft::{Dialect, Json};
//!
//! let chat = r#"{"model": "gpt-5", "max_completion_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}"#;
//! let models = ["gpt-5".to_owned()];
//! let (dialect, protocol) = (Dialect::OpenAi, Protocol::Responses);
//! let target = Target { dialect, protocol, models: &models, refuses_signatures: false, refuses_reasoning: false };
//! let body = body(Json::parse(chat).unwrap(), Json::NULL, &target);
//! assert!(body.json.contains(r#""input":[{"role":"user","content":"hi"}]"#) && body.lost.is_empty());
//! assert!(body.json.contains(r#""max_output_tokens":99"#) && body.json.contains(r#""store":false"#));
//!
//! let mut translator = Translator::new(1_764_300_000, false, "openai-responses-v1");
//! let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"Hello"}"#;
//! let chunks = translator.feed(format!("event: response.output_text.delta\ndata: {delta}\n\n").as_bytes());
//! assert!(chunks.contains(r#""delta":{"content":"Hello"}"#));
//! ```
//!
//! Errors need no translation: [`classify`](crate::failure::classify) reads OpenAI's.
//!
//! | file | contents |
//! |---|---|
//! | `request.rs` | the fields of a request |
//! | `items.rs`, `parts.rs`, `reasoning.rs` | its messages; their contents; the reasoning in them |
//! | `tools.rs` | its tools |
//! | `native.rs` | what a client sent in this protocol, byte for byte |
//! | `stream.rs`, `stream/` | events and responses as chunks; items and marks |
//! | `answer.rs` | the end of an answer and its usage |

mod answer;
mod items;
mod native;
mod parts;
mod reasoning;
mod request;
mod stream;
mod tools;

pub use request::body;
pub use stream::{Translator, chunks};
