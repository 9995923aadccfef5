//! What the dialect of an upstream changes on the way: the body of a request, and the bytes of its answer. The dialects that
//! speak chat completions change no answer, and of a request what their vendors refuse.

use super::anthropic::{Translator, body, completion};
use super::client::Protocol;
use super::issuer::{Fitted, Target, fit};
use crate::catalog::reasons;
use crate::json::{Fields, Json, Object, patched};
use crate::report::Stripped;
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

/// A request, as its upstream gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its JSON text.
    pub json: String,
    /// The names of fields and parts of the chat request that have no form there.
    pub lost: Vec<String>,
    /// What only another vendor could read.
    pub stripped: Vec<Stripped>,
    /// It has what only its issuer can read.
    pub has_signatures: bool,
    /// It has fields about reasoning in its messages.
    pub has_reasoning: bool,
}

/// The request to `target`, for the chat request `chat`. `native` is what the client sent, if it speaks another protocol.
pub fn request(target: &Target<'_>, mut chat: String, native: Option<&Native>) -> Sent {
    let Fitted { messages, stripped, has_signatures, has_reasoning } =
        fit(target, Json::or_null(&chat).get("messages"));
    // What is left out of the chat request is in the client's own words, too.
    let native = native.filter(|_| messages.is_none());
    if let Some(messages) = messages {
        chat = patched(&chat, &Object::default().raw("messages", &messages).end());
    }
    let mut sent = Sent { json: chat, lost: Vec::new(), stripped, has_signatures, has_reasoning };
    if let Some(protocol) = target.dialect.protocol() {
        let native = native.filter(|native| native.protocol == protocol).map_or("null", |native| &native.json);
        let body = body(Json::or_null(&sent.json), Json::or_null(native));
        (sent.json, sent.lost) = (body.json, body.lost);
    } else if let Some(json) = without_reasoning(target, &sent.json) {
        sent.json = json;
    }
    sent
}

/// `chat` without OpenRouter's field `reasoning`, which OpenAI and Azure refuse; with OpenAI's field in its place, if the model
/// thinks (openkursar/hello-halo#83).
fn without_reasoning(target: &Target<'_>, chat: &str) -> Option<String> {
    let fields = &Fields::of(Json::or_null(chat));
    let reasoning = fields.get("reasoning");
    if !target.is_openai() || !reasoning.is_object() {
        return None;
    }
    let budget = reasoning.get("max_tokens").whole().map(|budget| match budget {
        ..4_096 => "low",
        4_096..16_384 => "medium",
        _ => "high",
    });
    let effort = reasoning.get("effort").text();
    let effort = effort.as_deref().or(budget).filter(|_| target.models.iter().any(|model| reasons(model)));
    let mut patch = Object::default();
    patch.raw("reasoning", "null");
    if fields.get("reasoning_effort").is_null() {
        patch.maybe_text("reasoning_effort", effort);
    }
    Some(patched(chat, &patch.end()))
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
