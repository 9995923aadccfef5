//! The limit on the cost of a call. It also holds for costs that an upstream never reports.

use failsoft::catalog::Price;
use failsoft::tokens::Prompt;
use failsoft::{Catalog, ChatRequest, Dialect, Json, Kind, Upstream};
use serde_json::{Value, json};

use crate::reply::{Reply, delta, event, finish, words};
use crate::script::{Run, Script};

/// A script with a limit on the cost and a catalog with prices. An answer of 1,000 tokens, the output limit of the script, costs
/// a cent on `a/one` and a tenth of a cent on `c/cheap`. Prompts cost almost nothing.
fn priced(bound: f64, policy: Value) -> Script {
    let row =
        |id: &str, completion: &str| json!({"id": id, "pricing": {"prompt": "0.000000001", "completion": completion}});
    let rows = json!({"data": [
        row("a/one", "0.00001"), row("b/two", "0.00001"), row("c/cheap", "0.000001"), row("meta-llama/goes-on", "0.00001"),
        row("j/judge", "0.00001"), {"id": "d/unpriced"},
    ]});
    let catalog = Catalog::read(Json::parse(&rows.to_string()).expect("JSON"));
    let mut policy = policy;
    policy["maxCostUsd"] = bound.into();
    let mut script = Script { catalog, ..Script::new(&["a/one", "b/two", "c/cheap"]).policy(policy) };
    script.body["max_tokens"] = 1_000.into();
    script
}

/// The most tokens of the smallest prompt.
const PROMPT: u64 = 8;

fn dropped(run: &Run) -> Vec<(String, String)> {
    let report = run.report();
    let rows = report["dropped"].as_array().cloned().unwrap_or_default();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "model"), text(row, "reason"))).collect()
}

fn asked(run: &Run) -> Vec<String> {
    run.asked().concat()
}

/// A 200 whose connection breaks before it reports a cost.
fn lost() -> Reply {
    Reply::stream(delta("a/one", json!({"reasoning": "hm"}))).then_resets()
}

#[test]
fn a_lost_answer_counts_at_the_most_that_it_can_have_cost() {
    let run = priced(0.0115, json!({"retry": {"same": 0}})).streaming().run(&[lost(), lost()]);
    assert_eq!(asked(&run), ["a/one", "c/cheap"], "there is no money left for another of the dear ones");
    assert_eq!(dropped(&run), [("b/two".to_owned(), "it would cost more than is left of `maxCostUsd`".to_owned())]);
    assert_eq!(run.outcome.report.cost, None, "the report has only reported costs");
}

#[test]
fn an_error_response_costs_nothing_and_a_broken_connection_may_have_cost_something() {
    let run = priced(0.0115, Value::Null).run(&[Reply::status(503), Reply::says("b/two", "x")]);
    assert_eq!(asked(&run), ["a/one", "b/two"]);
    let run = priced(0.0115, json!({"retry": {"same": 0}})).run(&[Reply::reset(), Reply::says("c/cheap", "x")]);
    assert_eq!(asked(&run), ["a/one", "c/cheap"]);
}

#[test]
fn the_cost_that_an_answer_reports_counts_after_its_end() {
    let answer = |cost: f64| {
        Reply::json(&json!({"model": "a/one", "usage": {"cost": cost}, "choices": [{"message": {"content": ""}}]}))
    };
    let run = priced(0.0115, json!({"empty": "next"})).run(&[answer(0.001), Reply::says("b/two", "x")]);
    assert_eq!(asked(&run), ["a/one", "b/two"]);
    let so_far = event(&json!({"model": "a/one", "choices": [], "usage": {"cost": 0.001}}));
    let policy = json!({"retry": {"same": 0}});
    let cut = Reply::stream(so_far).then_resets();
    let run = priced(0.0115, policy).streaming().run(&[cut, Reply::stream(finish("c/cheap", "stop")), lost()]);
    assert_eq!(asked(&run)[..2], ["a/one", "c/cheap"]);
}

