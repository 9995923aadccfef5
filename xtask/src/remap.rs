//! The paths of this machine, which do not get into what is built: two builds of one commit give the same bytes, wherever the
//! source, the packages and the compiler lie.

use std::env;
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
    Ok(vec![
        (workspace.root.clone(), "failsoft".to_owned()),
        (workspace.target.clone(), "target".to_owned()),
        (cargo_home()?.join("registry/src"), "crates".to_owned()),
        // The name that the compiled standard library has.
        (PathBuf::from(sysroot.trim()).join("lib/rustlib/src/rust"), format!("/rustc/{commit}")),
    ])
}

/// The folder in which cargo keeps the packages.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    let missing = || Failure::Missing { what: "a home directory", how: "set HOME or CARGO_HOME" };
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).ok_or_else(missing)
}
