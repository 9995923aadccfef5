//! `cargo xtask faults`: the page and the edge with default settings against the emulator's faults. The table is in
//! tests/faults.

use crate::failure::{Failure, Result};
use crate::npm;
use crate::prerequisites::Prerequisites;
use crate::process::{Program, report_step};
use crate::suite::Suite;
use crate::upstream::Dialect;
use crate::workspace::Workspace;

/// Runs all faults and prints the table; fails if a cell is wrong.
pub(crate) fn run(workspace: &Workspace, dialect: Dialect) -> Result<()> {
    let needs = [Suite::Browser, Suite::Edge];
    let prerequisites = Prerequisites::prepare(workspace, &needs, false)?;
    for suite in needs {
        prerequisites.require(suite)?;
    }
    report_step("running the faults; this takes about two minutes");
    let mut node = npm::program(workspace, "node");
    node.current_dir(workspace.tests())
        .envs(prerequisites.environment(workspace))
        .args(["faults/main.mjs", dialect.name()]);
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}
