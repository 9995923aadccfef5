//! How long a silent model has, and which models are asked after a batch that said nothing.

use crate::reply::{Reply, delta, streamed};
use crate::script::{Run, Script};
use failsoft::Kind;
use failsoft::catalog::reasons;
use serde_json::{Value, json};

/// A stream with a comment every 5 s, and no event.
fn comments() -> Reply {
    (0..200).fold(Reply::stream(": wait\n\n"), |reply, _| reply.then_silence(5_000).then(": wait\n\n"))
}

/// The milliseconds until the first attempt failed.
fn patience(run: &Run) -> u64 {
    run.outcome.report.attempts[0].duration.expect("an attempt that has ended")
}

fn first_kind(run: &Run) -> Option<Kind> {
    run.outcome.report.attempts[0].failure.as_ref().map(|failure| failure.kind)
}

/// A stream of `models`, with `fields` in the request, whose first model sends only comments.
fn silent_first(models: &[&str], fields: Value) -> Run {
    let mut script = Script::new(models).streaming();
    for (name, value) in fields.as_object().expect("fields") {
        script.body[name] = value.clone();
    }
    script.run(&[comments(), streamed("b/two", &["fine"])])
}

#[test]
fn a_silent_model_that_another_one_could_replace_has_12_seconds() {
    let run = silent_first(&["a/one", "b/two"], json!({}));
    assert_eq!((first_kind(&run), &*run.text), (Some(Kind::FirstTokenTimeout), "fine"));
    assert!((12_000..15_000).contains(&patience(&run)) && run.ended - 1_000_000 < 15_000, "{}", patience(&run));
}

#[test]
fn a_silent_model_that_nobody_could_replace_has_a_minute() {
    let run = silent_first(&["a/one"], json!({}));
    assert_eq!((patience(&run), run.kind()), (60_000, Some(Kind::FirstTokenTimeout)));
    // Two models, but no attempt is left for the second.
    let run = Script::new(&["a/one", "b/two"]).streaming().policy(json!({"attempts": 1})).run(&[comments()]);
    assert_eq!(patience(&run), 60_000);
}

#[test]
fn a_long_prompt_takes_longer_to_read() {
    let long = json!({"messages": [{"role": "user", "content": "word ".repeat(50_000)}]});
    assert!((20_000..30_000).contains(&patience(&silent_first(&["a/one", "b/two"], long))));
}

