//! Errors before the first token, in OpenRouter's formats.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::catalog::Candidate;
use crate::chat_request::ChatRequest;
use crate::fault::HttpError;
use crate::log::now_ms;
use crate::response::{HTML, Response};

/// An error: the object in `error`, or an HTML page.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) error: Value,
    pub(crate) headers: Vec<(&'static str, String)>,
    page: Option<&'static str>,
}

const DOCS: &str = "https://openrouter.ai/docs/api_reference/errors-and-debugging";

const CLOUDFLARE: &str = "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>openrouter.ai | 524: A timeout occurred</title></head>\n\
    <body><h1>A timeout occurred</h1><p>Error code 524</p></body></html>\n";

/// What nginx answers when the server behind it does not.
const PROXY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// What Cloudflare answers when it takes a client for a bot.
const CHALLENGE: &str = "<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title></head>\n\
    <body><noscript>Enable JavaScript and cookies to continue</noscript></body></html>\n";

impl ApiError {
    /// The plain format: `code` and `message`.
    pub(crate) fn bare(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let error = json!({ "code": status, "message": message });
        Self { status, error, headers: Vec::new(), page: None }
    }

    /// With `metadata`, whose `error_type` is the machine-readable kind.
    pub(crate) fn typed(status: u16, error_type: &str, message: impl Into<String>) -> Self {
        let mut error = Self::bare(status, message);
        error.error["metadata"] = json!({ "error_type": error_type });
        error
    }

    pub(crate) fn unknown_model(id: &str) -> Self {
        Self::bare(400, format!("{id} is not a valid model ID"))
    }

    pub(crate) fn no_credits() -> Self {
        Self::typed(
            402,
            "payment_required",
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
        )
        .with("limit_source", json!("openrouter_credits"))
    }

    pub(crate) fn too_long(limit: u64, prompt: u64, output: u64) -> Self {
        let requested = prompt + output;
        let message = format!(
            "This endpoint's maximum context length is {limit} tokens. However, you requested about {requested} tokens \
             ({prompt} of text input, {output} in the output). Please reduce the length of either one."
        );
        Self::typed(400, "context_length_exceeded", message)
    }

    /// With `availability`. In this format `error_type` stands at the top of the error, not in its metadata.
    fn availability(status: u16, error_type: &str, message: String, model: &str, code: &str, retryable: bool) -> Self {
        let mut error = Self::bare(status, message);
        error.error["error_type"] = json!(error_type);
        error.error["http_status"] = json!(status);
        error.error["availability"] = json!({
            "code": code, "retryable": retryable, "requested_models": [model], "docs_url": DOCS,
        });
        error
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.error["metadata"][key] = value;
        self
    }

    fn retry_after(mut self, seconds: Option<u64>) -> Self {
        let Some(seconds) = seconds else { return self };
        self.headers.push(("retry-after", seconds.to_string()));
        if let Some(availability) = self.error.get_mut("availability") {
            availability["retry_after"] = json!(seconds);
        }
        self
    }

    pub(crate) fn response(&self, metadata: Option<Value>) -> Response {
        let mut response = match self.page {
            Some(page) => Response::sized(self.status, HTML, page.as_bytes().to_vec()),
            None => {
                let mut body = json!({ "error": self.error, "user_id": "user_emulated" });
                // OpenRouter omits the metadata where no router ran, and where it masks the error.
                if let Some(metadata) = metadata.filter(|_| !matches!(self.status, 401 | 500)) {
                    body["openrouter_metadata"] = metadata;
                }
                Response::json(self.status, &body)
            }
        };
        for (name, value) in &self.headers {
            response = response.with_header(name, value.clone());
        }
        response.close = true;
        response
    }
}

