//! How upstreams report what an answer cost: each row is a shape from a vendor's documentation or from a report of its users.

use crate::reply::{Reply, event};
use crate::script::Script;
use failsoft::catalog::ModelInfo;
use failsoft::{Dialect, Upstream, Usd};
use serde_json::{Map, Value, json};

/// The usage beside the choices.
fn usage(usage: Value) -> Value {
    json!({ "usage": usage })
}

/// The prices of the model: 2 and 10 USD for a million tokens, 0.5 from a cache, 20 for reasoning.
fn model() -> ModelInfo {
    ModelInfo {
        id: "a/one".into(),
        price: (Some(Usd(2_000_000)), Some(Usd(10_000_000))),
        cached_price: Some(Usd(500_000)),
        written_price: (Some(Usd(2_500_000)), Some(Usd(4_000_000))),
        reasoning_price: Some(Usd(20_000_000)),
        ..ModelInfo::default()
    }
}

/// How an answer comes.
#[derive(Clone, Copy, Debug)]
enum Form {
    Whole,
    Stream,
    /// A stream, byte by byte.
    Bytes,
    /// A stream whose events are lists of one chunk.
    Lists,
    /// A stream that has the fields beside the choices in a last chunk without choices.
    Behind,
}

/// The answer of a model with the fields `fields`; those in `choice` stand in its choice.
fn answer_with(fields: &Value, form: Form) -> Reply {
    let mut choice = json!({"index": 0, "finish_reason": "stop"});
    choice[if matches!(form, Form::Whole) { "message" } else { "delta" }] =
        json!({"role": "assistant", "content": "ok"});
    let (mut answer, mut last) =
        (json!({"id": "x", "model": "a/one"}), json!({"id": "x", "model": "a/one", "choices": []}));
    for (name, value) in fields.as_object().expect("fields") {
        if name == "choice" {
            let inside = value.as_object().expect("fields").iter();
            inside.for_each(|(name, value)| choice[name] = value.clone());
        } else if matches!(form, Form::Behind) {
            last[name] = value.clone();
        } else {
            answer[name] = value.clone();
        }
    }
    answer["choices"] = json!([choice]);
    let end = "data: [DONE]\n\n";
    match form {
        Form::Whole => Reply::json(&answer),
        Form::Stream => Reply::stream(event(&answer) + end),
        Form::Lists => Reply::stream(event(&json!([answer])) + end),
        Form::Behind => Reply::stream(event(&answer) + &event(&last) + end),
        Form::Bytes => {
            let body = event(&answer) + end;
            body.bytes().fold(Reply::stream(""), |reply, byte| reply.then([byte]))
        }
    }
}

/// The cost in USD, and whether it was computed, of an answer with the fields `fields`.
fn cost_of(fields: &Value, form: Form) -> (Option<f64>, bool) {
    let mut script = Script { dialect: Dialect::OpenAi, ..Script::new(&["a/one"]) };
    script.catalog.add(model());
    script.body["stream"] = (!matches!(form, Form::Whole)).into();
    let run = script.run(&[answer_with(fields, form)]);
    let row = &run.outcome.report.attempts[0];
    (row.cost.map(Usd::as_f64), row.cost_is_computed)
}

