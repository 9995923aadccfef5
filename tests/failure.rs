//! The errors of upstreams in every known shape, and their kinds.

use failsoft::failure::{classify, in_answer};
use failsoft::{Failure, Headers, Json, Kind};
use serde_json::{Value, json};

/// Sunday, 22 November 2026, 12:00:00 UTC.
const NOW: u64 = 1_795_348_800_000;

fn failed(status: u16, error: Value) -> Box<Failure> {
    classify(status, &Headers::default(), json!({ "error": error, "user_id": "user_x" }).to_string().as_bytes(), NOW)
}

#[test]
fn availability_decides_before_the_status_and_retryable_before_everything() {
    for (status, availability, kind) in [
        (400, json!({"code": "model_not_found", "retryable": false}), Kind::UnknownModel),
        (400, json!({"code": "wrong_endpoint", "retryable": false}), Kind::NoEndpoint),
        (404, json!({"code": "no_endpoints", "retryable": false}), Kind::NoEndpoint),
        (404, json!({"code": "model_deprecated", "retryable": false}), Kind::UnknownModel),
        (404, json!({"code": "model_unavailable_upstream", "retryable": false}), Kind::NoEndpoint),
        (404, json!({"code": "free_variant_ended", "retryable": false}), Kind::UnknownModel),
        (404, json!({"code": "privacy_restricted", "retryable": false}), Kind::NoEndpoint),
        (403, json!({"code": "region_restricted", "retryable": false}), Kind::NoEndpoint),
        (404, json!({"code": "constraint_filtered", "excluded_by": ["max_price"]}), Kind::NoEndpoint),
        (404, json!({"code": "constraint_filtered", "excluded_by": ["context_length"]}), Kind::ContextLength),
        (429, json!({"code": "capacity_exhausted", "retryable": true}), Kind::RateLimited),
        (503, json!({"code": "temporarily_unavailable", "retryable": true}), Kind::Unavailable),
        (503, json!({"code": "temporarily_unavailable", "retryable": false}), Kind::NoEndpoint),
        (404, json!({"code": "model_unavailable_upstream", "retryable": true}), Kind::Unavailable),
        (404, json!({"code": "a_code_of_next_year", "retryable": true}), Kind::Unavailable),
        (404, json!({"code": "a_code_of_next_year", "retryable": false}), Kind::NoEndpoint),
    ] {
        let error = json!({"code": status, "message": "no", "availability": availability});
        assert_eq!(failed(status, error.clone()).kind, kind, "{error}");
    }
}

#[test]
fn an_error_type_decides_wherever_it_is() {
    for (name, kind) in [
        ("invalid_request", Kind::InvalidRequest),
        ("invalid_prompt", Kind::InvalidRequest),
        ("context_length_exceeded", Kind::ContextLength),
        ("max_tokens_exceeded", Kind::ContextLength),
        ("token_limit_exceeded", Kind::ContextLength),
        ("string_too_long", Kind::InvalidRequest),
        ("content_policy_violation", Kind::ContentFilter),
        ("refusal", Kind::ContentFilter),
        ("image_too_large", Kind::InvalidRequest),
        ("authentication", Kind::Unauthorized),
        ("payment_required", Kind::PaymentRequired),
        ("permission_denied", Kind::Forbidden),
        ("not_found", Kind::NoEndpoint),
        ("precondition_failed", Kind::InvalidRequest),
        ("payload_too_large", Kind::InvalidRequest),
        ("unprocessable", Kind::InvalidRequest),
        ("rate_limit_exceeded", Kind::RateLimited),
        ("server", Kind::ServerError),
        ("unmapped", Kind::ServerError),
        ("provider_unavailable", Kind::ServerError),
        ("provider_overloaded", Kind::Unavailable),
        ("timeout", Kind::Unavailable),
    ] {
        let places = [
            json!({"message": "m", "metadata": {"error_type": name}}),
            json!({"message": "m", "error_type": name}),
            json!({"message": "m", "code": name}),
        ];
        for error in places {
            assert_eq!(in_answer(Json::parse(&error.to_string()).expect("JSON"), NOW).kind, kind, "{error}");
            let status = if kind == Kind::InvalidRequest { 400 } else { 500 };
            assert_eq!(failed(status, error.clone()).kind, kind, "{error} with status {status}");
        }
    }
}

