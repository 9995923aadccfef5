//! `cargo xtask live`: checks whether OpenRouter's API behaves as this project assumes. The checks are in tests/live.

use crate::failure::{Failure, Result};
use crate::npm;
use crate::process::{Program, report_step};
use crate::upstream;
use crate::workspace::Workspace;

/// Sends requests to `upstream`, or to OpenRouter, and prints a verdict for each assumption.
pub(crate) fn run(workspace: &Workspace, upstream: Option<&str>) -> Result<()> {
    let (url, key) = upstream::with_key(upstream)?;
    npm::install(workspace)?;
    report_step(&format!("checking {url}; this takes at most a minute"));
    let mut node = npm::program(workspace, "node");
    // The key is passed in the environment, because other users see the command lines of programs.
    node.arg(workspace.tests().join("live/live.mjs")).arg(url).env("UPSTREAM_API_KEY", key);
    if Program::start(&mut node)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}
