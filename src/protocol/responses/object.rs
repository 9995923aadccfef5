//! The response object, and its usage.

use super::super::frame::event;
use super::super::response_fields::COST_DETAILS;
use super::Context;
use crate::failure::{Failure, Kind};
use crate::json::{Fields, Json, Object, array, decimal, patched};
use crate::text::text;

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    /// With the `reason` of `incomplete_details`.
    Incomplete(&'static str),
    Failed,
}

impl Status {
    /// The status for chat's finish reason. A call has no reason of its own: clients look for `function_call` items.
    pub(super) fn of(finish_reason: &str) -> Self {
        match finish_reason {
            "length" => Self::Incomplete("max_output_tokens"),
            "content_filter" => Self::Incomplete("content_filter"),
            _ => Self::Completed,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }

    /// The event that tells the client. Each is the only one of its kind.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
            Self::Failed => "response.failed",
        }
    }
}

/// The parts of a response object that do not change.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: String,
    /// In seconds since the UNIX epoch.
    pub(super) created: u64,
    /// When the answer was whole, in seconds since the UNIX epoch.
    pub(super) completed: Option<u64>,
    pub(super) model: String,
    /// The fields that only the upstream knows, where it speaks Responses: the JSON text of an object.
    pub(super) own: String,
}

/// What a response object has at one moment.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    pub(super) status: Status,
    pub(super) items: &'a [String],
    /// The JSON text of `usage`, or `null`.
    pub(super) usage: &'a str,
    pub(super) failure: Option<&'a Failure>,
    /// The JSON text of the report.
    pub(super) report: Option<&'a str>,
}

/// The JSON text of the response object.
pub(super) fn write(head: &Head, context: &Context, contents: &Contents<'_>) -> String {
    let mut json = Object::default();
    json.text("id", &head.id).text("object", "response").whole("created_at", head.created);
    json.text("status", contents.status.name());
    // Only a completed response has the time.
    let completed = head.completed.filter(|_| contents.status == Status::Completed);
    json.raw("completed_at", &completed.map_or("null".into(), decimal));
    json.raw("error", &contents.failure.map_or("null".into(), error));
    match contents.status {
        Status::Incomplete(reason) => json.open("incomplete_details", "{").text("reason", reason).close("}"),
        Status::InProgress | Status::Completed | Status::Failed => json.raw("incomplete_details", "null"),
    };
    json.text("model", &head.model).raw("output", &array(contents.items)).raw("usage", contents.usage);
    let json = json.fields(&context.echo).maybe_raw("failsoft", contents.report).end();
    if head.own.is_empty() { json } else { patched(&json, &head.own) }
}

/// The `error` of a response that failed. Its codes are a closed list (`ResponseErrorCode` in `openai/openai-openapi`).
fn error(failure: &Failure) -> String {
    let code = match failure.kind {
        Kind::RateLimited => "rate_limit_exceeded",
        Kind::InvalidRequest | Kind::ContextLength | Kind::ContentFilter => "invalid_prompt",
        _ => "server_error",
    };
    let mut json = Object::default();
    json.text("type", code).text("code", code).text("message", &failure.message).text("kind", failure.kind.name()).end()
}

/// The data of the event `error`. OpenAI's specification has the fields at the top (`ResponseErrorEvent`), and its SDKs and
/// servers an object `error` (openai/openai-node `src/core/streaming.ts`).
pub(super) fn error_event(failure: &Failure) -> Object {
    let mut data = event("error");
    data.text("code", failure.kind.name()).text("message", &failure.message).raw("param", "null");
    data.raw("error", &error(failure));
    data
}

/// The usage in the form of Responses, for that of a chat completion. Without one, clients would not recognise the end
/// (vercel/ai `packages/openai/src/responses/openai-responses-api.ts`), so the estimate of the prompt stands in.
pub(super) fn usage(chat: Json<'_>, estimate: u64) -> String {
    let usage = &Fields::of(chat);
    let number = |path| usage.at(path).whole();
    let input = number("prompt_tokens").or(number("input_tokens")).unwrap_or(estimate);
    let output = number("completion_tokens").or(number("output_tokens")).unwrap_or_default();
    let mut json = Object::default();
    json.whole("input_tokens", input).open("input_tokens_details", "{");
    json.whole("cached_tokens", number("prompt_tokens_details.cached_tokens").unwrap_or_default());
    json.whole("cache_write_tokens", number("prompt_tokens_details.cache_write_tokens").unwrap_or_default()).close("}");
    json.whole("output_tokens", output).open("output_tokens_details", "{");
    json.whole("reasoning_tokens", number("completion_tokens_details.reasoning_tokens").unwrap_or_default()).close("}");
    json.whole("total_tokens", number("total_tokens").unwrap_or(input.saturating_add(output)));
    // OpenRouter's, which its own form of Responses has too.
    for name in ["cost", "is_byok"] {
        let value = usage.get(name);
        if !value.is_null() {
            json.raw(name, value.raw());
        }
    }
    let details = usage.get("cost_details");
    // OpenRouter's SDK takes numbers only.
    if COST_DETAILS[1..].iter().all(|(_, chat)| details.get(chat).is_number()) {
        json.open("cost_details", "{");
        for (name, chat) in COST_DETAILS {
            json.raw(name, details.get(chat).raw());
        }
        json.close("}");
    }
    json.end()
}

/// The id of the response with this seed.
pub(super) fn id(minted: &str) -> String {
    text!("resp_", minted)
}
