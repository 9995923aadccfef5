//! The router: which URL leads to which endpoint.

use failsoft::Shape;
use failsoft::protocol::Protocol;
use failsoft::protocol::responses::{NO_STORED_RESPONSES, is_stored_path};
use percent_encoding::percent_decode_str;

use crate::http::api_error::{ApiError, Code};

/// The endpoints of the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A call, in the protocol that [`find_protocol`] finds.
    Call,
    CountTokens,
    Models,
    /// One model, whose id is [`model_id`].
    Model,
    Usage,
    Playground,
    Session,
    Challenge,
    Admin,
    Health,
    Metrics,
}

impl Endpoint {
    /// Whether the answer depends on the routes.
    pub(crate) fn uses_routes(self) -> bool {
        matches!(self, Self::Call | Self::CountTokens | Self::Models | Self::Model | Self::Admin)
    }
}

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";
const EMBEDDINGS: &str = "/v1/embeddings";

/// What stands before the id of a model: in OpenAI's API, and in OpenRouter's.
const MODELS: [&str; 2] = ["/v1/models/", "/v1/model/"];

/// How a client at `path` reads answers and errors. The base URL of OpenRouter, and of what stands in for it, ends in `/api/v1`.
pub(crate) fn shape(path: &str) -> Shape {
    if path.starts_with("/api/v1/") { Shape::OpenRouter } else { Shape::OpenAi }
}

/// The id of the model that `path` names. Its slashes may be encoded.
pub(crate) fn model_id(path: &str) -> Option<String> {
    let path = without_api(path);
    let id = MODELS.iter().find_map(|before| path.strip_prefix(before))?;
    Some(percent_decode_str(id).decode_utf8_lossy().into_owned()).filter(|id| !id.is_empty())
}

/// `path` below `/v1` or `/api/v1`, without a slash at its end.
fn without_api(path: &str) -> &str {
    path.strip_prefix("/api").unwrap_or(path).trim_end_matches('/')
}

/// The endpoint at `path`, if it has `method`. The base URL of an SDK ends in `/v1` or in `/api/v1`.
pub(crate) fn find_endpoint(method: &str, path: &str) -> Result<Endpoint, ApiError> {
    // The endpoint itself knows its paths and methods.
    if is_admin(path) {
        return Ok(Endpoint::Admin);
    }
    let (endpoint, methods) = match without_api(path) {
        CHAT | RESPONSES | MESSAGES | EMBEDDINGS => (Endpoint::Call, "POST"),
        "/v1/messages/count_tokens" => (Endpoint::CountTokens, "POST"),
        "/v1/models" => (Endpoint::Models, "GET"),
        _ if model_id(path).is_some() => (Endpoint::Model, "GET"),
        "/v1/usage" => (Endpoint::Usage, "GET"),
        "/v1/playground" => (Endpoint::Playground, "GET"),
        "/v1/session" => (Endpoint::Session, "POST"),
        "/v1/session/challenge" => (Endpoint::Challenge, "POST"),
        "/healthz" => (Endpoint::Health, "GET"),
        "/metrics" => (Endpoint::Metrics, "GET"),
        _ => return Err(unknown_url(path)),
    };
    if methods == method || (methods == "GET" && method == "HEAD") {
        return Ok(endpoint);
    }
    let message = format!("{path} accepts {methods} only");
    let mut error = ApiError::new(Code::MethodNotAllowed, message);
    error.allow = Some(if methods == "POST" { "POST, OPTIONS" } else { "GET, OPTIONS" });
    Err(error)
}

/// The protocol of the client that sent a request to `path`. Errors have its shape.
pub(crate) fn find_protocol(path: &str) -> Protocol {
    let path = without_api(path);
    let is_at = |base: &str| path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_at(MESSAGES) {
        Protocol::Messages
    } else if is_at(RESPONSES) {
        Protocol::Responses
    } else if is_at(EMBEDDINGS) {
        Protocol::Embeddings
    } else {
        Protocol::Chat
    }
}

/// Whether `path` belongs to the owner's endpoints, which no page of another origin may use.
pub(crate) fn is_admin(path: &str) -> bool {
    path == "/admin" || path.starts_with("/admin/")
}

