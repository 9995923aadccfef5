use super::Accumulator;
use crate::json::Json;
use serde_json::{Value, json};

/// The sum of chunks, each with one piece of the only choice.
fn answer(pieces: &[Value]) -> Accumulator {
    let mut answer = Accumulator::default();
    for piece in pieces {
        answer.feed(Json::parse(&json!({"choices": [piece]}).to_string()).expect("JSON"));
    }
    answer
}

fn message(deltas: &[Value]) -> Value {
    let pieces: Vec<Value> = deltas.iter().map(|delta| json!({"index": 0, "delta": delta})).collect();
    completion(&answer(&pieces))["choices"][0]["message"].clone()
}

fn completion(answer: &Accumulator) -> Value {
    serde_json::from_str(&answer.completion()).expect("a completion is JSON")
}

fn calls(pieces: &[Value]) -> Vec<Value> {
    let deltas: Vec<Value> = pieces.iter().map(|piece| json!({"tool_calls": [piece]})).collect();
    message(&deltas)["tool_calls"].as_array().cloned().expect("tool calls")
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn a_new_id_on_the_same_index_is_a_new_call() {
    let pieces = [
        json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{"}}),
        json!({"index": 0, "function": {"arguments": "}"}}),
        json!({"index": 0, "id": "b", "function": {"name": "two", "arguments": "[1"}}),
        json!({"index": 0, "function": {"arguments": "]"}}),
    ];
    assert_eq!(calls(&pieces), [call("a", "one", "{}"), call("b", "two", "[1]")]);
}

#[test]
fn pieces_of_calls_that_run_side_by_side_stay_apart() {
    let pieces = [
        json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": ""}}),
        json!({"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}),
        json!({"index": 0, "function": {"arguments": "1"}}),
        json!({"index": 1, "function": {"arguments": "2"}}),
    ];
    assert_eq!(calls(&pieces), [call("a", "one", "1"), call("b", "two", "2")]);
}

#[test]
fn an_id_and_name_repeated_in_every_piece_are_one_call() {
    let piece = |arguments: &str| json!({"index": 3, "id": "a", "type": "function", "function": {"name": "one", "arguments": arguments}});
    assert_eq!(calls(&[piece("{\"x\""), piece(":1}")]), [call("a", "one", "{\"x\":1}")]);
}

#[test]
fn a_piece_with_neither_index_nor_id_belongs_to_the_current_call() {
    let pieces =
        [json!({"id": "a", "function": {"name": "one", "arguments": "{"}}), json!({"function": {"arguments": "}"}})];
    assert_eq!(calls(&pieces), [call("a", "one", "{}")]);
}

#[test]
fn calls_of_one_function_without_ids_are_apart_where_their_name_comes_again() {
    let head = json!({"index": 0, "type": "function", "function": {"name": "one", "arguments": ""}});
    let piece = |arguments: &str| json!({"index": 0, "function": {"arguments": arguments}});
    let pieces = [head.clone(), piece("{\"x\":"), piece("1}"), head.clone(), piece("{\"x\":"), piece("2}"), head];
    let calls: Vec<[Value; 2]> =
        calls(&pieces).iter().map(|call| ["name", "arguments"].map(|field| call["function"][field].clone())).collect();
    assert_eq!(calls, [["one", "{\"x\":1}"], ["one", "{\"x\":2}"]]);
}

#[test]
fn a_call_without_a_list_around_it_is_a_call() {
    let piece = json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}});
    assert_eq!(message(&[json!({"tool_calls": piece})])["tool_calls"], json!([call("a", "one", "{}")]));
}

#[test]
fn arguments_that_are_an_object_and_unknown_fields_are_kept() {
    let piece = json!({"index": 0, "id": "a", "extra": {"signature": "s"}, "function": {"name": "one", "arguments": {"x": [1]}}});
    let mut expected = call("a", "one", "{\"x\":[1]}");
    expected["extra"] = json!({"signature": "s"});
    assert_eq!(calls(&[piece]), [expected]);
}

#[test]
fn the_content_beside_a_tool_call_is_null_instead_of_empty() {
    let deltas = [json!({"content": ""}), json!({"tool_calls": [{"index": 0, "id": "a"}]}), json!({"content": ""})];
    assert_eq!(message(&deltas)["content"], Value::Null);
    assert_eq!(message(&deltas[..1])["content"], "");
}

#[test]
fn empty_lists_and_empty_fields_are_left_out() {
    let empty = json!({"role": "", "content": null, "refusal": "", "reasoning": "", "tool_calls": [], "images": null});
    assert_eq!(message(&[empty]), json!({"role": "assistant", "content": null, "refusal": null}));
}

#[test]
fn blocks_of_reasoning_grow_by_their_own_field_and_keep_their_order() {
    let block = |kind: &str, name: &str, text: &str| {
        let mut block = json!({"type": kind, "index": 0, "format": "f"});
        block[name] = text.into();
        json!({"reasoning_details": [block]})
    };
    let deltas = [
        block("reasoning.text", "text", "a"),
        block("reasoning.text", "text", "b"),
        json!({"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "s"}]}),
        block("reasoning.text", "text", "a2"),
        json!({"reasoning_details": [{"type": "reasoning.text", "text": "b2", "signature": "s2"}]}),
        json!({"reasoning_details": [{"type": "reasoning.text", "text": "a3"}]}),
        block("reasoning.encrypted", "data", "c"),
        block("reasoning.encrypted", "data", "c2"),
        json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "c3"}]}),
        json!({"reasoning_details": [{"type": "reasoning.encrypted", "id": "x", "data": "c4"}]}),
        block("reasoning.text", "text", "d"),
    ];
    let expected = json!([
        {"type": "reasoning.text", "index": 0, "format": "f", "text": "ab", "signature": "s"},
        {"type": "reasoning.text", "index": 0, "format": "f", "text": "a2b2", "signature": "s2"},
        {"type": "reasoning.text", "text": "a3"},
        {"type": "reasoning.encrypted", "index": 0, "format": "f", "data": "c"},
        {"type": "reasoning.encrypted", "index": 0, "format": "f", "data": "c2"},
        {"type": "reasoning.encrypted", "data": "c3"},
        {"type": "reasoning.encrypted", "id": "x", "data": "c4"},
        {"type": "reasoning.text", "index": 0, "format": "f", "text": "d"},
    ]);
    assert_eq!(message(&deltas)["reasoning_details"], expected);
}