#[test]
fn a_cost_is_final_if_it_comes_with_the_end_of_the_answer() {
    let finals = |script: &mut Script, replies: &[Reply]| -> Vec<(bool, bool)> {
        let run = script.run(replies);
        let attempts = run.outcome.report.attempts.iter();
        attempts.map(|attempt| (attempt.cost.is_some(), attempt.cost_is_final)).collect()
    };
    let whole = |content: &str| {
        Reply::json(&json!({
            "model": "a/one", "usage": {"cost": 0.001},
            "choices": [{"message": {"content": content}, "finish_reason": "stop"}],
        }))
    };
    let policy = json!({"attempts": 1});
    let mut stream = priced(0.0115, policy.clone()).streaming();
    let so_far = event(&json!({"model": "a/one", "choices": [], "usage": {"cost": 0.001}}));
    let cut_stream = words("a/one", &["x"]) + &so_far;
    assert_eq!(finals(&mut stream, &[Reply::stream(cut_stream.clone()).then_resets()]), [(true, false)]);
    assert_eq!(finals(&mut stream, &[Reply::stream(cut_stream + &finish("a/one", "stop"))]), [(true, true)]);
    assert_eq!(finals(&mut priced(0.0115, policy), &[whole("x")]), [(true, true)]);
    let mut repaired = priced(0.0115, json!({"attempts": 1, "invalidJson": {"repair": true}}));
    repaired.body["response_format"] = json!({"type": "json_object"});
    assert_eq!(finals(&mut repaired, &[whole("Here: {\"a\": 1}")]), [(true, true)]);
}

#[test]
fn an_output_limit_that_cannot_be_paid_is_lowered_but_not_below_a_useful_length() {
    let mut script = priced(0.0115, json!({"retry": {"same": 0}}));
    script.body["max_tokens"] = 4_000.into();
    let run = script.run(&[Reply::says("a/one", "x")]);
    assert!((1_140..1_150).contains(&run.bodies()[0]["max_tokens"].as_u64().expect("a limit")), "{:?}", run.bodies());
    let mut script = priced(0.005, Value::Null);
    script.body["max_tokens"] = 4_000.into();
    assert_eq!(asked(&script.run(&[Reply::says("c/cheap", "x")])), ["c/cheap"]);
}

