//! Errors before the first token.

mod support;

use serde_json::{Value, json};
use support::*;

/// Fault, status, a path in the body, the value at the path, Retry-After.
type Case = (&'static str, u16, &'static str, Value, Option<&'static str>);

fn cases() -> Vec<Case> {
    vec![
        ("rate-limited", 429, "/error/availability/code", json!("capacity_exhausted"), None),
        ("rate-limited-7", 429, "/error/availability/retry_after", json!(7), Some("7")),
        ("rate-limited-legacy", 429, "/error/metadata/headers/Retry-After", json!("2"), None),
        ("rate-limited-once", 429, "/error/availability/retry_after", json!(1), Some("1")),
        ("in-flight-budget-3", 402, "/error/metadata/limit_source", json!("openrouter_in_flight_budget"), Some("3")),
        ("no-credits", 402, "/error/metadata/limit_source", json!("openrouter_credits"), None),
        ("key-limit", 403, "/error/metadata/limit_source", json!("openrouter_key_limit"), None),
        ("guardrail", 403, "/error/metadata/patterns/0", json!("emulated-pattern"), None),
        ("moderation", 403, "/error/metadata/flagged_input", json!("words:12"), None),
        ("unauthorized", 401, "/error/code", json!(401), None),
        ("bad-request", 400, "/error/metadata/error_type", json!("invalid_request"), None),
        ("context-length", 400, "/error/metadata/error_type", json!("context_length_exceeded"), None),
        ("content-policy", 400, "/error/metadata/error_type", json!("content_policy_violation"), None),
        ("not-found", 404, "/error/availability/code", json!("no_endpoints"), None),
        ("deprecated", 404, "/error/availability/fallback_models/0", json!("openai/gpt-4o-mini"), None),
        ("unknown-model", 400, "/error/message", json!("fault/unknown-model is not a valid model ID"), None),
        ("timeout-408", 408, "/error/code", json!(408), None),
        ("precondition", 412, "/error/metadata/error_type", json!("precondition_failed"), None),
        ("too-large", 413, "/error/metadata/error_type", json!("payload_too_large"), None),
        ("unprocessable", 422, "/error/metadata/error_type", json!("unprocessable"), None),
        ("server-error", 500, "/error/metadata/error_type", json!("server"), None),
        ("server-error-once", 500, "/error/metadata/error_type", json!("server"), None),
        ("bad-gateway", 502, "/error/metadata/error_type", json!("provider_unavailable"), None),
        ("unavailable", 503, "/error/availability/retryable", json!(true), None),
        ("unavailable-4", 503, "/error/availability/retry_after", json!(4), Some("4")),
        ("unavailable-not-retryable", 503, "/error/availability/retryable", json!(false), None),
        ("gateway-timeout", 504, "/error/metadata/error_type", json!("timeout"), None),
        ("overloaded", 529, "/error/metadata/error_type", json!("provider_overloaded"), None),
        ("string-code", 500, "/error/code", json!("server_error"), None),
        ("quoted-no-money", 400, "/error/message", json!("Provider returned error"), None),
        ("quoted-bad-key", 400, "/error/message", json!("Provider returned error"), None),
        ("quoted-model-asks", 400, "/error/message", json!("Provider returned error"), None),
        ("quoted-broken-call", 400, "/error/message", json!("Provider returned error"), None),
        (
            "quoted-not-loaded",
            400,
            "/error/metadata/raw",
            json!(r#"{"error":"Failed to load model \"m\". Error: Operation canceled."}"#),
            None,
        ),
        ("quoted-safety", 403, "/error/code", json!(403), None),
    ]
}

#[test]
fn an_http_error_has_its_status_format_and_retry_after_streamed_or_not() {
    for streamed in [false, true] {
        let emulator = emulator();
        for (name, status, pointer, expected, retry_after) in cases() {
            let body = body(&format!("fault/{name}"), "words:12", json!({ "stream": streamed }));
            let reply = chat(&emulator, &body);
            assert_eq!(reply.status, Some(status), "{name}");
            assert_eq!(reply.json().pointer(pointer), Some(&expected), "{name}: {}", reply.json());
            assert_eq!(reply.header("retry-after"), retry_after, "{name}");
            assert_eq!(reply.header("content-type"), Some("application/json"), "{name}");
            assert_eq!(reply.header("connection"), Some("close"), "{name}");
            assert_eq!(reply.header("content-length"), Some(reply.raw.len().to_string().as_str()), "{name}");
        }
    }
}

#[test]
fn a_rate_limit_with_a_date_names_a_date_in_the_future() {
    let emulator = emulator();
    let reply = complete(&emulator, "fault/rate-limited-date-90");
    let parse = |name| httpdate::parse_http_date(reply.header(name).expect("a header")).expect("an HTTP date");
    let ahead = parse("retry-after").duration_since(parse("date")).expect("later than now").as_secs();
    assert!((89..=90).contains(&ahead), "{ahead}");
}

#[test]
fn cloudflare_and_a_proxy_answer_with_a_page() {
    for (fault, status, start) in [
        ("cloudflare-524", 524, "<!DOCTYPE html>"),
        ("bad-gateway-page", 502, "<html>"),
        ("challenge-page", 403, "<!DOCTYPE html>"),
    ] {
        let reply = complete(&emulator(), &format!("fault/{fault}"));
        assert_eq!(reply.status, Some(status));
        assert!(reply.header("content-type").is_some_and(|value| value.starts_with("text/html")));
        assert!(reply.raw.starts_with(start.as_bytes()));
    }
}

#[test]
fn a_fault_that_happens_once_happens_once_per_key_and_again_after_the_log_is_cleared() {
    for name in ["rate-limited-once", "server-error-once", "empty-once"] {
        let emulator = emulator();
        let is_healthy = |key: &str| {
            let body = body(&format!("fault/{name}"), "hello", json!({}));
            let reply = chat_with(&emulator, &format!("authorization: Bearer {key}\r\n"), &body);
            let text = reply.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
            text.ends_with("hello")
        };
        assert_eq!(
            [is_healthy("a"), is_healthy("a"), is_healthy("b"), is_healthy("b")],
            [false, true, false, true],
            "{name}"
        );
        emulator.clear();
        assert!(!is_healthy("a"), "{name}");
    }
}

#[test]
fn an_invalid_request_is_refused_before_any_model_is_tried() {
    let emulator = emulator();
    let four = json!({ "models": ["openai/gpt-4o", "openai/gpt-4o-mini", "test/tiny", "fault/empty"] });
    let cases = [
        (json!({ "messages": [] }), 400, "Input required"),
        (four, 400, "'models' array must have 3 items or fewer"),
        (json!({ "model": "anthropic/claude-opus-4-7" }), 400, "anthropic/claude-opus-4-7 is not a valid model ID"),
        (json!({ "models": ["openai/gpt-4o", "nobody/nothing"] }), 400, "nobody/nothing is not a valid model ID"),
        (json!({ "models": ["openai/gpt-4o", "fault/unknown-model"] }), 400, "is not a valid model ID"),
        (json!({ "provider": { "allow_fallback": true } }), 400, "Unrecognized key"),
        (json!({ "temperature": 2.5 }), 400, "temperature"),
        (json!({ "reasoning": { "effort": "low" }, "reasoning_effort": "high" }), 400, "must not conflict"),
    ];
    for (extra, status, message) in cases {
        let reply = chat(&emulator, &body("openai/gpt-4o", "hello", extra.clone()));
        assert_eq!(reply.status, Some(status), "{extra}");
        let text = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains(message), "{extra}: {text}");
        assert!(reply.json()["error"].get("availability").is_none());
    }
    assert!(emulator.log().iter().all(|entry| entry.models.is_empty()));
}

#[test]
fn every_key_is_accepted_except_the_bad_ones() {
    let emulator = emulator();
    let cases = [
        ("", 401),
        ("authorization: Bearer \r\n", 401),
        ("authorization: Basic abc\r\n", 401),
        ("authorization: Bearer sk-or-invalid\r\n", 401),
        ("authorization: Bearer sk-or-no-credits\r\n", 402),
        ("authorization: Bearer anything\r\n", 200),
    ];
    for (header, status) in cases {
        let reply = chat_with(&emulator, header, &body("openai/gpt-4o", "hello", json!({})));
        assert_eq!(reply.status, Some(status), "{header}");
    }
}

#[test]
fn a_prompt_that_does_not_fit_names_the_limit_and_what_was_requested() {
    let emulator = emulator();
    let fits = body("test/tiny", &"x".repeat(2_000), json!({ "max_tokens": 500 }));
    assert_eq!(chat(&emulator, &fits).status, Some(200));
    let reply = chat(&emulator, &body("test/tiny", &"x".repeat(2_004), json!({ "max_tokens": 500 })));
    assert_eq!(reply.status, Some(400));
    let error = &reply.json()["error"];
    assert_eq!(error["metadata"]["error_type"], "context_length_exceeded");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("1000 tokens") && message.contains("1001 tokens"), "{message}");
}
