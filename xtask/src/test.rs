//! `cargo xtask test`: sets up, builds, and runs the suites one after the other. If one suite fails, the others still
//! run, and the last line counts all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Test;
use crate::deny;
use crate::deploy;
use crate::failure::{Failure, Result};
use crate::files;
use crate::instructions;
use crate::libtest;
use crate::mutant;
use crate::npm;
use crate::prerequisites::Prerequisites;
use crate::process::{Program, report_step, run_and_read};
use crate::release;
use crate::reproduce;
use crate::size;
use crate::suite::Suite;
use crate::tally::Tally;
use crate::tap;
use crate::types;
use crate::workspace::Workspace;

/// No file of tests takes this long, so a file that does hangs.
const TIMEOUT_MS: u32 = 600_000;
/// The same for a long run.
const LONG_TIMEOUT_MS: u32 = 3_600_000;

/// Runs the named suites, or all of them, and prints the total in the last line.
pub(crate) fn run(workspace: &Workspace, options: &Test) -> Result<()> {
    let total = run_suites(workspace, options)?;
    println!("{total}");
    if total.failed == 0 { Ok(()) } else { Err(Failure::Reported) }
}

fn run_suites(workspace: &Workspace, options: &Test) -> Result<Tally> {
    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(|suite| is_wanted(*suite, options)).collect();
    let prerequisites = Prerequisites::prepare(workspace, &suites, options.long)?;
    let mut total = Tally::default();
    let mut summary = Vec::new();
    for suite in suites {
        report_step(&format!("suite {}", suite.name()));
        let (tally, note) = match run_suite(workspace, &prerequisites, suite) {
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

fn is_wanted(suite: Suite, options: &Test) -> bool {
    let unnamed = options.suites.is_empty() && (options.long || !suite.is_long());
    unnamed || options.suites.contains(&suite)
}

fn run_suite(workspace: &Workspace, prerequisites: &Prerequisites, suite: Suite) -> Result<Tally> {
    prerequisites.require(suite)?;
    match suite {
        Suite::Core => core(workspace, prerequisites),
        Suite::Mutants => mutant::check(workspace, &[]),
        Suite::Package | Suite::Browser | Suite::Edge | Suite::Interop => scripts(workspace, prerequisites, suite),
        Suite::Bench => {
            let mut tally = scripts(workspace, prerequisites, suite)?;
            instructions::count(workspace)?;
            tally += Tally::one(true);
            Ok(tally)
        }
        Suite::Deny => deny::check(workspace),
        Suite::Types => types::check(workspace),
        Suite::Size => size(workspace, prerequisites),
        Suite::Deploy => {
            let mut tally = passes(&mut deploy::dry_run(workspace)).map(Tally::one)?;
            tally += release::check(workspace, prerequisites.is_long())?;
            Ok(tally)
        }
    }
}

/// The sizes of what is built, and whether it can be built again.
fn size(workspace: &Workspace, prerequisites: &Prerequisites) -> Result<Tally> {
    let mut tally = size::check(workspace).map(Tally::one)?;
    tally += reproduce::check_paths(workspace)?;
    if prerequisites.is_long() {
        tally += reproduce::check_build(workspace)?;
    }
    Ok(tally)
}

fn core(workspace: &Workspace, prerequisites: &Prerequisites) -> Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).envs(prerequisites.environment(workspace));
    let (status, output) = run_and_read(&mut cargo)?;
    Ok(libtest::count(&output).check_exit(status.success()))
}

/// Runs the test files in the suite's folder with Node's test runner: a readable report goes to the screen, and a TAP
/// report to a file for counting.
fn scripts(workspace: &Workspace, prerequisites: &Prerequisites, suite: Suite) -> Result<Tally> {
    let long = prerequisites.is_long();
    let folder = workspace.tests().join(suite.name());
    let files: Vec<PathBuf> = files::below(&folder)?.into_iter().filter(|file| is_test(file, long)).collect();
    if files.is_empty() {
        return Err(Failure::Invalid { what: format!("tests/{}", suite.name()), expected: "files named *.test.mjs" });
    }
    let report = workspace.scratch().join(format!("{}.tap", suite.name()));
    files::write(&report, "")?;
    let mut node = npm::program(workspace, "node");
    node.current_dir(workspace.tests()).envs(prerequisites.environment(workspace));
    let timeout = if long { LONG_TIMEOUT_MS } else { TIMEOUT_MS };
    node.arg("--test").arg(format!("--test-concurrency={}", suite.files_at_once()));
    node.arg(format!("--test-timeout={timeout}"));
    node.args(["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap"]);
    node.arg(format!("--test-reporter-destination={}", report.display()));
    node.args(files.iter().map(|file| folder.join(file)));
    let succeeded = passes(&mut node)?;
    let report = fs::read_to_string(&report).map_err(Failure::file(&report))?;
    Ok(tap::count(&report).check_exit(succeeded))
}

/// Whether the file belongs to this run. Only a long run has the files that are named `*.long.test.mjs`.
fn is_test(file: &Path, long: bool) -> bool {
    let name = file.to_string_lossy();
    name.ends_with(".test.mjs") && !name.contains("node_modules") && (long || !name.ends_with(".long.test.mjs"))
}

fn passes(command: &mut Command) -> Result<bool> {
    Ok(Program::start(command)?.wait(|_| {})?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_run_leaves_out_the_files_of_a_long_run() {
        let runs = |name: &str| [false, true].map(|long| is_test(Path::new(name), long));
        assert_eq!(runs("soak.test.mjs"), [true, true]);
        assert_eq!(runs("soak-node20.long.test.mjs"), [false, true]);
        assert_eq!(runs("soak.checks.mjs"), [false, false]);
        assert_eq!(runs("node20/node_modules/a/a.test.mjs"), [false, false]);
    }

    #[test]
    fn the_mutants_and_the_benchmark_run_in_a_long_run_or_by_name() {
        let options = |suites: &[Suite], long| Test { suites: suites.to_vec(), long };
        for suite in [Suite::Mutants, Suite::Bench] {
            assert!(!is_wanted(suite, &options(&[], false)));
            assert!(is_wanted(suite, &options(&[], true)));
            assert!(is_wanted(suite, &options(&[suite], false)));
            assert!(!is_wanted(suite, &options(&[Suite::Core], true)));
        }
        assert!(is_wanted(Suite::Core, &options(&[], false)));
    }
}
