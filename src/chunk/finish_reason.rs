//! What a vendor's finish reason means.
//!
//! Vendors spell their words in any case, with any separator, with a prefix such as `FINISH_REASON_`, and with an appended
//! reason. So a word counts by the stems in it, and its first row in this table decides.

use std::borrow::Cow;

use crate::json::Json;
use crate::text::{find, split};

/// OpenAI's finish reason, and the stems that mean it. The first row has the words of an answer that goes on. The second and
/// the fifth have the words of an answer that broke off: the more specific of them first, because other rows share their
/// stems (`time_limit`, `malformed_function_call`).
const MEANINGS: [(&str, &str); 7] = [
    ("", "null none unspecified notfinished inprogress"),
    ("error", "malformed time deadline ratelimit quota toomany unexpected userstop incomplete repetit"),
    (
        "content_filter",
        "filter safe sensitiv prohibit block recitation moderat guardrail spii refus toxic policy violat flagged harm armor \
         risk jailbreak language inspection",
    ),
    ("length", "length max limit context truncat exceed budget"),
    (
        "error",
        "error abort cancel fail insufficient resource network overload unload unavailable crash interrupt disconnect \
         exception kill preempt shutdown terminated invalid missing noimage",
    ),
    ("tool_calls", "tool function"),
    ("stop", "stop end eos complete finish done normal success"),
];

/// OpenAI's finish reason for `reason`, a word of any vendor. An unknown word is `stop`. Empty, if the answer goes on.
pub fn openai_finish_reason(reason: &str) -> &'static str {
    const OURS: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];
    if let Some(ours) = OURS.iter().find(|ours| **ours == reason) {
        return ours;
    }
    let letters: String =
        reason.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect();
    match &*letters {
        "" => return "",
        "functioncall" => return "function_call",
        // Gemini: "token generation stopped because of an unknown reason".
        word if word.ends_with("other") => return "error",
        _ => {}
    }
    let means =
        |(_, stems): &&(&str, &str)| split(stems, b' ').any(|stem| !stem.is_empty() && find(&letters, stem).is_some());
    MEANINGS.iter().find(means).map_or("stop", |(meaning, _)| meaning)
}

