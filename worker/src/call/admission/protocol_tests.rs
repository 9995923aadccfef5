//! Requests in the form of Responses and of Messages.

use super::{AdmittedCall, Draft, count_tokens};
use crate::access::admit_at_once as admit;
use crate::config::Config;
use crate::http::api_error::ApiError;
use crate::http::caller::Caller;
use failsoft::Lane;
use failsoft::protocol::Protocol;
use failsoft::request::UsageChunk;
use serde_json::{Value, json};

fn with<T>(read: impl FnOnce(&Config, &crate::access::Client<'_>) -> T) -> T {
    let config = json!({
        "access": "loopback",
        "models": ["a/a", "b/b"],
        "routes": {"support": {"models": ["a/a", "b/b"], "lane": "relay", "policy": {"restartEvent": true}}},
        "limits": {"outputTokens": 100},
    });
    let config = Config::of(&config.to_string(), "sk").expect("a configuration");
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    read(&config, &client)
}

fn read(protocol: Protocol, body: &Value) -> Result<AdmittedCall, ApiError> {
    with(|config, client| Draft::read(body.to_string().as_bytes(), protocol, config, client).map(|draft| draft.call))
}

fn messages(model: &str) -> Value {
    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})
}

#[test]
fn a_route_answers_every_protocol_and_the_answer_is_written_from_chunks() {
    for (protocol, body) in [
        (Protocol::Responses, json!({"model": "route/support", "input": "hi", "stream": true})),
        (Protocol::Messages, messages("route/support")),
    ] {
        let call = read(protocol, &body).expect("a call");
        assert_eq!((&call.request.models[..], call.request.lane), (&["a/a".into(), "b/b".into()][..], Lane::Gate));
        assert!(call.context.is_some() && !call.policy.restart_event);
        assert_eq!(call.request.stream, protocol == Protocol::Responses);
        assert_eq!(call.request.usage_chunk == UsageChunk::Annotated, call.request.stream);
    }
}

#[test]
fn what_is_held_has_the_least_output_limit_of_an_upstream_of_responses() {
    let worst = |protocols: &[&str], limit: u64| {
        let config = json!({
            "access": "loopback",
            "models": ["a/a"],
            "budget": {"tokens": {"day": 1_000_000}},
            "upstream": {"url": "https://a.example/v1", "protocols": protocols, "models": [{"id": "a/a", "prompt": 1, "completion": 1}]},
        });
        let config = Config::of(&config.to_string(), "sk").expect("a configuration");
        let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
        let body = json!({"model": "a/a", "max_tokens": limit, "messages": [{"role": "user", "content": "hi"}]});
        let draft = Draft::read(body.to_string().as_bytes(), Protocol::Chat, &config, &client).expect("a call");
        draft.admit(&failsoft::Catalog::default()).expect("a call").worst
    };
    assert_eq!(worst(&["responses"], 1), worst(&["chat"], 16));
    assert!(worst(&["chat"], 1).tokens < worst(&["responses"], 1).tokens);
    assert_eq!(worst(&["responses"], 50), worst(&["chat"], 50));
}

