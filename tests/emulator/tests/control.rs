//! The log, the scripts, the listings, the connections, and the start and end of a server.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use failsoft_emulator::{Condition, Emulator, FAULTS, Options, Outcome, ScriptError};
use serde_json::{Value, json};
use support::*;

#[test]
fn the_log_shows_every_request_as_it_was_sent() {
    let emulator = emulator();
    let request = body("openai/gpt-4o", "hello", json!({}));
    let reply = chat_with(&emulator, "authorization: Bearer sk-or-test\r\nX-Title: Test\r\n", &request);
    wait(&emulator, 1, Condition::Finished);
    let log = get(&emulator, "/emulator/log");
    let entry = &log[0];
    assert_eq!(log.as_array().map(Vec::len), Some(1));
    assert_eq!((&entry["n"], &entry["method"], &entry["status"]), (&json!(1), &json!("POST"), &json!(200)));
    assert_eq!((&entry["path"], &entry["body"]), (&json!("/api/v1/chat/completions"), &request));
    assert_eq!((&entry["headers"]["x-title"], &entry["outcome"]), (&json!("Test"), &json!("sent")));
    assert_eq!(entry["models"], json!(["openai/gpt-4o"]));
    assert_eq!(entry["bytes_sent"], reply.raw.len());
    assert_eq!(entry["generation_id"], reply.json()["id"]);
}

#[test]
fn healthy_answers_keep_the_connection_and_faults_close_it() {
    let emulator = emulator();
    let mut connection = connect(&emulator);
    for prompt in ["first", "second"] {
        send_chat(&mut connection, &body("openai/gpt-4o", prompt, json!({ "stream": true })));
        read_until(&mut connection, "[DONE]\n\n\r\n0\r\n\r\n");
    }
    send_chat(&mut connection, &body("fault/empty", "third", json!({})));
    assert_eq!(read_to_end(&mut connection).header("connection"), Some("close"));
    complete(&emulator, "openai/gpt-4o");
    wait(&emulator, 4, Condition::Finished);
    let log = emulator.log();
    assert_eq!(log.iter().map(|entry| entry.connection).collect::<Vec<_>>(), [1, 1, 1, 2]);
    let outcomes: Vec<_> = log.iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [Outcome::Sent, Outcome::Sent, Outcome::Faulted, Outcome::Sent]);
}

#[test]
fn what_is_open_is_counted_until_it_is_closed() {
    let emulator = emulator();
    let open = || get(&emulator, "/emulator/open");
    let until = |expected: Value| {
        let is_reached = (0..2_000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            open() == expected
        });
        assert!(is_reached, "{}", open());
    };
    until(json!({ "connections": 0, "requests": 0 }));
    let mut connection = connect(&emulator);
    send_chat(&mut connection, &body("fault/stall", "words:12", json!({ "stream": true })));
    read_until(&mut connection, "word3");
    until(json!({ "connections": 1, "requests": 1 }));
    drop(connection);
    until(json!({ "connections": 0, "requests": 0 }));
}

#[test]
fn a_request_in_chunks_is_read_like_one_with_a_length() {
    let emulator = emulator();
    let request = body("openai/gpt-4o", "hello", json!({})).to_string();
    let (one, two) = request.split_at(20);
    let mut connection = connect(&emulator);
    let head = "POST /chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    write!(connection, "{head}{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len()).expect("a socket");
    assert_eq!(read_to_end(&mut connection).json()["model"], "openai/gpt-4o");
}

