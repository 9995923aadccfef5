//! Soft failures: what is wrong with an answer that arrived with a 200.

use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind};
use crate::json::Json;
use crate::policy::{Policy, Soft};

/// How refusals begin, in the words of the models: lower case, straight quotes. Only the beginning of an answer counts.
const PHRASES: [&str; 22] = [
    "i can't help with",
    "i cannot help with",
    "i can't assist with",
    "i cannot assist with",
    "i can't fulfill",
    "i cannot fulfill",
    "i can't comply",
    "i cannot comply",
    "i'm not able to help with",
    "i am not able to help with",
    "i'm unable to help with",
    "i'm unable to assist",
    "i won't be able to help with",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i'm sorry, i can't",
    "i'm sorry, i cannot",
    "i am sorry, but i can't",
    "sorry, but i can't",
    "sorry, i can't help",
    "i must decline",
    "as an ai language model, i can't",
];

/// What the beginning of an answer says about the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It is no refusal.
    Clear,
    /// It may still become one.
    Open,
    /// It is one.
    Refused,
}

/// Reads the beginning of an answer. Text that departs from every phrase is cleared at once, so an ordinary stream
/// waits for a word or two at most.
pub fn beginning(text: &str) -> Beginning {
    let longest = PHRASES.iter().map(|phrase| phrase.len()).max().unwrap_or_default();
    let start: String = text.trim_start().chars().take(longest).map(plain).collect();
    if PHRASES.iter().any(|phrase| start.starts_with(phrase)) {
        Beginning::Refused
    } else if PHRASES.iter().any(|phrase| phrase.starts_with(start.as_str())) {
        Beginning::Open
    } else {
        Beginning::Clear
    }
}

fn plain(character: char) -> char {
    match character {
        '\u{2019}' | '\u{2018}' => '\'',
        other => other.to_ascii_lowercase(),
    }
}

/// The first rule that a whole answer does not pass, and what the policy wants done about it.
pub fn judge(answer: &Accumulator, wants_json: bool, policy: &Policy) -> Option<(Failure, Soft)> {
    let text = answer.text();
    let finish_reason = answer.finish_reason();
    let refused = !answer.refusal().is_empty() || beginning(text) == Beginning::Refused;
    let (kind, message, action) = if finish_reason == Some("content_filter") {
        (Kind::ContentFilter, "the answer was stopped by a content filter", policy.on_content_filter)
    } else if refused && policy.refusal != Soft::Accept {
        (Kind::Refusal, "the model declined to answer", policy.refusal)
    } else if answer.is_blank() && answer.refusal().is_empty() && policy.empty != Soft::Accept {
        (Kind::Empty, "the answer is empty", policy.empty)
    } else if finish_reason == Some("length") && policy.length != Soft::Accept {
        (Kind::Length, "the answer hit the output limit", policy.length)
    } else if wants_json && !text.is_empty() && Json::parse(text).is_none() {
        (Kind::InvalidJson, "JSON was asked for, and the answer is none", policy.invalid_json)
    } else {
        return None;
    };
    if action == Soft::Accept { None } else { Some((Failure::new(kind, message), action)) }
}

#[cfg(test)]
mod tests {
    use super::{Beginning, beginning, judge};
    use crate::chunk::Accumulator;
    use crate::failure::Kind;
    use crate::json::Json;
    use crate::policy::Policy;
    use serde_json::{Value, json};

    fn verdict(message: Value, finish_reason: &str, wants_json: bool) -> Option<Kind> {
        let mut answer = Accumulator::default();
        let json = json!({"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}).to_string();
        answer.feed(Json::parse(&json).expect("JSON"));
        judge(&answer, wants_json, &Policy::default()).map(|(failure, _)| failure.kind)
    }

    #[test]
    fn finds_what_is_wrong_with_a_200() {
        let said = |text: &str| json!({"role": "assistant", "content": text});
        for (message, finish_reason, wants_json, expected) in [
            (said("fine"), "stop", false, None),
            (said(""), "stop", false, Some(Kind::Empty)),
            (said(" \n\t"), "stop", false, Some(Kind::Empty)),
            (json!({"content": null}), "stop", false, Some(Kind::Empty)),
            (json!({"content": "", "reasoning": "hm"}), "stop", false, Some(Kind::Empty)),
            (
                json!({"content": null, "tool_calls": [{"id": "a", "function": {"name": "f"}}]}),
                "tool_calls",
                false,
                None,
            ),
            (json!({"content": "", "images": [{"type": "image_url"}]}), "stop", false, None),
            (json!({"content": null, "refusal": "no"}), "stop", false, Some(Kind::Refusal)),
            (said("I\u{2019}m sorry, but I can\u{2019}t help with that."), "stop", false, Some(Kind::Refusal)),
            (said(""), "content_filter", false, Some(Kind::ContentFilter)),
            (said("half an ans"), "length", false, None),
            (said("{\"a\": 1}"), "stop", true, None),
            (said("{\"a\": "), "stop", true, Some(Kind::InvalidJson)),
            (said("{\"a\": "), "stop", false, None),
        ] {
            assert_eq!(verdict(message.clone(), finish_reason, wants_json), expected, "{message}");
        }
    }

    #[test]
    fn an_answer_is_cleared_as_soon_as_it_departs_from_every_phrase() {
        for (text, expected) in [
            ("", Beginning::Open),
            ("I", Beginning::Open),
            ("I can", Beginning::Open),
            ("I can tell you", Beginning::Clear),
            ("Hello", Beginning::Clear),
            ("I can't help with that", Beginning::Refused),
        ] {
            assert_eq!(beginning(text), expected, "{text}");
        }
    }
}
