//! The models of a chain: batches for the upstream, unknown ids, and models that cannot answer the request.

use failsoft::{Catalog, Json, Kind};
use serde_json::{Value, json};

use crate::reply::{Reply, streamed, words};
use crate::script::Script;
use crate::two;

#[test]
fn a_chain_of_more_than_three_is_sent_in_batches() {
    let run =
        Script::openrouter(&["a/1", "a/2", "a/3", "a/4", "a/5"]).run(&[Reply::status(503), Reply::says("a/5", "fine")]);
    assert_eq!(run.asked(), [vec!["a/1", "a/2", "a/3"], vec!["a/4", "a/5"]]);
    assert!(run.bodies().iter().all(|body| body.get("model").is_none()));
    assert_eq!(run.outcome.report.model.as_deref(), Some("a/5"));
}

#[test]
fn after_a_soft_failure_of_the_second_model_of_a_batch_the_third_is_asked() {
    let refused = Reply::says("a/2", "I'm sorry, but I can't help with that.");
    let run = Script::openrouter(&["a/1", "a/2", "a/3", "a/4"]).run(&[refused, Reply::says("a/3", "fine")]);
    assert_eq!(run.asked(), [vec!["a/1", "a/2", "a/3"], vec!["a/3", "a/4"]]);
}

#[test]
fn after_an_answer_of_a_batch_breaks_the_models_behind_it_are_asked() {
    let unreadable = || Reply::new(200, "text/html", "<html>");
    let run = Script::openrouter(&["a/1", "a/2", "a/3"]).run(&[unreadable(), unreadable(), Reply::says("a/2", "fine")]);
    assert_eq!(run.asked(), [vec!["a/1", "a/2", "a/3"], vec!["a/1", "a/2", "a/3"], vec!["a/2", "a/3"]]);
    let broken = || Reply::stream(words("a/2", &["I'm"])).then_resets();
    let run = Script::openrouter(&["a/1", "a/2", "a/3"]).streaming().run(&[broken(), streamed("a/3", &["fine"])]);
    assert_eq!(run.asked(), [vec!["a/1", "a/2", "a/3"], vec!["a/3"]]);
}

#[test]
fn failures_inside_a_batch_are_read_from_the_metadata() {
    let body = json!({
        "id": "gen-1", "model": "a/2",
        "choices": [{"index": 0, "message": {"content": "fine"}, "finish_reason": "stop"}],
        "openrouter_metadata": {"attempts": [{"provider": "P", "model": "a/1", "status": 503}, {"provider": "Q", "model": "a/2", "status": 200}]},
    });
    let run = Script::openrouter(&["a/1", "a/2"]).run(&[Reply::json(&body)]);
    let learnt: Vec<_> = run
        .outcome
        .model_outcomes
        .iter()
        .map(|lesson| (lesson.name.ends_with("a/1"), lesson.failure.is_some()))
        .collect();
    assert_eq!(learnt, [(true, true), (false, false)]);
    assert_eq!(run.outcome.report.attempts[0].inside.len(), 2);
    assert!(run.outcome.report.fallback);
}

#[test]
fn an_unknown_id_leaves_the_chain_with_a_warning_that_names_the_near_miss() {
    let unknown =
        Reply::error(400, json!({"code": 400, "message": "anthropic/claude-opus-4-7 is not a valid model ID"}));
    let chain = ["anthropic/claude-opus-4-7", "openai/gpt-4o", "openai/gpt-4o-mini"];
    let run = Script::openrouter(&chain).run(&[unknown, Reply::says("openai/gpt-4o", "fine")]);
    assert_eq!(run.asked()[1], ["openai/gpt-4o", "openai/gpt-4o-mini"]);
    assert!(run.outcome.report.warnings[0].contains("did you mean `anthropic/claude-opus-4.7`?"));
    assert!(run.outcome.report.fallback);
}

#[test]
fn an_unknown_id_that_the_upstream_does_not_name_is_found_by_asking_each_model_alone() {
    let unknown = || Reply::error(404, json!({"code": 404, "message": "model not found"}));
    let run = Script::openrouter(&["a/1", "a/2", "a/3"]).run(&[unknown(), unknown(), Reply::says("a/2", "fine")]);
    assert_eq!(run.asked(), [vec!["a/1", "a/2", "a/3"], vec!["a/1"], vec!["a/2"]]);
}

