//! `cargo xtask bench`: failsoft and its peers side by side, in one run. What is measured, and how, is in tests/bench.

use crate::chromium;
use crate::failure::{Failure, Result};
use crate::instructions;
use crate::npm;
use crate::package;
use crate::process::{Program, say};
use crate::python;
use crate::setup;
use crate::worker;
use crate::workspace::Workspace;

/// What can be measured by itself, as tests/bench/main.mjs knows it, but for the last.
pub(crate) const PARTS: [&str; 12] = [
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
    LITELLM,
    INSTRUCTIONS,
];
const LITELLM: &str = "litellm";
const INSTRUCTIONS: &str = "instructions";

/// Measures these parts, or all if none is named, and prints tables.
pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<()> {
    let parts: Vec<&str> = if parts.is_empty() { PARTS.to_vec() } else { parts.iter().map(String::as_str).collect() };
    let beside: Vec<&str> = parts.iter().copied().filter(|part| *part != INSTRUCTIONS).collect();
    if !beside.is_empty() {
        side_by_side(workspace, &beside)?;
    }
    if beside.len() < parts.len() { instructions::count(workspace) } else { Ok(()) }
}

fn side_by_side(workspace: &Workspace, parts: &[&str]) -> Result<()> {
    setup::build(workspace)?;
    let chromium = chromium::find_or_install()?;
    npm::install_peers(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    let mut node = npm::program(workspace, "node");
    node.arg(workspace.tests().join("bench/main.mjs")).arg(workspace.package()).args(parts);
    node.env("CHROMIUM_BIN", chromium);
    if parts.contains(&LITELLM) {
        match python::install_peer(workspace) {
            Ok(python) => drop(node.env("LITELLM_BIN", python.with_file_name(LITELLM))),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // It is large, and there for the record: all else can be measured without it.
            Err(failure) => say(&format!("LiteLLM is left out: {failure}")),
        }
    }
    say("measuring; less than half an hour for everything, on a machine with nothing else to do");
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}
