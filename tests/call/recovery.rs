//! A stream that breaks after its commit point goes on. What the reader has stays the beginning of the whole answer.

use failsoft::Kind;
use serde_json::{Value, json};

use crate::reply::{Reply, delta, event, finish, streamed};
use crate::script::{Run, Script};

const FIRST: &str = "vendor/first";
/// Continues a prefill.
const CONTINUES: &str = "meta-llama/continues";
/// Always answers from the beginning.
const BEGINS_AGAIN: &str = "vendor/begins-again";

/// 60 words, some with characters outside ASCII.
fn answer() -> String {
    (1..=60).map(|n| if n % 7 == 0 { format!("wört{n} ") } else { format!("word{n} ") }).collect()
}

fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}

/// The whole stream of `text` as `model` sends it.
fn body(model: &str, text: &str) -> String {
    let words: String = pieces(text).iter().map(|word| delta(model, json!({"content": word}))).collect();
    [delta(model, json!({"role": "assistant", "content": ""})), words, finish(model, "stop")].concat()
}

fn prefill(run: &Run, request: usize) -> Option<String> {
    let messages = run.bodies()[request]["messages"].clone();
    let last = messages.as_array()?.last()?.clone();
    (last["role"] == "assistant").then(|| last["content"].as_str().unwrap_or_default().to_owned())
}

/// Runs a call whose first stream is `broken`. The second model answers the request that it gets, so the call runs twice: first
/// to see that request.
fn recovered(models: &[&str], broken: Reply) -> Run {
    let mut script = Script::new(models).streaming();
    let whole = answer();
    // The continuation depends on the text so far. The first run, with a useless second answer, shows the prefill.
    let second = models[1];
    if second == BEGINS_AGAIN {
        return script.run(&[broken, streamed(second, &pieces(&whole))]);
    }
    let probe = Script::new(models).streaming().run(&[broken.clone(), Reply::status(401)]);
    let text = probe.text.clone();
    if probe.sent.len() == 1 {
        return probe;
    }
    assert_eq!(prefill(&probe, 1).as_deref(), Some(text.trim_end()), "the prefill is the text so far, trimmed");
    let rest = whole.strip_prefix(text.trim_end()).expect("the text so far is a beginning").to_owned();
    script.run(&[broken, streamed(second, &pieces(&rest))])
}

fn check(run: &Run, what: &str) {
    let whole = answer();
    assert_eq!(run.text, whole, "{what}: the text");
    assert_eq!(run.kind(), None, "{what}");
    assert_eq!(run.content(), whole, "{what}: the completion");
    let ids: Vec<&Value> = run.chunks.iter().filter_map(|chunk| chunk.get("id")).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{what}: one id");
    let roles = run.chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["role"].is_string()).count();
    assert_eq!(roles, 1, "{what}: one role");
    let ends = run.chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"].is_string()).count();
    assert_eq!(ends, 1, "{what}: one end");
}

#[test]
fn a_stream_cut_at_any_byte_is_delivered_whole_and_exact() {
    let text = body(FIRST, &answer());
    let from = text.find("word40").expect("the 40th word");
    for second in [CONTINUES, BEGINS_AGAIN] {
        for cut in from..=text.len() {
            let run = recovered(&[FIRST, second], Reply::stream(&text.as_bytes()[..cut]));
            check(&run, &format!("{second}, cut at {cut}"));
        }
    }
}

#[test]
fn a_stream_recovers_from_a_stall_a_reset_and_an_error_chunk() {
    let text = body(FIRST, &answer());
    let upto = &text[..text.find("word45").expect("the 45th word")];
    let upto = &upto[..=upto.rfind("\n\n").expect("an event") + 1];
    for second in [CONTINUES, BEGINS_AGAIN] {
        for (what, broken) in [
            ("stall", Reply::stream(upto).then_hangs()),
            ("reset", Reply::stream(upto).then_resets()),
            ("error", Reply::stream(upto).then(event(&json!({"error": {"code": 502, "message": "x"}, "choices": []})))),
            (
                "error with a choice",
                Reply::stream(upto).then(event(&json!({
                    "error": {"code": "server_error", "message": "x"},
                    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
                }))),
            ),
        ] {
            check(&recovered(&[FIRST, second], broken), &format!("{second}, {what}"));
        }
    }
}

#[test]
fn a_failure_behind_the_end_of_an_answer_changes_nothing() {
    let text = body(FIRST, &answer());
    let ended = text.find("\"finish_reason\":\"stop\"").expect("the end");
    let ended = ended + text[ended..].find("\n\n").expect("its event") + 2;
    for broken in [
        Reply::stream(&text[..ended]).then_hangs(),
        Reply::stream(&text[..ended]).then_resets(),
        Reply::stream(&text[..ended]).then(event(&json!({"error": {"code": 502, "message": "x"}, "choices": []}))),
    ] {
        let run = Script::new(&[FIRST, CONTINUES]).streaming().run(&[broken]);
        check(&run, "behind the end");
    }
}

