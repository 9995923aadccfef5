//! A stream that ends with its whole message again, as MiniMax's does (ENTERPILOT/GoModel#1068): nothing of it comes twice.

use super::answers::chunk;
use super::responses::context;
use super::support::{completion, parsed, through_core, upstream_sse};
use super::{messages, messages_client, responses_client};
use serde_json::{Value, json};

/// What `write` makes of the chunks, which come in one piece.
fn written(chunks: &[Value], write: impl FnMut(&failsoft::Chunks) -> String) -> String {
    through_core([upstream_sse(chunks).as_bytes(), b""], write)
}

/// A list of details with `text`.
fn details(text: &str) -> Value {
    json!([{"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0, "text": text}])
}

/// The chunks with these two deltas of reasoning, and at the end the message with `whole`.
fn chunks(deltas: [Value; 2], whole: &Value) -> Vec<Value> {
    let [first, second] = deltas;
    let mut last = chunk(json!({}), Some("stop"));
    let mut message = json!({"role": "assistant", "content": "An answer"});
    message.as_object_mut().expect("an object").extend(whole.as_object().expect("an object").clone());
    last["object"] = "chat.completion".into();
    last["choices"] = json!([{"index": 0, "finish_reason": "stop", "message": message}]);
    let deltas = [first, second, json!({"content": "An "}), json!({"content": "answer"})];
    deltas.into_iter().map(|delta| chunk(delta, None)).chain([last]).collect()
}

#[test]
fn reasoning_comes_once() {
    let plain = |text: &str| json!({"reasoning_content": text});
    let detailed = |text: &str| json!({"reasoning_details": details(text)});
    let both = |text: &str| json!({"reasoning_content": text, "reasoning_details": details(text)});
    let encrypted = json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "Em4K", "format": "anthropic-claude-v1", "index": 0}]});
    let thinking = json!({"type": "thinking", "thinking": "Let me think"});
    let redacted = json!({"type": "redacted_thinking", "data": "Em4K"});
    for (deltas, whole, expected) in [
        ([plain("Let "), plain("me think")], plain("Let me think"), &thinking),
        ([detailed("Let "), detailed("me think")], detailed("Let me think"), &thinking),
        ([both("Let "), both("me think")], both("Let me think"), &thinking),
        ([detailed("Let "), detailed("me think")], both("Let me think"), &thinking),
        ([json!({}), encrypted.clone()], encrypted, &redacted),
    ] {
        let chunks = chunks(deltas, &whole);
        let said = &parsed(&completion(&chunks))["choices"][0]["message"];
        let known = if whole["reasoning_details"].is_null() { "reasoning" } else { "reasoning_details" };
        assert_eq!(said[known], *whole.get(known).unwrap_or(&whole["reasoning_content"]), "{whole}");

        let mut writer = failsoft::protocol::messages::Writer::new(messages::thinking(), 7);
        let sse = written(&chunks, |chunks| writer.take(chunks)) + &writer.finish(None);
        let mut content = messages_client::read(&sse)["content"].clone();
        // The carrier of what only the issuer can read.
        content[0].as_object_mut().expect("an object").remove("signature");
        assert_eq!(content, json!([expected, {"type": "text", "text": "An answer"}]), "{whole}");

        let mut writer = failsoft::protocol::responses::Writer::new(context(json!({})), 7, 9);
        let sse = written(&chunks, |chunks| writer.take(chunks)) + &writer.finish(None);
        let output = responses_client::read(&sse)["output"].clone();
        let kinds: Vec<&Value> = output.as_array().expect("items").iter().map(|item| &item["type"]).collect();
        assert_eq!(kinds, ["reasoning", "message"], "{whole}");

        // A client of chat joins what it gets.
        let mut joined = String::new();
        written(&chunks, |chunks| {
            for chunk in chunks.iter() {
                let delta = parsed(chunk)["choices"][0]["delta"].clone();
                let details = [&delta["reasoning_details"][0]["text"], &delta["reasoning_details"][0]["data"]];
                let plain = [&delta["reasoning"], &delta["reasoning_content"]];
                let text = details.into_iter().chain(plain).find_map(Value::as_str);
                joined += text.unwrap_or_default();
            }
            String::new()
        });
        assert_eq!(joined, if expected == &redacted { "Em4K" } else { "Let me think" }, "{whole}");
    }
}
