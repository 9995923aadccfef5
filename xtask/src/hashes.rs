//! The SHA-256 of every file that is built: of the package and of the Worker.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::files;
use crate::npm;
use crate::package;
use crate::process::output;
use crate::setup;
use crate::worker;
use crate::workspace::Workspace;

/// Prints the SHA-256 of each file in the form of `sha256sum`.
const DIGEST: &str = "const { createHash } = require('crypto'); const { readFileSync } = require('fs');
for (const path of process.argv.slice(1)) {
  console.log(`${createHash('sha256').update(readFileSync(path)).digest('hex')}  ${path}`);
}";

/// Builds the package and the Worker, and prints the SHA-256 of each file.
pub(crate) fn show(workspace: &Workspace) -> Result<()> {
    setup::build(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    print!("{}", of_results(workspace, &workspace.root)?);
    Ok(())
}

/// A line for each built file of the checkout at `root`, with its path in the checkout. Needs both built.
pub(crate) fn of_results(workspace: &Workspace, root: &Path) -> Result<String> {
    of_files(workspace, root, &result_files(root)?)
}

/// A line for each of the files, whose paths are relative to `folder`.
pub(crate) fn of_files(workspace: &Workspace, folder: &Path, paths: &[PathBuf]) -> Result<String> {
    let mut node = npm::program(workspace, "node");
    node.current_dir(folder).args(["--eval", DIGEST, "--"]).args(paths);
    let lines = output(&mut node).unwrap_or_default();
    if !paths.is_empty() && lines.lines().count() == paths.len() {
        return Ok(format!("{lines}\n"));
    }
    Err(Failure::Invalid { what: folder.display().to_string(), expected: "files that are built" })
}

/// The built files of the checkout at `root`, relative to it.
pub(crate) fn result_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for folder in ["pkg", "worker/build"] {
        all.extend(files::below(&root.join(folder))?.iter().map(|file| Path::new(folder).join(file)));
    }
    Ok(all)
}