#[test]
fn both_models_are_in_the_report_and_usage_is_summed() {
    let text = body(FIRST, &answer());
    let first = text.replace("data: [DONE]\n\n", "");
    let cut = first.find("word50").expect("the 50th word");
    let usage =
        event(&json!({"id": "gen-1", "model": FIRST, "choices": [], "usage": {"cost": 0.5, "total_tokens": 7}}));
    let run = recovered(&[FIRST, BEGINS_AGAIN], Reply::stream([&first[..cut], "\n\n", &usage].concat()));
    let report = run.report();
    assert_eq!(report["attempts"][0]["failure"]["kind"], "cut");
    assert_eq!(report["attempts"][1]["recovery"], "restart");
    assert_eq!((&report["model"], &report["fallback"]), (&json!(BEGINS_AGAIN), &json!(true)));
    assert_eq!(report["cost"], 0.75);
    let last = run.chunks.last().expect("a usage chunk");
    assert_eq!(last["usage"], json!({"cost": 0.75, "total_tokens": 7}));
    assert_eq!(last["model"], BEGINS_AGAIN, "the chunk names the model that speaks");
}

#[test]
fn a_model_that_refuses_the_prefill_is_asked_again_without_it() {
    let text = body(FIRST, &answer());
    let broken = Reply::stream(&text[..text.find("word41").expect("a word")]);
    let refused = Reply::error(400, json!({"code": 400, "message": "does not support assistant message prefill"}));
    let run =
        Script::new(&[FIRST, CONTINUES]).streaming().run(&[broken, refused, streamed(CONTINUES, &pieces(&answer()))]);
    check(&run, "refused");
    assert_eq!((prefill(&run, 1).is_some(), prefill(&run, 2)), (true, None));
}

#[test]
fn a_stream_may_break_more_than_once() {
    let whole = answer();
    let text = body(FIRST, &whole);
    let again = body(BEGINS_AGAIN, &whole);
    let first = Reply::stream(&text[..text.find("word40").expect("a word")]);
    let second = Reply::stream(&again[..again.find("word55").expect("a word")]);
    let models = [FIRST, BEGINS_AGAIN, "vendor/third"];
    check(&Script::new(&models).streaming().run(&[first, second, streamed("vendor/third", &pieces(&whole))]), "twice");
}

#[test]
fn an_answer_that_does_not_resume_the_text_is_an_error_unless_the_reader_can_start_over() {
    let text = body(FIRST, &answer());
    let broken = || Reply::stream(&text[..text.find("word40").expect("a word")]);
    let other = || streamed(BEGINS_AGAIN, &["Something ", "else ", "altogether."]);
    let run = Script::new(&[FIRST, BEGINS_AGAIN]).streaming().run(&[broken(), other()]);
    assert_eq!(run.kind(), Some(Kind::Cut));
    assert_eq!(run.outcome.partial.as_deref(), Some(run.text.as_str()));
    assert!(answer().starts_with(&run.text));

    let mut willing = Script::new(&[FIRST, BEGINS_AGAIN]).streaming().policy(json!({"restartEvent": true}));
    let run = willing.run(&[broken(), other()]);
    assert_eq!(run.content(), "Something else altogether.");
    assert!(run.chunks.iter().any(|chunk| chunk["object"] == "failsoft.restart"));
}

#[test]
fn tool_calls_json_and_several_choices_never_recover() {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a\""}}]});
    let tools = Reply::stream(delta(FIRST, call));
    assert_eq!(Script::new(&[FIRST, CONTINUES]).streaming().run(&[tools]).kind(), Some(Kind::Cut));

    let begun = || Reply::stream(delta(FIRST, json!({"content": "{\"a\":"})));
    let mut json_wanted = Script::new(&[FIRST, CONTINUES]).streaming();
    json_wanted.body["response_format"] = json!({"type": "json_object"});
    assert_eq!(json_wanted.run(&[begun()]).kind(), Some(Kind::Cut));

    let other = event(&json!({"model": FIRST, "choices": [{"index": 1, "delta": {"content": "b"}}]}));
    let two = Reply::stream([delta(FIRST, json!({"content": "Hello"})), other].concat());
    assert_eq!(Script::new(&[FIRST, CONTINUES]).streaming().run(&[two]).kind(), Some(Kind::Cut));
}

#[test]
fn an_invalid_request_and_the_end_of_the_time_end_a_committed_stream() {
    let begun = || Reply::stream(delta(FIRST, json!({"content": "Hello"}))).then_hangs();
    let mut late = Script::new(&[FIRST, CONTINUES]).streaming().policy(json!({"timeouts": {"total": 1_000}}));
    assert_eq!(late.run(&[begun()]).kind(), Some(Kind::Timeout));
    let mut budget = Script::new(&[FIRST, CONTINUES]).streaming().policy(json!({"attempts": 1}));
    assert_eq!(budget.run(&[begun()]).kind(), Some(Kind::Stalled));
}

