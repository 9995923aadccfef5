//! The head of a request: method, URL and headers.

use failsoft::Shape;
use failsoft::protocol::Protocol;
use web_sys::Request;

use crate::config::authority;
use crate::http::api_error::ErrorForm;
use crate::http::caller::Caller;
use crate::http::router;
use crate::http::trace_context::TraceContext;
use crate::platform::executor::Executor;
use crate::platform::host;

/// The headers that the edge reads. [`RequestHead::read`] takes their values in this order.
pub(crate) const HEADERS: [&str; 15] = [
    "authorization",
    "origin",
    "sec-fetch-site",
    "cf-connecting-ip",
    "x-request-id",
    "x-feature",
    "x-flow",
    "traceparent",
    "access-control-request-headers",
    "content-length",
    "x-forwarded-proto",
    "x-api-key",
    "if-match",
    "cache-control",
    "anthropic-beta",
];

/// The head of a request.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) path: String,
    /// How the client reads answers and errors.
    pub(crate) shape: Shape,
    pub(crate) protocol: Protocol,
    /// Names this call in the response and in the log.
    pub(crate) id: String,
    pub(crate) caller: Caller,
    /// The part of the app that calls, as the client says.
    pub(crate) feature: Option<String>,
    /// The trace that the call is part of.
    pub(crate) trace: Option<TraceContext>,
    /// The headers that a preflight asks about.
    pub(crate) requested_headers: Option<String>,
    /// The length of the body, if the client says it.
    pub(crate) length: Option<usize>,
    /// The version of a resource that the client has read: the header `If-Match`.
    pub(crate) version: Option<String>,
    /// What the client allows caches: the header `Cache-Control`.
    pub(crate) cache_control: Option<String>,
    /// The betas of Anthropic that the client asks for: a list with commas.
    pub(crate) betas: Option<String>,
    /// The executor of the request's task.
    pub(crate) executor: Executor,
}

impl RequestHead {
    pub(crate) fn read(request: &Request, executor: Executor) -> Self {
        let head = host::read_head(request);
        let mut values = host::values(&head).map(|value| value.map(str::to_owned));
        let mut next = || values.next().flatten();
        let (method, url) = (next().unwrap_or_default(), next().unwrap_or_default());
        let [
            authorization,
            origin,
            site,
            address,
            id,
            feature,
            flow,
            trace,
            requested_headers,
            length,
            scheme,
            key,
            version,
            cache_control,
            betas,
        ] = HEADERS.map(|_| next());
        let host = authority(&url);
        let path = path(&url, host);
        Self {
            method,
            path: path.into(),
            shape: router::shape(path),
            protocol: router::find_protocol(path),
            id: id.filter(|id| is_id(id)).unwrap_or_else(host::random_uuid),
            caller: Caller {
                // Anthropic's SDKs send a key in a header of its own.
                authorization: authorization.or(key.map(|key| ["Bearer ", &key].concat())),
                host: host.into(),
                origin,
                site,
                address,
                is_encrypted: url.starts_with("https://"),
                forwarded_scheme: scheme.map(|scheme| scheme.trim().to_ascii_lowercase()),
            },
            feature: feature.or(flow).filter(|name| is_name(name)),
            trace: TraceContext::read(trace.as_deref()),
            requested_headers,
            length: length.and_then(|length| length.parse().ok()),
            version,
            cache_control,
            betas,
            executor,
        }
    }

    /// The head of a call that the edge makes for its owner.
    pub(crate) fn of_edge(executor: &Executor) -> Self {
        Self {
            method: "POST".into(),
            path: String::new(),
            shape: Shape::OpenAi,
            protocol: Protocol::Chat,
            id: host::random_uuid(),
            caller: Caller::default(),
            feature: None,
            trace: None,
            requested_headers: None,
            length: None,
            version: None,
            cache_control: None,
            betas: None,
            executor: executor.clone(),
        }
    }

    /// Whether the edge makes the call for its owner. No client has sent it, so it has no path.
    pub(crate) fn is_of_edge(&self) -> bool {
        self.path.is_empty()
    }

    /// How the client reads errors.
    pub(crate) fn error_form(&self) -> ErrorForm {
        ErrorForm { protocol: self.protocol, shape: self.shape, id: self.id.clone() }
    }
}

fn path<'a>(url: &'a str, host: &str) -> &'a str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| &rest[host.len()..]);
    rest.split(['?', '#']).next().unwrap_or_default()
}

/// A caller's own id goes into logs: it must be short, and have only the characters of ids.
fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// A name goes into the ledger: it must be short, and one line.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{is_id, is_name, path};

    #[test]
    fn a_path_stands_between_host_and_query() {
        assert_eq!(path("https://a.example/v1/models?x=/y", "a.example"), "/v1/models");
        assert_eq!(path("http://127.0.0.1:8787/", "127.0.0.1:8787"), "/");
    }

    #[test]
    fn a_callers_id_is_taken_only_if_it_is_well_formed() {
        assert!(is_id("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"));
        for id in ["", "a b", "a\nb", "{\"a\":1}", &"x".repeat(129)] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn a_feature_is_a_short_line() {
        assert!(is_name("support chat") && is_name("<b>'; DROP TABLE attempts; --"));
        for name in ["", "a\nb", "ü", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
