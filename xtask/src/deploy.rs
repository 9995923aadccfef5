//! `cargo xtask deploy`: builds, then starts wrangler, which may ask questions.

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::npm;
use crate::package;
use crate::process::report_step;
use crate::setup;
use crate::worker;
use crate::workspace::Workspace;

/// Builds and deploys the Worker.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::build(workspace)?;
    package::build(workspace)?;
    worker::build(workspace)?;
    report_step("deploying the Worker");
    let mut wrangler = npm::wrangler(workspace);
    // wrangler talks to a person and to Cloudflare.
    wrangler.env_remove("CI").env_remove("CLOUDFLARE_CF_FETCH_ENABLED").arg("deploy");
    let status = wrangler.status().map_err(|source| Failure::Start { program: "wrangler".to_owned(), source })?;
    if status.success() { Ok(()) } else { Err(Failure::Program { step: "wrangler deploy".to_owned(), status }) }
}

/// All steps of a deployment except the upload. Needs a built Worker.
pub(crate) fn dry_run(workspace: &Workspace) -> Command {
    let mut wrangler = npm::wrangler(workspace);
    wrangler.args(["deploy", "--dry-run", "--outdir"]).arg(workspace.scratch().join("deploy"));
    wrangler
}
