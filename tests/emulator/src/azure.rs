//! Azure OpenAI's wire: chat completions of a deployment, which the path names, or the model below `/openai/v1`. Its first chunk has
//! no choice, and its answers name the model behind the deployment. Its Responses are those of OpenAI.

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::completion::{Event, Part};
use crate::http::{Request, decode};

/// The deployment in `path`, of a request to `endpoint`.
pub(crate) fn deployment(path: &str, endpoint: &str) -> Option<String> {
    let name = path.strip_prefix("/openai/deployments/")?.strip_suffix(endpoint)?;
    Some(decode(name)).filter(|name| !name.is_empty())
}

/// Checks the key of a request.
pub(crate) fn authorize(request: &Request) -> Result<(), ApiError> {
    let denied = "Access denied due to invalid subscription key or wrong API endpoint.";
    request.header("api-key").map(|_| ()).ok_or_else(|| ApiError::bare(401, denied))
}

/// The chat request `body` of a request to `deployment`.
pub(crate) fn read(request: &Request, body: Result<Value, ApiError>, deployment: &str) -> Result<Value, ApiError> {
    authorize(request)?;
    if request.query("api-version").is_none() {
        return Err(ApiError::bare(404, "Resource not found"));
    }
    let mut body = body?;
    body["model"] = json!(deployment);
    Ok(body)
}

/// The chunk before every other: what the filter found in the prompt.
pub(crate) fn first_chunk() -> Event {
    let filter =
        json!({ "prompt_index": 0, "content_filter_results": { "hate": { "filtered": false, "severity": "safe" } } });
    let chunk = json!({
        "choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [filter],
    });
    Event { part: Part::Role, text: chunk.to_string(), tokens: 0, name: None }
}
