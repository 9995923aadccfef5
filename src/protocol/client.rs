//! The protocol that a client speaks: which reader takes its request, and which writer writes its answer.

use super::request::Request;
use super::{messages, responses};
use crate::failure::Failure;
use crate::invalid::Invalid;
use crate::json::{Json, Object};
use crate::shape::Shape;
use crate::upstream::Protocol;

/// Turns the body of `POST /v1/messages/count_tokens` into a chat request without an output limit.
///
/// # Errors
/// As [`Protocol::read`].
pub fn read_prompt(body: Json<'_>) -> Result<Request<Context>, Box<Invalid>> {
    Ok(messages::read_prompt(body)?.map(Context::Messages))
}

/// What the writer of an answer must know about the request.
#[derive(Clone, Debug)]
pub enum Context {
    /// Of a request in the form of Responses.
    Responses(responses::Context),
    /// Of a request in the form of Messages.
    Messages(messages::Context),
}

/// Writes the answer to one request of a client that speaks another protocol than chat completions.
#[derive(Debug)]
pub enum Writer {
    /// Writes the events of Responses.
    Responses(Box<responses::Writer>),
    /// Writes the events of Messages.
    Messages(Box<messages::Writer>),
}

impl Protocol {
    /// Its name in a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat completions",
            Self::Responses => "Responses",
            Self::Messages => "Messages",
            Self::Embeddings => "embeddings",
        }
    }

    /// Turns `body` into a chat request. `None`: the core reads the body itself.
    ///
    /// # Errors
    /// [`Invalid`] with the path of the field, and with what to send instead.
    pub fn read(self, body: Json<'_>) -> Result<Option<Request<Context>>, Box<Invalid>> {
        Ok(match self {
            Self::Chat | Self::Embeddings => None,
            Self::Responses => Some(responses::read(body)?.map(Context::Responses)),
            Self::Messages => Some(messages::read(body)?.map(Context::Messages)),
        })
    }

    /// What this protocol calls the field at `path` of a chat request, for an error about the field.
    pub fn name_of(self, path: &str) -> &str {
        let is_in =
            |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let names: &[(&str, &str)] = match self {
            Self::Chat | Self::Embeddings => &[],
            Self::Responses => &responses::NAMES,
            Self::Messages => &messages::NAMES,
        };
        names.iter().find(|(chat, _)| is_in(chat)).map_or(path, |(_, own)| own)
    }

    /// The JSON text of the error body for `failure`, with `report` beside the error. `shape` is that of a client of OpenAI's
    /// protocols. `id` names the request.
    pub fn error_body(self, failure: &Failure, shape: Shape, report: &str, id: &str) -> String {
        match self {
            Self::Chat | Self::Responses | Self::Embeddings => {
                Object::default().raw("error", &shape.error(failure)).raw("failsoft", report).end()
            }
            Self::Messages => messages::failure(failure, Some(id)),
        }
    }

    /// The header of a reply in which this protocol's SDKs look for the name of the request, beside `x-request-id`.
    pub fn id_header(self) -> Option<&'static str> {
        (self == Self::Messages).then_some("request-id")
    }
}

impl Context {
    /// Sets the estimated tokens of the prompt, for the time before the upstream has counted them.
    pub fn set_prompt_tokens(&mut self, tokens: u64) {
        match self {
            Self::Responses(context) => context.prompt_tokens = tokens,
            Self::Messages(context) => context.prompt_tokens = tokens,
        }
    }

    /// A writer whose ids come from `seed`. `created` is in seconds since the UNIX epoch.
    pub fn writer(self, seed: u64, created: u64) -> Writer {
        match self {
            Self::Responses(context) => Writer::Responses(Box::new(responses::Writer::new(context, seed, created))),
            Self::Messages(context) => Writer::Messages(Box::new(messages::Writer::new(context, seed))),
        }
    }
}

impl Writer {
    /// Takes one chunk, as JSON text. Returns the events for it.
    pub fn take_chunk(&mut self, chunk: &str) -> String {
        let chunk = Json::or_null(chunk);
        match self {
            Self::Responses(writer) => writer.take_chunk(chunk),
            Self::Messages(writer) => writer.take_chunk(chunk),
        }
    }

    /// Says when the answer is whole, in seconds since the UNIX epoch. Call it before [`Writer::finish`] or [`Writer::answer`].
    pub fn complete_at(&mut self, seconds: u64) {
        if let Self::Responses(writer) = self {
            writer.complete_at(seconds);
        }
    }

    /// The answer is whole. Returns the last events. `report` is JSON text.
    pub fn finish(&mut self, report: &str) -> String {
        match self {
            Self::Responses(writer) => writer.finish(Some(report)),
            Self::Messages(writer) => writer.finish(Some(report)),
        }
    }

    /// The answer failed. Returns the last events. `report` is JSON text.
    pub fn fail(&mut self, failure: &Failure, report: &str) -> String {
        match self {
            Self::Responses(writer) => writer.fail(failure, Some(report)),
            Self::Messages(writer) => writer.fail(failure),
        }
    }

    /// The JSON text of the answer for a chat completion, for a client that asked for no stream.
    pub fn answer(self, completion: &str, report: &str) -> String {
        let completion = Json::or_null(completion);
        match self {
            Self::Responses(writer) => writer.take_completion(completion, Some(report)),
            Self::Messages(writer) => writer.take_completion(completion, Some(report)),
        }
    }
}
