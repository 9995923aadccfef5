//! Selects the handler for a path.

use serde_json::json;

use crate::api_error::ApiError;
use crate::catalog::Candidate;
use crate::chat::{Exchange, chat};
use crate::chat_request::Wire;
use crate::control;
use crate::http::{Request, decode};
use crate::listing;
use crate::response::Response;
use crate::state::State;
use crate::validate::authorize;
use crate::{azure, embeddings, messages, responses};

/// Preflights and control requests are not part of OpenRouter's traffic, so the log omits them.
pub(crate) fn is_logged(request: &Request) -> bool {
    request.method != "OPTIONS" && !request.path().starts_with("/emulator")
}

pub(crate) async fn answer(state: &State, request: &Request) -> Exchange {
    if request.method == "OPTIONS" {
        return Exchange::of(preflight(request));
    }
    if let Some(path) = request.path().strip_prefix("/emulator/") {
        return Exchange::of(control::answer(state, request, path).await);
    }
    let path = request.path().strip_prefix("/api/v1").unwrap_or(request.path());
    match (request.method.as_str(), path) {
        ("POST", "/chat/completions") => chat(state, request, Wire::Chat, Ok(request.body_json())),
        ("POST", "/v1/chat/completions") => chat(state, request, Wire::OpenAi, Ok(openai(request))),
        ("POST", "/messages") => {
            let exchange = chat(state, request, Wire::Messages, messages::read(request));
            Exchange { response: messages::reshape(exchange.response), ..exchange }
        }
        ("POST", "/responses") => chat(state, request, Wire::Responses, responses::read(request)),
        ("POST", "/embeddings") => chat(state, request, Wire::Embeddings, embeddings::read(request)),
        ("POST", "/openai/v1/responses") => {
            chat(state, request, Wire::Responses, azure::authorize(request).and_then(|()| responses::read(request)))
        }
        ("POST", "/openai/v1/chat/completions") => {
            chat(state, request, Wire::Azure, azure::authorize(request).map(|()| request.body_json()))
        }
        ("POST", path) if path.starts_with("/openai/deployments/") => azure(state, request, path),
        ("GET", "/embeddings/models") => Exchange::of(Response::json(200, &listing::embedding_models())),
        ("GET", "/models") => Exchange::of(Response::json(200, &listing::models())),
        ("GET", "/generation") if state.options.billing.names_generations() => Exchange::of(generation(state, request)),
        ("GET", "/key") => Exchange::of(key(state, request)),
        ("GET", path) => Exchange::of(endpoints(path)),
        _ => Exchange::of(not_found(path)),
    }
}

/// The chat request for a request to OpenAI, which names its models without a vendor.
fn openai(request: &Request) -> serde_json::Value {
    let mut body = request.body_json();
    let name = body["model"].as_str().map(|name| format!("openai/{name}"));
    if let Some(name) = name.filter(|name| name.matches('/').count() == 1) {
        body["model"] = name.into();
    }
    body
}

fn azure(state: &State, request: &Request, path: &str) -> Exchange {
    if let Some(deployment) = azure::deployment(path, "/chat/completions") {
        return chat(state, request, Wire::Azure, azure::read(request, Ok(request.body_json()), &deployment));
    }
    match azure::deployment(path, "/embeddings") {
        Some(deployment) => {
            let body = azure::read(request, embeddings::read(request), &deployment);
            chat(state, request, Wire::Embeddings, body)
        }
        None => Exchange::of(not_found(path)),
    }
}

/// CORS for any origin. Pages can read no response header, because OpenRouter exposes none.
fn preflight(request: &Request) -> Response {
    let asked = request.header("access-control-request-headers").unwrap_or("*");
    Response::sized(204, "text/plain", Vec::new())
        .with_header("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS".to_owned())
        .with_header("access-control-allow-headers", asked.to_owned())
        // Chromium requires this header before it lets a public page call a server in a private network.
        .with_header("access-control-allow-private-network", "true".to_owned())
}

fn endpoints(path: &str) -> Response {
    let id = path.strip_prefix("/models/").and_then(|rest| rest.strip_suffix("/endpoints"));
    let Some(id) = id.map(decode) else { return not_found(path) };
    match Candidate::resolve(&id) {
        Some(model) => Response::json(200, &listing::endpoints(&model)),
        None => ApiError::bare(404, format!("Model {id} not found")).response(None),
    }
}

fn generation(state: &State, request: &Request) -> Response {
    if let Err(error) = authorize(request) {
        return error.response(None);
    }
    let Some(id) = request.query("id") else { return ApiError::bare(400, "id is required").response(None) };
    match state.ledger.find(&id, state.options.generation_delay) {
        Some(data) => Response::json(200, &json!({ "data": data })),
        None => ApiError::bare(404, format!("Generation {id} not found")).response(None),
    }
}

fn key(state: &State, request: &Request) -> Response {
    let key = match authorize(request) {
        Ok(key) => key,
        Err(error) => return error.response(None),
    };
    let spent = state.ledger.spent(key);
    Response::json(
        200,
        &json!({ "data": {
            "label": "sk-or-emulated",
            "limit": null,
            "limit_reset": null,
            "limit_remaining": null,
            "include_byok_in_limit": false,
            "usage": spent,
            "usage_daily": spent,
            "usage_weekly": spent,
            "usage_monthly": spent,
            "byok_usage": 0,
            "is_free_tier": false,
            "is_management_key": false,
            "expires_at": null,
            "creator_user_id": "user_emulated",
            "free_model_daily_requests": { "used": 0, "limit": 1000, "remaining": 1000 },
            "rate_limit": { "requests": -1, "interval": "10s", "note": "This field is deprecated." },
        } }),
    )
}

fn not_found(path: &str) -> Response {
    ApiError::bare(404, format!("Not Found: {path}")).response(None)
}
