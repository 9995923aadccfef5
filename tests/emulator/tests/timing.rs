//! Answers that do not end by themselves, and clients that leave.

mod support;

use std::io::{ErrorKind, Read};

use failsoft_emulator::{Condition, Outcome};
use serde_json::json;
use support::*;

const CLIENT_GONE: Condition = Condition::Outcome(Outcome::ClientGone);

/// Fault, streamed, a text that arrives, a text that never arrives.
const ENDLESS: &[(&str, bool, &str, &str)] = &[
    ("slow-headers", true, "", "HTTP"),
    ("slow-headers", false, "", "HTTP"),
    ("slow-headers-600000", false, "", "HTTP"),
    ("slow-first-token", true, "PROCESSING", "choices"),
    ("slow-first-token", false, "", "HTTP"),
    ("slow-first-token-600000", true, "PROCESSING", "choices"),
    ("comments-only", true, "PROCESSING", "choices"),
    ("comments-only", false, "", "HTTP"),
    ("stall", true, "\" word3\"", "héllo"),
    ("stall-1", true, "\"word1\"", "word2"),
    ("stall-0", true, "\"role\"", "word1"),
    ("stall", false, "\"id\"", "completion_tokens_details"),
    ("stall-comments-2", true, "\" word2\"", "word3"),
    ("never-ending", true, "\" more\"", "finish_reason\":\"stop"),
    ("never-ending", false, "", "HTTP"),
];

#[test]
fn an_endless_answer_stays_open_until_the_client_leaves_and_the_log_shows_that() {
    for (name, streamed, comes, never) in ENDLESS {
        let emulator = emulator();
        let mut connection = connect(&emulator);
        send_chat(&mut connection, &body(&format!("fault/{name}"), "words:12", json!({ "stream": streamed })));
        let seen = read_until(&mut connection, comes);
        assert!(!seen.contains(never), "{name}: {seen}");
        assert_eq!(wait(&emulator, 1, Condition::Arrived).outcome, Outcome::Pending, "{name}");
        drop(connection);
        let entry = wait(&emulator, 1, CLIENT_GONE);
        assert!(entry.finished_at_ms >= Some(entry.at_ms), "{name}");
    }
}

#[test]
fn a_stall_with_comments_sends_comments_after_its_words_and_a_stall_sends_nothing() {
    let emulator = emulator();
    let mut alive = connect(&emulator);
    send_chat(&mut alive, &body("fault/stall-comments-1", "words:12", json!({ "stream": true })));
    read_until(&mut alive, "\"word1\"");
    let later = read_until(&mut alive, "PROCESSING");
    assert!(!later.contains("word2"));

    let mut silent = connect(&emulator);
    send_chat(&mut silent, &body("fault/stall-1", "words:12", json!({ "stream": true })));
    read_until(&mut silent, "\"word1\"");
    silent.set_nonblocking(true).expect("a socket");
    // The rest of this event's chunk may still arrive, but no other event.
    let mut rest = Vec::new();
    let error = silent.read_to_end(&mut rest).expect_err("an open connection");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(!String::from_utf8_lossy(&rest).contains("data:"));
}

#[test]
fn a_slow_start_with_a_number_ends_in_a_whole_answer() {
    let emulator = emulator();
    for name in ["slow-headers-5", "slow-first-token-250"] {
        let reply = stream(&emulator, &format!("fault/{name}"));
        assert_eq!(reply.content(), WORDS, "{name}");
        assert!(reply.chunked().terminated, "{name}");
        let reply = complete(&emulator, &format!("fault/{name}"));
        assert_eq!(reply.json()["choices"][0]["message"]["content"], WORDS, "{name}");
    }
    let comments = stream(&emulator, "fault/slow-first-token-250").text().matches("PROCESSING").count();
    assert_eq!(comments, 3);
}

#[test]
fn a_slow_answer_ends_when_the_client_leaves() {
    let emulator = emulator();
    let mut connection = connect(&emulator);
    send_chat(&mut connection, &body("openai/gpt-4o", "pace:600000 hello", json!({ "stream": true })));
    let seen = read_until(&mut connection, "\"role\"");
    assert!(!seen.contains("says"));
    drop(connection);
    wait(&emulator, 1, CLIENT_GONE);
}
