//! The protocols of clients and upstreams, by name. The module `protocol` reads and writes them.

/// The protocol of a client, or of the requests to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// OpenAI's chat completions, which the core itself speaks: nothing is translated.
    #[default]
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's embeddings. The request is one of the core's, as a chat request is.
    Embeddings,
}

#[cfg(feature = "protocols")]
impl Protocol {
    /// The least output limit that an upstream of this protocol accepts, in tokens. OpenAI refuses a lower one for Responses
    /// (earendil-works/pi#6265).
    pub fn least_output(self) -> u64 {
        if self == Self::Responses { 16 } else { 1 }
    }
}
