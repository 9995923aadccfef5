//! What follows each failure: the same model again, the next model, or the end of the call.

use failsoft::{Dialect, Kind, Upstream};
use serde_json::json;

use crate::reply::Reply;
use crate::script::Script;
use crate::two;

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
        let reported = run.failure_of(0);
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
fn a_date_is_compared_with_the_wall_time_not_with_the_clock_of_the_call() {
    let mut script = Script { start: 1_795_348_800_000, sleep: 3_600_000, ..Script::new(&["a/one"]) };
    let ended = script.start + 12 + 1_000 + script.sleep + 12;
    let until = (ended + 9_000).to_string();
    let run = script
        .run(&[Reply::status(429).header("retry-after", "1"), Reply::status(429).header("x-ratelimit-reset", &until)]);
    assert_eq!(run.ended, ended);
    assert_eq!(run.outcome.result.expect_err("nobody answered").retry_after, Some(9_000));
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
fn the_policy_can_make_a_content_filter_final() {
    let filtered = Reply::error(
        400,
        json!({"code": 400, "message": "no", "metadata": {"error_type": "content_policy_violation"}}),
    );
    let run = Script::openrouter(&["a/1", "a/2"]).policy(json!({"onContentFilter": "fail"})).run(&[filtered]);
    assert_eq!((run.kind(), run.asked()), (Some(Kind::ContentFilter), vec![vec!["a/1".to_owned()]]));
}

#[test]
fn an_error_whose_body_never_ends_is_classified_by_its_status() {
    let stuck = Reply::new(429, "application/json", "{\"error\"").then_hangs();
    let run = two().run(&[stuck, Reply::says("b/two", "fine")]);
    assert_eq!(run.failure_of(0), Some(Kind::RateLimited));
}

#[test]
fn without_credit_the_call_moves_to_another_upstream() {
    let mut other = Upstream::new(Dialect::OpenAi, "https://other.example/v1", Some("sk-other".into()));
    other.models = vec!["two".into()];
    let mut script = Script::openrouter(&["a/one", "b/two"]);
    script.others = vec![other];
    let run = script.run(&[Reply::status(402), Reply::says("two", "fine")]);
    assert_eq!(run.asked(), [vec!["a/one", "b/two"], vec!["two"]]);
    assert_eq!(run.sent[1].url, "https://other.example/v1/chat/completions");
    let keys: Vec<&str> = run
        .sent
        .iter()
        .flat_map(|sent| &sent.headers)
        .filter(|(name, _)| *name == "authorization")
        .map(|(_, key)| key.as_str())
        .collect();
    assert_eq!(keys, ["Bearer sk-test", "Bearer sk-other"]);
    assert!(run.outcome.report.fallback);
}

/// The upstream of the script, with the key before the last rotation.
fn spare() -> Upstream {
    Upstream { is_spare: true, ..Upstream::new(Dialect::OpenAi, "https://upstream.example/v1", Some("sk-old".into())) }
}

#[test]
fn a_spare_key_is_used_when_the_new_one_is_refused_and_only_then() {
    let refused = Reply::error(401, json!({"message": "Incorrect API key provided", "code": "invalid_api_key"}));
    let mut script = two();
    script.others = vec![spare()];
    let run = script.run(&[refused.clone(), Reply::says("a/one", "x")]);
    let keys: Vec<_> = run.sent.iter().map(|request| format!("{:?}", request.headers)).collect();
    assert!(keys[0].contains("sk-test") && keys[1].contains("sk-old"), "{keys:?}");
    assert_eq!((run.content().as_str(), run.asked()), ("x", vec![vec!["a/one".to_owned()], vec!["a/one".to_owned()]]));
    let run = script.run(&[refused.clone(), refused]);
    assert_eq!((run.kind(), run.sent.len()), (Some(Kind::Unauthorized), 2));
    let mut script = two().policy(json!({"retry": {"same": 0}}));
    script.others = vec![spare()];
    let run = script.run(&[Reply::status(503), Reply::status(503)]);
    assert_eq!(run.asked(), [vec!["a/one"], vec!["b/two"]], "a model that fails is not asked again with the other key");
}
