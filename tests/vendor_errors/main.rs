//! The errors of vendors, as they document them or as their users reported them: `fixtures/vendor-errors.jsonl`, one on a line.
//! Where the source is a page of the vendor's documentation, the body is written after what the page says. Each error has the
//! kind that it means, by who could still answer, and the wait that it names. Both stay the same if the error comes in another
//! way.

mod mutation;

use std::fs;
use std::path::PathBuf;

use failsoft::failure::classify;
use failsoft::reader::StreamReader;
use failsoft::{Failure, Headers, Json, Kind};
use serde_json::Value;

use mutation::Mutation;

/// Friday, 15 May 2026, 14:59:00 UTC.
const NOW: u64 = 1_778_857_140_000;

/// A line of the table.
struct Row {
    vendor: String,
    status: u16,
    /// The body as the vendor sends it.
    body: String,
    kind: Kind,
    /// The milliseconds that the error asks to wait.
    wait: Option<u64>,
}

fn rows() -> Vec<Row> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "vendor-errors.jsonl"].iter().collect();
    fs::read_to_string(path).expect("the table").lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let row = Json::parse(line).unwrap_or_else(|| panic!("not JSON: {line}"));
    let text = |name: &str| row.get(name).text().unwrap_or_else(|| panic!("no text {name}: {line}")).into_owned();
    assert!(!text("source").is_empty(), "{line}");
    let body = row.get("body");
    Row {
        vendor: text("vendor"),
        status: row.get("status").whole().and_then(|status| u16::try_from(status).ok()).expect("a status"),
        body: body.text().map_or_else(|| body.raw().to_owned(), Into::into),
        kind: Kind::from_name(&text("kind")).unwrap_or_else(|| panic!("no such kind: {line}")),
        wait: row.get("wait").whole(),
    }
}

/// The failure of an error response, or of an error in the first event of a response with status 200.
fn failure(status: u16, body: &str) -> Box<Failure> {
    if status != 200 {
        return classify(status, &Headers::default(), body.as_bytes(), NOW);
    }
    let mut reader = StreamReader::default();
    reader.feed(format!("data: {body}\n\n").as_bytes(), NOW);
    reader.end(NOW);
    reader.finish().expect_err("an error is no answer")
}

/// Fails if the error, as `body` has it, has another kind or another wait than its row.
fn check(wrong: &mut Vec<String>, at: usize, row: &Row, way: &str, body: &str) {
    let Failure { kind, retry_after, .. } = *failure(row.status, body);
    if (kind, retry_after) != (row.kind, row.wait) {
        let (vendor, status) = (&row.vendor, row.status);
        let expected = (row.kind, row.wait);
        wrong.push(format!(
            "line {}, {vendor} {status}{way}: {:?}, not {expected:?}: {body}",
            at + 1,
            (kind, retry_after)
        ));
    }
}

#[test]
fn every_error_has_its_kind_and_its_wait() {
    let mut wrong = Vec::new();
    for (at, row) in rows().iter().enumerate() {
        check(&mut wrong, at, row, "", &row.body);
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows().len(), wrong.join("\n"));
}

#[test]
fn another_way_to_say_the_same_changes_nothing() {
    let mut wrong = Vec::new();
    for (at, row) in rows().iter().enumerate() {
        let Ok(body) = serde_json::from_str::<Value>(&row.body) else { continue };
        for mutation in Mutation::ALL.into_iter().filter(|mutation| mutation.is_possible(&body, row.status)) {
            let changed = mutation.apply(&body, row.status, &mut { at as u64 });
            check(&mut wrong, at, row, &format!(", {mutation:?}"), &changed.to_string());
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Several changes of the same error, at random. `FAILSOFT_LONG=1`, which `cargo xtask test --long` sets, tries a million.
#[test]
fn no_sequence_of_changes_changes_anything() {
    let rows = rows();
    let tries = if std::env::var_os("FAILSOFT_LONG").is_some() { 1_000_000 } else { 20_000 };
    let mut wrong = Vec::new();
    for seed in 0..tries {
        let random = &mut mutation::start(seed);
        let at = mutation::next(random, rows.len());
        let Ok(mut body) = serde_json::from_str::<Value>(&rows[at].body) else { continue };
        let mut way = format!(", seed {seed}");
        for _ in 0..2 + mutation::next(random, 3) {
            let mutation = Mutation::ALL[mutation::next(random, Mutation::ALL.len())];
            if mutation.is_possible(&body, rows[at].status) {
                body = mutation.apply(&body, rows[at].status, random);
                way += &format!(", {mutation:?}");
            }
        }
        check(&mut wrong, at, &rows[at], &way, &body.to_string());
    }
    assert!(
        wrong.is_empty(),
        "{} of {tries}:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
}
