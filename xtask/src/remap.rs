//! The paths of this machine, which do not get into what is built: two builds of one commit give the same bytes, wherever the
//! source, the packages and the compiler lie.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process::output;
use crate::workspace::Workspace;

/// The variable in which cargo takes the flags of rustc, with [`SEPARATOR`] between them.
const FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";
const SEPARATOR: &str = "\x1f";

/// Makes `cargo` write neutral names in place of the paths of this machine, after the flags `own`. The flags of the environment have
/// no effect then.
pub(crate) fn set_flags(workspace: &Workspace, cargo: &mut Command, own: &str) -> Result<()> {
    let mut flags: Vec<String> = own.split_ascii_whitespace().map(str::to_owned).collect();
    for (path, name) in machine_paths(workspace)? {
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    }
    cargo.env(FLAGS, flags.join(SEPARATOR));
    Ok(())
}

/// The paths of this machine that a compiler may see, and what stands in their place. Of several paths that fit, the last counts.
pub(crate) fn machine_paths(workspace: &Workspace) -> Result<Vec<(PathBuf, String)>> {
    let missing = || Failure::Missing { what: "rustc", how: "install Rust from https://rustup.rs" };
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"])).ok_or_else(missing)?;
    let version = output(Command::new("rustc").arg("-vV")).ok_or_else(missing)?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    let mut paths =
        vec![(workspace.root.clone(), "failsoft".to_owned()), (workspace.target.clone(), "target".to_owned())];
    paths.extend(package_folders()?.into_iter().map(|folder| (folder, "crates".to_owned())));
    // The name that the compiled standard library has.
    paths.push((PathBuf::from(sysroot.trim()).join("lib/rustlib/src/rust"), format!("/rustc/{commit}")));
    Ok(paths)
}

/// The folders of unpacked packages: one for each registry, whose name depends on the registry's address. xtask itself has packages,
/// so the folder of the registry exists when xtask runs.
fn package_folders() -> Result<Vec<PathBuf>> {
    let all = cargo_home()?.join("registry/src");
    let mut folders = vec![all.clone()];
    for entry in fs::read_dir(&all).into_iter().flatten() {
        folders.push(entry.map_err(Failure::file(&all))?.path());
    }
    folders.sort();
    Ok(folders)
}

/// The folder in which cargo keeps the packages.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    let missing = || Failure::Missing { what: "a home directory", how: "set HOME or CARGO_HOME" };
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).ok_or_else(missing)
}
