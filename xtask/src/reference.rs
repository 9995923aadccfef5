//! `cargo xtask reference`: the pages of the documentation that are made from the code.
//!
//! ```text
//!  Kind of the core, Code of the Worker ── kinds.rs, codes.rs ──▶ www/docs/errors.md
//!  pkg-template/*.d.ts ──────────── tests/reference/main.mjs ───▶ www/docs/options.md
//! ```
//!
//! A page has text of its own, and parts between two comments, which this command makes.

mod codes;
mod kinds;

use failsoft::Kind;

use crate::failure::{Failure, Result};
use crate::files;
use crate::npm;
use crate::process::Program;
use crate::setup;
use crate::workspace::Workspace;
use codes::Code;

const ERRORS: &str = "www/docs/errors.md";
/// The ends of a part that is made.
const END: &str = "<!-- end -->";

/// Compares the pages with the code, or with `writes` makes them.
pub(crate) fn run(workspace: &Workspace, writes: bool) -> Result<()> {
    setup::build(workspace)?;
    let page = files::read(&workspace.root.join(ERRORS))?;
    let made = errors(&page)?;
    if writes {
        files::write(&workspace.root.join(ERRORS), &made)?;
    } else if made != page {
        return Err(Failure::Invalid {
            what: ERRORS.to_owned(),
            expected: "what `cargo xtask reference --write` makes",
        });
    }
    let mut node = npm::program(workspace, "node");
    node.current_dir(workspace.tests()).arg("reference/main.mjs").args(writes.then_some("--write"));
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}

/// The page of errors, with the parts that the code has now.
fn errors(page: &str) -> Result<String> {
    let page = replace(page, "kinds", &entries(Kind::ALL.iter().map(|kind| of_kind(*kind))))?;
    replace(&page, "codes", &entries(Code::ALL.iter().map(|code| of_code(*code))))
}

fn entries(entries: impl Iterator<Item = String>) -> String {
    entries.collect::<Vec<_>>().join("\n\n")
}

fn of_kind(kind: Kind) -> String {
    let (name, status, explanation) = (kind.name(), kind.status(), kind.explanation());
    let (consequence, remedy) = (kinds::consequence(kind), kinds::remedy(kind));
    let sentence = capitalized(explanation);
    format!("### `{name}`\n\n{sentence}. Status {status}. failsoft {consequence}.\n\n**What to do:** {remedy}")
}

fn of_code(code: Code) -> String {
    let (reason, remedy) = codes::describe(code);
    format!("### `{}`\n\nStatus {}. {reason}\n\n**What to do:** {remedy}", code.name(), code.status())
}

fn capitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The page with another text between the comment that begins the part `name` and the next end.
fn replace(page: &str, name: &str, text: &str) -> Result<String> {
    let begin = format!("<!-- made by `cargo xtask reference --write`: {name} -->");
    let part = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        part.ok_or(Failure::Invalid { what: ERRORS.to_owned(), expected: "the comments around each part" })?;
    Ok(format!("{before}{begin}\n\n{text}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn page() -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        files::read(&root.join(ERRORS)).expect("the page")
    }

    #[test]
    fn the_page_of_errors_is_what_the_tables_say() {
        let made = errors(&page()).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(made, page(), "cargo xtask reference --write");
    }

    #[test]
    fn every_remedy_is_a_sentence() {
        let of_codes = Code::ALL.iter().flat_map(|code| <[&str; 2]>::from(codes::describe(*code)));
        for text in of_codes.chain(Kind::ALL.iter().map(|kind| kinds::remedy(*kind))) {
            assert!(text.ends_with('.') && text.len() > 10 && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn a_part_is_replaced_and_the_text_around_it_stays() {
        let page = "a\n<!-- made by `cargo xtask reference --write`: x -->old<!-- end -->\nb <!-- end -->";
        let made = replace(page, "x", "new").unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            made,
            "a\n<!-- made by `cargo xtask reference --write`: x -->\n\nnew\n\n<!-- end -->\nb <!-- end -->"
        );
        assert!(replace(page, "y", "new").is_err());
    }
}
