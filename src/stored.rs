//! Answers that a cache stores: which answers are worth it, and a stored answer for the reader of a stream.

use crate::chunk::{Chunks, as_chunk};
use crate::events::Events;
use crate::json::{Json, Object, patched};
use crate::report::Report;
use crate::request::UsageChunk;
use crate::text::is_blank;
use crate::verdict::is_refusal;

/// The finish reasons of an answer that ended by itself.
const WHOLE: [&str; 3] = ["stop", "tool_calls", "function_call"];

/// Whether `completion`, the JSON text of an answer, is worth to be given again: every choice has an answer that ended by itself, and none
/// declines to help. Vectors always are.
pub fn is_worth_storing(completion: &str) -> bool {
    let completion = Json::or_null(completion);
    let choices = completion.get("choices");
    let has_answer = !choices.is_empty() || !completion.get("data").is_empty();
    has_answer && choices.items().all(is_good)
}

fn is_good(choice: Json<'_>) -> bool {
    let (reason, message) = (choice.get("finish_reason"), choice.get("message"));
    let text = message.get("content").text().unwrap_or_default();
    let has_part = |name: &&str| message.get(name).is_object() || !message.get(name).is_empty();
    let has_more = || ["tool_calls", "function_call", "images", "audio"].iter().any(has_part);
    WHOLE.iter().any(|whole| reason.is(whole))
        && (!is_blank(&text) || has_more())
        && message.get("refusal").is_null_or_empty()
        && !is_refusal(&text, &[])
}

/// The chunks of a stream with the answer `completion`, and `report` beside its usage if the reader gets that.
pub fn replay(completion: &str, usage: UsageChunk, report: &Report) -> Chunks {
    let mut events = Events::new(usage);
    // The answer is whole, so that nothing of it is held back.
    events.done = true;
    let answer = patched(completion, r#"{"usage":null}"#);
    events.take_chunk(Json::or_null(&as_chunk(Json::or_null(&answer))), 0);
    if Json::or_null(completion).get("usage").is_object() {
        let last = Object::default().text("object", "chat.completion.chunk").raw("choices", "[]").end();
        events.take_chunk(Json::or_null(&patched(completion, &last)), 0);
    }
    events.annotate(report);
    events.waiting
}

#[cfg(test)]
mod tests {
    use super::{is_worth_storing, replay};
    use crate::Report;
    use crate::request::UsageChunk;
    use serde_json::{Value, json};

    fn completion(reason: Value, message: Value) -> Value {
        json!({
            "id": "gen-1", "object": "chat.completion", "created": 7, "model": "a/a", "provider": "p",
            "choices": [{"index": 0, "finish_reason": reason, "message": message}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0},
        })
    }

    #[test]
    fn an_answer_is_stored_only_if_it_is_whole_and_helps() {
        let is_stored = |reason: Value, message| is_worth_storing(&completion(reason, message).to_string());
        let text = json!({"content": "Rome."});
        let calls = json!({"content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        assert!(is_stored(json!("stop"), text.clone()) && is_stored(json!("tool_calls"), calls.clone()));
        for reason in [json!("length"), json!("content_filter"), json!("error"), json!(null)] {
            assert!(!is_stored(reason.clone(), text.clone()) && !is_stored(reason, calls.clone()));
        }
        assert!(!is_stored(json!("stop"), json!({"content": " \n", "tool_calls": [], "reasoning": "hm"})));
        assert!(is_stored(json!("stop"), json!({"content": null, "audio": {"data": "AA=="}})));
        assert!(!is_stored(json!("stop"), json!({"content": null, "refusal": "No."})));
        assert!(!is_stored(json!("stop"), json!({"content": "I'm sorry, but I can't help with that."})));
        let mut two = completion(json!("stop"), text);
        two["choices"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"index": 1, "finish_reason": "length", "message": {"content": "R"}}));
        assert!(!is_worth_storing(&two.to_string()), "each choice counts");
        assert!(is_worth_storing(r#"{"object":"list","data":[{"embedding":[1]}]}"#));
        assert!(!is_worth_storing(r#"{"data":[]}"#) && !is_worth_storing("{}") && !is_worth_storing("not JSON"));
    }

    #[test]
    fn a_stream_of_a_stored_answer_has_all_of_its_parts() {
        let call = |id| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
        let message =
            json!({"role": "assistant", "content": "Hi", "reasoning": "hm", "tool_calls": [call("c"), call("d")]});
        let stored = completion(json!("tool_calls"), message).to_string();
        let chunks = |usage| -> Vec<Value> {
            let chunks = replay(&stored, usage, &Report { from_cache: true, ..Report::default() });
            chunks.iter().map(|chunk| serde_json::from_str(chunk).expect("JSON")).collect()
        };
        let all = chunks(UsageChunk::Annotated);
        assert_eq!(all.len(), 2, "{all:?}");
        let (choice, delta) = (&all[0]["choices"][0], &all[0]["choices"][0]["delta"]);
        assert_eq!(
            (&all[0]["object"], &all[0]["id"], &choice["finish_reason"]),
            (&json!("chat.completion.chunk"), &json!("gen-1"), &json!("tool_calls"))
        );
        assert_eq!((&delta["content"], &delta["reasoning"]), (&json!("Hi"), &json!("hm")));
        assert_eq!(
            (&delta["tool_calls"][1]["index"], &delta["tool_calls"][1]["function"]["arguments"]),
            (&json!(1), &json!("{\"a\":1}"))
        );
        assert_eq!((&all[1]["choices"], &all[1]["usage"]["total_tokens"]), (&json!([]), &json!(3)));
        assert_eq!(all[1]["failsoft"]["cache"], "hit");
        assert_eq!(chunks(UsageChunk::Hidden), all[..1]);
    }
}
