//! Installs what a fresh clone needs on a new machine.

use crate::browser;
use crate::failure::Result;
use crate::npm;
use crate::python;
use crate::tools;
use crate::workspace::Workspace;

/// Everything for building, running and deploying.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    tools::rust()?;
    npm::install(workspace)?;
    tools::wasm_bindgen(workspace)?;
    tools::worker_build(workspace)?;
    Ok(())
}

/// Also everything for the tests.
pub(crate) fn everything(workspace: &Workspace) -> Result<()> {
    build(workspace)?;
    browser::ALL.iter().try_for_each(|browser| browser.find_or_install().map(drop))?;
    python::install(workspace)?;
    tools::cargo_deny(workspace)?;
    Ok(())
}
