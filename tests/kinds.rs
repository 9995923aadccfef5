//! The table of failure kinds is the only list of them: the type declarations, the documentation and the playground have the
//! same kinds.

use std::collections::BTreeSet;
use std::fs;

use failsoft::Kind;
use failsoft::failure::{NextModel, SameModel};

/// A kind that only JavaScript can report: without the WebAssembly, no Rust runs.
const OF_JAVASCRIPT: &str = "wasmUnavailable";

fn kinds() -> BTreeSet<String> {
    Kind::ALL.iter().map(|kind| kind.name()).chain([OF_JAVASCRIPT]).map(Into::into).collect()
}

/// The text of the file between the first `from` and the next `to`.
fn section(path: &str, from: &str, to: &str) -> String {
    let text = fs::read_to_string([env!("CARGO_MANIFEST_DIR"), "/", path].concat()).expect("a file");
    let (_, rest) = text.split_once(from).expect("the beginning of the section");
    rest.split_once(to).expect("the end of the section").0.to_owned()
}

/// Every second piece of `text`, split at `mark`: the quoted ones.
fn quoted(text: &str, mark: char) -> BTreeSet<String> {
    text.split(mark).skip(1).step_by(2).map(Into::into).collect()
}

#[test]
fn the_type_declarations_have_every_kind_and_no_other() {
    assert_eq!(quoted(&section("pkg-template/error.d.ts", "export type Kind =", ";"), '\''), kinds());
}

#[test]
fn the_type_declarations_have_the_explanations_of_the_table() {
    let comment = section("pkg-template/error.d.ts", "Why a request, or the whole call, failed.", "export type Kind =");
    let rows: Vec<_> = comment.lines().filter_map(|line| line.strip_prefix(" * - ")).collect();
    let (of_javascript, rows) = rows.split_last().expect("a list");
    let expected: Vec<_> = Kind::ALL.iter().map(|kind| format!("`{}`: {}", kind.name(), kind.explanation())).collect();
    assert_eq!(rows, expected);
    assert_eq!(*of_javascript, format!("`{OF_JAVASCRIPT}`: the WebAssembly could not be loaded"));
}

#[test]
fn the_playground_has_words_for_every_kind_and_no_other() {
    let rows = section("www/words.js", "const KINDS = {\n", "\n};");
    let named: BTreeSet<_> = rows.lines().filter_map(|row| Some(row.split_once(": [")?.0.trim().to_owned())).collect();
    assert_eq!(named, kinds());
}

#[test]
fn the_documentation_has_the_rows_of_the_table() {
    let text = section("www/docs/failures.md", "## Kinds of failures\n", "\n| `wasmUnavailable`");
    let documented: Vec<_> = text.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<_> = Kind::ALL.iter().map(|kind| documented_row(*kind)).collect();
    assert_eq!(documented, expected);
}

fn documented_row(kind: Kind) -> String {
    let same_model = match kind.same_model() {
        SameModel::Never => "no",
        SameModel::AfterPause => "after a pause",
        SameModel::AfterNamedWait => "after a named wait",
    };
    let next_model = match kind.next_model() {
        NextModel::Any => "yes",
        NextModel::LargerContext => "with a larger context window",
        NextModel::OtherUpstream => "on another upstream",
        NextModel::Never => "no",
    };
    let (name, explanation, status) = (kind.name(), kind.explanation(), kind.status());
    format!("| `{name}` | {explanation} | {status} | {same_model} | {next_model} |")
}