#[test]
fn a_redirect_is_no_fault_of_the_caller_whatever_its_text_says() {
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for body in ["", "<html><title>Moved</title></html>", r#"{"error":{"message":"invalid request","code":400}}"#] {
            let failure = classify(status, &Headers::default(), body.as_bytes(), NOW);
            assert_eq!((failure.kind, failure.status), (Kind::Unavailable, Some(status)), "{status} {body}");
        }
    }
}

#[test]
fn other_apis_and_bare_messages_are_understood() {
    for (status, error, kind) in [
        (
            404,
            json!({"message": "The model `gpt-9` does not exist", "type": "invalid_request_error", "code": "model_not_found"}),
            Kind::UnknownModel,
        ),
        (400, json!({"message": "anthropic/claude-opus-4-7 is not a valid model ID", "code": 400}), Kind::UnknownModel),
        (404, json!({"message": "No endpoints found for x/y.", "code": 404}), Kind::NoEndpoint),
        (
            400,
            json!({"message": "This model's maximum context length is 8192 tokens", "type": "invalid_request_error", "code": null}),
            Kind::ContextLength,
        ),
        (
            400,
            json!({"message": "Unsupported parameter", "type": "invalid_request_error", "code": "unsupported_parameter"}),
            Kind::NoEndpoint,
        ),
        (
            429,
            json!({"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
            Kind::PaymentRequired,
        ),
        (529, json!({"type": "overloaded_error", "message": "Overloaded"}), Kind::Unavailable),
        (400, json!({"message": "x", "code": "content_filter"}), Kind::ContentFilter),
        (401, json!({"message": "No cookie auth credentials found", "code": 401}), Kind::Unauthorized),
        (520, json!("plain words"), Kind::ServerError),
        (418, json!(null), Kind::InvalidRequest),
    ] {
        assert_eq!(failed(status, error.clone()).kind, kind, "{error}");
    }
}

#[test]
fn a_limit_is_classified_by_its_source() {
    for (status, metadata, kind) in [
        (402, json!({"limit_source": "openrouter_in_flight_budget"}), Kind::InFlightBudget),
        (402, json!({"reason": "in_flight_budget_exhausted"}), Kind::InFlightBudget),
        (402, json!({"reason": "weight_exceeds_budget"}), Kind::PaymentRequired),
        (402, json!({"limit_source": "openrouter_credits"}), Kind::PaymentRequired),
        (403, json!({"limit_source": "openrouter_key_limit"}), Kind::PaymentRequired),
        (403, json!({"limit_source": "openrouter_workspace_budget", "limit_usd": 5}), Kind::PaymentRequired),
        (403, json!({"limit_source": "openrouter_guardrail_budget"}), Kind::PaymentRequired),
        (403, json!({"patterns": ["secret"]}), Kind::Forbidden),
        (403, json!({"flagged_input": "…", "reasons": ["violence"], "provider_name": "P"}), Kind::ContentFilter),
    ] {
        let error = json!({"code": status, "message": "no", "metadata": metadata});
        assert_eq!(failed(status, error.clone()).kind, kind, "{error}");
    }
}

#[test]
fn retry_after_is_read_in_every_place_and_form() {
    let header =
        |name: &str, value: &str| classify(429, &[(name, value)].into_iter().collect(), b"{}", NOW).retry_after;
    let body = |error: Value| failed(429, error).retry_after;
    for (found, millis) in [
        (header("Retry-After", "3"), 3_000),
        (header("retry-after", " 1.5 "), 1_500),
        (header("retry-after", "Sun, 22 Nov 2026 12:00:07 GMT"), 7_000),
        (header("retry-after", "Sun, 22 Nov 2026 11:59:00 GMT"), 0),
        (header("retry-after-ms", "250"), 250),
        (header("retry-after-ms", "36000000.5"), 36_000_000),
        (header("x-ratelimit-reset", "1795348812000"), 12_000),
        (header("x-ratelimit-reset", "1795348812"), 12_000),
        (header("x-ratelimit-reset", "30"), 30_000),
        (header("x-ratelimit-reset-tokens", "7.66s"), 7_660),
        (header("x-ratelimit-reset-requests", "2m59.56s"), 179_560),
        (header("x-rate-limit-reset-tokens", "55"), 55_000),
        (header("anthropic-ratelimit-requests-reset", "2026-11-22T12:00:09Z"), 9_000),
        (header("anthropic-ratelimit-tokens-reset", "2026-11-22T13:00:09.250+01:00"), 9_250),
        (header("ratelimit-reset", "12"), 12_000),
        (header("retry-after", "1.5s"), 1_500),
        (header("x-ms-retry-after-ms", "800"), 800),
        (body(json!({"availability": {"code": "capacity_exhausted", "retry_after": 4}})), 4_000),
        (body(json!({"metadata": {"retry_after_seconds": 5}})), 5_000),
        (body(json!({"metadata": {"headers": {"Retry-After": "6"}}})), 6_000),
        (body(json!({"metadata": {"headers": {"X-RateLimit-Reset": "1795348808000"}}})), 8_000),
        (header("retry-after", "99999999"), 24 * 60 * 60 * 1_000),
        (
            body(
                json!({"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"}]}),
            ),
            34_075,
        ),
        (body(json!({"details": [{"retryDelay": {"seconds": 3, "nanos": 0}}]})), 3_000),
        (body(json!({"retry_after_ms": 1_250})), 1_250),
        (body(json!({"retryAfter": "2"})), 2_000),
        (body(json!({"type": "usage_limit_reached", "resets_at": 1_795_348_830})), 30_000),
        (body(json!({"message": "Please try again in 6m0s."})), 360_000),
        (
            body(
                json!({"message": "Rate limit reached: Limit 30000, Used 29000. Please try again in 250ms. Visit us."}),
            ),
            250,
        ),
        (body(json!({"message": "Please retry after 3 seconds."})), 3_000),
        (body(json!({"message": "Too many requests, please wait 2 minutes and 5 seconds"})), 120_000),
        (body(json!({"message": "{\"error\":{\"message\":\"You can retry in 1 hour\"}}"})), 3_600_000),
        (body(json!({"metadata": {"raw": "Your limit resets in 45 sec"}})), 45_000),
    ] {
        assert_eq!(found, Some(millis));
    }
    assert_eq!(header("retry-after", "soon"), None);
    assert_eq!(header("retry-after", "-1"), None);
    assert_eq!(body(json!({"message": "The request timed out after 60 seconds"})), None);
    assert_eq!(body(json!({"message": "at most 5 requests in 10 s"})), None);
}

