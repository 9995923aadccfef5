//! Soft failures: the rules for an answer that arrived with a 200. Each rule has a name, and an action in the policy.
//! `verdict/refusal.rs` decides what is a refusal, by the whole answer.

mod refusal;

use crate::chunk::Accumulator;
use crate::failure::{Failure, Kind};
use crate::json::Json;
use crate::policy::{Policy, Soft};
use crate::schema::matches;
use crate::text::find;
pub use refusal::{Beginning, beginning, is_refusal};

/// The result of the rules for a whole answer.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The first rule that the answer fails, and the action of the policy.
    pub(crate) failed: Option<(Box<Failure>, Soft)>,
    /// How many rules the answer passes.
    pub(crate) passed: u32,
}

/// What the caller asked for, as far as the rules depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The answer should be JSON.
    pub(crate) json: bool,
    /// The schema that the JSON should match, or `null`.
    pub(crate) schema: Json<'a>,
}

/// Checks a whole answer against every rule of the policy.
pub(crate) fn check_rules(answer: &Accumulator, wanted: Wanted<'_>, policy: &Policy) -> Verdict {
    let (text, finish_reason) = (answer.text(), answer.finish_reason());
    let has_refusal = !answer.refusal().is_empty();
    let refused = has_refusal || is_refusal(text, &policy.refusal_phrases);
    let blank = answer.is_blank() && !has_refusal;
    let reasoned = answer.has_reasoning();
    let has_text = wanted.json && !text.is_empty();
    let json = if has_text { Json::parse(text) } else { None };
    let mismatch = json.is_some_and(|json| !wanted.schema.is_null() && !matches(json, wanted.schema));
    let short = policy.shortest > 0 && (text.chars().take(policy.shortest as usize).count() as u64) < policy.shortest;
    let rules = [
        rule(Kind::ContentFilter, policy.on_content_filter, finish_reason == Some("content_filter")),
        rule(Kind::Refusal, policy.refusal, refused),
        rule(Kind::Empty, policy.empty, blank && !reasoned),
        rule(Kind::ReasoningOnly, policy.reasoning_only, blank && reasoned),
        rule(Kind::Length, policy.length, finish_reason == Some("length")),
        rule(Kind::InvalidJson, policy.invalid_json, has_text && json.is_none()),
        rule(Kind::SchemaMismatch, policy.schema_mismatch, mismatch),
        rule(Kind::TooShort, policy.too_short, short && !answer.has_tool_call()),
        rule(Kind::Pattern, policy.pattern, forbidden(text, policy).is_some()),
    ];
    let mut verdict = Verdict { failed: None, passed: 0 };
    for ((kind, explanation), action, fails) in rules {
        if !fails || action == Soft::Accept {
            verdict.passed += 1;
        } else if verdict.failed.is_none() {
            verdict.failed = Some((Failure::new(kind, explanation), action));
        }
    }
    verdict
}

/// A rule of [`check_rules`]: its kind of failure with the kind's sentence, what the policy does about it, and whether it fails.
// Inline, so that a page downloads the sentences of these kinds alone.
#[inline(always)]
fn rule(kind: Kind, action: Soft, fails: bool) -> ((Kind, &'static str), Soft, bool) {
    ((kind, kind.explanation()), action, fails)
}

/// The failure of a text, or of its beginning, that contains a text that the policy forbids.
pub(crate) fn forbidden(text: &str, policy: &Policy) -> Option<Box<Failure>> {
    let is_forbidden =
        policy.pattern != Soft::Accept && policy.literals.iter().any(|literal| find(text, literal).is_some());
    is_forbidden.then(|| Failure::explained(Kind::Pattern))
}

/// The JSON in a code fence, if the fence is all of `text` and holds one value.
pub(crate) fn json_in_fence(text: &str) -> Option<&str> {
    let text = text.trim_ascii();
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let inside = text.trim_matches(mark).trim_ascii();
    // The name of a language may follow the fence.
    let behind_name = inside.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()).trim_ascii();
    [inside, behind_name].into_iter().find(|text| Json::parse(text).is_some())
}

