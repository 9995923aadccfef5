//! Scripts of pages that import packages of npm, as one file each.

use std::path::Path;

use crate::failure::Result;
use crate::files;
use crate::npm;
use crate::process::{no_progress, run_quietly};
use crate::workspace::Workspace;

/// Bundles the script `source` with what it imports, and writes it to `output`.
pub(crate) fn bundle(workspace: &Workspace, source: &Path, output: &Path) -> Result<()> {
    let mut esbuild = npm::program(workspace, "esbuild");
    esbuild.arg(source).args(["--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning"]);
    esbuild.arg(format!("--outfile={}", output.display()));
    esbuild.env("NODE_PATH", workspace.tests().join("node_modules"));
    run_quietly("bundling a page's script", &mut esbuild, no_progress)
}

/// Writes the dashboard's script, and the style sheet and the license of its charts, into `output`.
pub(crate) fn build_dashboard(workspace: &Workspace, output: &Path) -> Result<()> {
    bundle(workspace, &workspace.root.join("www/dashboard/main.js"), &output.join("dashboard.js"))?;
    let uplot = workspace.tests().join("node_modules/uplot");
    files::copy(&uplot.join("dist/uPlot.min.css"), &output.join("chart.css"))?;
    files::copy(&uplot.join("LICENSE"), &output.join("uplot-license.txt"))
}

/// A script of `www/dashboard`, which becomes a part of the dashboard's script.
pub(crate) fn is_source(file: &Path) -> bool {
    file.starts_with("dashboard") && file.extension().is_some_and(|extension| extension == "js")
}
