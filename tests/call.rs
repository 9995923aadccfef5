//! The state machine, as a dialogue with scripted upstreams.

mod script;

use failsoft::{Action, Catalog, Dialect, Headers, Input, Json, Kind, Lane, Usd};
use script::{Reply, Run, Script, delta, event, finish, streamed, words};
use serde_json::{Value, json};

/// The report, as a caller gets it.
fn report_of(run: &Run) -> Value {
    serde_json::from_str(&run.outcome.report_json()).expect("a report is JSON")
}

fn two() -> Script {
    Script::new(&["a/one", "b/two"])
}

/// One failed response in each row: its kind, how often the same model is asked again, and whether the next model is asked.
fn rows() -> Vec<(&'static str, Reply, Kind, usize, bool)> {
    let code = |status: u16, code: &str| {
        Reply::error(status, json!({"code": status, "message": "no", "availability": {"code": code}}))
    };
    let typed = |status: u16, name: &str| {
        Reply::error(status, json!({"code": status, "message": "no", "metadata": {"error_type": name}}))
    };
    let source = |status: u16, name: &str| {
        Reply::error(status, json!({"code": status, "message": "no", "metadata": {"limit_source": name}}))
    };
    vec![
        ("429 without a wait", Reply::status(429), Kind::RateLimited, 0, true),
        ("429, short wait", Reply::status(429).header("retry-after", "1"), Kind::RateLimited, 1, true),
        ("429, long wait", Reply::status(429).header("retry-after", "30"), Kind::RateLimited, 0, true),
        (
            "402 in flight",
            source(402, "openrouter_in_flight_budget").header("retry-after", "1"),
            Kind::InFlightBudget,
            1,
            true,
        ),
        ("500", Reply::status(500), Kind::ServerError, 1, true),
        ("502", Reply::status(502), Kind::ServerError, 1, true),
        ("408", Reply::status(408), Kind::ServerError, 1, true),
        ("524, HTML", Reply::new(524, "text/html", "<html>"), Kind::ServerError, 1, true),
        ("reset", Reply::reset(), Kind::Network, 1, true),
        ("503", Reply::status(503), Kind::Unavailable, 0, true),
        ("504", Reply::status(504), Kind::Unavailable, 0, true),
        ("529", Reply::status(529), Kind::Unavailable, 0, true),
        ("404 no endpoints", code(404, "no_endpoints"), Kind::NoEndpoint, 0, true),
        ("404 deprecated", code(404, "model_deprecated"), Kind::UnknownModel, 0, true),
        (
            "bare 400 unknown",
            Reply::error(400, json!({"code": 400, "message": "a/one is not a valid model ID"})),
            Kind::UnknownModel,
            0,
            true,
        ),
        ("403 region", code(403, "region_restricted"), Kind::NoEndpoint, 0, true),
        ("400 content policy", typed(400, "content_policy_violation"), Kind::ContentFilter, 0, true),
        (
            "403 moderation",
            Reply::error(403, json!({"code": 403, "message": "flagged", "metadata": {"reasons": ["x"]}})),
            Kind::ContentFilter,
            0,
            true,
        ),
        ("400 context", typed(400, "context_length_exceeded"), Kind::ContextLength, 0, true),
        ("401", Reply::status(401), Kind::Unauthorized, 0, false),
        ("402", Reply::status(402), Kind::PaymentRequired, 0, false),
        ("403 key limit", source(403, "openrouter_key_limit"), Kind::PaymentRequired, 0, false),
        (
            "403 guardrail",
            Reply::error(403, json!({"code": 403, "message": "no", "metadata": {"patterns": ["x"]}})),
            Kind::Forbidden,
            0,
            false,
        ),
        ("400", Reply::status(400), Kind::InvalidRequest, 0, false),
        ("412", Reply::status(412), Kind::InvalidRequest, 0, false),
        ("413", Reply::status(413), Kind::InvalidRequest, 0, false),
        ("422", Reply::status(422), Kind::InvalidRequest, 0, false),
        (
            "200 with an error",
            Reply::json(&json!({"error": {"code": 503, "message": "late"}})),
            Kind::Unavailable,
            0,
            true,
        ),
        (
            "200, string code",
            Reply::json(&json!({"error": {"code": "server_error", "message": "late"}})),
            Kind::ServerError,
            1,
            true,
        ),
        (
            "200, error in a choice",
            Reply::json(
                &json!({"choices": [{"error": {"code": 502, "message": "x"}, "message": {"content": "ha"}, "finish_reason": "error"}]}),
            ),
            Kind::ServerError,
            1,
            true,
        ),
        ("200, not JSON", Reply::new(200, "text/html", "<html>"), Kind::BadResponse, 1, true),
        ("empty", Reply::says("a/one", ""), Kind::Empty, 1, true),
        ("refusal", Reply::says("a/one", "I'm sorry, but I can't help with that."), Kind::Refusal, 0, true),
    ]
}

