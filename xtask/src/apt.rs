//! Debian packages. They are installed only where this needs no questions: as root.

use std::process::Command;

use crate::failure::Result;
use crate::process::{no_progress, output, report_step, run_quietly};

/// Installs `packages` if this process may do so.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !may_install() {
        return Ok(());
    }
    let step = format!("installing {}", packages.join(", "));
    report_step(&step);
    apt(&step, &["update", "--quiet"])?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    apt(&step, &[&install, packages].concat())
}

fn may_install() -> bool {
    let is_root = output(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    is_root && output(Command::new("apt-get").arg("--version")).is_some()
}

fn apt(step: &str, arguments: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    run_quietly(step, apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"), no_progress)
}
