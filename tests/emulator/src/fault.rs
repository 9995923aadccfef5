//! Faults by name. What each one does is data; `stage` turns it into a play.

mod table;

use serde_json::{Value, json};

pub use table::FAULTS;

/// One way in which an upstream fails. Ask for it as the model `fault/NAME` or `fault/NAME-NUMBER`.
#[derive(Debug)]
pub struct Fault {
    /// The name in `fault/NAME`.
    pub name: &'static str,
    /// What a person would say happened.
    pub title: &'static str,
    /// What happens on the wire.
    pub description: &'static str,
    /// What a number behind the name means.
    pub number: Option<&'static str>,
    pub(crate) effect: Effect,
    /// Only the first request of a key for this model suffers it.
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
    Refuse(Refusal),
    Say(Speech),
    Mishap(Mishap),
    Time(Timing),
    Cut(Cut),
    Dress(Dress),
}

/// An HTTP error before the first token: inside `models` the next model is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    RateLimited,
    /// Always says how long, and not long.
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
    /// A status with nothing but OpenRouter's words for it.
    Status(u16),
    Cloudflare,
    StringCode,
}

/// A whole answer that says the wrong thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
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

/// Something wrong inside a 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
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

/// The right answer in an unusual dress: a good reader takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dress {
    LargeEvents,
    CrLf,
    Cr,
    Bom,
    MultiLine,
    SseWhenJson,
    JsonWhenStream,
    NoModelField,
    ModelAlias,
}

/// A fault with the number it was asked for with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast {
    pub(crate) fault: &'static Fault,
    pub(crate) number: Option<u64>,
}

impl Cast {
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

/// How a model behaves for one request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    Healthy,
    Fault(Cast),
    /// Healthy, with these words.
    Say(String),
    /// Healthy, with the first line of the prompt and these words.
    Echo(String),
}

impl Behaviour {
    /// Reads a step of a script: `healthy`, `say:TEXT`, `echo:TEXT`, or a fault's name with or without `fault/`.
    pub(crate) fn parse(step: &str) -> Option<Self> {
        if let Some(words) = step.strip_prefix("say:") {
            return Some(Self::Say(words.trim_start().to_owned()));
        }
        if let Some(words) = step.strip_prefix("echo:") {
            return Some(Self::Echo(words.trim_start().to_owned()));
        }
        match step {
            "healthy" => Some(Self::Healthy),
            name => Cast::parse(name.strip_prefix("fault/").unwrap_or(name)).map(Self::Fault),
        }
    }

    pub(crate) fn effect(&self) -> Option<Effect> {
        match self {
            Self::Fault(cast) => Some(cast.fault.effect),
            Self::Healthy | Self::Say(_) | Self::Echo(_) => None,
        }
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Fault(cast) => cast.number,
            Self::Healthy | Self::Say(_) | Self::Echo(_) => None,
        }
    }
}
