//! `cargo xtask bench instructions`: the number of native instructions that the core needs for fixed work, counted by
//! callgrind. The work is in tests/bench/instructions.rs. The counts are the same in each run, so two runs show a
//! change of one percent. For WebAssembly they show only the direction of a change.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::apt;
use crate::failure::{Failure, Result};
use crate::process::{no_progress, output, report_step, run, run_captured};
use crate::workspace::Workspace;

const BENCH: &str = "instructions";

/// Counts the instructions of each workload and prints a table.
pub(crate) fn count(workspace: &Workspace) -> Result<()> {
    valgrind()?;
    let program = build(workspace)?;
    report_step("counting instructions");
    let works = output(&mut Command::new(&program)).unwrap_or_default();
    println!("\n## Instructions of the core, natively\n\n| work | instructions | for each |\n| :-- | --: | :-- |");
    for work in works.lines() {
        let (name, unit, count) = read(work).ok_or_else(|| unexpected("`NAME, UNIT and COUNT`"))?;
        let [once, twice] = [1, 2].map(|passes| instructions(workspace, &program, name, passes));
        println!("| {name} | {} | {unit} |", (twice? - once?) / count);
    }
    println!("\nThe instructions by function: callgrind_annotate {}/callgrind.*", workspace.scratch().display());
    Ok(())
}

/// Parses a line in which the program describes a workload.
fn read(work: &str) -> Option<(&str, &str, u64)> {
    let mut fields = work.split('\t');
    Some((fields.next()?, fields.next()?, fields.next()?.parse().ok()?))
}

fn valgrind() -> Result<()> {
    let is_there = || output(Command::new("valgrind").arg("--version")).is_some();
    if !is_there() {
        apt::install(&["valgrind"])?;
    }
    let how = "apt-get install valgrind";
    if is_there() { Ok(()) } else { Err(Failure::Missing { what: "valgrind", how }) }
}

/// Builds the workloads with the profile of a release, and returns the path of the program.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--package=failsoft", "--release", "--bench", BENCH]);
    run("compiling the work", &mut cargo)?;
    // Only cargo knows the name of the file.
    let messages = output(cargo.args(["--quiet", "--message-format=json"])).unwrap_or_default();
    messages.lines().find_map(executable).ok_or_else(|| unexpected("a program named by cargo"))
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_ours = message["target"]["name"] == BENCH;
    message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
}

/// The instructions of the whole program when it repeats `work` `passes` times.
fn instructions(workspace: &Workspace, program: &Path, work: &str, passes: u32) -> Result<u64> {
    let profile = workspace.scratch().join(format!("callgrind.{}", work.replace(' ', "-")));
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
    valgrind.arg(program).args([work, &passes.to_string()]);
    let step = format!("counting: {work}");
    let (status, output) = run_captured(&step, &mut valgrind, no_progress)?;
    if !status.success() {
        return Err(Failure::Program { step, status });
    }
    collected(&output).ok_or_else(|| unexpected("`Collected : NUMBER` from callgrind"))
}

fn collected(output: &str) -> Option<u64> {
    output.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

fn unexpected(expected: &'static str) -> Failure {
    Failure::Invalid { what: "the count of instructions".to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_in_callgrinds_output_is_read() {
        assert_eq!(collected("==7052== Events    : Ir\n==7052== Collected : 73306173\n==7052== \n"), Some(73_306_173));
        assert_eq!(collected("valgrind: no such file"), None);
    }

    #[test]
    fn the_program_of_the_workloads_is_found() {
        let line = |name: &str| format!(r#"{{"target":{{"name":"{name}"}},"executable":"/target/x"}}"#);
        assert_eq!(executable(&line("instructions")), Some("/target/x".into()));
        assert_eq!(executable(&line("another")), None);
        assert_eq!(executable(r#"{"reason":"build-finished"}"#), None);
    }
}
