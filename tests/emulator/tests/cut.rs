//! Bytes that end too early, and connections that break.

mod support;

use failsoft_emulator::Outcome;
use serde_json::{Value, json};
use support::*;

#[test]
fn a_clean_cut_ends_at_its_byte_with_the_terminator_and_a_hard_one_without() {
    let emulator = emulator();
    for (name, terminated) in [("cut", true), ("cut-hard", false)] {
        for at in [1, 27, 400, 901] {
            let reply = stream(&emulator, &format!("fault/{name}-{at}"));
            let chunks = reply.chunked();
            assert_eq!(chunks.chunks.concat().len(), at, "{name}-{at}");
            assert_eq!(chunks.terminated, terminated, "{name}-{at}");
            assert_eq!(reply.end, End::Closed, "{name}-{at}");
            assert_eq!(reply.header("connection"), Some("close"));
        }
    }
}

#[test]
fn a_cut_without_a_number_falls_in_the_middle_of_the_answer() {
    let emulator = emulator();
    for name in ["cut", "cut-hard"] {
        let reply = stream(&emulator, &format!("fault/{name}"));
        let body = String::from_utf8_lossy(&reply.body()).into_owned();
        assert!(body.contains("word3"), "{name}");
        assert!(!body.contains("word12") && !body.contains("[DONE]"), "{name}");
    }
}

#[test]
fn a_json_answer_is_cut_short_of_its_content_length() {
    let emulator = emulator();
    for (name, length) in [("cut-20", 20), ("cut-hard-33", 33)] {
        let reply = complete(&emulator, &format!("fault/{name}"));
        let promised: usize = reply.header("content-length").expect("a length").parse().expect("a number");
        assert_eq!(reply.raw.len(), length, "{name}");
        assert!(promised > length, "{name}");
        assert_eq!(reply.end, End::Closed, "{name}");
    }
}

#[test]
fn a_reset_comes_before_the_head_after_it_or_in_the_body() {
    for streamed in [true, false] {
        let emulator = emulator();
        let request = if streamed { stream } else { complete };
        let before = request(&emulator, "fault/reset");
        assert_eq!((before.status, before.end), (None, End::Reset));
        let after = request(&emulator, "fault/reset-after-headers");
        assert_eq!((after.status, after.raw.len(), after.end), (Some(200), 0, End::Reset));
        let inside = request(&emulator, "fault/reset-mid-body-321");
        let length = if streamed { inside.body().len() } else { inside.raw.len() };
        assert_eq!((length, inside.end), (321, End::Reset));
        assert!(emulator.log().iter().all(|entry| entry.outcome == Outcome::Faulted));
    }
}

#[test]
fn a_break_of_the_connection_is_not_announced_and_an_orderly_end_is() {
    let emulator = emulator();
    let cases = [("cut-hard", "keep-alive"), ("reset-mid-body", "keep-alive"), ("cut", "close"), ("empty", "close")];
    for (name, announced) in cases {
        let mut connection = connect(&emulator);
        send_chat(&mut connection, &body(&format!("fault/{name}"), "words:12", json!({ "stream": true })));
        assert_eq!(read_to_end(&mut connection).header("connection"), Some(announced), "{name}");
    }
}

#[test]
fn a_cut_in_an_event_ends_inside_a_data_line() {
    let text = stream(&emulator(), "fault/cut-mid-event").text();
    let last = text.rsplit("\n\n").next().expect("a last piece");
    assert!(last.starts_with("data: {"), "{last}");
    assert!(serde_json::from_str::<Value>(last.trim_start_matches("data: ")).is_err());
}

#[test]
fn a_cut_in_a_character_leaves_two_of_its_four_bytes() {
    let emulator = emulator();
    for (streamed, reply) in
        [(true, stream(&emulator, "fault/cut-mid-character")), (false, complete(&emulator, "fault/cut-mid-character"))]
    {
        let body = if streamed { reply.body() } else { reply.raw.clone() };
        assert_eq!(&body[body.len() - 2..], &"🦀".as_bytes()[..2], "streamed: {streamed}");
        let error = std::str::from_utf8(&body).expect_err("half a character");
        assert_eq!((error.valid_up_to(), error.error_len()), (body.len() - 2, None));
    }
}

#[test]
fn a_cut_after_the_finish_has_no_usage_and_a_missing_done_has_everything_else() {
    let emulator = emulator();
    let cut = stream(&emulator, "fault/cut-after-finish");
    assert_eq!(cut.content(), WORDS);
    let last = cut.chunk_jsons().pop().expect("a chunk");
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert!(cut.chunked().terminated && !cut.text().contains("usage"));
    let missing = stream(&emulator, "fault/missing-done");
    assert!(missing.text().contains("usage") && !missing.text().contains("[DONE]"));
    assert!(complete(&emulator, "fault/cut-after-finish").json().get("usage").is_none());
}
