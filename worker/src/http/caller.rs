//! What the head of a request says about its sender.

use crate::config::authority;

/// What the head of a request says about its sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    pub(crate) authorization: Option<String>,
    /// The `host:port` that the request was sent to.
    pub(crate) host: String,
    pub(crate) origin: Option<String>,
    /// `Sec-Fetch-Site`: how the browser relates the page to this edge.
    pub(crate) site: Option<String>,
    /// `CF-Connecting-IP`.
    pub(crate) address: Option<String>,
    /// The request came over HTTPS.
    pub(crate) is_encrypted: bool,
    /// `X-Forwarded-Proto`: how the client reached a proxy before this edge, in lower case.
    pub(crate) forwarded_scheme: Option<String>,
}

/// Whether `origin` is this edge itself, at `host`: the page was served by the edge.
pub(crate) fn is_own(origin: &str, host: &str) -> bool {
    origin.contains("://") && authority(origin) == host
}
