//! A conversation with what only its issuer can read.

use serde_json::{Value, json};

use crate::reply::Reply;
use crate::script::Script;

const MODELS: [&str; 3] = ["anthropic/claude-opus-4.7", "anthropic/claude-sonnet-4.5", "openai/gpt-5"];

fn conversation() -> Script {
    let mut script = Script::openrouter(&MODELS);
    let item = json!({"type": "reasoning.text", "text": "t", "signature": "S", "format": "anthropic-claude-v1"});
    script.body["messages"] = json!([
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a", "reasoning_details": [item]},
        {"role": "user", "content": "r"},
    ]);
    script
}

fn signatures(body: &Value) -> usize {
    body["messages"][1]["reasoning_details"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_request_names_models_of_one_vendor_and_the_next_vendor_does_not_get_the_signature() {
    let mut script = conversation();
    let run = script.run(&[Reply::status(503), Reply::says(MODELS[2], "fine")]);
    assert_eq!(run.asked(), [&MODELS[..2], &MODELS[2..]]);
    assert_eq!(run.bodies().iter().map(signatures).collect::<Vec<_>>(), [1, 0]);
    let report = run.report();
    assert!(report["attempts"][0].get("stripped").is_none());
    let stripped = json!([{"what": "reasoning.text", "issuer": "anthropic-claude-v1", "count": 1}]);
    assert_eq!(report["attempts"][1]["stripped"], stripped);
    // Without anything to keep apart, one request names them all.
    let mut plain = Script::openrouter(&MODELS);
    assert_eq!(plain.run(&[Reply::says(MODELS[0], "fine")]).asked(), [&MODELS[..]]);
}

#[test]
fn a_signature_that_its_issuer_refuses_is_left_out_and_the_next_conversation_sends_its_own() {
    for message in [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "The encrypted content gAAA...DQ== could not be verified.",
        "Unable to submit request because Thought signature is not valid..",
        "Corrupted thought signature.",
        "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
    ] {
        let mut script = conversation();
        let error = json!({"message": message, "type": "invalid_request_error", "code": 400});
        let run = script.run(&[Reply::error(400, error), Reply::says(MODELS[0], "fine")]);
        assert_eq!(run.asked(), [&MODELS[..2], &MODELS[..2]], "{message}");
        assert_eq!(run.bodies().iter().map(signatures).collect::<Vec<_>>(), [1, 0], "{message}");
        assert_eq!(run.report()["attempts"][1]["stripped"][0]["count"], 1, "{message}");
        let again = script.run(&[Reply::says(MODELS[0], "fine")]);
        assert_eq!(signatures(&again.bodies()[0]), 1, "{message}");
    }
}

#[test]
fn a_server_that_does_not_know_a_field_of_reasoning_does_not_get_it_again() {
    let mut script = Script::new(&["local/one"]);
    script.body["messages"] = json!([
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a", "reasoning_content": "t"},
        {"role": "user", "content": "r"},
    ]);
    let message =
        "messages.1.assistant.reasoning_content: property 'messages.1.assistant.reasoning_content' is unsupported";
    let error = json!({"message": message, "type": "invalid_request_error", "code": "wrong_api_format"});
    let run = script.run(&[Reply::error(400, error), Reply::says("local/one", "fine")]);
    let has = |body: &Value| body["messages"][1].get("reasoning_content").is_some();
    assert_eq!(run.bodies().iter().map(has).collect::<Vec<_>>(), [true, false]);
    let again = script.run(&[Reply::says("local/one", "fine")]);
    assert!(!has(&again.bodies()[0]));
}
