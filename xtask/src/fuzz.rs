//! `cargo xtask fuzz sim`: runs the simulator for long, or repeats one of its worlds.

use std::process::Command;

use crate::arguments::Simulate;
use crate::failure::{Failure, Result};
use crate::process::{Program, report_step};
use crate::workspace::Workspace;

/// Runs worlds until `calls` calls are over or an invariant is broken.
pub(crate) fn simulate(workspace: &Workspace, options: &Simulate) -> Result<()> {
    report_step(&format!("running worlds from seed {} on, until {} calls are over", options.seed, options.calls));
    let mut cargo = workspace.cargo();
    set_arguments(&mut cargo, options);
    // The test prints why it failed.
    if Program::start(&mut cargo)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}

/// Sets the arguments and the environment with which cargo runs the simulator as a test.
pub(crate) fn set_arguments(cargo: &mut Command, options: &Simulate) {
    cargo.args(["test", "--quiet", "--package=failsoft", "--test=sim", "--"]);
    cargo.args(["--nocapture", "--exact", "every_world_keeps_every_invariant"]);
    cargo.env("FAILSOFT_SIM_CALLS", options.calls.to_string()).env("FAILSOFT_SIM_SEED", options.seed.to_string());
}
