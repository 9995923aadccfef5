//! The rules of a policy, with their actions, and policies that contradict themselves.

use failsoft::Json;
use serde_json::{Value, json};

use crate::reply::{Reply, finish, streamed, words};
use crate::script::Script;
use crate::two;

#[test]
fn a_stream_is_held_for_the_rules_that_can_check_its_beginning() {
    let held = json!({"holdChars": 20, "pattern": {"literals": ["BAD"]}});
    let run =
        two().streaming().policy(held.clone()).run(&[streamed("a/one", &["so ", "BAD"]), streamed("b/two", &["fine"])]);
    assert_eq!(run.text, "fine");
    let begun = Reply::stream(words("a/one", &["twenty characters, BAD "])).then_hangs();
    let run = two().streaming().policy(held.clone()).run(&[begun, streamed("b/two", &["fine"])]);
    assert_eq!((run.text.as_str(), run.cancelled.as_slice()), ("fine", &[0][..]));
    let later = [words("a/one", &["and then BAD"]), finish("a/one", "stop")].concat();
    let long = Reply::stream(words("a/one", &["twenty characters at once, "])).then(later);
    assert_eq!(two().streaming().policy(held).run(&[long]).text, "twenty characters at once, and then BAD");

    let whole = json!({"buffer": true, "pattern": {"literals": ["BAD"]}});
    let long = streamed("a/one", &["twenty characters at once, ", "and then BAD"]);
    assert_eq!(two().streaming().policy(whole).run(&[long, streamed("b/two", &["fine"])]).text, "fine");
}

#[test]
fn with_repair_json_is_taken_out_of_its_fence() {
    let fenced = || Reply::says("a/one", "Sure!\n```json\n{\"a\": 1}\n```");
    let asks = |policy: Value| {
        let mut script = two().policy(policy);
        script.body["response_format"] = json!({"type": "json_object"});
        script
    };
    let run = asks(json!({"invalidJson": {"repair": true}})).run(&[fenced()]);
    assert_eq!(run.content(), "{\"a\": 1}");
    let run = asks(Value::Null).run(&[fenced(), Reply::says("b/two", "{}")]);
    assert_eq!(
        (run.content().as_str(), run.report()["attempts"][0]["failure"]["kind"].as_str()),
        ("{}", Some("invalidJson"))
    );
}

#[test]
fn a_fence_that_is_all_of_the_answer_is_removed_where_json_was_requested() {
    let fenced = "```json\n{\"a\": 1}\n```";
    let asks = |script: Script, policy: Value| {
        let mut script = script.policy(policy);
        script.body["response_format"] = json!({"type": "json_object"});
        script
    };
    let run = asks(two(), Value::Null).run(&[Reply::says("a/one", fenced)]);
    assert_eq!(run.content(), "{\"a\": 1}");
    // A stream that is held until it is whole.
    let pieces = ["```json\n", "{\"a\": 1}", "\n```"];
    let run = asks(two().streaming(), json!({"buffer": true})).run(&[streamed("a/one", &pieces)]);
    assert_eq!((run.text.as_str(), run.content().as_str()), ("{\"a\": 1}", "{\"a\": 1}"));
    let without_json = two().run(&[Reply::says("a/one", fenced)]);
    assert_eq!(without_json.content(), fenced);
}

#[test]
fn a_refusal_is_judged_by_the_whole_answer() {
    let declines = ["I'm sorry, but I can't", " help with that."];
    let run = two().streaming().run(&[streamed("a/one", &declines), streamed("b/two", &["fine"])]);
    assert_eq!(run.text, "fine");
    let goes_on = ["I'm sorry, but I can't", " help with the wrapping", ", but the shop next door", " wraps for free."];
    let run = two().streaming().run(&[streamed("a/one", &goes_on)]);
    assert_eq!(run.text, goes_on.concat());
}

#[test]
fn a_rule_that_is_off_does_not_hide_another() {
    let blank =
        json!({"model": "a/one", "choices": [{"index": 0, "message": {"content": " "}, "finish_reason": "length"}]});
    let mut script = two().policy(json!({"empty": "accept", "length": "next"}));
    let run = script.run(&[Reply::json(&blank), Reply::says("b/two", "fine")]);
    assert_eq!(run.content(), "fine");
}

#[test]
fn settings_that_contradict_each_other_are_refused_with_their_path() {
    for (policy, message) in [
        (
            json!({"hedge": {"after": 60_000}}),
            "`policy.hedge.after` must be less than `timeouts.firstToken` and `timeouts.total`, or no hedge is ever sent",
        ),
        (
            json!({"holdChars": 5, "buffer": true}),
            "`policy.holdChars` has no effect with `buffer` or `judge`, which hold the whole stream; remove one of them",
        ),
        (json!({"judge": {}}), "`policy.judge.model` is missing; set it to the id of the model that scores"),
        (
            json!({"judge": {"model": "j", "treshold": 1}}),
            "`policy.judge.treshold` is not a known field; did you mean `threshold`?",
        ),
        (
            json!({"pattern": {"literals": [""]}}),
            "`policy.pattern.literals` must be an array of strings that are not empty",
        ),
        (json!({"maxCostUsd": -1}), "`policy.maxCostUsd` must be an amount in USD, from 0 to 1000000"),
        (json!({"recover": "sometimes"}), "`policy.recover` must be one of: continue, restart, error"),
    ] {
        let text = policy.to_string();
        let invalid = failsoft::Policy::read(Json::parse(&text).expect("JSON")).expect_err("refused");
        assert_eq!(invalid.to_string(), message);
    }
}
