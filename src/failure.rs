//! What went wrong, and what that means for the next step. The only place with status codes and providers' quirks.
//!
//! | kind | the same again? | the next model? |
//! |---|---|---|
//! | [`Kind::RateLimited`], [`Kind::InFlightBudget`] | once, if it says how long and that is short | yes |
//! | [`Kind::ServerError`], [`Kind::Network`], [`Kind::BadResponse`], [`Kind::Cut`] | once | yes |
//! | [`Kind::Empty`], [`Kind::ReasoningOnly`] | once | yes |
//! | [`Kind::Unavailable`], [`Kind::HeadersTimeout`], [`Kind::FirstTokenTimeout`], [`Kind::Stalled`] | no | yes |
//! | [`Kind::UnknownModel`], [`Kind::NoEndpoint`] | no | yes, without this one |
//! | [`Kind::ContextLength`] | no | one with a larger window |
//! | [`Kind::ContentFilter`], [`Kind::Refusal`], [`Kind::Length`], [`Kind::InvalidJson`], [`Kind::SchemaMismatch`] | no | yes |
//! | [`Kind::TooShort`], [`Kind::Pattern`], [`Kind::BelowThreshold`], [`Kind::Superseded`] | no | yes |
//! | [`Kind::Unauthorized`], [`Kind::PaymentRequired`], [`Kind::Forbidden`] | no | on another upstream |
//! | [`Kind::InvalidRequest`], [`Kind::TooExpensive`], [`Kind::Timeout`], [`Kind::CircuitOpen`], [`Kind::Aborted`] | no | no |

mod classify;
mod retry_after;

pub(crate) use classify::by_status;
pub use classify::{classify, in_answer};
pub(crate) use retry_after::day;

use crate::Millis;
use crate::json::Object;

/// Why an attempt, or the whole call, failed. In JavaScript: the same name in camelCase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 429: too many requests for this model or key.
    RateLimited,
    /// 402 that passes by itself: running requests hold the balance.
    InFlightBudget,
    /// 500, 502, 408, 524 and other 5xx: it may work when tried again.
    ServerError,
    /// 503, 504, 529: overloaded or down.
    Unavailable,
    /// No connection, or it was reset.
    Network,
    /// A success status with a body that is no answer.
    BadResponse,
    /// No response headers in time.
    HeadersTimeout,
    /// No text, reasoning or tool call in time.
    FirstTokenTimeout,
    /// A stream that went silent; keep-alive comments do not count.
    Stalled,
    /// The call's own time ran out.
    Timeout,
    /// The model's id is not valid, or no longer.
    UnknownModel,
    /// Nothing serves this model for this request.
    NoEndpoint,
    /// The prompt, with the output asked for, does not fit the model's window.
    ContextLength,
    /// A moderation or content filter stepped in.
    ContentFilter,
    /// The key is not valid.
    Unauthorized,
    /// The account or key has no money left.
    PaymentRequired,
    /// The key may not do this: permission, guardrail, region.
    Forbidden,
    /// The request is wrong, whoever answers it.
    InvalidRequest,
    /// The answer ended before it was finished.
    Cut,
    /// A success without content.
    Empty,
    /// The model declined to answer.
    Refusal,
    /// The answer hit the output limit.
    Length,
    /// JSON was asked for, and the answer is none.
    InvalidJson,
    /// A success with reasoning and no content.
    ReasoningOnly,
    /// JSON was asked for, and the answer is not what its schema describes.
    SchemaMismatch,
    /// The answer is shorter than the policy wants.
    TooShort,
    /// The answer holds what the policy forbids.
    Pattern,
    /// The judge scored the answer below the threshold.
    BelowThreshold,
    /// Another attempt of the same call was first.
    Superseded,
    /// No model of the chain is within the bounds on price and cost.
    TooExpensive,
    /// Every model of the chain is resting after failures.
    CircuitOpen,
    /// The caller stopped the call.
    Aborted,
}