/// The vendor, the source, the fields, and the cost.
fn reported() -> Vec<(&'static str, &'static str, Value, f64)> {
    vec![
        ("OpenRouter", "openrouter.ai: usage accounting", usage(json!({"cost": 0.01})), 0.01),
        (
            "OpenRouter",
            "DataDog/dd-trace-py#19324",
            usage(json!({"cost": 0.001, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.02}})),
            0.021,
        ),
        (
            "OpenRouter",
            "Kilo-Org/kilocode#13841",
            usage(
                json!({"cost": 0, "is_byok": true, "cost_details": {"upstream_inference_prompt_cost": 0.01, "upstream_inference_completions_cost": 0.02}}),
            ),
            0.03,
        ),
        (
            "OpenRouter",
            "2witstudios/PageSpace#1561",
            usage(json!({"cost": 0.02, "is_byok": false, "cost_details": {"upstream_inference_cost": 0.018}})),
            0.02,
        ),
        (
            "OpenRouter",
            "a row without is_byok",
            usage(json!({"cost": 0.02, "cost_details": {"upstream_inference_cost": 0.018}})),
            0.02,
        ),
        (
            "OpenRouter",
            "a row without is_byok",
            usage(json!({"cost": 0, "cost_details": {"upstream_inference_cost": 0.018}})),
            0.018,
        ),
        (
            "OpenRouter",
            "the key in the metadata",
            json!({"usage": {"cost": 0.002, "cost_details": {"upstream_inference_cost": 0.001}}, "openrouter_metadata": {"is_byok": true}}),
            0.003,
        ),
        (
            "OpenRouter",
            "no charge known",
            usage(json!({"cost": 0.002, "is_byok": true, "cost_details": {"upstream_inference_cost": null}})),
            0.002,
        ),
        (
            "Perplexity",
            "BerriAI/litellm#17887",
            usage(
                json!({"cost": {"input_tokens_cost": 0.0001, "output_tokens_cost": 0.0009, "request_cost": 0.005, "total_cost": 0.006}}),
            ),
            0.006,
        ),
        (
            "Perplexity",
            "without a total",
            usage(
                json!({"cost": {"input_tokens_cost": 0.0001, "output_tokens_cost": 0.0009, "request_cost": 0.005, "currency": "USD"}}),
            ),
            0.006,
        ),
        (
            "DeepInfra",
            "deepinfra.com: usage",
            usage(json!({"prompt_tokens": 10, "completion_tokens": 3, "estimated_cost": 0.00004})),
            0.00004,
        ),
        (
            "xAI",
            "BerriAI/litellm#39441",
            usage(json!({"prompt_tokens": 10, "completion_tokens": 3, "cost_in_usd_ticks": 37_756_000})),
            0.0037756,
        ),
        ("LiteLLM", "docs.litellm.ai: cost tracking", usage(json!({"cost": "0.0123"})), 0.0123),
        (
            "a gateway",
            "beside the choices",
            json!({"cost": 0.5, "usage": {"prompt_tokens": 10, "completion_tokens": 3}}),
            0.5,
        ),
        (
            "a gateway",
            "beside the choices, with parts",
            json!({"cost": {"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}}),
            0.3,
        ),
        (
            "Moonshot",
            "in the choice",
            json!({"choice": {"usage": {"prompt_tokens": 10, "completion_tokens": 3, "cost": 0.25}}}),
            0.25,
        ),
        (
            "Groq",
            "console.groq.com: streaming",
            json!({"x_groq": {"id": "r", "usage": {"prompt_tokens": 10, "completion_tokens": 3, "cost": 0.125}}}),
            0.125,
        ),
        (
            "Vercel",
            "vercel.com: AI Gateway",
            json!({"provider_metadata": {"gateway": {"cost": "0.0045"}}, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
            0.0045,
        ),
    ]
}

/// The vendor, the source, the fields, and the cost at the prices of the model.
fn computed() -> Vec<(&'static str, &'static str, Value, f64)> {
    vec![
        (
            "OpenAI",
            "platform.openai.com: usage",
            usage(json!({"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13})),
            10.0 * 2e-6 + 3.0 * 1e-5,
        ),
        (
            "OpenAI",
            "platform.openai.com: prompt caching",
            usage(
                json!({"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 80}}),
            ),
            20.0 * 2e-6 + 80.0 * 5e-7 + 1e-5,
        ),
        (
            "Anthropic",
            "AT `Message.usage`, as chat's usage",
            usage(
                json!({"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30, "cache_write_1h_tokens": 10}}),
            ),
            20.0 * 2e-6 + 50.0 * 5e-7 + 20.0 * 2.5e-6 + 10.0 * 4e-6 + 1e-5,
        ),
        (
            "LiteLLM",
            "Anthropic's fields beside chat's",
            usage(
                json!({"prompt_tokens": 100, "completion_tokens": 1, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 30, "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0}}),
            ),
            20.0 * 2e-6 + 50.0 * 5e-7 + 30.0 * 2.5e-6 + 1e-5,
        ),
        (
            "others",
            "more written than sent",
            usage(
                json!({"prompt_tokens": 10, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 99}}),
            ),
            4.0 * 5e-7 + 6.0 * 2.5e-6,
        ),
        (
            "OpenAI",
            "platform.openai.com: reasoning",
            usage(
                json!({"prompt_tokens": 1, "completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 8}}),
            ),
            2e-6 + 2.0 * 1e-5 + 8.0 * 2e-5,
        ),
        (
            "DeepSeek",
            "api-docs.deepseek.com: context caching",
            usage(
                json!({"prompt_tokens": 100, "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40, "completion_tokens": 1}),
            ),
            40.0 * 2e-6 + 60.0 * 5e-7 + 1e-5,
        ),
        (
            "Moonshot",
            "in the choice",
            json!({"choice": {"usage": {"prompt_tokens": 10, "completion_tokens": 3, "cached_tokens": 4}}}),
            6.0 * 2e-6 + 4.0 * 5e-7 + 3.0 * 1e-5,
        ),
        (
            "Groq",
            "console.groq.com: streaming",
            json!({"x_groq": {"usage": {"prompt_tokens": 10, "completion_tokens": 3}}}),
            10.0 * 2e-6 + 3.0 * 1e-5,
        ),
        (
            "xAI",
            "reasoning beside the completion",
            usage(
                json!({"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 33, "completion_tokens_details": {"reasoning_tokens": 20}}),
            ),
            10.0 * 2e-6 + 3.0 * 1e-5 + 20.0 * 2e-5,
        ),
        (
            "Gemini",
            "reasoning only in the total",
            usage(json!({"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 33})),
            10.0 * 2e-6 + 23.0 * 1e-5,
        ),
        (
            "others",
            "more reasoning than answer, and no total",
            usage(
                json!({"prompt_tokens": 10, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 20}}),
            ),
            10.0 * 2e-6 + 3.0 * 1e-5 + 20.0 * 2e-5,
        ),
        ("others", "no prompt", usage(json!({"completion_tokens": 3, "total_tokens": 13})), 10.0 * 2e-6 + 3.0 * 1e-5),
        (
            "others",
            "names of the Responses API",
            usage(json!({"input_tokens": 10, "output_tokens": 3})),
            10.0 * 2e-6 + 3.0 * 1e-5,
        ),
        (
            "Ollama",
            "more cached than sent",
            usage(json!({"prompt_tokens": 10, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 99}})),
            10.0 * 5e-7,
        ),
    ]
}

/// The same value, with the keys of each object in reverse order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[test]
fn a_cost_is_read_wherever_it_is_and_computed_where_there_is_none() {
    let shapes = reported().into_iter().map(|row| (row, false)).chain(computed().into_iter().map(|row| (row, true)));
    for ((vendor, source, fields, expected), is_computed) in shapes {
        for form in [Form::Whole, Form::Stream, Form::Bytes, Form::Lists, Form::Behind] {
            for fields in [&fields, &reversed(&fields)] {
                let (cost, computed) = cost_of(fields, form);
                let is_right = cost.is_some_and(|cost| (cost - expected).abs() < 1e-12) && computed == is_computed;
                assert!(
                    is_right,
                    "{vendor}, {source}: {cost:?}, computed {computed}, not {expected}: {fields}, {form:?}"
                );
            }
        }
    }
}

#[test]
fn a_running_total_replaces_the_one_before() {
    let chunk = |text: &str, reason: Value, cost: f64| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": reason});
        event(
            &json!({"model": "a/one", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": cost}}),
        )
    };
    let body = [
        chunk("a", Value::Null, 0.1),
        chunk("b", Value::Null, 0.2),
        chunk("", json!("stop"), 0.3),
        "data: [DONE]\n\n".into(),
    ];
    let run = Script::new(&["a/one"]).streaming().run(&[Reply::stream(body.concat())]);
    assert_eq!(run.outcome.report.cost.map(Usd::decimal).as_deref(), Some("0.3"));
}

#[test]
fn an_answer_without_tokens_has_no_cost() {
    for fields in [json!({}), usage(json!({})), usage(json!({"total_tokens": 13})), usage(json!({"cost": "free"}))] {
        assert_eq!(cost_of(&fields, Form::Stream), (None, false), "{fields}");
    }
}

#[test]
fn the_report_says_that_a_cost_is_computed() {
    let mut script = Script::new(&["a/one"]);
    script.catalog.add(model());
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"});
    let answer = json!({"model": "a/one", "choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 3}});
    let run = script.run(&[Reply::json(&answer)]);
    let report: Value = serde_json::from_str(&run.outcome.report_json()).expect("JSON");
    assert_eq!((&report["attempts"][0]["costComputed"], &report["cost"]), (&json!(true), &json!(0.00005)));
}

/// The cost of an answer whose upstream's configuration states the prices of the model, the reported cost if that is another, and
/// whether the cost is computed.
fn stated(dialect: Dialect, usage: &Value) -> (Option<f64>, Option<f64>, bool) {
    let mut script = Script::new(&["a/one"]).policy(json!({"retry": {"same": 0}}));
    let mut other = Upstream::new(dialect, "https://other.example/v1", None);
    other.models = vec!["a/one".into()];
    other.catalog.add(model());
    script.others = vec![other];
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"});
    let run = script
        .run(&[Reply::reset(), Reply::json(&json!({"model": "a/one", "choices": [choice.clone()], "usage": usage}))]);
    let row = &run.outcome.report.attempts[1];
    (row.cost.map(Usd::as_f64), row.reported_cost.map(Usd::as_f64), row.cost_is_computed)
}

#[test]
fn an_answer_costs_no_less_than_its_tokens_at_the_prices_that_the_configuration_states() {
    let usage = |cost: f64, more: Value| {
        let mut usage = json!({"prompt_tokens": 1_000, "completion_tokens": 1_000, "cost": cost});
        more.as_object().expect("fields").iter().for_each(|(name, value)| usage[name] = value.clone());
        usage
    };
    for (cost, more, expected) in [
        (0.0, json!({}), 0.012),
        (0.0119, json!({}), 0.012),
        (0.012, json!({}), 0.012),
        (0.5, json!({}), 0.5),
        // Tokens from a cache, and of the reasoning, have prices of their own.
        (0.0, json!({"prompt_tokens_details": {"cached_tokens": 1_000}}), 0.0105),
        (0.0, json!({"completion_tokens_details": {"reasoning_tokens": 1_000}}), 0.022),
        // The reasoning is beside the tokens of the answer.
        (0.0, json!({"total_tokens": 4_000}), 0.032),
    ] {
        let (booked, reported, is_computed) = stated(Dialect::OpenAi, &usage(cost, more.clone()));
        assert!(booked.is_some_and(|booked| (booked - expected).abs() < 1e-12), "{cost} {more}: {booked:?}");
        let is_raised = cost < expected;
        assert_eq!((reported, is_computed), (is_raised.then_some(cost), is_raised), "{cost} {more}");
    }
    // OpenRouter sends the bill itself.
    assert_eq!(stated(Dialect::OpenRouter, &usage(0.001, json!({}))), (Some(0.001), None, false));
}