#[test]
fn several_answers_long_prompts_and_cache_writes_count_at_their_price() {
    let mut two = priced(0.0115, Value::Null);
    two.body["n"] = 2.into();
    assert_eq!(asked(&two.run(&[Reply::says("c/cheap", "x")])), ["c/cheap"]);
    let mut any = priced(1.0, Value::Null);
    any.body["n"] = json!(2.0);
    assert_eq!(any.run(&[]).kind(), Some(Kind::TooExpensive), "a number that is not whole may be any");
    let facts = |pricing: Value| {
        let rows = json!({"data": [{"id": "a/one", "pricing": pricing.clone()}]});
        let catalog = Catalog::read(Json::parse(&rows.to_string()).expect("JSON"));
        let row = catalog.find("a/one").expect("a row").clone();
        let request =
            ChatRequest::read(Json::parse(r#"{"model": "a", "messages": [{"role": "user"}]}"#).expect("JSON"));
        let mut request = request.expect("a request");
        request.hour_in_cache = !pricing["input_cache_write_1h"].is_null();
        let cost = move |price: &Price, tokens: u64| request.cost(price, Prompt::default(), tokens).0;
        move |tokens| {
            let mut price = Price::default();
            let known = row.raise(&mut price, tokens);
            known.then(|| (cost(&price, 0) / PROMPT, cost(&price, 1) - cost(&price, 0)))
        }
    };
    let tiers = facts(json!({
        "prompt": "0.000001", "completion": "0.000002", "input_cache_write": "0.00000125",
        "overrides": [{"min_prompt_tokens": 200_000, "prompt": "0.000002", "completion": "0.000003"}],
    }));
    assert_eq!(tiers(1_000), Some((1_250_000, 2_000_000)));
    assert_eq!(tiers(200_000), Some((2_000_000, 3_000_000)));
    let for_hour = |price: &str| {
        facts(
            json!({"prompt": "0.000001", "completion": "0.000002", "input_cache_write": "0.00000125", "input_cache_write_1h": price}),
        )(0)
    };
    assert_eq!(for_hour("0.000002"), Some((2_000_000, 2_000_000)));
    assert_eq!(
        for_hour(""),
        Some((2_000_000, 2_000_000)),
        "without a price of its own, an hour costs twice the prompt"
    );
    assert_eq!(facts(json!({"prompt": "-1", "completion": "-1"}))(0), None, "a router has no price of its own");
}

#[test]
fn with_a_limit_on_the_cost_a_model_without_a_price_leaves_the_chain() {
    let mut script = priced(0.05, Value::Null);
    script.body["models"] = json!(["d/unpriced", "e/unknown", "a/one"]);
    let run = script.run(&[Reply::says("a/one", "x")]);
    let reason = "its price is not known, and the policy limits the cost of the call";
    assert_eq!((asked(&run), dropped(&run)[0].1.as_str(), dropped(&run).len()), (vec!["a/one".into()], reason, 2));
    let mut none = Script::new(&["d/unpriced"]).policy(json!({"maxCostUsd": 1}));
    assert_eq!(none.run(&[]).kind(), Some(Kind::TooExpensive));
}

#[test]
fn an_edge_checks_the_cost_by_itself() {
    let mut script = Script { dialect: Dialect::Edge, ..Script::new(&["d/unpriced"]).policy(json!({"maxCostUsd": 1})) };
    assert_eq!(script.run(&[Reply::says("d/unpriced", "x")]).content(), "x");
}

#[test]
fn a_hedge_is_sent_if_the_limit_can_pay_both_attempts() {
    let hedged = |bound: f64| priced(bound, json!({"hedge": {"after": 500}}));
    let run = hedged(0.021).run(&[Reply::silent(), Reply::says("b/two", "x")]);
    assert_eq!((asked(&run), run.content().as_str()), (vec!["a/one".into(), "b/two".into()], "x"));
    let late = Reply::says("a/one", "late").head_after(2_000);
    let run = hedged(0.0195).run(std::slice::from_ref(&late));
    assert_eq!((run.sent.len(), run.content().as_str()), (1, "late"));
    // A model that could not be paid beside the first is asked after the first failed and cost nothing.
    let busy = Reply::status(503).head_after(2_000);
    let run = hedged(0.0195).run(&[busy, Reply::says("b/two", "x")]);
    assert_eq!((asked(&run), run.sent_at[1] - run.sent_at[0] >= 2_000), (vec!["a/one".into(), "b/two".into()], true));
}

#[test]
fn the_cost_of_a_judge_counts_for_the_call() {
    let judged = |bound: f64, judge: &str| priced(bound, json!({"judge": {"model": judge}}));
    // The reply of a judge may have 400 tokens: 0.4 cents.
    let run = judged(0.02, "j/judge").run(&[Reply::says("a/one", "x"), Reply::status(503)]);
    assert_eq!(run.sent.len(), 1, "the reported cost exceeds the limit");
    let cheap = Reply::json(&json!({
        "model": "a/one", "usage": {"cost": 0.009}, "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
    }));
    assert_eq!(judged(0.0135, "j/judge").run(&[cheap.clone(), Reply::status(503)]).sent.len(), 2);
    assert_eq!(judged(0.0128, "j/judge").run(std::slice::from_ref(&cheap)).sent.len(), 1);
    assert_eq!(judged(1.0, "d/unpriced").run(&[cheap]).sent.len(), 1, "nobody knows what it costs");
    // A judge whose reply breaks counts at the most that it can have cost.
    let reject = json!({"judge": {"model": "j/judge", "onError": "reject"}, "retry": {"same": 0}});
    let mut script = priced(0.0145, reject);
    script.body["models"] = json!(["c/cheap", "a/one"]);
    let answer = |model: &str| {
        let choice = json!({"message": {"content": "x"}, "finish_reason": "stop"});
        Reply::json(&json!({"model": model, "usage": {"cost": 0.001}, "choices": [choice]}))
    };
    let run = script.run(&[answer("c/cheap"), Reply::reset()]);
    assert_eq!((run.sent.len(), run.outcome.report.accepted), (2, false));
}

#[test]
fn the_text_so_far_is_a_part_of_the_prompt_that_continues_it() {
    let text = "The stream breaks after many words, and the model that continues has to read them all. ".repeat(40);
    let rows = json!({"data": [
        {"id": "a/one", "pricing": {"prompt": "0.000001", "completion": "0.000001"}},
        {"id": "meta-llama/goes-on", "pricing": {"prompt": "0.00001", "completion": "0"}},
    ]});
    let recovered = |bound: f64| {
        let catalog = Catalog::read(Json::parse(&rows.to_string()).expect("JSON"));
        let policy = json!({"maxCostUsd": bound, "retry": {"same": 0}});
        let models = ["a/one", "meta-llama/goes-on"];
        let mut script = Script { catalog, ..Script::new(&models).streaming().policy(policy) };
        script.body["max_tokens"] = 1_000.into();
        let broken = Reply::stream(words("a/one", &[&text])).then_resets();
        let goes_on = [words("meta-llama/goes-on", &["And so it went on."]), finish("meta-llama/goes-on", "stop")];
        script.run(&[broken, Reply::stream(goes_on.concat())])
    };
    // The text so far costs a cent, which an answer of 1,000 tokens has to leave.
    assert_eq!(recovered(0.02).sent.len(), 2);
    assert_eq!(recovered(0.008).sent.len(), 1);
}

#[test]
fn no_provider_may_charge_more_than_the_computed_price() {
    let bodies = |body: Value| {
        let mut script = Script { dialect: Dialect::OpenRouter, ..priced(0.1, Value::Null) };
        script.body["provider"] = body;
        script.run(&[Reply::says("a/one", "x")]).bodies()[0]["provider"].clone()
    };
    assert_eq!(bodies(Value::Null), json!({"max_price": {"prompt": 0.001, "completion": 10}}));
    let lower = json!({"only": ["p"], "max_price": {"completion": 5, "prompt": "7", "request": 1}});
    let sent = json!({"only": ["p"], "max_price": {"request": 1, "prompt": 0.001, "completion": 5}});
    assert_eq!(bodies(lower), sent);
    // A provider with a higher list price charges more for cache writes, too.
    let row = json!({"id": "a/one", "pricing": {"prompt": "0.000002", "completion": "0.00001", "input_cache_write": "0.0000025"}});
    let catalog = Catalog::read(Json::parse(&json!({"data": [row]}).to_string()).expect("JSON"));
    let mut cached = Script { dialect: Dialect::OpenRouter, catalog, ..priced(0.1, Value::Null) };
    let sent = cached.run(&[Reply::says("a/one", "x")]).bodies()[0]["provider"].clone();
    assert_eq!(sent, json!({"max_price": {"prompt": 2, "completion": 10}}));
    let mut free = priced(0.1, Value::Null);
    free.policy = Value::Null;
    free.dialect = Dialect::OpenRouter;
    assert_eq!(free.run(&[Reply::says("a/one", "x")]).bodies()[0].get("provider"), None);
}

#[test]
fn money_that_was_spent_on_one_upstream_is_missing_on_the_next() {
    let mut script = priced(0.0115, json!({"retry": {"same": 0}}));
    script.body["models"] = json!(["a/one"]);
    let mut other = Upstream::new(Dialect::OpenAi, "https://other.example/v1", None);
    other.models = vec!["b/two".into(), "c/cheap".into()];
    script.others = vec![other];
    assert_eq!(asked(&script.run(&[Reply::reset(), Reply::says("c/cheap", "x")])), ["a/one", "c/cheap"]);
}
