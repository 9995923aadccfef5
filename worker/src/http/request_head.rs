//! What a request says before its body is read.

use web_sys::Request;

use crate::config::authority;
use crate::http::caller::Caller;
use crate::http::trace_context::TraceContext;
use crate::platform::executor::Executor;
use crate::platform::host;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names this call in the answer and in the log.
    pub(crate) id: String,
    pub(crate) caller: Caller,
    /// What of the app the call is for, as it says itself.
    pub(crate) feature: Option<String>,
    /// The trace that the call is part of.
    pub(crate) trace: Option<TraceContext>,
    /// The headers that a preflight asks about.
    pub(crate) requested: Option<String>,
    /// How long the body says that it is.
    pub(crate) length: Option<usize>,
    /// What the rest of this request is heard by.
    pub(crate) bell: Executor,
}

impl RequestHead {
    pub(crate) fn of(request: &Request, bell: Executor) -> Self {
        let head = host::head(request);
        let mut lines = host::values(&head).map(|value| value.map(str::to_owned));
        // In the order of glue.js.
        let mut next = || lines.next().flatten();
        let (method, url) = (next().unwrap_or_default(), next().unwrap_or_default());
        let host = authority(&url);
        let (authorization, origin, site, address) = (next(), next(), next(), next());
        Self {
            method,
            path: path(&url, host).into(),
            id: next().filter(|id| is_id(id)).unwrap_or_else(host::random_uuid),
            caller: Caller { authorization, host: host.into(), origin, site, address },
            feature: {
                let (feature, flow) = (next(), next());
                feature.or(flow).filter(|name| is_name(name))
            },
            trace: TraceContext::read(next().as_deref()),
            requested: next(),
            length: next().and_then(|length| length.parse().ok()),
            bell,
        }
    }
}

fn path<'a>(url: &'a str, host: &str) -> &'a str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| &rest[host.len()..]);
    rest.split(['?', '#']).next().unwrap_or_default()
}

/// A caller's own id goes into logs: short, and nothing but what ids are made of.
fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// A name goes into the books: short, and one line.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{is_id, is_name, path};

    #[test]
    fn a_path_is_what_lies_between_host_and_query() {
        assert_eq!(path("https://a.example/v1/models?x=/y", "a.example"), "/v1/models");
        assert_eq!(path("http://127.0.0.1:8787/", "127.0.0.1:8787"), "/");
    }

    #[test]
    fn an_id_from_outside_is_taken_only_if_it_looks_like_one() {
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
