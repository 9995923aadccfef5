//! What the dialect and the protocol of an upstream change on the way: the body of a request, and the bytes of its answer. Chat
//! completions change no answer, and of a request what their vendors refuse.

use super::issuer::{Fitted, Target, fit};
use super::reasoning::{AZURE, OPENAI};
use super::{anthropic, openai};
use crate::catalog::reasons;
use crate::json::{Fields, Json, Object, patched};
use crate::report::Stripped;
use crate::upstream::{Dialect, Protocol, Upstream};

/// A client's own request, for an upstream that speaks the protocol of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// The protocol of the client.
    pub protocol: Protocol,
    /// The JSON text of an object with the fields that the upstream gets byte for byte.
    pub json: String,
}

impl Dialect {
    /// The protocols that an upstream of this dialect speaks, unless its configuration names others. The best comes first.
    pub fn protocols(self) -> &'static [Protocol] {
        match self {
            Self::Anthropic => &[Protocol::Messages],
            _ => &[Protocol::Chat],
        }
    }
}

impl Upstream {
    /// The protocol of the requests for a client that speaks `client`: the same, if the upstream speaks it.
    pub fn protocol_for(&self, client: Protocol) -> Protocol {
        let first = self.protocols.first().copied().unwrap_or_default();
        if self.protocols.contains(&client) { client } else { first }
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
    let Fitted { messages, has_new_ids, stripped, has_signatures, has_reasoning } =
        fit(target, Json::or_null(&chat).get("messages"));
    // What is left out of the chat request is in the client's own words, too. Of Responses, they can be sent without it.
    let is_sendable = messages.is_none() || target.protocol == Protocol::Responses && !has_new_ids;
    let native = native.filter(|native| native.protocol == target.protocol && is_sendable);
    if let Some(messages) = messages {
        chat = patched(&chat, &Object::default().raw("messages", &messages).end());
    }
    if let Some(json) =
        (target.is_openai() && target.protocol != Protocol::Embeddings).then(|| with_effort(target, &chat)).flatten()
    {
        chat = json;
    }
    let native = Json::or_null(native.map_or("null", |native| &native.json));
    let (json, lost) = match target.protocol {
        Protocol::Chat | Protocol::Embeddings => (chat, Vec::new()),
        Protocol::Messages => {
            let body = anthropic::body(Json::or_null(&chat), native);
            (body.json, body.lost)
        }
        Protocol::Responses => {
            let body = openai::body(Json::or_null(&chat), native, target);
            (body.json, body.lost)
        }
    };
    Sent { json, lost, stripped, has_signatures, has_reasoning }
}

/// `chat` without OpenRouter's field `reasoning`, which OpenAI and Azure refuse; with OpenAI's field in its place, if the model
/// thinks (openkursar/hello-halo#83). Responses has the field, for models that think.
fn with_effort(target: &Target<'_>, chat: &str) -> Option<String> {
    let fields = &Fields::of(Json::or_null(chat));
    let reasoning = fields.get("reasoning");
    if !reasoning.is_object() {
        return None;
    }
    let budget = reasoning.get("max_tokens").whole().map(|budget| match budget {
        ..4_096 => "low",
        4_096..16_384 => "medium",
        _ => "high",
    });
    let thinks = target.models.iter().any(|model| reasons(model));
    let effort = reasoning.get("effort").text();
    let effort = effort.as_deref().or(budget).filter(|_| thinks);
    let mut patch = Object::default();
    if !thinks || target.protocol == Protocol::Chat {
        patch.raw("reasoning", "null");
    }
    if fields.get("reasoning_effort").is_null() {
        patch.maybe_text("reasoning_effort", effort);
    }
    Some(patched(chat, &patch.end()))
}

/// Turns the answer of one attempt into chunks, or into a completion.
#[derive(Debug)]
pub struct AnswerTranslator {
    stream: Stream,
    /// In seconds since the UNIX epoch.
    created: u64,
    /// The client speaks the protocol of the upstream.
    is_native: bool,
    /// The format of encrypted reasoning of Responses that names none.
    format: &'static str,
}

#[derive(Debug)]
enum Stream {
    Messages(anthropic::Translator),
    Responses(openai::Translator),
}

impl AnswerTranslator {
    /// `None` for an upstream whose answers are chat completions. `created` is in seconds since the UNIX epoch. With `is_native`, the
    /// client speaks the protocol of the upstream.
    pub fn of(dialect: Dialect, protocol: Protocol, is_native: bool, created: u64) -> Option<Box<Self>> {
        let format = if dialect == Dialect::Azure { AZURE } else { OPENAI };
        let stream = match protocol {
            Protocol::Chat | Protocol::Embeddings => return None,
            Protocol::Messages => Stream::Messages(anthropic::Translator::new(created, is_native)),
            Protocol::Responses => Stream::Responses(openai::Translator::new(created, is_native, format)),
        };
        Some(Box::new(Self { stream, created, is_native, format }))
    }

    /// The next bytes of a stream of chunks, for those of the upstream's stream.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        match &mut self.stream {
            Stream::Messages(stream) => stream.feed(bytes),
            Stream::Responses(stream) => stream.feed(bytes),
        }
    }

    /// The rest of the stream. The end of a body ends its last event.
    pub fn finish(&mut self) -> String {
        self.feed(b"\n\n")
    }

    /// The completion for an answer in one piece, or a list of its chunks. `None`, if the answer is none.
    pub(crate) fn whole(&self, answer: &[u8]) -> Option<String> {
        let answer = Json::parse_bytes(answer)?;
        match self.stream {
            Stream::Messages(_) => anthropic::completion(answer, self.created, self.is_native),
            Stream::Responses(_) => openai::chunks(answer, self.created, self.is_native, self.format),
        }
    }
}
