//! Soft failures: what is wrong with an answer that arrived with a 200. Each rule has a name and an action of the policy.

use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind};
use crate::json::Json;
use crate::policy::{Policy, Soft};
use crate::schema::matches;
use crate::text::{find, split};

/// How refusals begin, in the words of the models: lower case, straight quotes. Only the beginning of an answer counts.
const PHRASES: &str = "i can't help with|i cannot help with|i can't assist|i cannot assist|i can't fulfill|\
    i cannot fulfill|i can't comply|i cannot comply|i'm not able to help|i am not able to help|i'm unable to help|\
    i'm unable to assist|i won't be able to help|i'm sorry, but i can't|i'm sorry, but i cannot|i'm sorry, i can't|i'm sorry, i cannot|\
    i am sorry, but i can't|i am sorry, but i cannot|sorry, but i can't|sorry, i can't help|i must decline|as an ai language model, i can't|\
    es tut mir leid, aber ich kann|dabei kann ich nicht helfen|dabei kann ich leider nicht|\
    je suis désolé, mais je ne peux pas|je ne peux pas vous aider|lo siento, pero no puedo|no puedo ayudarte con|\
    desculpe, mas não posso|não posso ajudar com|mi dispiace, ma non posso|non posso aiutarti|\
    извините, но я не могу|к сожалению, я не могу|抱歉，我无法|对不起，我无法|我无法协助|申し訳ありませんが|죄송하지만";

/// What the beginning of an answer says about the whole; of what several phrases say, the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beginning {
    /// It is no refusal.
    Clear,
    /// It may still become one.
    Open,
    /// It is one.
    Refused,
}

/// Reads the beginning of an answer; without `phrases`, by those that are built in. Text that departs from every phrase is
/// cleared at once, so an ordinary stream waits for a word or two at most.
pub fn beginning(text: &str, phrases: &[String]) -> Beginning {
    let start = text.trim_ascii_start();
    let mut found = Beginning::Clear;
    let mut compare = |phrase: &str| found = found.max(compared(start, phrase));
    if phrases.is_empty() {
        split(PHRASES, b'|').for_each(&mut compare);
    } else {
        phrases.iter().for_each(|phrase| compare(phrase));
    }
    found
}

/// What one phrase says of a text. Most differ in the first letter, so none is prepared for what comes behind it.
fn compared(text: &str, phrase: &str) -> Beginning {
    // Longer than any phrase that is worth having.
    let mut said = text.chars().take(80).map(plain);
    for character in phrase.chars() {
        match said.next() {
            None => return Beginning::Open,
            Some(other) if other != character => return Beginning::Clear,
            Some(_) => {}
        }
    }
    Beginning::Refused
}

fn plain(character: char) -> char {
    match character {
        '\u{2019}' | '\u{2018}' => '\'',
        other => other.to_ascii_lowercase(),
    }
}

/// What the rules say about a whole answer.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The first rule that it did not pass, and what the policy wants done about it.
    pub(crate) failed: Option<(Box<Failure>, Soft)>,
    /// How many rules it passed.
    pub(crate) passed: u32,
}

/// What the caller asked for, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// JSON.
    pub(crate) json: bool,
    /// JSON of this shape, or `null`.
    pub(crate) schema: Json<'a>,
}

/// Holds a whole answer against every rule of the policy.
pub(crate) fn check_rules(answer: &Accumulator, wanted: Wanted<'_>, policy: &Policy) -> Verdict {
    let (text, finish_reason) = (answer.text(), answer.finish_reason());
    let declined = !answer.refusal().is_empty();
    let refused = declined || beginning(text, &policy.refusal_phrases) == Beginning::Refused;
    let blank = answer.is_blank() && !declined;
    let reasoned = answer.has_reasoning();
    let said = wanted.json && !text.is_empty();
    let json = if said { Json::parse(text) } else { None };
    let mismatch = json.is_some_and(|json| !wanted.schema.is_null() && !matches(json, wanted.schema));
    let short = policy.shortest > 0 && (text.chars().take(policy.shortest as usize).count() as u64) < policy.shortest;
    let rules = [
        (Kind::ContentFilter, policy.on_content_filter, finish_reason == Some("content_filter")),
        (Kind::Refusal, policy.refusal, refused),
        (Kind::Empty, policy.empty, blank && !reasoned),
        (Kind::ReasoningOnly, policy.reasoning_only, blank && reasoned),
        (Kind::Length, policy.length, finish_reason == Some("length")),
        (Kind::InvalidJson, policy.invalid_json, said && json.is_none()),
        (Kind::SchemaMismatch, policy.schema_mismatch, mismatch),
        (Kind::TooShort, policy.too_short, short && !answer.has_tool_call()),
        (Kind::Pattern, policy.pattern, forbidden(text, policy).is_some()),
    ];
    let mut verdict = Verdict { failed: None, passed: 0 };
    for (kind, action, fails) in rules {
        if !fails || action == Soft::Accept {
            verdict.passed += 1;
        } else if verdict.failed.is_none() {
            verdict.failed = Some((Failure::explained(kind), action));
        }
    }
    verdict
}