#[test]
fn a_model_follows_its_script_and_then_behaves_as_before() {
    let emulator = emulator();
    let steps = json!(["server-error", "fault/rate-limited-5", "healthy", "say:{\"score\": 3}", "echo:80"]);
    let script = json!({ "model": "openai/gpt-4o", "steps": steps });
    assert_eq!(call(&emulator, "PUT", "/emulator/script", "", &script.to_string()).status, Some(200));
    let replies: Vec<_> = (0..6).map(|_| complete(&emulator, "openai/gpt-4o")).collect();
    let statuses: Vec<_> = replies.iter().map(|reply| reply.status.unwrap_or_default()).collect();
    assert_eq!(statuses, [500, 429, 200, 200, 200, 200]);
    let content = |index: usize| replies[index].json()["choices"][0]["message"]["content"].clone();
    assert_eq!(
        [content(2), content(3), content(4), content(5)],
        [json!(WORDS), json!("{\"score\": 3}"), json!("words:12 80"), json!(WORDS)]
    );

    emulator.script("openai/gpt-4o", &["server-error"]).expect("a script");
    assert_eq!(call(&emulator, "DELETE", "/emulator/log", "", "").status, Some(204));
    assert_eq!(complete(&emulator, "openai/gpt-4o").status, Some(200));
    assert_eq!(emulator.log()[0].n, 1);
}

#[test]
fn a_script_that_cannot_be_followed_is_refused() {
    let emulator = emulator();
    let unknown_model = ScriptError::UnknownModel { id: "nobody/nothing".to_owned() };
    assert_eq!(emulator.script("nobody/nothing", &["healthy"]), Err(unknown_model));
    let unknown_step = ScriptError::UnknownStep { step: "explode".to_owned() };
    assert_eq!(emulator.script("openai/gpt-4o", &["healthy", "explode"]), Err(unknown_step));
    let reply = call(&emulator, "PUT", "/emulator/script", "", "{\"model\": \"openai/gpt-4o\"}");
    assert_eq!(reply.status, Some(400));
}

#[test]
fn no_chat_is_answered_during_a_hold() {
    let emulator = emulator();
    assert_eq!(call(&emulator, "PUT", "/emulator/hold", "", "").status, Some(204));
    let mut waiting = connect(&emulator);
    send_chat(&mut waiting, &body("openai/gpt-4o", "words:12", json!({})));
    let mut leaving = connect(&emulator);
    send_chat(&mut leaving, &body("openai/gpt-4o", "words:12", json!({ "stream": true })));
    wait(&emulator, 2, Condition::Arrived);
    drop(leaving);
    assert_eq!(wait(&emulator, 2, Condition::Finished).outcome, Outcome::ClientGone);
    assert_eq!(emulator.log()[0].outcome, Outcome::Pending);
    assert!(get(&emulator, "/api/v1/models")["data"].is_array(), "only chats are held");
    assert_eq!(call(&emulator, "DELETE", "/emulator/hold", "", "").status, Some(204));
    read_until(&mut waiting, "usage");
    assert_eq!(wait(&emulator, 1, Condition::Finished).outcome, Outcome::Sent);
}

#[test]
fn a_wait_answers_when_the_condition_holds_and_with_408_when_time_is_over() {
    let emulator = emulator();
    complete(&emulator, "fault/server-error");
    let reached = call(&emulator, "GET", "/emulator/log?wait=faulted&n=1&ms=20000", "", "");
    assert_eq!((reached.status, &reached.json()[0]["outcome"]), (Some(200), &json!("faulted")));
    let missed = call(&emulator, "GET", "/emulator/log?wait=clientGone&n=1&ms=1", "", "");
    assert_eq!((missed.status, &missed.json()["log"][0]["n"]), (Some(408), &json!(1)));
    assert_eq!(call(&emulator, "GET", "/emulator/log?wait=never", "", "").status, Some(400));
    assert_eq!(call(&emulator, "GET", "/emulator/nothing", "", "").status, Some(404));
}