/// May the same request be sent again to the same model?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would fail the same way.
    Never,
    /// After a pause.
    AfterPause,
    /// After the wait that the failure itself named, if it did.
    AfterNamedWait,
}

/// May another model answer instead?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Any that follows.
    Any,
    /// Any that follows and is not known to have a window as small.
    LargerWindow,
    /// One that is reached with another key.
    OtherUpstream,
    /// None: it would fail the same way.
    Never,
}

impl Kind {
    /// May the same model be asked again?
    pub fn again(self) -> Again {
        match self {
            Self::RateLimited | Self::InFlightBudget => Again::AfterNamedWait,
            Self::ServerError | Self::Network | Self::BadResponse | Self::Cut => Again::AfterPause,
            Self::Empty | Self::ReasoningOnly => Again::AfterPause,
            Self::Unavailable
            | Self::HeadersTimeout
            | Self::FirstTokenTimeout
            | Self::Stalled
            | Self::Timeout
            | Self::UnknownModel
            | Self::NoEndpoint
            | Self::ContextLength
            | Self::ContentFilter
            | Self::Unauthorized
            | Self::PaymentRequired
            | Self::Forbidden
            | Self::InvalidRequest
            | Self::Refusal
            | Self::Length
            | Self::InvalidJson
            | Self::SchemaMismatch
            | Self::TooShort
            | Self::Pattern
            | Self::BelowThreshold
            | Self::Superseded
            | Self::TooExpensive
            | Self::CircuitOpen
            | Self::Aborted => Again::Never,
        }
    }

    /// May another model be asked?
    pub fn next(self) -> Next {
        match self {
            Self::RateLimited
            | Self::InFlightBudget
            | Self::ServerError
            | Self::Unavailable
            | Self::Network
            | Self::BadResponse
            | Self::HeadersTimeout
            | Self::FirstTokenTimeout
            | Self::Stalled
            | Self::UnknownModel
            | Self::NoEndpoint
            | Self::ContentFilter
            | Self::Cut
            | Self::Empty
            | Self::Refusal
            | Self::ReasoningOnly
            | Self::Length
            | Self::InvalidJson
            | Self::SchemaMismatch
            | Self::TooShort
            | Self::Pattern
            | Self::BelowThreshold
            | Self::Superseded => Next::Any,
            Self::ContextLength => Next::LargerWindow,
            Self::Unauthorized | Self::PaymentRequired | Self::Forbidden => Next::OtherUpstream,
            Self::InvalidRequest | Self::TooExpensive | Self::Timeout | Self::CircuitOpen | Self::Aborted => {
                Next::Never
            }
        }
    }

