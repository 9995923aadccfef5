//! Anthropic's Messages, for clients: `POST /v1/messages` and `/v1/messages/count_tokens`.
//!
//! The facts are those of platform.claude.com/docs/en/api/messages and of `anthropics/anthropic-sdk-typescript`
//! `src/resources/messages/messages.ts`.
//!
//! ```
//! use failsoft::Json;
//! use failsoft::protocol::messages::{Writer, read};
//!
//! let body = r#"{"model": "a/b", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}], "stream": true}"#;
//! let request = read(Json::parse(body).unwrap())?;
//! assert!(request.chat.contains(r#""messages":[{"role":"user","content":"hi"}]"#));
//!
//! let mut writer = Writer::new(request.context, 7);
//! let chunk = r#"{"model": "a/b", "choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}"#;
//! let mut events = writer.take_chunk(Json::parse(chunk).unwrap());
//! events += &writer.finish(None);
//! assert!(events.starts_with("event: message_start\n"));
//! assert!(events.contains(r#""delta":{"type":"text_delta","text":"Hello"}"#));
//! assert!(events.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
//! # Ok::<(), Box<failsoft::Invalid>>(())
//! ```
//!
//! | file | contents |
//! |---|---|
//! | `request.rs` | the fields of a request |
//! | `input.rs`, `parts.rs` | the messages, with calls, results and thinking; their texts, images and documents |
//! | `tools.rs` | tools and the choice among them |
//! | `writer.rs`, `page.rs` | the chunks of an answer; the events of a stream |
//! | `message.rs` | the message object |
//! | `error.rs` | errors |

mod error;
mod input;
mod message;
mod page;
mod parts;
mod request;
mod tools;
mod writer;

pub use error::{error, error_type, failure};
pub use page::PING;
pub use request::{read, read_prompt};
pub use writer::Writer;

use crate::json::Json;

/// What the writer of an answer must know about the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The client asked for thinking, and wants to see it.
    shows_thinking: bool,
    /// The model that the client asked for.
    model: String,
    /// The estimated tokens of the prompt: the first event has them, because the exact number comes with the last.
    pub(super) prompt_tokens: u64,
}

/// The fields of a chat request, and what Messages calls them.
pub(super) const NAMES: [(&str, &str); 6] = [
    ("messages", "messages"),
    ("response_format", "output_config.format"),
    ("reasoning.max_tokens", "thinking.budget_tokens"),
    ("reasoning", "thinking"),
    ("stop", "stop_sequences"),
    ("user", "metadata.user_id"),
];

/// The JSON text of the message for a chat completion. `report` is the JSON text of the message's field `failsoft`.
pub fn message(completion: Json<'_>, context: Context, seed: u64, report: Option<&str>) -> String {
    Writer::new(context, seed).take_completion(completion, report)
}
