//! `cargo xtask bench`: failsoft and its peers side by side, in one run. What is measured, and how, is in tests/bench.

use crate::chromium;
use crate::failure::{Failure, Result};
use crate::npm;
use crate::package;
use crate::process::{Program, say};
use crate::setup;
use crate::worker;
use crate::workspace::Workspace;

/// What can be measured by itself, as tests/bench/main.mjs knows it.
pub(crate) const PARTS: [&str; 5] = ["bundle", "first-use", "chromium", "node", "edge"];

/// Measures these parts, or all if none is named, and prints tables.
pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<()> {
    setup::build(workspace)?;
    let chromium = chromium::find_or_install()?;
    npm::install_peers(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    say("measuring; a quarter of an hour for everything, on a machine with nothing else to do");
    let mut node = npm::program(workspace, "node");
    node.arg(workspace.tests().join("bench/main.mjs")).arg(workspace.package()).args(parts);
    node.env("CHROMIUM_BIN", chromium);
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}
