//! The parts of HTTP that the core needs: a request to send, and the response headers that it reads.

use core::fmt;

/// A request for the host to send, always a POST with a JSON body.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The absolute URL.
    pub url: String,
    /// Header names in lower case, with their values. One value contains the key.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that the caller's configuration adds.
    pub extra_headers: Vec<(String, String)>,
    /// The body, as JSON text.
    pub body: String,
}

/// Shows where the request goes, but never its key or its prompt.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The response headers that the core reads. A host needs to look up no others.
///
/// The first [`HEADERS_OF_ANSWERS`] matter in every response. The others say how long to wait after a failure: in general, for
/// OpenRouter and GitHub, OpenAI and Groq, Azure, the IETF's draft, Anthropic, and Cerebras.
pub const READ_HEADERS: [&str; 25] = [
    "content-type",
    "x-generation-id",
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-remaining-tokens",
    "x-rate-limit-reset-tokens",
    "ratelimit-reset",
    "ratelimit-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
    "anthropic-ratelimit-output-tokens-remaining",
    "x-ratelimit-reset-tokens-minute",
    "x-ratelimit-remaining-tokens-minute",
    "x-ratelimit-reset-requests-day",
];

/// How many of [`READ_HEADERS`] matter in a response that is no failure.
pub const HEADERS_OF_ANSWERS: usize = 2;

/// Response headers by lower-case name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of the header `name` (lower case), if it was sent and the host may see it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Names in lower case, with their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body is a stream of server-sent events.
    pub fn is_event_stream(&self) -> bool {
        self.get("content-type")
            .is_some_and(|kind| kind.trim_ascii_start().to_ascii_lowercase().starts_with("text/event-stream"))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into().to_ascii_lowercase(), value.into())).collect())
    }
}
