//! `cargo xtask fuzz sim`: the simulator's long run, and one of its worlds again.

use std::process::Command;

use crate::arguments::Simulate;
use crate::failure::{Failure, Result};
use crate::process::{Program, report_step};
use crate::workspace::Workspace;

/// Lives worlds until that many calls are over, or a promise is broken.
pub(crate) fn simulate(workspace: &Workspace, options: &Simulate) -> Result<()> {
    report_step(&format!("living worlds from seed {} on, until {} calls are over", options.seed, options.calls));
    let mut cargo = workspace.cargo();
    set_arguments(&mut cargo, options);
    // The test says why it failed.
    if Program::start(&mut cargo)?.wait(|_| {})?.success() { Ok(()) } else { Err(Failure::Reported) }
}

/// The arguments and the environment by which the simulator is run as a test of cargo's.
pub(crate) fn set_arguments(cargo: &mut Command, options: &Simulate) {
    cargo.args(["test", "--quiet", "--package=failsoft", "--test=sim", "--"]);
    cargo.args(["--nocapture", "--exact", "every_world_keeps_every_invariant"]);
    cargo.env("FAILSOFT_SIM_CALLS", options.calls.to_string()).env("FAILSOFT_SIM_SEED", options.seed.to_string());
}
