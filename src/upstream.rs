//! Where requests go: a base URL, what it speaks, and the key it wants.

use crate::text::{cut, find, text};
use core::fmt;

use crate::catalog::Catalog;
use crate::http::HttpRequest;

/// OpenRouter's own base URL, the default of the package.
pub const OPENROUTER: &str = "https://openrouter.ai/api/v1";

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenRouter: up to three models a request, cost in the usage, keep-alive comments.
    OpenRouter,
    /// Any other OpenAI-compatible API: one model a request.
    OpenAi,
    /// failsoft's own edge: the whole chain and its policy in one request; the edge falls back.
    Edge,
}

/// One upstream.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What it speaks.
    pub dialect: Dialect,
    /// The base URL, up to and without `/chat/completions`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<String>,
    /// The page or app that OpenRouter should attribute the usage to.
    pub app: App,
    /// Headers that the configuration adds.
    pub headers: Vec<(String, String)>,
    /// The models that it is asked for, in order; if there are none, those of the request.
    pub models: Vec<String>,
    /// What the configuration knows of its models.
    pub catalog: Catalog,
}

/// Attribution in OpenRouter's dashboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Sent as `HTTP-Referer`.
    pub url: Option<String>,
    /// Sent as `X-OpenRouter-Title`.
    pub title: Option<String>,
}

/// Shows where, and never the key.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("dialect", &self.dialect).field("url", &self.url).finish_non_exhaustive()
    }
}

impl Dialect {
    /// The dialect of `url` unless the caller says another: OpenRouter's by its host, OpenAI's for the rest.
    pub fn of(url: &str) -> Self {
        let authority = find(url, "://").map_or(url, |at| &url[at + 3..]);
        let host = cut(cut(cut(authority, b'/').0, b'?').0, b':').0;
        if host == "openrouter.ai" || host.ends_with(".openrouter.ai") { Self::OpenRouter } else { Self::OpenAi }
    }

    /// The models that one request may name; for OpenRouter, one where it must not fall back by itself.
    pub fn window(self, alone: bool) -> usize {
        match self {
            Self::OpenRouter if alone => 1,
            // Four and more are a 400.
            Self::OpenRouter => 3,
            Self::OpenAi => 1,
            Self::Edge => usize::MAX,
        }
    }
}

impl Upstream {
    /// An upstream without attribution and further headers.
    pub fn new(dialect: Dialect, url: &str, key: Option<String>) -> Self {
        Self {
            dialect,
            url: base(dialect, url),
            key,
            app: App::default(),
            headers: Vec::new(),
            models: Vec::new(),
            catalog: Catalog::default(),
        }
    }

    /// The request that carries `body`.
    pub(crate) fn post(&self, streaming: bool, body: String) -> HttpRequest {
        HttpRequest {
            url: text!(&self.url, "/chat/completions"),
            headers: self.own_headers(streaming),
            extra_headers: self.headers.clone(),
            body,
        }
    }

    fn own_headers(&self, streaming: bool) -> Vec<(&'static str, String)> {
        let accept = if streaming { "text/event-stream" } else { "application/json" };
        let mut headers = vec![("content-type", "application/json".into()), ("accept", accept.into())];
        if let Some(key) = &self.key {
            headers.push(("authorization", text!("Bearer ", key)));
        }
        if self.dialect == Dialect::OpenRouter {
            // What happened inside a native window is told only to who asks.
            headers.push(("x-openrouter-metadata", "enabled".into()));
            headers.extend(self.app.url.clone().map(|url| ("http-referer", url)));
            headers.extend(self.app.title.clone().map(|title| ("x-openrouter-title", title)));
        }
        headers
    }
}

/// An edge is named by its origin; its API lies below `/v1`.
fn base(dialect: Dialect, url: &str) -> String {
    let mut url = url;
    while let Some(shorter) = url.strip_suffix('/') {
        url = shorter;
    }
    if dialect == Dialect::Edge && !url.ends_with("/v1") { text!(url, "/v1") } else { url.into() }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Upstream};

    #[test]
    fn the_host_decides_the_dialect() {
        assert_eq!(Dialect::of("https://openrouter.ai/api/v1"), Dialect::OpenRouter);
        assert_eq!(Dialect::of("https://eu.openrouter.ai/api/v1"), Dialect::OpenRouter);
        assert_eq!(Dialect::of("https://api.openai.com/v1"), Dialect::OpenAi);
        assert_eq!(Dialect::of("https://openrouter.ai.example.com/v1"), Dialect::OpenAi);
    }

    #[test]
    fn an_edge_is_named_by_its_origin() {
        for url in ["https://edge.example", "https://edge.example/", "https://edge.example/v1/"] {
            assert_eq!(Upstream::new(Dialect::Edge, url, None).url, "https://edge.example/v1");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let upstream = Upstream::new(Dialect::OpenAi, "https://api.example/v1", Some("sk-canary".into()));
        assert!(!format!("{upstream:?}").contains("canary"));
    }
}