fn unknown_url(path: &str) -> ApiError {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let right = match last {
        _ if is_stored_path(path) => NO_STORED_RESPONSES.into(),
        "batches" => format!("this edge has no batches; use POST {MESSAGES} for each request"),
        "responses" => format!("use POST {RESPONSES}"),
        "messages" => format!("use POST {MESSAGES}"),
        "completions" | "chat" => format!("use POST {CHAT}"),
        "embeddings" => format!("use POST {EMBEDDINGS}"),
        _ => format!(
            "this edge has POST {CHAT}, {RESPONSES}, {MESSAGES} and {EMBEDDINGS}, GET /v1/models and GET /healthz"
        ),
    };
    // The caller chooses the path, so it is cut: a reply must not grow with it.
    let path: String = path.chars().take(100).collect();
    ApiError::new(Code::UnknownUrl, format!("there is no endpoint at {path}; {right}"))
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Protocol, find_endpoint, find_protocol, model_id};

    #[test]
    fn the_id_of_a_model_may_have_slashes_that_are_encoded_or_not() {
        for (path, id) in [
            ("/v1/models/openai/gpt-4o", Some("openai/gpt-4o")),
            ("/v1/models/openai%2Fgpt-4o", Some("openai/gpt-4o")),
            ("/api/v1/models/openai%2fgpt-4o%3Afree/", Some("openai/gpt-4o:free")),
            ("/api/v1/model/openai/gpt-4o", Some("openai/gpt-4o")),
            ("/v1/models/route/support", Some("route/support")),
            ("/v1/models/%FF%2", Some("\u{fffd}%2")),
            ("/v1/models/", None),
            ("/v1/models", None),
            ("/v2/models/a", None),
        ] {
            assert_eq!(model_id(path).as_deref(), id, "{path}");
            let endpoint = find_endpoint("GET", path).ok();
            assert_eq!(endpoint == Some(Endpoint::Model), id.is_some(), "{path}");
        }
    }

    #[test]
    fn both_base_urls_lead_to_the_same_endpoint() {
        for (path, protocol) in [
            ("/v1/chat/completions", Protocol::Chat),
            ("/api/v1/chat/completions", Protocol::Chat),
            ("/v1/chat/completions/", Protocol::Chat),
            ("/v1/responses", Protocol::Responses),
            ("/api/v1/messages", Protocol::Messages),
            ("/api/v1/embeddings", Protocol::Embeddings),
        ] {
            assert_eq!(find_endpoint("POST", path).ok(), Some(Endpoint::Call), "{path}");
            assert_eq!(find_protocol(path), protocol, "{path}");
        }
        assert_eq!(find_endpoint("GET", "/api/v1/models").ok(), Some(Endpoint::Models));
        assert_eq!(find_endpoint("POST", "/api/v1/session").ok(), Some(Endpoint::Session));
    }

    #[test]
    fn a_wrong_path_and_a_wrong_method_name_the_right_ones() {
        for path in ["/admin", "/admin/", "/admin/keys/x"] {
            assert_eq!(find_endpoint("PATCH", path).ok(), Some(Endpoint::Admin), "{path}");
        }
        for path in ["/administrator", "/api/admin/keys"] {
            assert!(find_endpoint("GET", path).is_err(), "{path}");
        }
        for (path, right) in [
            ("/embeddings", "POST /v1/embeddings"),
            ("/v1/completions", "POST /v1/chat/completions"),
            ("/chat/completions", "POST /v1/chat/completions"),
            ("/responses", "POST /v1/responses"),
            ("/messages", "POST /v1/messages"),
            ("/v1/responses/resp_1", "next request to /v1/responses"),
            ("/v1/messages/batches", "POST /v1/messages"),
            ("/v1", "/v1/responses"),
        ] {
            let error = find_endpoint("POST", path).expect_err("an error");
            assert_eq!(error.code.status(), 404);
            assert!(error.message.contains(right), "{}", error.message);
        }
        assert_eq!(find_protocol("/v1/messages/batches"), Protocol::Messages);
        assert_eq!(find_protocol("/v1/messagesx"), Protocol::Chat);
        let error = find_endpoint("GET", "/v1/chat/completions").expect_err("an error");
        assert_eq!((error.code.status(), error.allow), (405, Some("POST, OPTIONS")));
    }
}