#[test]
fn a_prompt_that_fits_no_model_fails_before_anything_is_sent_and_says_how_many_tokens_are_too_many() {
    let catalog = json!({"data": [{"id": "a/one", "context_length": 1000}, {"id": "b/two", "context_length": 2000}]});
    let mut script = two();
    script.catalog = Catalog::read(Json::parse(&catalog.to_string()).expect("JSON"));
    script.body["messages"][0]["content"] = "word ".repeat(5_000).into();
    let run = script.run(&[]);
    assert_eq!(run.kind(), Some(Kind::ContextLength));
    let message = run.outcome.result.expect_err("too long").message;
    assert!(message.contains("its context window holds 2000") && message.contains("too many"), "{message}");
    assert_eq!(run.outcome.report.dropped.len(), 2);
}

#[test]
fn after_a_context_overflow_only_a_model_with_a_larger_context_window_is_asked() {
    let catalog = json!({"data": [
        {"id": "a/one", "context_length": 2000}, {"id": "b/same", "context_length": 2000}, {"id": "c/large", "context_length": 9000},
    ]});
    let mut script = Script::new(&["a/one", "b/same", "c/large"]);
    script.catalog = Catalog::read(Json::parse(&catalog.to_string()).expect("JSON"));
    let overflow = Reply::error(400, json!({"code": 400, "message": "maximum context length is 2000"}));
    let run = script.run(&[overflow, Reply::says("c/large", "fine")]);
    assert_eq!(run.asked(), [["a/one"], ["c/large"]]);
    assert_eq!(run.outcome.report.dropped[0].model, "b/same");
}

fn priced() -> Catalog {
    let body = r#"{"data": [
        {"id": "a/one", "context_length": 9000, "pricing": {"prompt": "0.00001", "completion": "0.00003"},
         "supported_parameters": ["max_tokens"], "top_provider": {"max_completion_tokens": 4000}},
        {"id": "b/two", "context_length": 9000, "pricing": {"prompt": "0.000001", "completion": "0.000002"},
         "supported_parameters": ["max_tokens", "tools"]},
        {"id": "c/gone", "expiration_date": "1970-01-01"}
    ]}"#;
    Catalog::read(Json::parse(body).expect("JSON"))
}

#[test]
fn a_model_above_the_price_cap_is_never_asked() {
    let mut script = Script { catalog: priced(), ..two().policy(json!({"maxPrice": {"completion": 10}})) };
    let run = script.run(&[Reply::says("b/two", "cheap")]);
    assert_eq!((run.asked(), &run.report()["dropped"][0]["model"]), (vec![vec!["b/two".to_owned()]], &json!("a/one")));
    let mut none = Script { catalog: priced(), ..two().policy(json!({"maxPrice": {"completion": 1}})) };
    assert_eq!(none.run(&[]).kind(), Some(Kind::TooExpensive));
}

#[test]
fn a_limit_on_the_cost_lowers_the_output_limit() {
    let mut script = Script { catalog: priced(), ..two().policy(json!({"maxCostUsd": 0.003})) };
    let run = script.run(&[Reply::says("a/one", "x")]);
    let limit = run.bodies()[0]["max_completion_tokens"].as_u64().expect("a limit");
    assert!((90..100).contains(&limit), "{limit}");
    // After the first attempt, too little is left for another.
    let spent =
        Reply::json(&json!({"model": "a/one", "usage": {"cost": 0.003}, "choices": [{"message": {"content": ""}}]}));
    let mut script = Script { catalog: priced(), ..two().policy(json!({"maxCostUsd": 0.003})) };
    assert_eq!(script.run(&[spent]).kind(), Some(Kind::Empty));
}

#[test]
fn an_output_limit_beyond_the_model_is_lowered() {
    let mut script = Script { catalog: priced(), ..two() };
    script.body["max_tokens"] = 1_000_000.into();
    let run = script.run(&[Reply::status(503), Reply::says("b/two", "x")]);
    let limits: Vec<u64> = run.bodies().iter().filter_map(|body| body["max_tokens"].as_u64()).collect();
    assert!(limits[0] == 4_000 && (8_900..9_000).contains(&limits[1]), "{limits:?}");
}

#[test]
fn a_model_that_lacks_a_parameter_or_has_expired_leaves_the_chain() {
    let mut script = Script { catalog: priced(), ..Script::new(&["c/gone", "a/one", "b/two"]) };
    script.body["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let run = script.run(&[Reply::says("b/two", "x")]);
    let dropped: Vec<Value> = run.report()["dropped"].as_array().expect("dropped").clone();
    assert_eq!(
        dropped,
        [
            json!({"model": "c/gone", "reason": "the model has expired"}),
            json!({"model": "a/one", "reason": "the model does not support `tools`"}),
        ]
    );
}
