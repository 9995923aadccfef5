//! `cargo xtask bench`: failsoft and its peers side by side, in one run. tests/bench says what is measured, and how.

use std::path::{Path, PathBuf};

use crate::arguments::Bench;
use crate::browser::CHROMIUM;
use crate::failure::{Failure, Result};
use crate::instructions;
use crate::npm;
use crate::package;
use crate::process::{Program, report_step};
use crate::python;
use crate::setup;
use crate::worker;
use crate::workspace::Workspace;

/// The parts that can be measured separately. tests/bench/main.mjs knows all of them except the last.
pub(crate) const PARTS: [&str; 15] = [
    "bundle",
    "first-use",
    "chromium",
    "node",
    "memory",
    "edge",
    "isolate",
    "paced",
    "cold",
    "growth",
    "account",
    "dashboard",
    LITELLM,
    OLD,
    INSTRUCTIONS,
];
const LITELLM: &str = "litellm";
/// Compares two builds of the Worker, so it needs a baseline.
pub(crate) const OLD: &str = "old";
const INSTRUCTIONS: &str = "instructions";

/// Measures the named parts, or all of them, and prints tables.
pub(crate) fn run(workspace: &Workspace, options: &Bench) -> Result<()> {
    let parts = wanted(options);
    let in_node: Vec<&str> = parts.iter().copied().filter(|part| *part != INSTRUCTIONS).collect();
    if !in_node.is_empty() {
        measure(workspace, &in_node, options.baseline.as_deref())?;
    }
    if in_node.len() < parts.len() { instructions::count(workspace) } else { Ok(()) }
}

fn wanted(options: &Bench) -> Vec<&str> {
    if !options.parts.is_empty() {
        return options.parts.iter().map(String::as_str).collect();
    }
    PARTS.into_iter().filter(|part| *part != OLD || options.baseline.is_some()).collect()
}

fn measure(workspace: &Workspace, parts: &[&str], baseline: Option<&Path>) -> Result<()> {
    setup::build(workspace)?;
    let chromium = CHROMIUM.find_or_install()?;
    npm::install_peers(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    let mut node = npm::program(workspace, "node");
    node.arg(workspace.tests().join("bench/main.mjs")).arg(workspace.package()).args(parts);
    if let Some(baseline) = baseline {
        node.arg("--baseline").arg(baseline);
    }
    node.env(CHROMIUM.variable, chromium);
    if parts.contains(&LITELLM) {
        match install_litellm(workspace) {
            Ok(litellm) => drop(node.env("LITELLM_BIN", litellm)),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // LiteLLM is large and only a comparison: everything else can be measured without it.
            Err(failure) => report_step(&format!("LiteLLM is left out: {failure}")),
        }
    }
    report_step("measuring: all parts together take about half an hour on a machine that runs nothing else");
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}

/// Installs the peers, and returns the path of LiteLLM's program.
pub(crate) fn install_peers(workspace: &Workspace) -> Result<PathBuf> {
    npm::install_peers(workspace)?;
    install_litellm(workspace)
}

fn install_litellm(workspace: &Workspace) -> Result<PathBuf> {
    python::install_peer(workspace).map(|python| python.with_file_name(LITELLM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_known_to_the_scripts_and_has_a_test() {
        let scripts = [include_str!("../../tests/bench/main.mjs"), include_str!("../../tests/bench/parts.test.mjs")];
        for part in PARTS.into_iter().filter(|part| *part != INSTRUCTIONS) {
            let forms = [format!("\n  {part}: "), format!("\n  '{part}': "), format!("\n  {part},")];
            for script in scripts {
                assert!(forms.iter().any(|form| script.contains(form)), "{part}");
            }
        }
    }

    #[test]
    fn builds_are_compared_only_with_a_baseline() {
        let all = Bench::default();
        assert!(!wanted(&all).contains(&OLD));
        assert!(wanted(&Bench { baseline: Some("build".into()), ..all }).contains(&OLD));
    }
}
