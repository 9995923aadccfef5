//! The packages of PyPI, each set in a virtual environment of its own: the clients of the interop tests, and a peer of
//! the benchmark.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::fingerprint::Fingerprint;
use crate::process::{no_progress, output, report_step, run_quietly};
use crate::workspace::Workspace;

/// Installs what tests/interop/requirements.txt pins, unless this is already done. Returns the Python of that
/// environment.
pub(crate) fn install(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.tests().join("interop/requirements.txt");
    install_in(&workspace.scratch().join("python"), &requirements, "installing Python packages")
}

/// The same for tests/bench/requirements.txt.
pub(crate) fn install_peer(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.tests().join("bench/requirements.txt");
    install_in(&workspace.scratch().join("litellm"), &requirements, "installing LiteLLM (some minutes, once)")
}

fn install_in(folder: &Path, requirements: &Path, step: &str) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let stamp = folder.join(".failsoft-stamp");
    let wanted = Fingerprint::of_files(&[requirements.to_owned()])?;
    if wanted.is_stamped(&stamp) && python.exists() {
        return Ok(python);
    }
    if output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_none() {
        let how = "install Python 3.10 or newer; on Debian, python3-venv too";
        return Err(Failure::Missing { what: "python3 with venv", how });
    }
    report_step(step);
    run_quietly(step, Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder), no_progress)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    run_quietly(step, &mut pip, no_progress)?;
    wanted.stamp(&stamp)?;
    Ok(python)
}
