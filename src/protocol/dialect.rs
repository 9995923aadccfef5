//! What the dialect of an upstream changes on the way: the body of a request, and the bytes of its answer. The dialects that
//! speak chat completions change nothing.

use super::anthropic::{Translator, body, completion};
use super::client::Protocol;
use crate::json::Json;
use crate::text::text;
use crate::upstream::Dialect;

/// A client's own request, for an upstream that speaks the protocol of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// The protocol of the client.
    pub protocol: Protocol,
    /// The JSON text of an object with the fields that the upstream gets byte for byte.
    pub json: String,
}

impl Dialect {
    /// The protocol that the upstream speaks in the place of chat completions.
    pub fn protocol(self) -> Option<Protocol> {
        (self == Self::Anthropic).then_some(Protocol::Messages)
    }
}

/// The body for an upstream of `dialect`, for the chat request `chat`. Adds a warning for each field that has no form there.
pub(crate) fn request(dialect: Dialect, chat: String, native: Option<&Native>, warnings: &mut Vec<String>) -> String {
    let Some(protocol) = dialect.protocol() else { return chat };
    let native = native.filter(|native| native.protocol == protocol).map_or("null", |native| &native.json);
    let body = body(Json::or_null(&chat), Json::or_null(native));
    for name in body.lost {
        let warning = text!("`", &name, "` was not sent to the upstream that speaks Messages, which has no such field");
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    body.json
}

/// Turns the answer of one attempt into chunks, or into a completion.
#[derive(Debug)]
pub(crate) struct AnswerTranslator {
    stream: Translator,
    /// In seconds since the UNIX epoch.
    created: u64,
}

impl AnswerTranslator {
    /// `None` for a dialect whose answers are chat completions. `created` is in seconds since the UNIX epoch.
    pub(crate) fn of(dialect: Dialect, created: u64) -> Option<Box<Self>> {
        dialect.protocol().map(|_| Box::new(Self { stream: Translator::new(created), created }))
    }

    /// The next bytes of a stream of chunks, for those of the upstream's stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> String {
        self.stream.feed(bytes)
    }

    /// The rest of the stream. The end of a body ends its last event.
    pub(crate) fn finish(&mut self) -> String {
        self.stream.feed(b"\n\n")
    }

    /// The completion for an answer in one piece. `None`, if the answer is none.
    pub(crate) fn whole(&self, answer: &[u8]) -> Option<String> {
        completion(Json::parse_bytes(answer)?, self.created)
    }
}
