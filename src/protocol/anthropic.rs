//! Anthropic's Messages, for upstreams: the dialect `anthropic`.
//!
//! The facts are those of platform.claude.com/docs/en/api/messages and of `vercel/ai` `packages/anthropic/src`.
//!
//! ```
//! use failsoft::Json;
//! use failsoft::protocol::anthropic::{Translator, body};
//!
//! let chat = r#"{"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}"#;
//! let body = body(Json::parse(chat).unwrap(), Json::NULL);
//! let messages = r#""messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]"#;
//! assert!(body.json.contains(messages) && body.lost.is_empty());
//!
//! let mut translator = Translator::new(1_764_300_000, false);
//! let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#;
//! let chunks = translator.feed(format!("event: content_block_delta\ndata: {delta}\n\n").as_bytes());
//! assert!(chunks.contains(r#""delta":{"content":"Hello"}"#));
//! ```
//!
//! Errors need no translation: [`classify`](crate::failure::classify) reads Anthropic's.
//!
//! | file | contents |
//! |---|---|
//! | `request.rs` | the fields of a request |
//! | `turns.rs`, `parts.rs` | its messages; their blocks |
//! | `tools.rs` | its tools |
//! | `betas.rs` | the betas that a client may ask for |
//! | `model.rs` | what each generation of Claude accepts |
//! | `stream.rs`, `answer.rs` | events as chunks; a message as a completion |

mod answer;
mod betas;
mod model;
mod parts;
mod request;
mod stream;
mod tools;
mod turns;

pub use answer::completion;
pub(crate) use betas::add_betas;
pub use request::body;
pub use stream::Translator;
pub(super) use stream::chunks;
