//! The commands that run a table and print it: `cargo xtask faults` (tests/faults), `cargo xtask matrix` (tests/clients) and
//! `cargo xtask newcomer` (tests/newcomer).

use crate::failure::{Failure, Result};
use crate::npm;
use crate::prerequisites::Prerequisites;
use crate::process::{Program, report_step};
use crate::suite::Suite;
use crate::upstream::Dialect;
use crate::workspace::Workspace;

/// The page and the edge with default settings against the emulator's faults; fails if a cell is wrong.
pub(crate) fn faults(workspace: &Workspace, dialect: Dialect) -> Result<()> {
    let what = "running the faults; this takes about two minutes";
    run(workspace, &[Suite::Browser, Suite::Edge], what, &["faults/main.mjs", dialect.name()])
}

/// What each client can do over the edge, each protocol over each dialect, and the package in each runtime; fails if a cell
/// is wrong, or if the documentation shows another table. With `writes`, the documentation gets the tables.
pub(crate) fn matrix(workspace: &Workspace, writes: bool) -> Result<()> {
    let what = "running the clients; this takes about two minutes";
    let script: &[&str] = if writes { &["clients/main.mjs", "--write"] } else { &["clients/main.mjs"] };
    run(workspace, &[Suite::Interop], what, script)
}

/// The steps of a newcomer from an empty folder to the first answer of an edge, with their times. With `writes`, the
/// documentation gets the times.
pub(crate) fn newcomer(workspace: &Workspace, writes: bool) -> Result<()> {
    let script: &[&str] = if writes { &["newcomer/main.mjs", "--write"] } else { &["newcomer/main.mjs"] };
    run(workspace, &[Suite::Edge], "following the documentation", script)
}

/// Prepares what `suites` need, and runs a script with its arguments in the folder of the tests.
fn run(workspace: &Workspace, suites: &[Suite], what: &str, script: &[&str]) -> Result<()> {
    let prerequisites = Prerequisites::prepare(workspace, suites, false)?;
    for suite in suites {
        prerequisites.require(*suite)?;
    }
    report_step(what);
    let mut node = npm::program(workspace, "node");
    node.current_dir(workspace.tests()).envs(prerequisites.environment(workspace)).args(script);
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}
