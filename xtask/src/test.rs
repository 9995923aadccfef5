//! `cargo xtask test`: sets up, builds, and runs every suite, one after the other. Whatever goes wrong, the other suites
//! run, and the last line counts them all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::deploy;
use crate::failure::{Failure, Result};
use crate::files;
use crate::libtest;
use crate::npm;
use crate::process::{Program, run_and_read, say};
use crate::size;
use crate::stage::Stage;
use crate::suite::Suite;
use crate::tally::Tally;
use crate::tap;
use crate::types;
use crate::workspace::Workspace;

/// Longer than any file of tests takes, so that one that hangs is found out.
const TIMEOUT_MS: u32 = 600_000;

/// Runs these suites, or all if none is named, and prints the closing line.
pub(crate) fn run(workspace: &Workspace, named: &[Suite]) -> Result<()> {
    let total = run_suites(workspace, named)?;
    println!("{total}");
    if total.failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}

fn run_suites(workspace: &Workspace, named: &[Suite]) -> Result<Tally> {
    let wanted = |suite: &Suite| named.is_empty() || named.contains(suite);
    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(wanted).collect();
    let stage = Stage::prepare(workspace, &suites)?;
    let mut total = Tally::default();
    let mut summary = Vec::new();
    for suite in suites {
        say(&format!("suite {}", suite.name()));
        let (tally, note) = match run_suite(workspace, &stage, suite) {
            Ok(tally) => (tally, String::new()),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => (Tally::one(false), format!(" ({failure})")),
        };
        summary.push(format!("{:8} {tally}{note}", suite.name()));
        total += tally;
    }
    println!("\n{}", summary.join("\n"));
    Ok(total)
}

fn run_suite(workspace: &Workspace, stage: &Stage, suite: Suite) -> Result<Tally> {
    stage.require(suite)?;
    match suite {
        Suite::Core => core(workspace),
        Suite::Package | Suite::Browser | Suite::Edge | Suite::Interop => scripts(workspace, stage, suite),
        Suite::Types => types::check(workspace),
        Suite::Size => size::check(workspace).map(Tally::one),
        Suite::Deploy => passes(&mut deploy::dry_run(workspace)).map(Tally::one),
    }
}

fn core(workspace: &Workspace) -> Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    let (status, said) = run_and_read(&mut cargo)?;
    Ok(libtest::count(&said).judged(status.success()))
}

/// The files of tests in the suite's folder, by Node's own runner: for people on the screen, for counting in a file.
fn scripts(workspace: &Workspace, stage: &Stage, suite: Suite) -> Result<Tally> {
    let folder = workspace.tests().join(suite.name());
    let files: Vec<PathBuf> = files::below(&folder)?.into_iter().filter(|file| is_test(file)).collect();
    if files.is_empty() {
        return Err(Failure::Invalid { what: format!("tests/{}", suite.name()), expected: "files named *.test.mjs" });
    }
    let report = workspace.scratch().join(format!("{}.tap", suite.name()));
    files::write(&report, "")?;
    let mut node = npm::program(workspace, "node");
    node.current_dir(workspace.tests()).envs(stage.environment(workspace));
    node.args(["--test", "--test-concurrency=1", &format!("--test-timeout={TIMEOUT_MS}")]);
    node.args(["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap"]);
    node.arg(format!("--test-reporter-destination={}", report.display()));
    node.args(files.iter().map(|file| folder.join(file)));
    let succeeded = passes(&mut node)?;
    let report = fs::read_to_string(&report).map_err(Failure::file(&report))?;
    Ok(tap::count(&report).judged(succeeded))
}

fn is_test(file: &Path) -> bool {
    let name = file.to_string_lossy();
    name.ends_with(".test.mjs") && !name.contains("node_modules")
}

fn passes(command: &mut Command) -> Result<bool> {
    Ok(Program::start(command)?.wait(|_| {})?.success())
}
