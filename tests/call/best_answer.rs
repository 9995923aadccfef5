//! Which answer the caller gets if no answer passes the rules.

use failsoft::{Kind, Usd};
use serde_json::json;

use crate::reply::{Reply, streamed};
use crate::script::Script;
use crate::two;

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
fn the_best_answer_is_the_one_that_passed_most_rules() {
    let strict = json!({"tooShort": {"chars": 9}, "pattern": {"literals": ["x"]}});
    let run = two().policy(strict).run(&[Reply::says("a/one", "x"), Reply::says("b/two", "y")]);
    assert_eq!((run.content().as_str(), run.outcome.report.accepted), ("y", false));
}

#[test]
fn the_best_of_several_refused_streams_is_yielded_whole() {
    let sorry = ["I'm sorry, ", "but I can't ", "help with that."];
    let run = two().streaming().run(&[streamed("a/one", &sorry), streamed("b/two", &sorry)]);
    assert_eq!(run.text, sorry.concat());
    assert!(!run.outcome.report.accepted && !run.outcome.report.fallback);
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
fn an_empty_answer_is_never_the_best() {
    let empty = || Reply::says("a/one", "");
    let run = Script::new(&["a/one"]).run(&[empty(), empty()]);
    assert_eq!(run.kind(), Some(Kind::Empty));
}
