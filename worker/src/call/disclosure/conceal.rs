//! What a client gets whose grant hides the report: the answer, without the models, providers and costs behind it. The lists name
//! what such a client may see, so that a field which an upstream invents stays with the owner.

use failsoft::json::{Object, array, patched};
use failsoft::{Failure, Json, Report};

use super::owners_code;
use crate::http::api_error::{ApiError, Code};

/// The fields of a completion and of a chunk that say nothing about the upstream.
const ANSWER: &str = "id object created data";
const CHOICE: &str = "index finish_reason logprobs";
const MESSAGE: &str = "role content refusal reasoning reasoning_content reasoning_details tool_calls function_call annotations \
                       audio images";
const USAGE: &str = "prompt_tokens completion_tokens total_tokens";
const PROMPT_TOKENS: &str = "cached_tokens audio_tokens";
const COMPLETION_TOKENS: &str = "reasoning_tokens audio_tokens accepted_prediction_tokens rejected_prediction_tokens";

/// `answer`, a completion or a chunk. Its model is the one that the client `asked` for.
pub(crate) fn conceal_answer(answer: &str, asked: &str) -> String {
    let answer = Json::parse(answer).unwrap_or(Json::NULL);
    let mut shown = keep(answer, ANSWER);
    for (name, value) in answer.fields() {
        match name.text().as_deref() {
            Some("model") => _ = shown.text("model", asked),
            Some("choices") => _ = shown.raw("choices", &array(value.items().map(conceal_choice))),
            Some("usage") if value.is_object() => _ = shown.raw("usage", &conceal_usage(value)),
            Some("usage") => _ = shown.raw("usage", "null"),
            Some("failsoft") => _ = shown.raw("failsoft", &conceal_report_json(value)),
            _ => {}
        }
    }
    shown.end()
}

fn conceal_choice(choice: Json<'_>) -> String {
    let mut shown = keep(choice, CHOICE);
    for name in ["message", "delta"] {
        let message = choice.get(name);
        if message.is_object() {
            shown.raw(name, &keep(message, MESSAGE).end());
        }
    }
    shown.end()
}

fn conceal_usage(usage: Json<'_>) -> String {
    let mut shown = keep(usage, USAGE);
    for (name, kept) in [("prompt_tokens_details", PROMPT_TOKENS), ("completion_tokens_details", COMPLETION_TOKENS)] {
        let details = usage.get(name);
        if details.is_object() {
            shown.raw(name, &keep(details, kept).end());
        }
    }
    shown.end()
}

fn keep(object: Json<'_>, names: &str) -> Object {
    let mut kept = Object::default();
    for (name, value) in object.fields().filter(|(name, _)| names.split(' ').any(|known| name.is(known))) {
        kept.entry(name, value.raw());
    }
    kept
}

/// What remains of a report: whether another model than the first answered, and whether the answer passed the rules; and the
/// `warnings` about the client's own request.
pub(crate) fn conceal_report(report: &Report, warnings: &[String]) -> String {
    let shown = short_report(report.fallback, report.accepted);
    if warnings.is_empty() { shown } else { patched(&shown, &Object::default().texts("warnings", warnings).end()) }
}

fn conceal_report_json(report: Json<'_>) -> String {
    short_report(report.get("fallback").flag() == Some(true), report.get("accepted").flag() == Some(true))
}

fn short_report(fallback: bool, accepted: bool) -> String {
    let mut shown = Object::default();
    shown.flag("fallback", fallback).flag("accepted", accepted).raw("attempts", "[]");
    shown.end()
}

/// `failure` in words of the edge.
pub(crate) fn conceal_failure(failure: &Failure) -> Box<Failure> {
    let mut shown = Box::new(failure.clone());
    if owners_code(shown.kind).is_none() {
        shown.message = shown.kind.explanation().into();
        shown.code = None;
    }
    shown.provider = None;
    shown
}

/// `error` without amounts of money and names of models.
pub(crate) fn conceal_error(mut error: ApiError) -> ApiError {
    let message = match error.code {
        Code::BudgetExceeded => "the budget for this call is used up; try again later",
        Code::PriceUnknown | Code::ReasoningUnbounded => {
            "what this call may cost is not known, so it was not made; only the owner of the edge can repair this"
        }
        Code::InvalidRequest if error.param.as_deref().is_some_and(|path| path.starts_with("failsoft.max")) => {
            "this call asks for more than this edge allows; leave the field out"
        }
        Code::ModelNotAllowed => {
            "this client may not ask for this model; GET /v1/models lists those that it may ask for"
        }
        _ => return error,
    };
    error.message = message.into();
    error.budget = None;
    error
}

#[cfg(test)]
mod tests {
    use super::{conceal_answer, conceal_error, conceal_failure};
    use crate::http::api_error::{ApiError, Code};
    use failsoft::{Failure, Kind};
    use serde_json::{Value, json};

    #[test]
    fn an_answer_keeps_its_content_and_loses_what_names_the_upstream() {
        let call = r#"{"id":"c","type":"function","function":{"name":"f","arguments":"{ \"a\": 1}"}}"#;
        let answer = format!(
            r#"{{"id":"gen-1","object":"chat.completion","created":7,"model":"openai/gpt-4o","pr\u006fvider":"Azure",
            "system_fingerprint":"fp_azure","choices":[{{"index":0,"native_finish_reason":"STOP","finish_reason":"stop",
            "message":{{"role":"assistant","provider_specific_fields":{{"azure":1}},"content":"hi","tool_calls":[{call}]}},"logprobs":null}}],
            "usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cost":0.5,"is_byok":false,
            "cost_details":{{"upstream_inference_cost":0.5}},"prompt_tokens_details":{{"cached_tokens":1,"novel_cost":2}}}},
            "failsoft":{{"model":"openai/gpt-4o","fallback":true,"accepted":true,"cost":0.5,"attempts":[{{"models":["a"]}}]}}}}"#
        );
        let shown = conceal_answer(&answer, "route/chat");
        assert!(shown.contains(call), "{shown}");
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        let message = json!({"role": "assistant", "content": "hi", "tool_calls": [serde_json::from_str::<Value>(call).expect("JSON")]});
        let expected = json!({
            "id": "gen-1", "object": "chat.completion", "created": 7, "model": "route/chat",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": null}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
            "failsoft": {"fallback": true, "accepted": true, "attempts": []},
        });
        assert_eq!(shown, expected);
        let restart = r#"{"object":"failsoft.restart","choices":[]}"#;
        assert_eq!(conceal_answer(restart, "a"), restart);
    }

    #[test]
    fn failures_and_errors_name_no_model_and_no_amount() {
        let mut failure = Failure::new(Kind::ContextLength, "openai/gpt-4o has 128000 tokens");
        (failure.code, failure.provider) = (Some("context_length_exceeded".into()), Some("Azure".into()));
        let shown = conceal_failure(&failure);
        assert_eq!((&*shown.message, shown.code, shown.provider), (Kind::ContextLength.explanation(), None, None));
        let mut error = ApiError::new(Code::BudgetExceeded, "5 USD a day has 0.2 left");
        error.budget = Some("{}".into());
        let shown = conceal_error(error);
        assert!(!shown.message.contains("USD") && shown.budget.is_none());
        let bound = ApiError::new(Code::InvalidRequest, "cannot be more than 0.5 here").about("failsoft.maxCostUsd");
        assert!(!conceal_error(bound).message.contains("0.5"));
        assert_eq!(conceal_error(ApiError::new(Code::InvalidRequest, "`n` is wrong")).message, "`n` is wrong");
    }
}
