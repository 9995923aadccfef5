//! Answers in OpenAI's shape, where an upstream sends another.

use crate::json::{Json, Object, array};

/// OpenAI's word for `reason`; its own words are kept.
pub fn openai_finish_reason(reason: &str) -> &str {
    match reason {
        "stop" | "length" | "tool_calls" | "content_filter" | "function_call" | "error" => reason,
        "max_tokens" | "MAX_TOKENS" | "model_length" | "max_output_tokens" => "length",
        "tool_use" | "tool_call" => "tool_calls",
        "SAFETY" | "safety" | "PROHIBITED_CONTENT" | "RECITATION" | "BLOCKLIST" | "refusal" => "content_filter",
        _ => "stop",
    }
}

/// A chunk or completion with OpenAI's finish reasons, the native one beside; nothing if they were right already.
pub(crate) fn with_openai_finish_reasons(answer: Json<'_>) -> Option<String> {
    let foreign = |choice: Json<'_>| {
        choice.get("finish_reason").text().is_some_and(|reason| openai_finish_reason(&reason) != reason)
    };
    if !answer.get("choices").items().any(foreign) {
        return None;
    }
    Some(with_choices(answer, None, |choice, json| {
        let native = choice.get("finish_reason");
        let reason = native.text();
        for (name, value) in choice.fields() {
            match &reason {
                Some(reason) if name.is("finish_reason") => json.text("finish_reason", openai_finish_reason(reason)),
                Some(_) if name.is("native_finish_reason") && value.is_null() => json,
                _ => json.entry(name, value.raw()),
            };
        }
        if reason.is_some() && choice.get("native_finish_reason").is_null() {
            json.raw("native_finish_reason", native.raw());
        }
    }))
}

/// A completion that came where a stream was asked for, as the one chunk of such a stream.
pub(crate) fn chunk_of_completion(completion: Json<'_>) -> String {
    with_choices(completion, Some("chat.completion.chunk"), |choice, json| {
        for (name, value) in choice.fields() {
            if name.is("message") {
                json.raw("delta", value.raw());
            } else {
                json.entry(name, value.raw());
            }
        }
    })
}

/// `answer`, with its choices written anew, and as another kind of `object`.
fn with_choices(answer: Json<'_>, object: Option<&str>, write: impl Fn(Json<'_>, &mut Object)) -> String {
    let mut json = Object::default();
    json.maybe_text("object", object);
    for (name, value) in answer.fields().filter(|(name, _)| object.is_none() || !name.is("object")) {
        if !name.is("choices") {
            json.entry(name, value.raw());
            continue;
        }
        let choices = value.items().map(|choice| {
            let mut json = Object::default();
            write(choice, &mut json);
            json.end()
        });
        json.raw("choices", &array(choices));
    }
    json.end()
}