#[test]
fn a_model_that_was_asked_to_think_has_five_minutes() {
    for fields in [
        json!({"reasoning_effort": "high"}),
        json!({"reasoning_effort": "minimal"}),
        json!({"reasoning": {"effort": "low"}}),
        json!({"reasoning": {"max_tokens": 2_000}}),
        json!({"reasoning": {"enabled": true}}),
        json!({"reasoning": {"exclude": true}}),
        json!({"reasoning": {}}),
        json!({"include_reasoning": true}),
        json!({"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
        json!({"enable_thinking": true}),
        json!({"thinking_budget": 100}),
        json!({"chat_template_kwargs": {"enable_thinking": true}}),
    ] {
        assert_eq!(patience(&silent_first(&["a/one", "b/two"], fields.clone())), 300_000, "{fields}");
    }
    for fields in [
        json!({"reasoning_effort": "none"}),
        json!({"reasoning": {"enabled": false}}),
        json!({"reasoning": {"effort": "none"}}),
        json!({"thinking": {"type": "disabled"}}),
        json!({"enable_thinking": false}),
        json!({"chat_template_kwargs": {"enable_thinking": false}}),
    ] {
        // A model that is known to reason was told not to.
        assert!(patience(&silent_first(&["openai/o3", "b/two"], fields.clone())) < 15_000, "{fields}");
    }
}

#[test]
fn models_that_are_known_to_reason_are_known_by_their_names() {
    for model in [
        "openai/o1-preview",
        "o3-mini",
        "openai/gpt-5-nano",
        "openai/gpt-oss-120b:free",
        "deepseek/deepseek-r1-0528",
        "deepseek-reasoner",
        "qwen/qwq-32b",
        "qwen/qwen3-235b-a22b-thinking-2507",
        "anthropic/claude-sonnet-4:thinking",
        "mistralai/magistral-medium-2506",
        "x-ai/grok-4-fast",
        "google/gemini-2.5-pro",
        "z-ai/glm-4.6",
        "moonshotai/kimi-k2-thinking",
        "minimax/minimax-m2",
        "perplexity/sonar-reasoning-pro",
        "microsoft/phi-4-reasoning-plus",
    ] {
        assert!(reasons(model), "{model}");
    }
    for model in [
        "openai/gpt-4o",
        "openai/gpt-5-chat",
        "anthropic/claude-sonnet-4",
        "google/gemini-2.0-flash-001",
        "x-ai/grok-4-fast-non-reasoning",
        "meta-llama/llama-3.3-70b-instruct",
        "mistralai/mistral-small",
        "o/slow-thinker",
        "deepseek/deepseek-chat",
    ] {
        assert!(!reasons(model), "{model}");
    }
}

#[test]
fn headers_that_are_held_back_end_no_thought() {
    let mut script = Script::new(&["openai/o3", "b/two"]).streaming();
    let run = script.run(&[streamed("openai/o3", &["thought"]).head_after(100_000)]);
    assert_eq!(run.text, "thought");
}

#[test]
fn the_policy_decides_before_the_model() {
    for (policy, most) in [
        (json!({"timeouts": {"firstToken": 2_000}}), 2_000),
        (json!({"timeouts": {"firstToken": 90_000}}), 90_000),
        // A hedge overtakes the silent model by itself.
        (json!({"hedge": {"after": 30_000}, "attempts": 1}), 60_000),
    ] {
        let run = Script::new(&["a/one", "b/two"])
            .streaming()
            .policy(policy.clone())
            .run(&[comments(), streamed("b/two", &["fine"])]);
        assert_eq!(patience(&run), most, "{policy}");
    }
}

#[test]
fn empty_events_do_not_keep_a_model_alive() {
    for empty in [
        json!({"content": ""}),
        json!({"role": "assistant"}),
        json!({"content": null}),
        json!({"role": "assistant", "content": "", "reasoning": ""}),
        json!({"tool_calls": []}),
        json!({}),
    ] {
        let beat = |reply: Reply, _| reply.then_silence(10_000).then(delta("a/one", empty.clone()));
        // Before its first word.
        let silent = (0..20).fold(Reply::stream(""), beat);
        let run = Script::new(&["a/one", "b/two"]).streaming().run(&[silent, streamed("b/two", &["fine"])]);
        assert_eq!((first_kind(&run), &*run.text), (Some(Kind::FirstTokenTimeout), "fine"), "{empty}");
        // And after.
        let stalled = (0..20).fold(Reply::stream(delta("a/one", json!({"content": "fi"}))), beat);
        let run = Script::new(&["a/one", "b/two"]).streaming().run(&[stalled, streamed("b/two", &["fine"])]);
        assert_eq!((first_kind(&run), &*run.text), (Some(Kind::Stalled), "fine"), "{empty}");
    }
}

#[test]
fn a_batch_that_said_nothing_is_asked_one_by_one_beginning_with_its_second_model() {
    for (first, kind) in [(Reply::silent(), Kind::HeadersTimeout), (Reply::reset(), Kind::Network)] {
        let mut script = Script::openrouter(&["a/1", "b/2", "c/3", "d/4", "e/5"]).streaming();
        let run = script.run(&[first.clone(), Reply::status(503), streamed("c/3", &["fine"])]);
        assert_eq!(first_kind(&run), Some(kind));
        assert_eq!(run.asked(), [vec!["a/1", "b/2", "c/3"], vec!["b/2"], vec!["c/3"]]);
        assert_eq!(run.text, "fine");
        // Also if no model follows the batch.
        let mut script = Script::openrouter(&["a/1", "b/2"]).streaming();
        let run = script.run(&[first, streamed("b/2", &["fine"])]);
        assert_eq!((run.asked(), &*run.text), (vec![vec!["a/1".to_owned(), "b/2".into()], vec!["b/2".into()]], "fine"));
    }
}
