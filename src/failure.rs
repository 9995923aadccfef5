//! What went wrong, and what that means for the next step. Only this file and its folder know status codes and the
//! peculiarities of providers.
//!
//! | file | contents |
//! |---|---|
//! | `kind.rs` | the table of kinds: name, status, what follows, whose fault it is |
//! | `classify.rs` | from an error response to a kind |
//! | `reading.rs` | the whole of an error, however it is wrapped |
//! | `wording.rs` | what names and words mean; `wording/meanings.rs` is the table |
//! | `router.rs`, `page.rs` | the fields of OpenRouter; a web page in the place of an answer |
//! | `waits.rs` | how long an upstream asks to wait |
//! | `request_field.rs` | the fields of a request that an upstream may reject |

mod classify;
mod kind;
mod page;
mod reading;
mod request_field;
mod router;
mod waits;
mod wording;

#[cfg(feature = "protocols")]
pub(crate) use classify::NO_COMPLETION;
pub(crate) use classify::by_status;
pub use classify::{classify, in_answer, is_free, refuses_before_work};
pub(crate) use classify::{in_place_of_answer, is_error, no_answer};
pub use kind::{Fault, Kind, NextModel, SameModel, openai_type};
pub use request_field::RequestFields;

use crate::Millis;
use crate::json::Object;

/// One failure, as the upstream reported it or as the core found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the failure means.
    pub kind: Kind,
    /// The HTTP status of the response, or the code inside a 200. Absent without a response.
    pub status: Option<u16>,
    /// The upstream's own code, as a string.
    pub code: Option<String>,
    /// The upstream's message, or a sentence of the core. It may quote the request, so it is for the caller and not for a log.
    pub message: String,
    /// How long to wait before the next request, in milliseconds.
    pub retry_after: Option<Millis>,
    /// The provider behind the model, where the upstream named it.
    pub provider: Option<String>,
    /// The fields of the request that the upstream does not accept. Not in the JSON.
    pub rejects: RequestFields,
}

impl Failure {
    /// A failure of `kind`, explained by the table of kinds.
    #[inline(always)]
    pub(crate) fn explained(kind: Kind) -> Box<Self> {
        Self::new(kind, kind.explanation())
    }

    /// A failure of `kind` with a `message` of the core.
    pub fn new(kind: Kind, message: impl Into<String>) -> Box<Self> {
        let message = message.into();
        let rejects = RequestFields::default();
        Box::new(Self { kind, status: None, code: None, message, retry_after: None, provider: None, rejects })
    }

    /// The failure of a stream that ended too early.
    pub(crate) fn cut() -> Box<Self> {
        Self::new(Kind::Cut, "the stream ended before the answer was complete")
    }

    /// The HTTP status that a caller should see.
    pub fn http_status(&self) -> u16 {
        match self.status {
            Some(status) if status >= 400 => status,
            _ => self.kind.status(),
        }
    }

    /// SDKs send a call that ends with this failure again, without being asked to.
    pub fn is_repeated_by_sdks(&self) -> bool {
        matches!(self.http_status(), 408 | 409 | 429 | 500..)
    }

    /// The JSON text of the failure in a report.
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

    /// The JSON text of `error` in OpenAI's shape. `code` is always a string, because typed clients accept nothing else.
    pub fn to_openai(&self) -> String {
        self.to_error(None)
    }

    /// The JSON text of `error` in OpenRouter's shape: `code` is a number there, the HTTP status.
    pub fn to_openrouter(&self) -> String {
        self.to_error(Some(self.http_status()))
    }

    fn to_error(&self, number: Option<u16>) -> String {
        let code = self.code.as_deref().unwrap_or(self.kind.name());
        let mut json = Object::default();
        json.text("message", &self.message);
        // An SDK chooses the class of its exception by the status, so a failure of a server has no other type.
        let is_servers = self.status.is_some_and(|status| status >= 500);
        json.text("type", if is_servers { openai_type(500) } else { self.kind.openai_type() });
        json.raw("param", "null");
        match number {
            Some(number) => json.whole("code", number.into()).open("metadata", "{").text("error_type", code).close("}"),
            None => json.text("code", code),
        };
        json.text("kind", self.kind.name());
        json.end()
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Kind};

    #[test]
    fn the_code_of_an_error_is_a_string_for_openai_and_the_status_for_openrouter() {
        let mut failure = Failure::new(Kind::RateLimited, "later");
        let ours =
            r#"{"message":"later","type":"rate_limit_error","param":null,"code":"rateLimited","kind":"rateLimited"}"#;
        assert_eq!(failure.to_openai(), ours);
        failure.code = Some("slow_down".into());
        let theirs = r#""code":429,"metadata":{"error_type":"slow_down"}"#;
        assert!(failure.to_openrouter().contains(theirs), "{}", failure.to_openrouter());
    }

    #[test]
    fn sdks_repeat_what_a_server_or_the_rate_is_to_blame_for() {
        let repeated = |kind| Failure::new(kind, "x").is_repeated_by_sdks();
        assert!(
            [Kind::RateLimited, Kind::ServerError, Kind::Network, Kind::Empty, Kind::Stalled]
                .map(repeated)
                .iter()
                .all(|is| *is)
        );
        assert!(
            ![Kind::InvalidRequest, Kind::Unauthorized, Kind::PaymentRequired, Kind::Aborted]
                .map(repeated)
                .iter()
                .any(|is| *is)
        );
    }
}
