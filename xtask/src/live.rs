//! `cargo xtask live`: whether OpenRouter's wire is what this project takes it for. The checks are in tests/live.

use crate::failure::{Failure, Result};
use crate::npm;
use crate::process::{Program, report_step};
use crate::upstream;
use crate::workspace::Workspace;

/// Asks `upstream`, or OpenRouter, and prints a verdict for each fact.
pub(crate) fn run(workspace: &Workspace, upstream: Option<&str>) -> Result<()> {
    let (url, key) = upstream::with_key(upstream)?;
    npm::install(workspace)?;
    report_step(&format!("asking {url}, for a minute at most"));
    let mut node = npm::program(workspace, "node");
    // In the environment, because other users see the command lines of programs.
    node.arg(workspace.tests().join("live/live.mjs")).arg(url).env("UPSTREAM_API_KEY", key);
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}
