//! OpenAI's Responses, for clients: `POST /v1/responses` without stored state.
//!
//! The facts are those of `openai/openai-openapi` `openapi.yaml` and of `openai/openai-node`
//! `src/resources/responses/responses.ts`.
//!
//! ```
//! use failsoft::protocol::responses::{Writer, read};
//! use failsoft::{Chunks, Json};
//!
//! let request = read(Json::parse(r#"{"model": "a/b", "input": "hi", "stream": true}"#).unwrap())?;
//! assert!(request.chat.contains(r#""messages":[{"role":"user","content":"hi"}]"#));
//!
//! let mut writer = Writer::new(request.context, 7, 1_764_300_000);
//! let chunk = r#"{"model": "a/b", "choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}"#;
//! let mut events = writer.take_chunk(Json::parse(chunk).unwrap());
//! events += &writer.finish(None);
//! assert!(events.starts_with("event: response.created\n"));
//! assert!(events.contains(r#""delta":"Hello""#) && events.contains("event: response.completed\n"));
//! # Ok::<(), Box<failsoft::Invalid>>(())
//! ```
//!
//! | file | contents |
//! |---|---|
//! | `request.rs` | the fields of a request |
//! | `state.rs` | the fields and items that need stored state or work at the vendor, and what to send instead |
//! | `input.rs`, `parts.rs` | the items of `input`; their contents |
//! | `tools.rs` | tools and the choice among them; custom tools |
//! | `writer.rs`, `page.rs` | the chunks of an answer; the events of a stream |
//! | `items.rs`, `object.rs` | the items of an answer; the response object |
//! | `own.rs` | what an upstream that speaks Responses says about them |

mod input;
mod items;
mod object;
mod own;
mod page;
mod parts;
mod request;
mod state;
mod tools;
mod writer;

pub use request::read;
pub use state::{NO_STORED_RESPONSES, is_stored_path};
pub use writer::Writer;

use crate::json::Json;

/// What the writer of an answer must know about the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The fields of the request that the response object repeats: the JSON text of an object.
    echo: String,
    /// The names of the custom tools, which the chat request has as functions.
    custom: Vec<String>,
    /// The client asked for `reasoning.encrypted_content`.
    wants_encrypted: bool,
    /// The model that the client asked for.
    model: String,
    /// The estimated tokens of the prompt, for an upstream that reports no usage.
    pub(super) prompt_tokens: u64,
}

/// The fields of a chat request, and what Responses calls them.
pub(super) const NAMES: [(&str, &str); 7] = [
    ("messages", "input"),
    ("max_completion_tokens", "max_output_tokens"),
    ("max_tokens", "max_output_tokens"),
    ("response_format", "text.format"),
    ("reasoning_effort", "reasoning.effort"),
    ("verbosity", "text.verbosity"),
    ("logprobs", "include"),
];

/// The JSON text of the response object for a chat completion. `created` is in seconds since the UNIX epoch. `report` is the
/// JSON text of the object's field `failsoft`.
pub fn response(completion: Json<'_>, context: Context, seed: u64, created: u64, report: Option<&str>) -> String {
    Writer::new(context, seed, created).take_completion(completion, report)
}
