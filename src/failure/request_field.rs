//! The fields of a request that failsoft may write by itself, and that an upstream may reject.

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFields(u8);

impl RequestFields {
    /// `stream_options`, which asks for the usage of a stream.
    pub(crate) const STREAM_OPTIONS: Self = Self(1);
    /// `max_completion_tokens`, the output limit.
    pub(crate) const MAX_COMPLETION_TOKENS: Self = Self(2);
    /// `max_tokens`, the older name of the output limit.
    pub(crate) const MAX_TOKENS: Self = Self(4);
    /// `stream`. Where it is rejected, a caller that wants a stream gets the whole answer as one chunk.
    pub(crate) const STREAM: Self = Self(8);

    /// The fields of messages with reasoning. Where they are rejected, the messages are sent without them.
    #[cfg(feature = "protocols")]
    pub(crate) const REASONING: Self = Self(16);
    /// Signatures and encrypted texts in messages. Where one is rejected, the messages are sent without all of them.
    #[cfg(feature = "protocols")]
    pub(crate) const SIGNATURES: Self = Self(32);
    /// `encoding_format: "base64"`, in which SDKs ask for vectors. Where it is rejected, the vectors come as numbers.
    pub(crate) const BASE64: Self = Self(64);

    /// Both names of the output limit.
    pub(crate) const LIMITS: Self = Self(6);

    /// The words by which an error names each field.
    pub(super) const NAMES: &[(Self, &str)] = &[
        (Self::STREAM_OPTIONS, "stream_options|include_usage"),
        (Self::MAX_COMPLETION_TOKENS, "max_completion_tokens"),
        (Self::MAX_TOKENS, "max_tokens"),
        (Self::STREAM, "stream|streaming"),
        #[cfg(feature = "protocols")]
        (Self::REASONING, "reasoning_content|reasoning_details|thinking_blocks|extra_content\nmessages reasoning"),
        #[cfg(feature = "protocols")]
        (Self::BASE64, "encoding_format|base64"),
    ];

    /// What an error says about a signature or an encrypted text that it rejects.
    #[cfg(feature = "protocols")]
    pub(super) const ABOUT_SIGNATURES: &str = "signature invalid|corrupted|not_valid|required|could_not_be
         encrypted invalid|verified|verify|decrypt|parse
         thinking_blocks|redacted_thinking cannot_be_modified|must_match|must_remain";

    /// The set that [`RequestFields::bits`] wrote.
    pub(crate) fn of_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The set as a number.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// The fields that are in both sets.
    pub(crate) fn shared(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The set has a field of `other`.
    pub(crate) fn has(self, other: Self) -> bool {
        self.shared(other).0 != 0
    }

    /// Adds the fields of `more`.
    pub(crate) fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }

    /// Removes the fields of `less`.
    pub(crate) fn remove(&mut self, less: Self) {
        self.0 &= !less.0;
    }
}
