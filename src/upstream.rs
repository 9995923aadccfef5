//! Upstreams: a base URL, its dialect, its key, and what is known about its models.

#[cfg(feature = "protocols")]
mod azure;
#[cfg(feature = "protocols")]
mod embeddings;
mod models;
#[cfg(feature = "protocols")]
mod protocol;

#[cfg(feature = "protocols")]
pub use embeddings::EmbeddingModel;
#[cfg(feature = "protocols")]
pub use protocol::Protocol;

use crate::text::{cut, find, text};
use core::fmt;
use std::sync::Arc;

use crate::catalog::{Catalog, ModelInfo};
use crate::http::HttpRequest;

/// OpenRouter's own base URL, the default of the package.
pub const OPENROUTER: &str = "https://openrouter.ai/api/v1";

/// Its subdomains, for example `eu.openrouter.ai`, are the same API.
const OPENROUTER_HOST: &str = "openrouter.ai";

/// Where most dialects take a request, below the base URL.
const ENDPOINT: &str = "/chat/completions";

/// Where requests for embeddings go.
#[cfg(feature = "protocols")]
const EMBEDDINGS: &str = "/embeddings";

/// Where an upstream that speaks Anthropic's Messages takes a request.
const MESSAGES: &str = "/messages";

/// Where an upstream that speaks OpenAI's Responses takes a request.
const RESPONSES: &str = "/responses";

/// The ends of a base URL that many copy along.
const ENDPOINTS: [&str; 3] = [ENDPOINT, MESSAGES, RESPONSES];

/// The dialect of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenRouter: a request names up to three models, the usage contains the cost, streams have keep-alive comments.
    OpenRouter,
    /// Any other OpenAI-compatible API: a request names one model.
    OpenAi,
    /// Anthropic's Messages: a request names one model.
    #[cfg(feature = "protocols")]
    Anthropic,
    /// Azure OpenAI: as `OpenAi`, with deployments in the place of models.
    #[cfg(feature = "protocols")]
    Azure,
    /// failsoft's own edge: a request has the whole chain and its policy, and the edge falls back.
    Edge,
}

/// One upstream.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What the API speaks.
    pub dialect: Dialect,
    /// The protocols that it speaks, at least one; the best comes first. A client that speaks one of them is served in it, so
    /// that the upstream gets the client's own items. Default those of the dialect.
    #[cfg(feature = "protocols")]
    pub protocols: Vec<Protocol>,
    /// The base URL, up to and without `/chat/completions`. A query stays behind the path: Azure has its API version there.
    pub url: String,
    /// Sent as `Authorization: Bearer`. Anthropic gets it as `x-api-key`, and Azure as `api-key`.
    pub key: Option<String>,
    /// The page or app that OpenRouter should attribute the usage to.
    pub app: App,
    /// Headers that the configuration adds.
    pub headers: Vec<(String, String)>,
    /// The models to ask this upstream for, in order. If it is empty, those of the request.
    pub models: Vec<String>,
    /// The embedding models that the configuration lists for this upstream.
    #[cfg(feature = "protocols")]
    pub embeddings: Vec<EmbeddingModel>,
    /// What the configuration says about its models.
    pub catalog: Catalog,
    /// It bills reasoning beside the tokens of the answer, and the output limit does not bound the reasoning. Default false.
    pub reasons_beyond_limit: bool,
    /// The fields of [`ACCOUNT_FIELDS`](crate::request::ACCOUNT_FIELDS) that it knows. Default none.
    pub account_fields: Vec<&'static str>,
    /// The betas of Anthropic that clients may ask for, beside those that anyone may. Default none.
    #[cfg(feature = "protocols")]
    pub betas: Vec<String>,
    /// It can stream. If false, it is asked for answers in one piece, whatever the caller wants. Default true.
    pub streams: bool,
    /// It is the upstream before it in the list, with another key. It is asked only if that key is refused. Default false.
    pub is_spare: bool,
    /// An error status may have been charged, unless the status is a refusal before any work. Default false.
    pub charges_errors: bool,
}

/// Attribution in OpenRouter's dashboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Sent as `HTTP-Referer`.
    pub url: Option<String>,
    /// Sent as `X-OpenRouter-Title`.
    pub title: Option<String>,
}

/// Shows the URL, but never the key.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("dialect", &self.dialect).field("url", &self.url).finish_non_exhaustive()
    }
}

impl Dialect {
    /// The dialect of the API at `url`, unless the configuration names another. The host alone decides: `openrouter.ai`
    /// and its subdomains speak OpenRouter's dialect, every other host speaks OpenAI's. A URL without a scheme is read too.
    pub fn of_url(url: &str) -> Self {
        let host = host(url);
        let is_openrouter = match host.len().checked_sub(OPENROUTER_HOST.len()) {
            None => false,
            Some(0) => host.eq_ignore_ascii_case(OPENROUTER_HOST),
            Some(at) => {
                let (subdomain, domain) = host.as_bytes().split_at(at);
                subdomain.ends_with(b".") && domain.eq_ignore_ascii_case(OPENROUTER_HOST.as_bytes())
            }
        };
        if is_openrouter { Self::OpenRouter } else { Self::OpenAi }
    }