#[test]
fn every_failure_is_followed_by_what_its_row_says() {
    for (name, reply, kind, again, next) in rows() {
        let mut replies = vec![reply.clone(); 1 + again];
        replies.push(Reply::says("b/two", "fine"));
        let run = two().run(&replies);
        let mut asked = vec![vec!["a/one".to_owned()]; 1 + again];
        if next {
            asked.push(vec!["b/two".to_owned()]);
            assert_eq!(run.content(), "fine", "{name}");
            assert!(run.outcome.report.fallback && run.outcome.report.accepted, "{name}");
        } else {
            assert_eq!(run.kind(), Some(kind), "{name}");
        }
        assert_eq!(run.asked(), asked, "{name}");
        let reported = run.outcome.report.attempts[0].failure.as_ref().map(|failure| failure.kind);
        assert_eq!(reported, Some(kind), "{name}");
    }
}

#[test]
fn a_named_wait_is_never_shortened() {
    let limited = Reply::status(429).header("retry-after", "2");
    let run = two().run(&[limited, Reply::says("a/one", "fine")]);
    assert_eq!(run.sent_at[1] - run.sent_at[0], 10 + 1 + 1 + 2_000);
}

#[test]
fn the_last_failure_reaches_the_caller_with_status_code_and_wait() {
    let busy = Reply::error(
        429,
        json!({"code": 429, "message": "slow down", "metadata": {"error_type": "rate_limit_exceeded"}}),
    );
    let run = two().run(&[Reply::status(503), busy.header("retry-after", "9")]);
    let failure = run.outcome.result.expect_err("nobody answered");
    assert_eq!((failure.http_status(), failure.retry_after), (429, Some(9_000)));
    assert!(failure.to_openai().contains(r#""code":"rate_limit_exceeded""#));
}

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

#[test]
fn a_stream_is_held_until_its_first_meaningful_delta() {
    let preamble = delta("a/one", json!({"role": "assistant", "content": ""}));
    let cut = Reply::stream([": OPENROUTER PROCESSING\n\n".to_owned(), preamble].concat());
    let run = two().streaming().run(&[cut.clone(), cut, streamed("b/two", &["Hel", "lo"])]);
    assert_eq!((run.text.as_str(), run.content().as_str()), ("Hello", "Hello"));
    assert!(run.chunks.iter().all(|chunk| chunk["model"] == "b/two"));
}

#[test]
fn without_recovery_a_stream_that_breaks_after_the_commit_point_is_an_error() {
    for end in [
        Reply::stream(words("a/one", &["Hel"])),
        Reply::stream(words("a/one", &["Hel"])).then_resets(),
        Reply::stream(words("a/one", &["Hel"])).then_hangs(),
        Reply::stream(words("a/one", &["Hel"]))
            .then(event(&json!({"error": {"code": 502, "message": "x"}, "choices": []}))),
        Reply::stream(words("a/one", &["Hel"]) + "data: [DONE]\n\n"),
    ] {
        let run = two().streaming().policy(json!({"recover": "error"})).run(&[end]);
        assert_eq!((run.sent.len(), run.text.as_str()), (1, "Hel"));
        assert!(
            matches!(run.kind(), Some(Kind::Cut | Kind::Network | Kind::Stalled | Kind::ServerError)),
            "{:?}",
            run.kind()
        );
        assert_eq!(run.outcome.partial.as_deref(), Some("Hel"));
    }
}

#[test]
fn after_an_error_in_a_chunk_before_the_commit_point_the_next_model_answers() {
    for chunk in [
        json!({"error": {"code": 503, "message": "x"}, "choices": []}),
        json!({"error": {"code": "overloaded_error", "message": "x"}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}),
        json!({"choices": [{"index": 0, "delta": {}, "error": {"code": 503, "message": "x"}, "finish_reason": "error"}]}),
    ] {
        let run = two().streaming().run(&[Reply::stream(event(&chunk)), streamed("b/two", &["fine"])]);
        assert_eq!(run.text, "fine");
        assert_eq!(run.outcome.report.attempts[0].failure.as_ref().map(|f| f.kind), Some(Kind::Unavailable));
    }
}

#[test]
fn comments_do_not_keep_a_silent_model_alive() {
    let mut silent = Reply::stream(": OPENROUTER PROCESSING\n\n");
    for _ in 0..100 {
        silent = silent.then_silence(1_000).then(": OPENROUTER PROCESSING\n\n");
    }
    let run = two().streaming().run(&[silent, streamed("b/two", &["fine"])]);
    assert_eq!(run.outcome.report.attempts[0].failure.as_ref().map(|f| f.kind), Some(Kind::FirstTokenTimeout));
    assert_eq!(run.sent_at[1] - run.sent_at[0], 60_000);
    assert_eq!(run.cancelled, [0]);
}

#[test]
fn without_headers_in_time_the_next_model_answers() {
    let run = two().streaming().run(&[Reply::silent(), streamed("b/two", &["fine"])]);
    assert_eq!(run.outcome.report.attempts[0].failure.as_ref().map(|f| f.kind), Some(Kind::HeadersTimeout));
    assert_eq!(run.sent_at[1] - run.sent_at[0], 30_000);
}

#[test]
fn reasoning_that_was_not_requested_keeps_the_model_alive_without_committing() {
    let mut thinking = Reply::stream("");
    for _ in 0..5 {
        thinking = thinking.then(delta("a/one", json!({"reasoning": "hm"}))).then_silence(20_000);
    }
    let run =
        two().streaming().run(&[thinking.then_resets(), streamed("b/two", &["fine"]), streamed("b/two", &["fine"])]);
    assert_eq!(run.asked()[..2], [["a/one"], ["a/one"]]);
    assert_eq!(run.text, "fine");
}

#[test]
fn the_time_of_the_whole_call_ends_every_attempt() {
    let run = two().policy(json!({"timeouts": {"total": 5_000}})).run(&[Reply::silent()]);
    assert_eq!((run.kind(), run.ended), (Some(Kind::Timeout), 1_005_000));
    assert_eq!(run.cancelled, [0]);
}

#[test]
fn an_abort_ends_every_attempt_at_once() {
    let mut script = two().streaming();
    script.abort_at = Some(700);
    let run = script.run(&[Reply::stream(words("a/one", &["Hel"])).then_hangs()]);
    assert_eq!((run.kind(), run.ended, run.cancelled), (Some(Kind::Aborted), 1_000_700, vec![0]));
    assert_eq!(run.outcome.partial.as_deref(), Some("Hel"));
    assert_eq!(run.outcome.report.unsettled, ["gen-1"]);
}

#[test]
fn retries_and_fallbacks_share_one_budget() {
    let run = Script::new(&["a/1", "a/2", "a/3", "a/4"]).policy(json!({"attempts": 3})).run(&[
        Reply::status(500),
        Reply::status(500),
        Reply::status(500),
    ]);
    assert_eq!(run.asked(), [["a/1"], ["a/1"], ["a/2"]]);
    assert_eq!(run.kind(), Some(Kind::ServerError));
}

#[test]
fn if_no_answer_passes_the_rules_the_best_is_returned_and_marked() {
    let sorry = "I'm sorry, but I can't help with that.";
    let run = two().run(&[Reply::says("a/one", sorry), Reply::says("b/two", ""), Reply::says("b/two", "")]);
    assert_eq!(run.content(), sorry);
    assert!(!run.outcome.report.accepted);
    assert_eq!(run.outcome.report.model.as_deref(), Some("a/one"));
    assert_eq!(run.outcome.report.cost.map(Usd::as_f64), Some(1.5));
}

#[test]
fn the_best_of_several_refused_streams_is_yielded_whole() {
    let sorry = ["I'm sorry, ", "but I can't ", "help with that."];
    let run = two().streaming().run(&[streamed("a/one", &sorry), streamed("b/two", &sorry)]);
    assert_eq!(run.text, sorry.concat());
    assert!(!run.outcome.report.accepted && !run.outcome.report.fallback);
}

#[test]
fn an_empty_answer_is_never_the_best() {
    let empty = || Reply::says("a/one", "");
    let run = Script::new(&["a/one"]).run(&[empty(), empty()]);
    assert_eq!(run.kind(), Some(Kind::Empty));
}

#[test]
fn the_policy_can_make_a_content_filter_final() {
    let filtered = Reply::error(
        400,
        json!({"code": 400, "message": "no", "metadata": {"error_type": "content_policy_violation"}}),
    );
    let run = Script::openrouter(&["a/1", "a/2"]).policy(json!({"onContentFilter": "fail"})).run(&[filtered]);
    assert_eq!((run.kind(), run.asked()), (Some(Kind::ContentFilter), vec![vec!["a/1".to_owned()]]));
}

#[test]
fn with_assemble_a_completion_is_the_sum_of_a_stream() {
    let run = two().policy(json!({"assemble": true})).run(&[Reply::silent(), streamed("b/two", &["Hel", "lo"])]);
    assert_eq!(run.bodies()[0]["stream"], true);
    assert_eq!(run.content(), "Hello");
    assert!(run.chunks.is_empty());
    assert_eq!(run.outcome.report.cost.map(Usd::as_f64), Some(0.25));
}

#[test]
fn a_completion_in_one_piece_becomes_a_stream_for_a_caller_that_wants_one() {
    let run = two().streaming().run(&[Reply::says("a/one", "whole")]);
    assert_eq!(run.text, "whole");
    assert_eq!(run.chunks[0]["choices"][0]["delta"]["content"], "whole");
}

#[test]
fn a_malformed_event_is_skipped_and_reported() {
    let broken = Reply::stream(
        words("a/one", &["Hel"]) + "data: {\"choi\n\n" + &words("a/one", &["lo"]) + &finish("a/one", "stop"),
    );
    let run = two().streaming().run(&[broken]);
    assert_eq!(run.text, "Hello");
    assert!(run.outcome.report.warnings[0].contains("1 unreadable event"));
}

#[test]
fn a_tool_call_with_a_missing_part_is_a_failure() {
    let call = |arguments: &str| {
        delta(
            "a/one",
            json!({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": arguments}}]}),
        )
    };
    let holed = [call("{\"a\":"), "data: oops\n\n".into(), call("}"), finish("a/one", "tool_calls")].concat();
    let run = two().policy(json!({"assemble": true})).run(&[
        Reply::stream(holed.clone()),
        Reply::stream(holed),
        streamed("b/two", &["fine"]),
    ]);
    assert_eq!(run.outcome.report.attempts[0].failure.as_ref().map(|f| f.kind), Some(Kind::BadResponse));
    assert_eq!(run.content(), "fine");
}

#[test]
fn a_model_does_not_fail_because_the_page_slept() {
    let mut script = two().streaming();
    script.sleep = 3_600_000;
    let run = script.run(&[Reply::stream("").then_silence(70_000), streamed("b/two", &["fine"])]);
    assert_eq!(run.text, "fine");
    assert!(
        run.outcome.model_outcomes.iter().all(|lesson| lesson.failure.is_none()),
        "{:?}",
        run.outcome.model_outcomes
    );
}

#[test]
fn a_model_does_not_stall_because_the_reader_is_busy() {
    let mut script = two().streaming();
    script.reader_takes = 900_000;
    let run = script
        .run(&[Reply::stream(words("a/one", &["Hel"])).then(words("a/one", &["lo"])).then(finish("a/one", "stop"))]);
    assert_eq!((run.kind(), run.text.as_str()), (None, "Hello"));
}

#[test]
fn a_model_that_keeps_failing_rests_and_is_probed_by_one_call() {
    let mut script = two();
    let policy = failsoft::Policy::default();
    for call in 0..3 {
        script.start = 1_000_000 + call * 1_000;
        let run = script.run(&[Reply::status(503), Reply::says("b/two", "fine")]);
        run.outcome.record_in(&mut script.breakers, run.ended, &policy);
    }
    script.start = 1_010_000;
    let run = script.run(&[Reply::says("b/two", "fine")]);
    assert_eq!((run.asked(), run.outcome.report.dropped.len()), (vec![vec!["b/two".to_owned()]], 1));
    script.start = 1_030_000;
    let run = script.run(&[Reply::says("a/one", "back")]);
    run.outcome.record_in(&mut script.breakers, run.ended, &policy);
    assert_eq!(run.content(), "back");
}

#[test]
fn if_every_model_rests_the_call_fails_at_once_with_the_wait() {
    let mut script = Script::new(&["a/one"]);
    let run = script.run(&[Reply::status(429).header("retry-after", "30")]);
    run.outcome.record_in(&mut script.breakers, run.ended, &failsoft::Policy::default());
    script.start = run.ended + 10_000;
    let run = script.run(&[]);
    let failure = run.outcome.result.expect_err("resting");
    assert_eq!((failure.kind, failure.retry_after, failure.http_status()), (Kind::CircuitOpen, Some(20_000), 503));
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
fn a_relayed_stream_is_read_for_the_report() {
    let mut script = two().streaming();
    script.lane = Lane::Relay;
    let body = [words("a/one", &["Hel"]), words("a/one", &["lo"]), finish("a/one", "stop")];
    let reply = Reply::stream(body[0].clone()).then(body[1].clone()).then(body[2].clone());
    let run = script.run(&[reply]);
    assert_eq!(String::from_utf8_lossy(&run.relayed), body[0]);
    assert!(run.chunks.is_empty());
    assert_eq!((run.outcome.report.cost.map(Usd::as_f64), run.outcome.report.accepted), (Some(0.25), true));
}

#[test]
fn of_a_lean_stream_the_call_sees_only_the_end_and_its_cost_is_unknown() {
    let mut script = two().streaming();
    script.lane = Lane::Lean;
    let body = [words("a/one", &["Hel"]), words("a/one", &["lo"]), finish("a/one", "stop")];
    // The call does not see silence either.
    let reply = Reply::stream(body[0].clone()).then_silence(300_000).then(body[1].clone()).then(body[2].clone());
    let run = script.run(&[reply]);
    assert_eq!(String::from_utf8_lossy(&run.relayed), body.concat());
    assert!(run.chunks.is_empty() && run.kind().is_none() && run.cancelled.is_empty());
    let attempt = &run.outcome.report.attempts[0];
    assert_eq!((attempt.cost, attempt.cost_is_final, attempt.generation_id.as_deref()), (None, false, Some("gen-1")));
    assert!(run.outcome.model_outcomes[0].failure.is_none());
}

#[test]
fn a_lean_stream_that_came_whole_before_the_commit_point_reports_its_cost() {
    let mut script = two().streaming();
    script.lane = Lane::Lean;
    let run = script.run(&[streamed("a/one", &["Hello"])]);
    let attempt = &run.outcome.report.attempts[0];
    assert_eq!((attempt.cost.map(Usd::as_f64), attempt.cost_is_final), (Some(0.25), true));
}

#[test]
fn a_lean_stream_falls_back_before_its_commit_point_and_never_after() {
    let mut script = two().policy(json!({"retry": {"same": 0}})).streaming();
    script.lane = Lane::Lean;
    let run = script.run(&[Reply::status(503), streamed("b/two", &["Hello"])]);
    assert_eq!((run.sent.len(), run.kind()), (2, None));
    let broken = Reply::stream(words("a/one", &["Hel"])).then(words("a/one", &["lo"])).then_resets();
    let run = script.run(&[broken]);
    assert_eq!((run.sent.len(), run.kind()), (1, Some(Kind::Network)));
}

#[test]
fn an_edge_gets_the_whole_chain_and_its_failure_is_final() {
    let chain = ["a/1", "a/2", "a/3", "a/4", "a/5"];
    let mut script = Script { dialect: Dialect::Edge, ..Script::new(&chain) };
    script.body["failsoft"] = json!({"attempts": 2});
    let report = json!({"attempts": [{"models": ["a/1"]}, {"models": ["a/2"]}]});
    let refused = Reply::new(
        503,
        "application/json",
        json!({"error": {"message": "all failed"}, "failsoft": report}).to_string(),
    );
    let run = script.run(&[refused]);
    assert_eq!((run.asked(), run.kind()), (vec![chain.map(String::from).to_vec()], Some(Kind::Unavailable)));
    assert_eq!(run.bodies()[0]["failsoft"], json!({"attempts": 2}));
    assert_eq!(report_of(&run)["attempts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_edge_that_cannot_be_reached_is_asked_again() {
    let mut script = Script { dialect: Dialect::Edge, ..two() };
    let run = script.run(&[Reply::reset(), Reply::says("b/two", "fine")]);
    assert_eq!((run.sent.len(), run.content()), (2, "fine".to_owned()));
}

#[test]
fn the_report_of_an_edge_replaces_the_request_to_it() {
    let report = json!({"fallback": true, "accepted": true, "attempts": [{"models": ["a/one"], "failure": {"kind": "unavailable"}}, {"models": ["b/two"]}]});
    let comment = format!(": failsoft {report}\n\n");
    let stream = [comment, words("b/two", &["fine"]), finish("b/two", "stop")].concat();
    let mut script = Script { dialect: Dialect::Edge, ..two().streaming() };
    let run = script.run(&[Reply::stream(stream)]);
    let report_of = report_of(&run);
    assert_eq!(
        (report_of["fallback"].as_bool(), report_of["attempts"].as_array().map(Vec::len)),
        (Some(true), Some(2))
    );
}

#[test]
fn an_edge_runs_the_clocks_of_its_attempts() {
    let mut script = Script { dialect: Dialect::Edge, ..two().streaming() };
    let slow = Reply::stream(": failsoft keep-alive\n\n").then_silence(300_000).then(words("b/two", &["fine"]));
    let run = script.run(&[slow.then(finish("b/two", "stop")).head_after(100_000)]);
    assert_eq!((run.kind(), run.text.as_str()), (None, "fine"));
}

#[test]
fn the_best_answer_so_far_is_returned_instead_of_a_final_error() {
    let sorry = "I'm sorry, but I can't help with that.";
    for last in [Reply::status(401), Reply::status(400), Reply::silent()] {
        let run = two().policy(json!({"timeouts": {"total": 9_000}})).run(&[Reply::says("a/one", sorry), last]);
        assert_eq!((run.content().as_str(), run.outcome.report.accepted), (sorry, false));
    }
}

#[test]
fn an_error_whose_body_never_ends_is_classified_by_its_status() {
    let stuck = Reply::new(429, "application/json", "{\"error\"").then_hangs();
    let run = two().run(&[stuck, Reply::says("b/two", "fine")]);
    assert_eq!(run.outcome.report.attempts[0].failure.as_ref().map(|f| f.kind), Some(Kind::RateLimited));
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
fn a_clock_of_the_caller_opens_no_breaker() {
    for (callers_clocks, model_outcomes) in [(false, 1), (true, 0)] {
        let mut script = Script { callers_clocks, ..two().streaming().policy(json!({"timeouts": {"headers": 1}})) };
        let run = script.run(&[Reply::silent(), streamed("b/two", &["fine"]).head_after(0)]);
        assert_eq!(run.text, "fine");
        let failures = run.outcome.model_outcomes.iter().filter(|lesson| lesson.failure.is_some());
        assert_eq!(failures.count(), model_outcomes, "{callers_clocks}");
    }
}

#[test]
fn a_rule_that_is_off_does_not_hide_another() {
    let blank =
        json!({"model": "a/one", "choices": [{"index": 0, "message": {"content": " "}, "finish_reason": "length"}]});
    let mut script = two().policy(json!({"empty": "accept", "length": "next"}));
    let run = script.run(&[Reply::json(&blank), Reply::says("b/two", "fine")]);
    assert_eq!(run.content(), "fine");
}

#[test]
fn the_report_has_the_cost_so_far_of_an_aborted_answer() {
    let mut script = two().streaming();
    script.abort_at = Some(700);
    let usage = event(&json!({"id": "gen-1", "model": "a/one", "choices": [], "usage": {"cost": 0.25}}));
    let run = script.run(&[Reply::stream(usage).then_hangs()]);
    let row = &run.outcome.report.attempts[0];
    assert_eq!((run.kind(), row.model.as_deref()), (Some(Kind::Aborted), Some("a/one")));
    assert_eq!((row.generation_id.as_deref(), row.cost.map(Usd::as_f64)), (Some("gen-1"), Some(0.25)));
    assert_eq!(run.outcome.report.cost.map(Usd::as_f64), Some(0.25));
}

#[test]
fn an_abort_right_after_a_failure_still_closes_the_failed_attempt() {
    let mut call = two().streaming().call();
    let Action::Send { attempt, .. } = call.poll(1_000_000) else { panic!("nothing was sent") };
    let headers: Headers = [("content-type", "text/event-stream")].into_iter().collect();
    call.handle(1_000_010, Input::Head { attempt, status: 200, headers });
    let failed = event(&json!({"error": {"code": 503, "message": "x"}, "choices": []}));
    call.handle(1_000_020, Input::Bytes { attempt, bytes: failed.as_bytes() });
    call.handle(1_000_020, Input::Aborted);
    assert!(matches!(call.poll(1_000_020), Action::Cancel { attempt: 0 }));
    let Action::Done(outcome) = call.poll(1_000_020) else { panic!("the call goes on") };
    assert_eq!(outcome.result.err().map(|failure| failure.kind), Some(Kind::Aborted));
}

#[test]
fn after_an_abort_before_the_judge_is_asked_there_is_nothing_to_close() {
    let mut call = two().policy(json!({"judge": {"model": "j/judge"}})).call();
    let Action::Send { attempt, .. } = call.poll(1_000_000) else { panic!("nothing was sent") };
    let headers: Headers = [("content-type", "application/json")].into_iter().collect();
    call.handle(1_000_010, Input::Head { attempt, status: 200, headers });
    call.handle(1_000_020, Input::Bytes { attempt, bytes: br#"{"choices": [{"message": {"content": "x"}}]}"# });
    call.handle(1_000_020, Input::End { attempt });
    call.handle(1_000_020, Input::Aborted);
    let Action::Done(outcome) = call.poll(1_000_020) else { panic!("the call goes on") };
    assert_eq!(outcome.report.attempts.len(), 1);
}

#[test]
fn a_whole_answer_is_not_lost_while_its_connection_stays_open() {
    let mut script = two().streaming().policy(json!({"timeouts": {"total": 100}}));
    let run = script.run(&[streamed("a/one", &["fine"]).then_hangs()]);
    assert_eq!((run.kind(), run.ended), (None, 1_000_100));
    assert_eq!(run.text, "fine");
}

#[test]
fn a_date_is_compared_with_the_wall_time_not_with_the_clock_of_the_call() {
    let mut script = Script { start: 1_795_348_800_000, sleep: 3_600_000, ..Script::new(&["a/one"]) };
    let ended = script.start + 12 + 1_000 + script.sleep + 12;
    let until = (ended + 9_000).to_string();
    let run = script
        .run(&[Reply::status(429).header("retry-after", "1"), Reply::status(429).header("x-ratelimit-reset", &until)]);
    assert_eq!(run.ended, ended);
    assert_eq!(run.outcome.result.expect_err("nobody answered").retry_after, Some(9_000));
}
