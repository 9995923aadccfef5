//! What the requests to upstreams of several protocols have in common.

/// A request to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its JSON text.
    pub json: String,
    /// The names of fields, parts and items of the chat request that are not sent.
    pub lost: Vec<String>,
}

/// Adds the name of something that is not sent, once.
pub(super) fn add(lost: &mut Vec<String>, name: &str) {
    if !lost.iter().any(|known| known == name) {
        lost.push(name.into());
    }
}
