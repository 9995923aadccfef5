//! The folders of the checkout, of the build, and of the tools.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result};

/// The checkout, and the folders outside of it that xtask writes to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, as an absolute path.
    pub(crate) target: PathBuf,
    /// The tools, shared by all checkouts of this user.
    pub(crate) cache: PathBuf,
}

impl Workspace {
    /// Finds the workspace from the environment that cargo sets, independent of the current folder.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest.parent().expect("xtask lies in the workspace").to_owned();
        let target = target_directory(&root)?;
        Ok(Self { root, target, cache: cache_directory()? })
    }

    /// The npm project.
    pub(crate) fn tests(&self) -> PathBuf {
        self.root.join("tests")
    }

    /// The commands that npm installed; one of them is a Node.js that is new enough.
    pub(crate) fn npm_bin(&self) -> PathBuf {
        self.tests().join("node_modules/.bin")
    }

    /// The built npm package.
    pub(crate) fn package(&self) -> PathBuf {
        self.root.join("pkg")
    }

    /// The Worker's crate.
    pub(crate) fn worker(&self) -> PathBuf {
        self.root.join("worker")
    }

    /// For files that are neither source nor result: stamps, temporary folders, private files.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The WebAssembly file that cargo builds from a crate for `target` with `profile`.
    pub(crate) fn wasm(&self, target: &str, profile: &str, name: &str) -> PathBuf {
        self.target.join(target).join(profile).join(format!("{name}.wasm"))
    }

    /// A cargo command that runs at the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(cargo_program());
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        without_this_crate(&mut cargo);
        cargo
    }
}

fn cargo_program() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// `cargo run` sets variables that describe xtask. The programs below must not see them.
pub(crate) fn without_this_crate(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
}

/// cargo runs in the current folder, because a relative CARGO_TARGET_DIR refers to it.
fn target_directory(root: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(cargo_program());
    cargo.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(root.join("Cargo.toml"));
    let output = cargo.output().map_err(|source| Failure::Start { program: "cargo".to_owned(), source })?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(Failure::Program { step: "cargo metadata".to_owned(), status: output.status });
    }
    let metadata: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let target = metadata.as_ref().and_then(|m| m["target_directory"].as_str());
    target
        .map(PathBuf::from)
        .ok_or_else(|| Failure::Invalid { what: "cargo metadata".to_owned(), expected: "JSON with target_directory" })
}

fn cache_directory() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        Some(dir) => PathBuf::from(dir),
        None => env::home_dir()
            .ok_or(Failure::Missing { what: "a home directory", how: "set HOME or XDG_CACHE_HOME" })?
            .join(".cache"),
    };
    Ok(base.join("failsoft"))
}
