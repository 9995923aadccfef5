//! An edge as the upstream of a page.

use failsoft::{Dialect, Kind};
use serde_json::json;

use crate::reply::{Reply, finish, words};
use crate::script::Script;
use crate::two;

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
    assert_eq!(run.report()["attempts"].as_array().map(Vec::len), Some(2));
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
    let report = run.report();
    assert_eq!((report["fallback"].as_bool(), report["attempts"].as_array().map(Vec::len)), (Some(true), Some(2)));
}

#[test]
fn an_edge_runs_the_clocks_of_its_attempts() {
    let mut script = Script { dialect: Dialect::Edge, ..two().streaming() };
    let slow = Reply::stream(": failsoft keep-alive\n\n").then_silence(300_000).then(words("b/two", &["fine"]));
    let run = script.run(&[slow.then(finish("b/two", "stop")).head_after(100_000)]);
    assert_eq!((run.kind(), run.text.as_str()), (None, "fine"));
}