#[test]
fn of_several_limits_the_exhausted_one_decides() {
    for (headers, wait) in [
        (
            [
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-remaining-tokens", "5800"),
                ("x-ratelimit-reset-requests", "1m30s"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
            90_000,
        ),
        (
            [
                ("x-ratelimit-reset-tokens", "76ms"),
                ("x-ratelimit-reset-requests", "1m30s"),
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-remaining-requests", "12"),
            ],
            76,
        ),
        (
            [
                ("anthropic-ratelimit-requests-remaining", "49"),
                ("anthropic-ratelimit-requests-reset", "2026-11-22T12:00:01Z"),
                ("anthropic-ratelimit-input-tokens-remaining", "0"),
                ("anthropic-ratelimit-input-tokens-reset", "2026-11-22T12:00:40Z"),
            ],
            40_000,
        ),
        (
            [
                ("x-ratelimit-remaining-tokens-minute", "0"),
                ("x-ratelimit-reset-tokens-minute", "11.4"),
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "3s"),
            ],
            11_400,
        ),
    ] {
        let headers: Headers = headers.into_iter().collect();
        assert_eq!(classify(429, &headers, b"{}", NOW).retry_after, Some(wait), "{headers:?}");
    }
}

#[test]
fn the_header_comes_before_the_body() {
    let headers: Headers = [("retry-after", "1")].into_iter().collect();
    let body = json!({"error": {"code": 429, "message": "m", "availability": {"code": "capacity_exhausted", "retry_after": 9}}});
    assert_eq!(classify(429, &headers, body.to_string().as_bytes(), NOW).retry_after, Some(1_000));
}

#[test]
fn an_error_for_a_client_has_openais_shape_with_a_string_code_and_no_user_id() {
    let shown = failed(429, json!({"code": 429, "message": "slow down"})).to_openai();
    let error: Value = serde_json::from_str(&shown).expect("an error is JSON");
    assert_eq!((&error["code"], &error["type"]), (&json!("429"), &json!("rate_limit_error")));
    assert!(!shown.contains("user_x"));
}