    /// The model or its provider is to blame: a breaker may learn from it.
    pub fn is_models_fault(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::ServerError
                | Self::Unavailable
                | Self::BadResponse
                | Self::HeadersTimeout
                | Self::FirstTokenTimeout
                | Self::Stalled
                | Self::Cut
        )
    }

    /// One of the clocks ran out.
    pub(crate) fn is_late(self) -> bool {
        matches!(self, Self::HeadersTimeout | Self::FirstTokenTimeout | Self::Stalled)
    }

    /// The name in reports and in JavaScript.
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rateLimited",
            Self::InFlightBudget => "inFlightBudget",
            Self::ServerError => "serverError",
            Self::Unavailable => "unavailable",
            Self::Network => "network",
            Self::BadResponse => "badResponse",
            Self::HeadersTimeout => "headersTimeout",
            Self::FirstTokenTimeout => "firstTokenTimeout",
            Self::Stalled => "stalled",
            Self::Timeout => "timeout",
            Self::UnknownModel => "unknownModel",
            Self::NoEndpoint => "noEndpoint",
            Self::ContextLength => "contextLength",
            Self::ContentFilter => "contentFilter",
            Self::Unauthorized => "unauthorized",
            Self::PaymentRequired => "paymentRequired",
            Self::Forbidden => "forbidden",
            Self::InvalidRequest => "invalidRequest",
            Self::Cut => "cut",
            Self::Empty => "empty",
            Self::Refusal => "refusal",
            Self::Length => "length",
            Self::InvalidJson => "invalidJson",
            Self::ReasoningOnly => "reasoningOnly",
            Self::SchemaMismatch => "schemaMismatch",
            Self::TooShort => "tooShort",
            Self::Pattern => "pattern",
            Self::BelowThreshold => "belowThreshold",
            Self::Superseded => "outrun",
            Self::TooExpensive => "tooExpensive",
            Self::CircuitOpen => "circuitOpen",
            Self::Aborted => "aborted",
        }
    }

    /// The status for a caller over HTTP, where no upstream named one.
    fn status(self) -> u16 {
        match self {
            Self::RateLimited => 429,
            Self::InFlightBudget | Self::PaymentRequired | Self::TooExpensive => 402,
            Self::ServerError => 500,
            Self::Unavailable | Self::CircuitOpen => 503,
            Self::Network | Self::BadResponse | Self::Cut | Self::Empty | Self::InvalidJson | Self::Length => 502,
            Self::ReasoningOnly | Self::SchemaMismatch | Self::TooShort | Self::Pattern => 502,
            Self::BelowThreshold | Self::Superseded => 502,
            Self::HeadersTimeout | Self::FirstTokenTimeout | Self::Stalled | Self::Timeout => 504,
            Self::UnknownModel | Self::NoEndpoint => 404,
            Self::ContextLength | Self::ContentFilter | Self::Refusal | Self::InvalidRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Aborted => 499,
        }
    }

    /// OpenAI's `error.type`.
    fn openai_type(self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            402 => "insufficient_quota",
            403 => "permission_error",
            429 => "rate_limit_error",
            400 | 404 => "invalid_request_error",
            _ => "server_error",
        }
    }
}

/// One failure, as the upstream or the machine said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub kind: Kind,
    /// The HTTP status of the answer, or the code inside a 200; absent when there was no answer.
    pub status: Option<u16>,
    /// The upstream's own code, as a string.
    pub code: Option<String>,
    /// What the upstream said, or one sentence of ours. It may quote the request: for the caller, not for a log.
    pub message: String,
    /// How long to wait before asking again, in milliseconds.
    pub retry_after: Option<Millis>,
    /// The provider behind the model, where the upstream named it.
    pub provider: Option<String>,
}

impl Failure {
    /// A failure of `kind` in our own words.
    pub fn new(kind: Kind, message: impl Into<String>) -> Box<Self> {
        let message = message.into();
        Box::new(Self { kind, status: None, code: None, message, retry_after: None, provider: None })
    }

    /// A stream that ended too early.
    pub(crate) fn cut() -> Box<Self> {
        Self::new(Kind::Cut, "the stream ended before the answer was finished")
    }

    /// The HTTP status that a caller should see.
    pub fn http_status(&self) -> u16 {
        match self.status {
            Some(status) if status >= 400 => status,
            _ => self.kind.status(),
        }
    }

    /// The JSON of the failure, in a report.
    pub fn to_json(&self) -> String {
        let mut json = Object::default();
        json.text("kind", self.kind.name());
        json.maybe_whole("status", self.status.map(Into::into));
        json.maybe_text("code", self.code.as_deref());
        json.text("message", &self.message);
        json.maybe_whole("retryAfter", self.retry_after);
        json.maybe_text("provider", self.provider.as_deref());
        json.end()
    }

    /// The value of `error` in OpenAI's envelope. `code` is always a string: typed clients break on anything else.
    pub fn to_openai(&self) -> String {
        let mut json = Object::default();
        json.text("message", &self.message);
        json.text("type", self.kind.openai_type());
        json.raw("param", "null");
        json.text("code", self.code.as_deref().unwrap_or(self.kind.name()));
        json.text("kind", self.kind.name());
        json.end()
    }
}
