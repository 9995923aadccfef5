//! Which path is what.

use crate::http::api_error::{ApiError, Code};

/// What lives here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Chat,
    Models,
    Usage,
    Playground,
    Session,
    Admin,
    Health,
    Metrics,
}

const CHAT: &str = "/v1/chat/completions";

/// The endpoint at `path`, if it has `method`. SDKs are given a base URL with `/v1` or with `/api/v1`.
pub(crate) fn endpoint(method: &str, path: &str) -> Result<Endpoint, ApiError> {
    // What there is below, and by which methods, it knows itself.
    if is_admin(path) {
        return Ok(Endpoint::Admin);
    }
    let (endpoint, methods) = match path.strip_prefix("/api").unwrap_or(path).trim_end_matches('/') {
        CHAT => (Endpoint::Chat, "POST"),
        "/v1/models" => (Endpoint::Models, "GET"),
        "/v1/usage" => (Endpoint::Usage, "GET"),
        "/v1/playground" => (Endpoint::Playground, "GET"),
        "/v1/session" => (Endpoint::Session, "POST"),
        "/healthz" => (Endpoint::Health, "GET"),
        "/metrics" => (Endpoint::Metrics, "GET"),
        _ => return Err(unknown(path)),
    };
    if methods == method || (methods == "GET" && method == "HEAD") {
        return Ok(endpoint);
    }
    let message = format!("{path} takes {methods}");
    let mut refusal = ApiError::new(Code::MethodNotAllowed, message);
    refusal.allow = Some(if methods == "POST" { "POST, OPTIONS" } else { "GET, OPTIONS" });
    Err(refusal)
}

/// It is the owner's, and no page's from elsewhere.
pub(crate) fn is_admin(path: &str) -> bool {
    path == "/admin" || path.starts_with("/admin/")
}

fn unknown(path: &str) -> ApiError {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let right = match last {
        "responses" | "completions" | "messages" | "chat" => format!("; this edge answers POST {CHAT}"),
        "embeddings" => format!("; this edge has no embeddings, it answers POST {CHAT}"),
        _ => format!("; there are POST {CHAT}, GET /v1/models and GET /healthz"),
    };
    // The path is the caller's own: cut, so that an answer does not grow with it.
    let path: String = path.chars().take(100).collect();
    ApiError::new(Code::UnknownUrl, format!("there is nothing at {path}{right}"))
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, endpoint};

    #[test]
    fn both_base_urls_lead_to_the_same() {
        for path in ["/v1/chat/completions", "/api/v1/chat/completions", "/v1/chat/completions/"] {
            assert_eq!(endpoint("POST", path).ok(), Some(Endpoint::Chat), "{path}");
        }
        assert_eq!(endpoint("GET", "/api/v1/models").ok(), Some(Endpoint::Models));
        assert_eq!(endpoint("POST", "/api/v1/session").ok(), Some(Endpoint::Session));
    }

    #[test]
    fn a_wrong_path_names_the_right_one_and_a_wrong_method_the_right_ones() {
        for path in ["/admin", "/admin/", "/admin/keys/x"] {
            assert_eq!(endpoint("PATCH", path).ok(), Some(Endpoint::Admin), "{path}");
        }
        for path in ["/administrator", "/api/admin/keys"] {
            assert!(endpoint("GET", path).is_err(), "{path}");
        }
        for path in ["/v1/responses", "/v1/embeddings", "/v1/completions", "/chat/completions"] {
            let refusal = endpoint("POST", path).expect_err("a refusal");
            assert_eq!(refusal.code.status(), 404);
            assert!(refusal.message.contains("POST /v1/chat/completions"), "{}", refusal.message);
        }
        let refusal = endpoint("GET", "/v1/chat/completions").expect_err("a refusal");
        assert_eq!((refusal.code.status(), refusal.allow), (405, Some("POST, OPTIONS")));
    }
}