/// The error of `model` for the fault `error`. `number` is the number in the fault's name.
pub(crate) fn api_error(error: HttpError, number: Option<u64>, model: &Candidate, request: &ChatRequest) -> ApiError {
    let id = model.id.as_str();
    match error {
        HttpError::RateLimited => rate_limited(id).retry_after(number),
        HttpError::RateLimitedBriefly => rate_limited(id).retry_after(Some(number.unwrap_or(1))),
        HttpError::RateLimitedLegacy => rate_limited_legacy(model, number.unwrap_or(2)),
        HttpError::RateLimitedDate => rate_limited_until(id, number.unwrap_or(2)),
        HttpError::InFlightBudget => {
            ApiError::typed(402, "payment_required", "Too many requests in flight for the remaining credits.")
                .with("limit_source", json!("openrouter_in_flight_budget"))
                .with("reason", json!("in_flight_budget_exhausted"))
                .retry_after(Some(number.unwrap_or(1)))
        }
        HttpError::NoCredits => ApiError::no_credits(),
        HttpError::KeyLimit => ApiError::typed(403, "permission_denied", "Key limit exceeded (total limit).")
            .with("limit_source", json!("openrouter_key_limit")),
        HttpError::Guardrail => ApiError::typed(403, "permission_denied", "Request blocked by a guardrail.")
            .with("patterns", json!(["emulated-pattern"])),
        HttpError::Moderation => moderation(model, request),
        HttpError::Unauthorized => ApiError::typed(401, "authentication", "User not found."),
        HttpError::BadRequest => ApiError::typed(400, "invalid_request", "Invalid request parameters."),
        HttpError::ContextLength => {
            let output = request.max_tokens.unwrap_or(0);
            ApiError::too_long(model.row.context, model.row.context + request.estimate, output)
        }
        HttpError::ContentPolicy => {
            ApiError::typed(400, "content_policy_violation", "The prompt violates the provider's content policy.")
        }
        HttpError::NotFound => {
            let message = format!("No endpoints found for {id}.");
            ApiError::availability(404, "not_found", message, id, "no_endpoints", false)
        }
        HttpError::Deprecated => deprecated(id),
        HttpError::UnknownModel => ApiError::unknown_model(id),
        HttpError::Unavailable => unavailable(id, true).retry_after(number),
        HttpError::UnavailableNotRetryable => unavailable(id, false),
        HttpError::Status(status) => plain(status),
        HttpError::Cloudflare => ApiError { page: Some(CLOUDFLARE), ..ApiError::bare(524, "A timeout occurred") },
        HttpError::Proxy => ApiError { page: Some(PROXY), ..ApiError::bare(502, "Bad Gateway") },
        HttpError::Challenge => ApiError { page: Some(CHALLENGE), ..ApiError::bare(403, "Forbidden") },
        HttpError::Quoted(status, raw) => quoted(model, status, raw),
        HttpError::StringCode => {
            let mut error = plain(500);
            error.error["code"] = json!("server_error");
            error
        }
    }
}

fn rate_limited(id: &str) -> ApiError {
    let message = format!("{id} is temporarily rate-limited upstream.");
    ApiError::availability(429, "rate_limit_exceeded", message, id, "capacity_exhausted", true)
}

fn rate_limited_until(id: &str, seconds: u64) -> ApiError {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
    let mut error = rate_limited(id);
    error.headers.push(("retry-after", date));
    error
}

fn rate_limited_legacy(model: &Candidate, seconds: u64) -> ApiError {
    let mut error = ApiError::bare(429, "Provider returned error");
    let reset = now_ms() + seconds * 1000;
    error.error["metadata"] = json!({
        "raw": format!("{} is temporarily rate-limited upstream. Please retry shortly.", model.id),
        "provider_name": model.row.provider,
        "is_byok": false,
        "retry_after_seconds": seconds,
        "headers": { "Retry-After": seconds.to_string(), "X-RateLimit-Reset": reset.to_string() },
    });
    error
}

fn quoted(model: &Candidate, status: u16, raw: &str) -> ApiError {
    let mut error = ApiError::bare(status, "Provider returned error");
    error.error["metadata"] = json!({ "raw": raw, "provider_name": model.row.provider, "is_byok": false });
    error
}

fn moderation(model: &Candidate, request: &ChatRequest) -> ApiError {
    ApiError::typed(403, "permission_denied", format!("{} requires moderation. Your input was flagged.", model.id))
        .with("reasons", json!(["violence"]))
        .with("flagged_input", json!(request.prompt.chars().take(100).collect::<String>()))
        .with("provider_name", json!(model.row.provider))
        .with("model_slug", json!(model.id))
}

fn deprecated(id: &str) -> ApiError {
    let message = format!("{id} has been deprecated.");
    let mut error = ApiError::availability(404, "not_found", message, id, "model_deprecated", false);
    error.error["availability"]["fallback_models"] = json!(["openai/gpt-4o-mini"]);
    error
}

fn unavailable(id: &str, retryable: bool) -> ApiError {
    let message = format!("{id} is temporarily unavailable.");
    ApiError::availability(503, "provider_overloaded", message, id, "temporarily_unavailable", retryable)
}

fn plain(status: u16) -> ApiError {
    let (error_type, message) = match status {
        408 => ("timeout", "The request timed out."),
        412 => ("precondition_failed", "A precondition of the request failed."),
        413 => ("payload_too_large", "The request is too large."),
        422 => ("unprocessable", "The request cannot be processed."),
        502 => ("provider_unavailable", "The provider is down or sent an invalid response."),
        504 => ("timeout", "The provider did not answer in time."),
        529 => ("provider_overloaded", "The provider is overloaded."),
        _ => ("server", "Internal Server Error"),
    };
    ApiError::typed(status, error_type, message)
}