/// The failure of a text, or of the beginning of one, that holds what the policy forbids.
pub(crate) fn forbidden(text: &str, policy: &Policy) -> Option<Box<Failure>> {
    let held = policy.pattern != Soft::Accept && policy.literals.iter().any(|literal| find(text, literal).is_some());
    held.then(|| Failure::explained(Kind::Pattern))
}

/// The first JSON object in `text`, else the first array: inside a fence, or between prose.
pub(crate) fn json_within(text: &str) -> Option<&str> {
    // What opens and never closes is prose; a few tries find what is meant.
    let opens = |open| text.bytes().enumerate().filter(move |(_, byte)| *byte == open).take(16);
    let first = |open| opens(open).find_map(|(at, _)| Json::prefix(&text[at..]));
    first(b'{').or_else(|| first(b'[')).map(Json::raw)
}

#[cfg(test)]
mod tests {
    use super::{Beginning, Wanted, beginning, check_rules, json_within};
    use crate::chunk::Accumulator;
    use crate::failure::Kind;
    use crate::json::Json;
    use crate::policy::Policy;
    use serde_json::{Value, json};

    fn verdict(message: Value, finish_reason: &str, json: bool, policy: &str) -> Option<Kind> {
        let mut answer = Accumulator::default();
        let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}).to_string();
        answer.feed(Json::parse(&body).expect("JSON"));
        let policy = Policy::read(Json::parse(policy).expect("JSON")).expect("a policy");
        let schema = Json::parse(r#"{"type": "object", "required": ["a"]}"#).expect("JSON");
        check_rules(&answer, Wanted { json, schema }, &policy).failed.map(|(failure, _)| failure.kind)
    }

    #[test]
    fn finds_what_is_wrong_with_a_200() {
        let said = |text: &str| json!({"role": "assistant", "content": text});
        for (message, finish_reason, wants_json, expected) in [
            (said("fine"), "stop", false, None),
            (said(""), "stop", false, Some(Kind::Empty)),
            (said(" \n\t"), "stop", false, Some(Kind::Empty)),
            (json!({"content": null}), "stop", false, Some(Kind::Empty)),
            (json!({"content": "", "reasoning": "hm"}), "stop", false, Some(Kind::ReasoningOnly)),
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
            (said("{\"b\": 1}"), "stop", true, Some(Kind::SchemaMismatch)),
            (said("Es tut mir leid, aber ich kann dabei nicht helfen."), "stop", false, Some(Kind::Refusal)),
            (said("抱歉，我无法提供帮助。"), "stop", false, Some(Kind::Refusal)),
            (said("{\"a\": "), "stop", false, None),
        ] {
            assert_eq!(verdict(message.clone(), finish_reason, wants_json, "{}"), expected, "{message}");
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
            assert_eq!(beginning(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn each_rule_is_on_or_off_and_made_of_what_the_policy_says() {
        let said = |text: &str| json!({"role": "assistant", "content": text});
        for (text, policy, expected) in [
            ("short", r#"{"tooShort": {"chars": 6}}"#, Some(Kind::TooShort)),
            ("enough", r#"{"tooShort": {"chars": 6}}"#, None),
            ("short", r#"{"tooShort": {"chars": 6, "action": "accept"}}"#, None),
            ("see [TODO] here", r#"{"pattern": {"literals": ["[TODO]"]}}"#, Some(Kind::Pattern)),
            ("Nope, sorry.", r#"{"refusal": {"phrases": ["nope"]}}"#, Some(Kind::Refusal)),
            ("I cannot help with that", r#"{"refusal": {"phrases": ["nope"]}}"#, None),
            ("I cannot help with that", r#"{"refusal": "accept"}"#, None),
        ] {
            assert_eq!(verdict(said(text), "stop", false, policy), expected, "{text} {policy}");
        }
        assert_eq!(verdict(said("half"), "length", false, r#"{"length": "next"}"#), Some(Kind::Length));
    }

    #[test]
    fn finds_json_in_a_fence_and_between_prose() {
        for (text, found) in [
            ("```json\n{\"a\": 1}\n```", Some("{\"a\": 1}")),
            ("Here [it] is: {\"a\": [1, \"}\"]} Enjoy!", Some("{\"a\": [1, \"}\"]}")),
            ("no json", None),
            ("{\"a\": ", None),
        ] {
            assert_eq!(json_within(text), found, "{text}");
        }
    }
}
