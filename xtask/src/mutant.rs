//! `cargo xtask fuzz mutants`: checks whether the simulator notices a broken core.
//!
//! Each mutant of `tests/sim/mutants.txt` is one change to the core that breaks one invariant. The change is made in a
//! copy of the tree, and the simulator, which then checks only this invariant, has to fail.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::arguments::Simulate;
use crate::failure::{Failure, Result};
use crate::files;
use crate::fuzz;
use crate::process::{no_progress, report_step, run_captured};
use crate::tally::Tally;
use crate::workspace::Workspace;

const LIST: &str = "tests/sim/mutants.txt";

/// The parts of the workspace that cargo needs in order to test the core.
const FILES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "tests/bench/instructions.rs",
    "tests/emulator/Cargo.toml",
    "worker/Cargo.toml",
    "xtask/Cargo.toml",
];
const FOLDERS: [&str; 5] = ["src", "tests/sim", "tests/emulator/src", "worker/src", "xtask/src"];

/// The same number of calls as in the suite `core`.
const CALLS: u64 = 20_000;

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
    let tree = workspace.scratch().join("mutants");
    copy(workspace, &tree)?;
    report_step("testing the core without a change");
    if simulate(workspace, &tree, None)? != Outcome::Survived {
        return Err(Failure::Invalid { what: "the simulator".to_owned(), expected: "the unchanged core to pass" });
    }
    let wanted = |mutant: &&Mutant| named.is_empty() || named.contains(&mutant.breaks);
    let mut tally = Tally::default();
    for mutant in mutants.iter().filter(wanted) {
        report_step(&mutant.to_string());
        let outcome = test_mutant(workspace, &tree, mutant)?;
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

fn copy(workspace: &Workspace, tree: &Path) -> Result<()> {
    files::make_empty(tree)?;
    let mut paths: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        paths.extend(files::below(&workspace.root.join(folder))?.iter().map(|file| Path::new(folder).join(file)));
    }
    paths.iter().try_for_each(|path| files::copy(&workspace.root.join(path), &tree.join(path)))
}

fn test_mutant(workspace: &Workspace, tree: &Path, mutant: &Mutant) -> Result<Outcome> {
    let path = tree.join(&mutant.file);
    let text = files::read(&path)?;
    if text.matches(&mutant.find).count() != 1 {
        return Ok(Outcome::Outdated);
    }
    files::write(&path, text.replace(&mutant.find, &mutant.put))?;
    let outcome = simulate(workspace, tree, Some(&mutant.breaks));
    files::write(&path, text)?;
    outcome
}

/// Runs the simulator in the copy of the tree, with all invariants or only one.
fn simulate(workspace: &Workspace, tree: &Path, only: Option<&str>) -> Result<Outcome> {
    let mut build = workspace.cargo();
    build.current_dir(tree).args(["test", "--quiet", "--package=failsoft", "--test=sim", "--no-run"]);
    let (built, output) = run_captured("building", &mut build, no_progress)?;
    if !built.success() {
        eprintln!("{output}");
        return Ok(Outcome::DoesNotRun);
    }
    let mut cargo = workspace.cargo();
    fuzz::set_arguments(&mut cargo, &Simulate { calls: CALLS, seed: 1 });
    cargo.current_dir(tree).env("RUST_BACKTRACE", "0").envs(only.map(|only| ("FAILSOFT_SIM_ONLY", only)));
    let (status, output) = run_captured("running", &mut cargo, no_progress)?;
    let breaks = only.map(|only| format!(" breaks {only}: "));
    let is_report =
        |line: &&str| breaks.as_ref().is_some_and(|breaks| line.starts_with("world ") && line.contains(breaks));
    match output.lines().find(is_report) {
        Some(line) => {
            println!("  {line}");
            Ok(Outcome::Caught)
        }
        None if status.success() => Ok(Outcome::Survived),
        None => {
            eprintln!("{output}");
            Ok(Outcome::DoesNotRun)
        }
    }
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