/// The first JSON object in `text`, else the first array: inside a Markdown fence, or between sentences.
pub(crate) fn json_within(text: &str) -> Option<&str> {
    // A bracket that never closes belongs to a sentence. A few attempts find the JSON.
    let opens = |open| text.bytes().enumerate().filter(move |(_, byte)| *byte == open).take(16);
    let first = |open| opens(open).find_map(|(at, _)| Json::prefix(&text[at..]));
    first(b'{').or_else(|| first(b'[')).map(Json::raw)
}

#[cfg(test)]
mod tests {
    use super::{Wanted, check_rules, json_in_fence, json_within};
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
    fn a_rule_finds_what_is_wrong_with_a_200() {
        let reply = |text: &str| json!({"role": "assistant", "content": text});
        for (message, finish_reason, wants_json, expected) in [
            (reply("fine"), "stop", false, None),
            (reply(""), "stop", false, Some(Kind::Empty)),
            (reply(" \n\t"), "stop", false, Some(Kind::Empty)),
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
            (reply("I\u{2019}m sorry, but I can\u{2019}t help with that."), "stop", false, Some(Kind::Refusal)),
            (reply(""), "content_filter", false, Some(Kind::ContentFilter)),
            (reply("half an ans"), "length", false, None),
            (reply("{\"a\": 1}"), "stop", true, None),
            (reply("{\"a\": "), "stop", true, Some(Kind::InvalidJson)),
            (reply("{\"b\": 1}"), "stop", true, Some(Kind::SchemaMismatch)),
            (reply("Es tut mir leid, aber ich kann dabei nicht helfen."), "stop", false, Some(Kind::Refusal)),
            (reply("抱歉，我无法提供帮助。"), "stop", false, Some(Kind::Refusal)),
            (reply("{\"a\": "), "stop", false, None),
        ] {
            assert_eq!(verdict(message.clone(), finish_reason, wants_json, "{}"), expected, "{message}");
        }
    }

    #[test]
    fn the_policy_sets_each_rule_and_what_it_looks_for() {
        let reply = |text: &str| json!({"role": "assistant", "content": text});
        for (text, policy, expected) in [
            ("short", r#"{"tooShort": {"chars": 6}}"#, Some(Kind::TooShort)),
            ("enough", r#"{"tooShort": {"chars": 6}}"#, None),
            ("short", r#"{"tooShort": {"chars": 6, "action": "accept"}}"#, None),
            ("see [TODO] here", r#"{"pattern": {"literals": ["[TODO]"]}}"#, Some(Kind::Pattern)),
            ("Nope, sorry.", r#"{"refusal": {"phrases": ["nope"]}}"#, Some(Kind::Refusal)),
            ("I cannot help with that", r#"{"refusal": {"phrases": ["nope"]}}"#, None),
            ("I cannot help with that", r#"{"refusal": "accept"}"#, None),
        ] {
            assert_eq!(verdict(reply(text), "stop", false, policy), expected, "{text} {policy}");
        }
        assert_eq!(verdict(reply("half"), "length", false, r#"{"length": "next"}"#), Some(Kind::Length));
    }

    #[test]
    fn json_in_a_fence_is_found_if_nothing_else_is_there() {
        for (text, found) in [
            ("```json\n{\"a\": 1}\n```", Some("{\"a\": 1}")),
            (" \n```\n[1]\n```\n", Some("[1]")),
            ("```JSON\n{}```", Some("{}")),
            ("~~~json\n{}\n~~~", Some("{}")),
            ("````json5\r\n{}\r\n````", Some("{}")),
            ("```json {\"a\": \"`\"} ```", Some("{\"a\": \"`\"}")),
            ("`7`", Some("7")),
            ("```\ntrue\n```", Some("true")),
            // A stop sequence may have cut off the end of the fence.
            ("```json\n{}\n", Some("{}")),
            ("```json\n{} {}\n```", None),
            ("```json\n{}\n```\n```json\n{}\n```", None),
            ("Here:\n```json\n{}\n```", None),
            ("```json\n{}\n```\nEnjoy!", None),
            ("```json\n{\"a\": \n```", None),
            ("", None),
        ] {
            assert_eq!(json_in_fence(text), found, "{text}");
        }
    }

    #[test]
    fn json_is_found_in_a_fence_and_between_sentences() {
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
