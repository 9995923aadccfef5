//! The faults by name. Each is data; `respond` turns it into a response.

mod table;

use serde_json::{Value, json};

pub use table::FAULTS;

/// One way in which an upstream fails. A request selects it with the model `fault/NAME` or `fault/NAME-NUMBER`.
#[derive(Debug)]
pub struct Fault {
    /// The name in `fault/NAME`.
    pub name: &'static str,
    /// What happened, in a few words for a person.
    pub title: &'static str,
    /// What happens on the wire.
    pub description: &'static str,
    /// The meaning of a number after the name.
    pub number: Option<&'static str>,
    pub(crate) effect: Effect,
    /// Only the first request of a key for this model has the fault.
    pub(crate) once: bool,
}

impl Fault {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "model": format!("fault/{}", self.name),
            "title": self.title,
            "description": self.description,
            "number": self.number,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    HttpError(HttpError),
    WrongAnswer(WrongAnswer),
    BodyError(BodyError),
    Timing(Timing),
    Cut(Cut),
    Format(Format),
    Vendor(Vendor),
}

/// An HTTP error before the first token. With `models`, the next model is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpError {
    RateLimited,
    /// With a Retry-After that is always present and short.
    RateLimitedBriefly,
    RateLimitedLegacy,
    RateLimitedDate,
    InFlightBudget,
    NoCredits,
    KeyLimit,
    Guardrail,
    Moderation,
    Unauthorized,
    BadRequest,
    ContextLength,
    ContentPolicy,
    NotFound,
    Deprecated,
    UnknownModel,
    Unavailable,
    UnavailableNotRetryable,
    /// A status with OpenRouter's message for it.
    Status(u16),
    Cloudflare,
    /// The page of a proxy that cannot reach the provider.
    Proxy,
    /// The page of a bot check in front of the API.
    Challenge,
    /// A status, and the error of the provider, which OpenRouter quotes in `metadata.raw`.
    Quoted(u16, &'static str),
    StringCode,
}

/// A complete answer with wrong content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WrongAnswer {
    Empty,
    Whitespace,
    ReasoningOnly,
    Refusal,
    RefusalText,
    ContentFilter,
    Length,
    BadJson,
    ToolIndexLies,
}

/// An error inside a response with status 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    MidStream,
    MidStreamEmptyChoices,
    First,
    In200,
    InChoice,
    MalformedChunk,
    MalformedBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    SlowHeaders,
    SlowFirstToken,
    CommentsOnly,
    Stall,
    StallComments,
    NeverEnding,
    Drip,
}

/// Where and how the bytes end too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Reset,
    ResetAfterHeaders,
    ResetMidBody,
    Clean,
    Hard,
    MidEvent,
    MidCharacter,
    AfterFinish,
    MissingDone,
}

/// The right answer in an unusual format, which a good reader accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    LargeEvents,
    CrLf,
    Cr,
    Bom,
    MultiLine,
    SseWhenJson,
    JsonWhenStream,
    NoModelField,
    NoCost,
    ModelAlias,
}

/// The stream of a vendor that differs from OpenAI's; as JSON, the healthy answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    FinishAlways,
    FinishEmpty,
    FinishInCapitals,
    FinishTwice,
    FinishAbort,
    NoFinish,
    Parts,
    Growing,
    ErrorByName,
    OneLineFeed,
    NoSpace,
    NamedEvents,
    /// The content type is that of JSON.
    CalledJson,
}

/// A fault and the number in the model's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultSpec {
    pub(crate) fault: &'static Fault,
    pub(crate) number: Option<u64>,
}

impl FaultSpec {
    /// Reads `NAME` or `NAME-NUMBER`. A name may itself end in a number, so the whole text is tried first.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(fault) = find(text) {
            return Some(Self { fault, number: None });
        }
        let (name, number) = text.rsplit_once('-')?;
        let fault = find(name).filter(|fault| fault.number.is_some())?;
        Some(Self { fault, number: Some(number.parse().ok()?) })
    }
}

fn find(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.name == name)
}

/// The behaviour of a model for one request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    Healthy,
    Fault(FaultSpec),
    /// Healthy, with this text.
    Answer(String),
    /// Healthy, with the first line of the prompt and this text.
    Echo(String),
}

impl Behaviour {
    /// Reads a step of a script: `healthy`, `say:TEXT`, `echo:TEXT`, or the name of a fault with or without `fault/`.
    pub(crate) fn parse(step: &str) -> Option<Self> {
        if let Some(words) = step.strip_prefix("say:") {
            return Some(Self::Answer(words.trim_start().to_owned()));
        }
        if let Some(words) = step.strip_prefix("echo:") {
            return Some(Self::Echo(words.trim_start().to_owned()));
        }
        match step {
            "healthy" => Some(Self::Healthy),
            name => FaultSpec::parse(name.strip_prefix("fault/").unwrap_or(name)).map(Self::Fault),
        }
    }

    pub(crate) fn effect(&self) -> Option<Effect> {
        match self {
            Self::Fault(spec) => Some(spec.fault.effect),
            Self::Healthy | Self::Answer(_) | Self::Echo(_) => None,
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Fault(spec) => spec.number,
            Self::Healthy | Self::Answer(_) | Self::Echo(_) => None,
        }
    }
}