#[test]
fn reasoning_that_came_under_both_its_names_counts_once() {
    let both = json!({"reasoning": "hm", "reasoning_content": "hm"});
    assert_eq!(message(&[both, json!({"reasoning_content": "m"})])["reasoning"], "hmm");
}

#[test]
fn pieces_of_sound_and_of_logprobs_are_joined() {
    let pieces = [
        json!({"delta": {"audio": {"id": "a", "transcript": "Hel"}}, "logprobs": {"content": [{"token": "Hel"}]}}),
        json!({"delta": {"audio": {"transcript": "lo", "data": "AA", "expires_at": 1}}, "logprobs": {"content": [{"token": "lo"}]}}),
    ];
    let choice = &completion(&answer(&pieces))["choices"][0];
    let audio = json!({"id": "a", "transcript": "Hello", "data": "AA", "expires_at": 1});
    assert_eq!(choice["message"]["audio"], audio);
    assert_eq!(choice["logprobs"], json!({"content": [{"token": "Hel"}, {"token": "lo"}]}));
}

#[test]
fn long_lists_are_whole() {
    let token = |at: usize| json!({"token": format!("\"{at}\"")});
    // vLLM's `token_ids`, in pieces, and its `prompt_logprobs`, in one.
    let piece = |at| json!({"token_ids": [at], "logprobs": {"content": [token(at)]}, "delta": {"content": "a"}});
    let mut pieces: Vec<Value> = (0..3_000).map(piece).collect();
    let prompt: Vec<Value> = (0..3_000).map(|at| json!({"1": {"logprob": at}})).collect();
    pieces.push(json!({"prompt_logprobs": prompt, "delta": {}}));
    let answer = answer(&pieces);
    let nodes = |name: &str| answer.choices()[0].get(name).items().len();
    assert!(nodes("token_ids") < 1_100 && nodes("prompt_logprobs") < 1_100, "a long list is a text");
    let choice = &completion(&answer)["choices"][0];
    assert_eq!(choice["token_ids"], Value::from_iter(0..3_000));
    assert_eq!(choice["prompt_logprobs"], Value::Array(prompt));
    assert_eq!(choice["logprobs"]["content"], Value::from_iter((0..3_000).map(token)));
}

#[test]
fn a_finish_reason_without_a_word_is_none() {
    assert!(!answer(&[json!({"index": 0, "delta": {"content": "x"}, "finish_reason": ""})]).is_finished());
    assert!(answer(&[json!({"index": 0, "delta": {"content": "x"}, "finish_reason": "max_tokens"})]).is_finished());
}

#[test]
fn the_vendors_word_stays_beside_the_reason_of_its_own_choice() {
    let mut answer = Accumulator::default();
    let choices =
        json!([{"index": 0, "delta": {}, "finish_reason": "MAX_TOKENS"}, {"index": 1, "delta": {"content": "x"}}]);
    answer.feed(Json::parse(&json!({ "choices": choices }).to_string()).expect("JSON"));
    let choices = completion(&answer)["choices"].clone();
    assert_eq!(
        (&choices[0]["finish_reason"], &choices[0]["native_finish_reason"]),
        (&json!("length"), &json!("MAX_TOKENS"))
    );
    assert_eq!((&choices[1]["finish_reason"], choices[1].get("native_finish_reason")), (&json!(null), None));
}

#[test]
fn pieces_whose_indices_contradict_each_other_do_no_harm() {
    let piece = |index: Value, text: &str| json!({"index": index, "delta": {"content": text}});
    let pieces = [piece(json!(5), "five"), piece(json!(null), "none"), piece(json!(0), "é")];
    let chunk = json!({"choices": pieces}).to_string();
    let mut answer = Accumulator::default();
    answer.feed(Json::parse(&chunk).expect("JSON"));
    assert!(answer.fresh_text().len() <= answer.text().len());
    assert_eq!(completion(&answer)["choices"][0]["index"], 0);
}