/// 40 words of the answer, and then `event`.
fn begun(then: &Value) -> Reply {
    let text = body(FIRST, &answer());
    let upto = &text[..text.find("word40").expect("a word")];
    Reply::stream(&upto[..upto.rfind("\n\n").expect("an event") + 2]).then(event(then))
}

#[test]
fn a_final_failure_ends_a_committed_stream() {
    let unpaid = begun(&json!({"error": {"code": 402, "message": "Insufficient credits"}}));
    let run = Script::new(&[FIRST, CONTINUES]).streaming().run(&[unpaid]);
    assert_eq!((run.kind(), run.sent.len()), (Some(Kind::PaymentRequired), 1), "another model has the same key");

    let filtered = begun(&json!({"error": {"code": 400, "metadata": {"error_type": "content_policy_violation"}}}));
    let run = Script::new(&[FIRST, CONTINUES]).streaming().policy(json!({"onContentFilter": "fail"})).run(&[filtered]);
    assert_eq!((run.kind(), run.sent.len()), (Some(Kind::ContentFilter), 1));
    assert_eq!(run.outcome.partial.as_deref(), Some(run.text.as_str()));
}

#[test]
fn a_short_continuation_in_one_piece_without_a_finish_reason_is_not_lost() {
    let once = Reply::stream(delta(FIRST, json!({"content": "Once upon "})));
    let rest = Reply::json(&json!({"model": CONTINUES, "choices": [{"message": {"content": " a time."}}]}));
    let run = Script::new(&[FIRST, CONTINUES]).streaming().run(&[once, rest]);
    assert_eq!((run.content().as_str(), run.text.as_str()), ("Once upon a time.", "Once upon a time."));
}

#[test]
fn an_invalid_request_error_inside_a_new_answer_is_final() {
    let down = json!({"error": {"code": 502, "message": "x"}});
    let mistake = json!({"error": {"code": 400, "message": "wrong"}, "choices": [{"message": {"content": "ha"}}]});
    let run =
        Script::new(&[FIRST, BEGINS_AGAIN, "vendor/third"]).streaming().run(&[begun(&down), Reply::json(&mistake)]);
    assert_eq!((run.kind(), run.sent.len()), (Some(Kind::InvalidRequest), 2));
}

#[test]
fn only_a_refused_request_may_be_about_the_prefill() {
    let down = json!({"error": {"code": 502, "message": "x"}});
    let busy = Reply::status(429).header("retry-after", "60");
    let run = Script::new(&[FIRST, CONTINUES]).streaming().run(&[begun(&down), busy]);
    assert_eq!((run.kind(), run.sent.len()), (Some(Kind::ServerError), 2));
}

#[test]
fn a_new_answer_with_more_than_text_does_not_resume_the_stream() {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]});
    let text: String = pieces(&answer()).iter().map(|word| delta(BEGINS_AGAIN, json!({"content": word}))).collect();
    let other = Reply::stream([text, delta(BEGINS_AGAIN, call), finish(BEGINS_AGAIN, "tool_calls")].concat());
    let down = json!({"error": {"code": 502, "message": "x"}});
    let run = Script::new(&[FIRST, BEGINS_AGAIN]).streaming().run(&[begun(&down), other]);
    assert_eq!(run.kind(), Some(Kind::ServerError));
}

#[test]
fn a_model_that_answers_something_else_has_not_failed() {
    let down = json!({"error": {"code": 502, "message": "x"}});
    let run = Script::new(&[FIRST, BEGINS_AGAIN]).streaming().run(&[begun(&down), streamed(BEGINS_AGAIN, &["Else."])]);
    let blamed: Vec<&str> = run.outcome.model_outcomes.iter().map(|lesson| lesson.name.as_str()).collect();
    assert!(blamed.len() == 1 && blamed[0].ends_with(FIRST), "{blamed:?}");
}

#[test]
fn an_answer_that_starts_over_keeps_its_id_and_its_cost() {
    let usage = event(&json!({"id": "gen-1", "model": FIRST, "choices": [], "usage": {"total_tokens": 7}}));
    let begun = Reply::stream([delta(FIRST, json!({"content": "Once "})), usage].concat());
    let mut willing = Script::new(&[FIRST, BEGINS_AGAIN]).streaming().policy(json!({"restartEvent": true}));
    let run = willing.run(&[begun, streamed(BEGINS_AGAIN, &["Something ", "else."])]);
    assert_eq!(run.content(), "Something else.");
    let named = |chunk: &&Value| chunk["object"] == "chat.completion.chunk";
    assert!(run.chunks.iter().filter(named).all(|chunk| chunk["id"] == "gen-1"), "{:?}", run.chunks);
    let usage = run.chunks.last().map(|chunk| chunk["usage"].clone()).expect("a usage chunk");
    assert_eq!(usage, json!({"total_tokens": 7, "cost": 0.25}));
}