#[test]
fn an_error_names_the_field_as_its_protocol_does() {
    let path = |protocol, body: Value| read(protocol, &body).err().and_then(|error| error.param);
    let mut long = messages("a/a");
    long["stop_sequences"] = json!(["x"]);
    long["thinking"] = json!({"type": "enabled", "budget_tokens": 5_000});
    assert_eq!(path(Protocol::Messages, long).as_deref(), Some("thinking.budget_tokens"));
    let image = json!([{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/b.png"}]}]);
    let body = json!({"model": "a/a", "input": image});
    assert_eq!(path(Protocol::Responses, body.clone()).as_deref(), Some("input"));
    let message = read(Protocol::Responses, &body).map(|_| ()).expect_err("an error").message;
    assert!(message.starts_with("`input` is an image too many"), "{message}");
    let state = json!({"model": "a/a", "input": "hi", "previous_response_id": "resp_1"});
    assert_eq!(path(Protocol::Responses, state).as_deref(), Some("previous_response_id"));
}

#[test]
fn unknown_fields_are_named_in_a_warning() {
    let call = read(Protocol::Responses, &json!({"model": "a/a", "input": "hi", "novel": 1, "store": true}));
    let warnings = call.expect("a call").request.warnings;
    assert!(warnings.iter().any(|warning| warning.contains("`novel`")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("`store`")), "{warnings:?}");
}

#[test]
fn tokens_are_counted_for_the_models_that_the_client_may_ask() {
    let count = |body: &str| with(|config, client| count_tokens(body.as_bytes(), config, client));
    let prompt = json!({"model": "route/support", "messages": [{"role": "user", "content": "hi ".repeat(100)}]});
    let tokens = count(&prompt.to_string()).expect("a number");
    assert!((50..300).contains(&tokens), "{tokens}");
    let error = count(&prompt.to_string().replace("route/support", "c/c")).expect_err("an error");
    assert_eq!(error.code.status(), 403);
    assert_eq!(count("{").expect_err("an error").code.status(), 400);
}

fn vectors(body: Value) -> Result<AdmittedCall, ApiError> {
    let config = json!({
        "access": "loopback",
        "models": ["e/one", "e/two", "e/three"],
        "routes": {"index": {"models": ["e/one", "e/two"], "lane": "relay", "policy": {"judge": {"model": "j", "threshold": 1, "criteria": "c"}}}},
        "limits": {"inputs": 3},
        "upstreams": [
            {"url": "https://a.example/v1", "dialect": "openai", "models": ["chat"], "embeddings": ["e/one", {"id": "deployed", "name": "e/two"}]},
            {"url": "https://b.example/v1", "dialect": "anthropic"},
            {"url": "https://c.example/v1", "dialect": "openrouter", "embeddings": ["e/one"]},
        ],
    });
    let config = Config::of(&config.to_string(), "sk").expect("a configuration");
    let client = admit(&config, &Caller { host: "localhost".into(), ..Caller::default() }).expect("a client");
    Draft::read(body.to_string().as_bytes(), Protocol::Embeddings, &config, &client).map(|draft| draft.call)
}

#[test]
fn a_request_for_embeddings_reaches_the_upstreams_that_have_its_model_and_names_no_other() {
    let asked = |model: &str| {
        let call = vectors(json!({"model": model, "input": ["a", "b"]})).expect("a call");
        let upstreams =
            call.upstreams.iter().map(|upstream| (upstream.url.clone(), upstream.models.clone())).collect::<Vec<_>>();
        (call, upstreams)
    };
    let one = |url: &str, model: &str| (format!("https://{url}.example/v1"), vec![model.to_owned()]);
    assert_eq!(asked("e/one").1, [one("a", "e/one"), one("c", "e/one")]);
    assert_eq!(asked("e/two").1, [one("a", "deployed")]);
    let (call, upstreams) = asked("route/index");
    assert_eq!(
        (&call.request.models[..], upstreams),
        (&["e/one".to_owned()][..], vec![one("a", "e/one"), one("c", "e/one")])
    );
    assert!(call.policy.judge.is_none() && call.request.lane.judges_chunks());
    assert!(
        call.request.warnings.iter().any(|warning| warning.contains("cannot be compared")),
        "{:?}",
        call.request.warnings
    );
    assert_eq!(call.request.prompt_most, Some(6));
}

#[test]
fn a_request_for_embeddings_is_refused_with_what_to_do() {
    for (body, status, message) in [
        (json!({"model": "e/three", "input": "a"}), 404, "no upstream of this edge has embeddings of this model"),
        (json!({"model": "e/four", "input": "a"}), 403, "may not ask for this model"),
        (json!({"models": ["e/one", "e/two"], "input": "a"}), 400, "vectors of different models cannot be compared"),
        (json!({"model": "e/one", "input": ["a", "b", "c", "d"]}), 400, "(`limits.inputs`)"),
        (json!({"model": "e/one"}), 400, "`input` must be a text"),
        (json!({"model": "e/one", "input": "a", "provider": {"novel": 1}}), 400, "`provider.novel`"),
        (json!({"model": "e/one", "input": "a", "failsoft": {"novel": 1}}), 400, "`failsoft.novel`"),
    ] {
        let error = vectors(body.clone()).map(|_| ()).expect_err("an error");
        assert!(error.code.status() == status && error.message.contains(message), "{body}: {}", error.message);
    }
    let call = vectors(json!({"model": "e/one", "input": "a", "stream": true, "messages": [], "novel": null}))
        .expect("a call");
    let warnings = call.request.warnings.join(" ");
    assert!(
        warnings.contains("`stream`") && warnings.contains("`messages`") && !warnings.contains("novel"),
        "{warnings}"
    );
    assert!(!call.request.stream);
}