    /// How many models one request may name. With `alone`, one for OpenRouter, so that OpenRouter does not fall back by itself.
    pub fn batch_size(self, alone: bool) -> usize {
        match self {
            Self::OpenRouter if alone => 1,
            // OpenRouter answers four or more with a 400.
            Self::OpenRouter => 3,
            Self::OpenAi => 1,
            #[cfg(feature = "protocols")]
            Self::Anthropic | Self::Azure => 1,
            Self::Edge => usize::MAX,
        }
    }
}

impl Dialect {
    /// It states the cost of an answer. Elsewhere, the tokens and the known prices decide.
    pub(crate) fn states_cost(self) -> bool {
        matches!(self, Self::OpenRouter | Self::Edge)
    }
}

impl Upstream {
    /// An upstream without attribution, headers of its own, models or catalog.
    pub fn new(dialect: Dialect, url: &str, key: Option<String>) -> Self {
        Self {
            dialect,
            #[cfg(feature = "protocols")]
            protocols: dialect.protocols().into(),
            url: base(dialect, url),
            key,
            app: App::default(),
            headers: Vec::new(),
            models: Vec::new(),
            #[cfg(feature = "protocols")]
            embeddings: Vec::new(),
            catalog: Catalog::default(),
            reasons_beyond_limit: false,
            account_fields: Vec::new(),
            #[cfg(feature = "protocols")]
            betas: Vec::new(),
            streams: true,
            is_spare: false,
            charges_errors: false,
        }
    }

    /// The models that this upstream is asked for, in order: its own, or if it has none, those of the request.
    pub fn models_for<'a>(&'a self, request: &'a [String]) -> &'a [String] {
        if self.models.is_empty() { request } else { &self.models }
    }

    /// What is known about `model` on this upstream: from its own catalog, else from the `shared` one.
    pub fn model_info<'a>(&'a self, model: &str, shared: &'a Catalog) -> Option<&'a Arc<ModelInfo>> {
        self.catalog.find(model).or_else(|| shared.find(model))
    }

    /// The most tokens that each answer of a model with this `info` reasons beyond the output limit. `asked` is the limit in
    /// the request, if there is one. `None`: nothing bounds the reasoning.
    pub fn reasoning_beyond_limit(&self, asked: Option<u64>, info: Option<&ModelInfo>) -> Option<u64> {
        // A page has no upstream that is declared to do so.
        if cfg!(feature = "browser") || !self.reasons_beyond_limit {
            return Some(0);
        }
        asked.into_iter().chain(info.and_then(|info| info.max_reasoning)).min()
    }

    /// The request that carries `body` to `url`.
    pub(crate) fn post(&self, streaming: bool, url: String, body: String) -> HttpRequest {
        HttpRequest { url, headers: self.own_headers(streaming), extra_headers: self.headers.clone(), body }
    }

    /// Where it takes a chat completion.
    #[cfg(any(test, not(feature = "protocols")))]
    pub(crate) fn chat_url(&self) -> String {
        self.endpoint(ENDPOINT)
    }

    /// Where it takes a request to `model` in the form of `protocol`.
    #[cfg(feature = "protocols")]
    pub(crate) fn url_for(&self, protocol: Protocol, model: &str) -> String {
        let endpoint = match protocol {
            Protocol::Messages => MESSAGES,
            Protocol::Responses => RESPONSES,
            Protocol::Embeddings => EMBEDDINGS,
            Protocol::Chat => ENDPOINT,
        };
        if self.dialect == Dialect::Azure {
            let path = cut(&self.url, b'?').0;
            return azure::url(path, &self.url[path.len()..], model, endpoint);
        }
        self.endpoint(endpoint)
    }

    /// `path` below the base URL.
    fn endpoint(&self, path: &str) -> String {
        let base = cut(&self.url, b'?').0;
        text!(base, path, &self.url[base.len()..])
    }

    fn own_headers(&self, streaming: bool) -> Vec<(&'static str, String)> {
        let accept = if streaming { "text/event-stream" } else { "application/json" };
        let mut headers = vec![("content-type", "application/json".into()), ("accept", accept.into())];
        #[cfg(feature = "protocols")]
        if self.dialect == Dialect::Anthropic {
            headers.push(("anthropic-version", "2023-06-01".into()));
        }
        if let Some(key) = &self.key {
            headers.push(match self.dialect {
                #[cfg(feature = "protocols")]
                Dialect::Anthropic => ("x-api-key", key.clone()),
                #[cfg(feature = "protocols")]
                Dialect::Azure => ("api-key", key.clone()),
                _ => ("authorization", text!("Bearer ", key)),
            });
        }
        if self.dialect == Dialect::OpenRouter {
            // Only with this header, OpenRouter reports which models it tried inside one request.
            headers.push(("x-openrouter-metadata", "enabled".into()));
            headers.extend(self.app.url.clone().map(|url| ("http-referer", url)));
            headers.extend(self.app.title.clone().map(|title| ("x-openrouter-title", title)));
        }
        headers
    }
}