#[test]
fn a_page_of_any_origin_may_call_and_sees_no_header() {
    let emulator = emulator();
    let headers = "origin: http://localhost:1\r\naccess-control-request-headers: authorization,x-custom\r\n";
    for path in ["/api/v1/chat/completions", "/emulator/log"] {
        let preflight = call(&emulator, "OPTIONS", path, headers, "");
        assert_eq!(preflight.status, Some(204));
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization,x-custom"));
    }
    for model in ["openai/gpt-4o", "fault/rate-limited-1", "fault/cut"] {
        let reply = stream(&emulator, model);
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{model}");
        assert_eq!(reply.header("access-control-expose-headers"), None, "{model}");
    }
    assert_eq!(emulator.log().len(), 3, "preflights are not logged");
}

#[test]
fn the_listings_contain_the_models_their_endpoints_and_the_faults() {
    let emulator = emulator();
    let models = get(&emulator, "/api/v1/models");
    let find = |id: &str| models["data"].as_array().expect("models").iter().find(|m| m["id"] == id).expect("a model");
    let opus = find("anthropic/claude-opus-4.7");
    assert_eq!(opus["canonical_slug"], "anthropic/claude-4.7-opus-20260416");
    assert_eq!((&opus["context_length"], &opus["pricing"]["prompt"]), (&json!(200_000), &json!("0.000005")));
    assert!(find("test/retiring")["expiration_date"].is_string());
    let endpoints = get(&emulator, "/api/v1/models/test/tiny/endpoints");
    assert_eq!(endpoints["data"]["endpoints"][0]["context_length"], 1_000);
    let numbered = get(&emulator, "/api/v1/models/fault/stall-3/endpoints");
    assert_eq!(numbered["data"]["id"], "fault/stall-3");
    assert_eq!(get(&emulator, "/api/v1/models/nobody/nothing/endpoints")["error"]["code"], 404);
    assert_eq!(get(&emulator, "/emulator/faults").as_array().map(Vec::len), Some(FAULTS.len()));
}

#[test]
fn every_fault_is_in_the_documentation_once() {
    let documentation = include_str!("../src/lib.rs");
    for fault in FAULTS {
        let row = format!("//! | `{}` | {} | {} |", fault.name, fault.description, fault.number.unwrap_or_default());
        assert_eq!(documentation.matches(&row).count(), 1, "{row}");
        assert!(!fault.title.is_empty());
    }
    let (_, table) = documentation.split_once("| `fault/…` |").expect("the table's head");
    assert_eq!(table.matches("\n//! | `").count(), FAULTS.len(), "rows of faults that do not exist");
}

#[test]
fn a_server_on_the_callers_runtime_frees_its_port_when_it_is_shut_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let emulator = Emulator::start(Options::default()).await.expect("a free port");
        let port = emulator.port();
        assert!(!emulator.wait(None, Condition::Arrived, Duration::from_millis(1)).await);
        emulator.shutdown().await;
        std::net::TcpListener::bind(("127.0.0.1", port)).expect("a port that is free again");
    });
}

#[test]
fn the_program_prints_its_address_and_ends_with_its_stdin() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_failsoft-emulator"))
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut line = String::new();
    BufReader::new(program.stdout.take().expect("its stdout")).read_line(&mut line).expect("a line");
    let address = line.trim_end().strip_prefix("listening on http://").expect("an address").to_owned();
    std::net::TcpStream::connect(address).expect("a server");
    drop(program.stdin.take());
    assert!(program.wait().expect("an end").success());
    let refused =
        Command::new(env!("CARGO_BIN_EXE_failsoft-emulator")).arg("--nonsense").output().expect("the program");
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_cleared_log_forgets_a_request_that_still_runs() {
    let emulator = emulator();
    let mut connection = connect(&emulator);
    send_chat(&mut connection, &body("fault/stall", "hello", json!({ "stream": true })));
    wait(&emulator, 1, Condition::Arrived);
    emulator.clear();
    complete(&emulator, "openai/gpt-4o");
    drop(connection);
    let entry = wait(&emulator, 1, Condition::Finished);
    assert_eq!((entry.outcome, entry.body["model"].clone()), (Outcome::Sent, Value::from("openai/gpt-4o")));
    assert_eq!(emulator.log().len(), 1);
}
