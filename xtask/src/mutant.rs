//! `cargo xtask fuzz mutants`: checks whether the simulator notices a broken core.
//!
//! Each mutant of `tests/sim/mutants.txt` is one change to the core that breaks one invariant. The change is made in a
//! copy of the tree, and the simulator, which then checks only this invariant, has to fail.

mod copy;

use std::fmt;

use crate::failure::{Failure, Result};
use crate::files;
use crate::process::report_step;
use crate::tally::Tally;
use crate::workspace::Workspace;
use copy::Copy;

const LIST: &str = "tests/sim/mutants.txt";

/// One change to the core.
#[derive(Debug, PartialEq, Eq)]
struct Mutant {
    file: String,
    /// The text to replace; it must occur exactly once.
    find: String,
    put: String,
    /// The invariant that the change breaks.
    breaks: String,
}

/// The result of testing a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Caught,
    Survived,
    /// The file does not contain the text exactly once.
    Outdated,
    /// The mutant cannot be built, or the test fails for another reason.
    DoesNotRun,
}

/// `cargo xtask fuzz mutants`: fails if the simulator misses a mutant.
pub(crate) fn run(workspace: &Workspace, named: &[String]) -> Result<()> {
    let tally = check(workspace, named)?;
    println!("{} of {} mutants caught", tally.passed, tally.passed + tally.failed);
    if tally.failed == 0 && tally.passed > 0 { Ok(()) } else { Err(Failure::Reported) }
}

/// Tests every mutant, or those that break one of the `named` invariants. A mutant that the simulator catches counts as
/// passed.
pub(crate) fn check(workspace: &Workspace, named: &[String]) -> Result<Tally> {
    let mutants = read(&files::read(&workspace.root.join(LIST))?)?;
    let copy = Copy::make(workspace)?;
    report_step("testing the core without a change");
    if copy.simulate(None)? != Outcome::Survived {
        return Err(Failure::Invalid { what: "the simulator".to_owned(), expected: "the unchanged core to pass" });
    }
    let wanted = |mutant: &&Mutant| named.is_empty() || named.contains(&mutant.breaks);
    let mut tally = Tally::default();
    for mutant in mutants.iter().filter(wanted) {
        report_step(&mutant.to_string());
        let outcome = copy.test(mutant)?;
        println!("{outcome}: {mutant}");
        tally += Tally::one(outcome == Outcome::Caught);
    }
    Ok(tally)
}

/// Parses paragraphs of four lines, each with a word and a value. Lines with `#` are comments.
fn read(list: &str) -> Result<Vec<Mutant>> {
    let invalid = || Failure::Invalid { what: LIST.to_owned(), expected: "paragraphs of file, find, put and breaks" };
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let paragraphs = lines.split(|line| line.is_empty()).filter(|paragraph| !paragraph.is_empty());
    let mutant = |paragraph: &[&str]| {
        let [file, find, put, breaks] = paragraph else { return None };
        let text = |line: &str, word: &str| Some(line.strip_prefix(word)?.trim_start().to_owned());
        Some(Mutant {
            file: text(file, "file")?,
            find: text(find, "find")?,
            put: text(put, "put")?,
            breaks: text(breaks, "breaks")?,
        })
    };
    paragraphs.map(|paragraph| mutant(paragraph).ok_or_else(invalid)).collect()
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} should break if `{}` becomes `{}` in {}", self.breaks, self.find, self.put, self.file)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caught => "caught",
            Self::Survived => "SURVIVED",
            Self::Outdated => "OUTDATED, the file does not contain the text exactly once",
            Self::DoesNotRun => "DOES NOT RUN",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_four_lines() {
        let list = "# what it is\nfile    src/a.rs\nfind    x <= y\nput     x < y\nbreaks  Budget\n\n# nothing\n";
        let mutant = Mutant {
            file: "src/a.rs".to_owned(),
            find: "x <= y".to_owned(),
            put: "x < y".to_owned(),
            breaks: "Budget".to_owned(),
        };
        assert_eq!(read(list).ok(), Some(vec![mutant]));
        assert!(read("file src/a.rs\nput x\n").is_err());
    }
}