/// The host of `url`, without user information, port and the root's dot.
fn host(url: &str) -> &str {
    let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let rest = match find(url, "://") {
        Some(at) if is_scheme(&url[..at]) => &url[at + 3..],
        _ => url,
    };
    // A `\` ends the host of an http URL, as a `/` does (WHATWG URL 4.4).
    let authority = [b'/', b'\\', b'?', b'#'].into_iter().fold(rest, |rest, mark| cut(rest, mark).0);
    let at = authority.bytes().rposition(|byte| byte == b'@').map_or(0, |at| at + 1);
    let host = cut(&authority[at..], b':').0;
    host.strip_suffix('.').unwrap_or(host)
}

/// The base URL without the path of the endpoint, which many copy along, and without a slash at the end of its path. The
/// API of an edge is below `/v1` of its origin.
fn base(dialect: Dialect, url: &str) -> String {
    let path = cut(url, b'?').0;
    let query = &url[path.len()..];
    let mut path = path;
    let shorten = |path: &'_ str| ENDPOINTS.iter().find_map(|end| path.strip_suffix(end).map(str::len));
    while let Some(shorter) = path.strip_suffix('/').or_else(|| shorten(path).map(|length| &path[..length])) {
        path = shorter;
    }
    text!(path, if dialect == Dialect::Edge && !path.ends_with("/v1") { "/v1" } else { "" }, query)
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Upstream};

    #[test]
    fn the_host_alone_decides_the_dialect() {
        let openrouter = [
            "https://openrouter.ai/api/v1",
            "https://openrouter.ai",
            "https://eu.openrouter.ai/api/v1",
            "https://a.b.openrouter.ai",
            "http://openrouter.ai/api/v1",
            "openrouter.ai/api/v1",
            "eu.openrouter.ai",
            "openrouter.ai:443",
            "https://openrouter.ai:8443/api/v1",
            "HTTPS://EU.OpenRouter.AI/api/v1",
            "https://openrouter.ai.",
            "https://openrouter.ai?region=eu",
            "https://openrouter.ai#top",
            "https://user:password@openrouter.ai/api/v1",
            "https://openrouter.ai\\@evil.example",
        ];
        let other = [
            "",
            "https://",
            "https://api.openai.com/v1",
            "http://127.0.0.1:8080/v1",
            "http://[::1]:8080/v1",
            "https://openrouter.ai.evil.example/v1",
            "https://notopenrouter.ai/v1",
            "https://openrouter.ai@evil.example/v1",
            "https://openrouter.ai:443@evil.example/v1",
            "https://a@openrouter.ai@evil.example/v1",
            "https://evil.example/openrouter.ai",
            "https://evil.example/https://openrouter.ai/api/v1",
            "https://evil.example?u=openrouter.ai",
            "https://evil.example#openrouter.ai",
            "https://evil.example/@openrouter.ai",
            "https://evil.example\\@openrouter.ai",
            "evil.example/?u=https://openrouter.ai/",
            "https://openrouter.example",
            "https://router.ai",
            "https://ópenrouter.ai",
        ];
        for url in openrouter {
            assert_eq!(Dialect::of_url(url), Dialect::OpenRouter, "{url}");
        }
        for url in other {
            assert_eq!(Dialect::of_url(url), Dialect::OpenAi, "{url}");
        }
    }

    #[test]
    fn the_api_of_an_edge_is_below_v1_of_its_origin() {
        for url in [
            "https://edge.example",
            "https://edge.example/",
            "https://edge.example/v1/",
            "https://edge.example/v1/chat/completions",
        ] {
            assert_eq!(Upstream::new(Dialect::Edge, url, None).url, "https://edge.example/v1");
        }
    }

    #[test]
    fn the_path_of_the_endpoint_stands_before_the_query_of_the_base_url() {
        let urls = [
            ("https://api.example/v1", "https://api.example/v1/chat/completions"),
            ("https://api.example/v1/", "https://api.example/v1/chat/completions"),
            ("https://api.example/v1/chat/completions", "https://api.example/v1/chat/completions"),
            ("https://api.example/v1/chat/completions/?a=1", "https://api.example/v1/chat/completions?a=1"),
            ("https://api.example/d?api-version=1", "https://api.example/d/chat/completions?api-version=1"),
            ("https://api.example/d/?v=1&w=a/b/", "https://api.example/d/chat/completions?v=1&w=a/b/"),
            ("/v1", "/v1/chat/completions"),
        ];
        for (base, url) in urls {
            assert_eq!(Upstream::new(Dialect::OpenAi, base, None).chat_url(), url, "{base}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let upstream = Upstream::new(Dialect::OpenAi, "https://api.example/v1", Some("sk-canary".into()));
        assert!(!format!("{upstream:?}").contains("canary"));
    }
}
