//! The fields of Responses that both sides know: the reader and the writer for clients, and the translator of an upstream's answers
//! (`openai/openai-openapi` `openapi.yaml`).

use crate::json::{Json, Object};
use crate::text::split;

/// The fields that have the same name and meaning in a chat request. The last two lines are those of OpenRouter's form of
/// Responses and of this project.
pub(super) const SAME: &str = "model models temperature top_p user safety_identifier prompt_cache_key prompt_cache_options \
                    prompt_cache_retention service_tier cache_control frequency_penalty presence_penalty top_k provider \
                    plugins route session_id trace modalities image_config stop_server_tools_when failsoft";

/// The fields that are read here. `max_tool_calls` bounds tools at the vendor, which are refused.
pub(super) const READ: &str = "input instructions tools tool_choice parallel_tool_calls text reasoning include max_output_tokens \
                    top_logprobs stream stream_options truncation store metadata background previous_response_id \
                    conversation prompt context_management moderation max_tool_calls";

/// OpenRouter's names for the parts of a cost: those of its Responses, and those of its chat completions
/// (`OpenRouterTeam/typescript-sdk` `.speakeasy/in.openapi.yaml`).
pub(super) const COST_DETAILS: [(&str, &str); 3] = [
    ("upstream_inference_cost", "upstream_inference_cost"),
    ("upstream_inference_input_cost", "upstream_inference_prompt_cost"),
    ("upstream_inference_output_cost", "upstream_inference_completions_cost"),
];

/// The fields of a response object that its writer makes.
const WRITTEN: [&str; 12] = [
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "error",
    "incomplete_details",
    "model",
    "output",
    "output_text",
    "usage",
    "failsoft",
];

/// The fields of `response` that only the upstream knows, and its id: the JSON text of an object. What a response repeats of its
/// request is not among them, because the request was the edge's.
pub(super) fn own_fields(response: Json<'_>) -> String {
    let mut json = Object::default();
    for (name, value) in response.fields() {
        // The tier that was asked for is not always the tier that was served.
        let is_tier = name.is("service_tier") && value.is_string();
        let is_made = WRITTEN.iter().any(|known| name.is(known)) || is_field(&name.text().unwrap_or_default());
        if name.is("id") || is_tier || !is_made {
            json.entry(name, value.raw());
        }
    }
    json.end()
}

/// The name is that of a field of a request.
fn is_field(name: &str) -> bool {
    [SAME, READ].iter().any(|names| split(names, b' ').any(|known| known == name))
}
