//! Changes answers of another shape to OpenAI's shape.

use crate::json::{Json, Object, patched};
use crate::text::{cut, split};

/// OpenAI's finish reasons, each followed by the words of other providers for it.
const REASONS: [&str; 6] = [
    "stop",
    "length max_tokens MAX_TOKENS model_length max_output_tokens",
    "tool_calls tool_use tool_call",
    "content_filter SAFETY safety PROHIBITED_CONTENT RECITATION BLOCKLIST refusal",
    "function_call",
    "error",
];

/// OpenAI's finish reason for `reason`. An unknown word is `stop`.
pub fn openai_finish_reason(reason: &str) -> &'static str {
    let words = REASONS.iter().find(|words| split(words, b' ').any(|word| word == reason));
    cut(words.unwrap_or(&REASONS[0]), b' ').0
}

/// `answer`, a chunk or a completion, with OpenAI's finish reasons. A changed reason keeps the original one beside it, as
/// `native_finish_reason`. With `as_chunk`, a completion becomes the single chunk of a stream.
pub(crate) fn openai_shaped(answer: Json<'_>, as_chunk: bool) -> String {
    let mut patch = Object::default();
    if as_chunk {
        patch.text("object", "chat.completion.chunk");
    }
    patch.open("choices", "[");
    for choice in answer.get("choices").items() {
        let mut changes = Object::default();
        if as_chunk {
            changes.raw("message", "null").raw("delta", choice.get("message").raw());
        }
        let (reason, native) = (choice.get("finish_reason"), choice.get("native_finish_reason"));
        let text = reason.text().unwrap_or_default();
        let ours = openai_finish_reason(&text);
        if !text.is_empty() && ours != text {
            changes.text("finish_reason", ours);
            changes.raw("native_finish_reason", if native.is_null() { reason.raw() } else { native.raw() });
        }
        patch.item(&patched(choice.raw(), &changes.end()));
    }
    patched(answer.raw(), &patch.close("]").end())
}