/// The word of a finish reason. SGLang and Azure have an object with the word as its `type`.
pub(super) fn word_of(reason: Json<'_>) -> Cow<'_, str> {
    reason.text().or_else(|| reason.get("type").text()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::openai_finish_reason;

    /// The words of each vendor for each meaning, and where the vendor or its users write them.
    const WORDS: &[(&str, &str, &str)] = &[
        // ---- the answer is whole
        ("OpenAI: chat completion object", "stop", "stop"),
        ("Anthropic: handling stop reasons", "stop", "end_turn stop_sequence"),
        ("Amazon Bedrock: Converse", "stop", "end_turn stop_sequence"),
        ("Amazon Bedrock: Titan text", "stop", "FINISHED STOP_CRITERIA_MET"),
        ("Cohere: finish reasons", "stop", "COMPLETE STOP_SEQUENCE"),
        ("Google: FinishReason", "stop", "STOP FINISH_REASON_STOP FinishReason.STOP"),
        ("Together: finish reasons", "stop", "eos"),
        ("Text Generation Inference: FinishReason", "stop", "eos_token stop_sequence"),
        ("LM Studio: LLMPredictionStopReason", "stop", "eosFound stopStringFound"),
        ("earendil-works/pi#2107", "stop", "end"),
        ("Baidu Qianfan: chat", "stop", "normal"),
        ("AI21: Jamba", "stop", "endoftext"),
        ("xAI: FinishReason", "stop", "REASON_STOP"),
        // ---- a limit on the length
        ("OpenAI: chat completion object", "length", "length"),
        ("OpenAI: incomplete_details", "length", "max_output_tokens"),
        ("Anthropic: handling stop reasons", "length", "max_tokens model_context_window_exceeded"),
        ("Amazon Bedrock: Converse", "length", "max_tokens model_context_window_exceeded"),
        ("Cohere: finish reasons", "length", "MAX_TOKENS ERROR_LIMIT"),
        ("Google: FinishReason", "length", "MAX_TOKENS FINISH_REASON_MAX_TOKENS"),
        ("Mistral: chat completion", "length", "model_length"),
        ("LM Studio: LLMPredictionStopReason", "length", "maxPredictedTokensReached contextLengthReached"),
        ("IBM watsonx.ai: text generation", "length", "max_tokens token_limit"),
        ("llama.cpp: stop_type", "length", "limit"),
        ("xAI: FinishReason", "length", "REASON_MAX_LEN REASON_MAX_CONTEXT"),
        // ---- a filter
        ("OpenAI: chat completion object", "content_filter", "content_filter"),
        ("Anthropic: handling stop reasons", "content_filter", "refusal"),
        ("Amazon Bedrock: Converse", "content_filter", "guardrail_intervened content_filtered"),
        ("Cohere: finish reasons", "content_filter", "ERROR_TOXIC"),
        (
            "Google: FinishReason",
            "content_filter",
            "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION \
             LANGUAGE MODEL_ARMOR content_filter:PROHIBITED_CONTENT",
        ),
        ("Zhipu: chat completion", "content_filter", "sensitive"),
        ("Tencent Hunyuan: ChatCompletions", "content_filter", "sensitive"),
        // ---- tools
        ("OpenAI: chat completion object", "tool_calls", "tool_calls"),
        ("OpenAI: chat completion object", "function_call", "function_call"),
        ("Anthropic: handling stop reasons", "tool_calls", "tool_use"),
        ("Cohere: finish reasons", "tool_calls", "TOOL_CALL"),
        ("LM Studio: LLMPredictionStopReason", "tool_calls", "toolCalls"),
        ("xAI: FinishReason", "tool_calls", "REASON_TOOL_CALLS"),
        // ---- the answer broke off
        ("OpenRouter: errors", "error", "error"),
        ("vllm-project/vllm#57082", "error", "abort error repetition"),
        ("earendil-works/pi#1509", "error", "abort network_error"),
        ("DeepSeek: create chat completion", "error", "insufficient_system_resource"),
        ("Zhipu: chat completion", "error", "network_error"),
        ("Amazon Bedrock: Converse", "error", "malformed_model_output malformed_tool_use"),
        ("Cohere: finish reasons", "error", "ERROR USER_CANCEL TIMEOUT"),
        (
            "Google: FinishReason",
            "error",
            "OTHER IMAGE_OTHER NO_IMAGE MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS \
             MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE function_call_filter:MALFORMED_FUNCTION_CALL",
        ),
        ("LM Studio: LLMPredictionStopReason", "error", "userStopped modelUnloaded failed"),
        ("IBM watsonx.ai: text generation", "error", "cancelled time_limit error"),
        ("xAI: FinishReason", "error", "REASON_TIME_LIMIT"),
        ("OpenAI: response status", "error", "failed cancelled incomplete"),
        // ---- the answer goes on
        ("Alibaba DashScope: finish_reason", "", "null"),
        ("IBM watsonx.ai: text generation", "", "not_finished"),
        ("Google: FinishReason", "", "FINISH_REASON_UNSPECIFIED"),
    ];

    #[test]
    fn the_words_of_every_vendor_have_their_meaning_in_any_spelling() {
        for (source, meaning, words) in WORDS {
            for word in words.split_whitespace() {
                let spellings = [
                    word.to_owned(),
                    word.to_uppercase(),
                    word.to_lowercase(),
                    word.replace('_', "-"),
                    word.replace('_', " "),
                    format!("FinishReason.{word}"),
                    format!(" {word}\n"),
                ];
                for spelling in spellings.iter().filter(|_| *meaning != "function_call") {
                    assert_eq!(openai_finish_reason(spelling), *meaning, "{source}: {spelling}");
                }
                assert_eq!(openai_finish_reason(word), *meaning, "{source}: {word}");
            }
        }
    }

    #[test]
    fn an_appended_reason_does_not_hide_the_word() {
        for (word, meaning) in [
            ("stop: eos", "stop"),
            ("length (max_tokens)", "length"),
            ("content_filter: SAFETY", "content_filter"),
            ("abort: the client has gone", "error"),
            ("error: upstream timed out", "error"),
            ("tool_calls; 2 calls", "tool_calls"),
        ] {
            assert_eq!(openai_finish_reason(word), meaning, "{word}");
        }
    }
}
